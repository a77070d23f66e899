/**
 * Python with TransformerLens that computes what a result says, for every kind of result. API as of TransformerLens 2.8–3.5
 * (HookedTransformer, ActivationCache, patching): `run_with_cache`, `run_with_hooks`, `all_composition_scores`, `get_act_patch_…`.
 */
import type { Reduction, Weighting } from './analysis';
import type { HeadRef } from './checkpoint';
import type { SaeInfo } from './latents';
import { compareCode, type CompareCodeRequests } from './compareCode';
import { latentCardCode, latentsCode, layersCode, steerCode } from './latentsCode';
import { headScoresFunction, type ScoredSequences } from './headScoresCode';
import type { LatentEdit } from './latents/effects';
import { importance, paths } from './pathsCode';
import { openModel, pythonList, tokensLine, withTokens, type CodeModel, type CodePrompt } from './python';

interface Fold {
  /** Default true, as of the results. */
  foldNorm?: boolean;
}

/** What the code must know of an autoencoder. */
export type SaeOfCode = Pick<SaeInfo, 'path' | 'format' | 'activation' | 'layers' | 'standardize' | 'k' | 'tunedLens'>;

/** What a result is about, for the code that computes it. */
export interface CodeRequests extends CompareCodeRequests {
  activations: CodePrompt;
  pattern: CodePrompt & { weighting: Weighting; reduction: Reduction; head?: HeadRef };
  headScores: Fold & ScoredSequences;
  composition: Fold;
  headCircuit: Fold & { head: HeadRef; top: number };
  bigrams: Fold & { token?: number; top: number };
  lens: CodePrompt & { top: number };
  paths: CodePrompt & { position: number; token: number; form: 'paths' | 'frozen'; longest: number };
  importance: CodePrompt;
  ablate: CodePrompt & { heads: readonly HeadRef[]; mean: boolean };
  patch: { clean: CodePrompt; corrupted: CodePrompt; answer: number; wrong: number };
  latents: CodePrompt & {
    sae: SaeOfCode;
  };
  layers: CodePrompt & { sae: SaeOfCode };
  latentCard: { sae: SaeOfCode; latent: number; top: number };
  steer: CodePrompt & { sae: SaeOfCode; latent: number; layer: number; edit: LatentEdit };
}
export type CodeKind = keyof CodeRequests;

export type Code<K extends CodeKind> = (model: CodeModel, request: CodeRequests[K]) => string;

const activations: Code<'activations'> = (model, prompt) => `${withTokens(model, prompt)}
logits, cache = model.run_with_cache(tokens)
values = {name: value.contiguous() for name, value in cache.items()}
values["logits"] = logits.contiguous()

from safetensors.torch import save_file

save_file(values, "activations.safetensors")
# then: circuitscope activations activations.safetensors --checkpoint … --ids …
`;

const pattern: Code<'pattern'> = (model, { weighting, reduction, head, ...prompt }) => {
  const shown =
    reduction === 'one' && head
      ? `weights(${head.layer})[${head.head}]  # L${head.layer}H${head.head}: [destination, source]`
      : `torch.stack([weights(layer) for layer in range(model.cfg.n_layers)]).${reduction === 'max' ? 'amax' : 'mean'}((0, 1))`;
  const weigh = `    v = cache[f"blocks.{layer}.attn.hook_v"][0]
    v = v.repeat_interleave(model.cfg.n_heads // v.shape[1], dim=1)  # grouped-query attention
    norms = torch.einsum("phd,hdm->hpm", v, model.W_O[layer]).norm(dim=-1)  # [head, source]
    pattern = pattern * (norms / norms.amax(-1, keepdim=True))[:, None]
`;
  return `${withTokens(model, prompt)}
_, cache = model.run_with_cache(tokens)


def weights(layer):  # [head, destination, source]
    pattern = cache[f"blocks.{layer}.attn.hook_pattern"][0]
${weighting === 'value-weighted' ? weigh : ''}    return pattern


pattern = ${shown}
print(pattern)
`;
};

const headScores: Code<'headScores'> = (model, { foldNorm = true, ...measured }) => `${openModel(model, foldNorm)}
${headScoresFunction(measured)}

for head, scores in head_scores(model).items():
    print(head, {name: round(value, 4) for name, value in scores.items()})
`;

const composition: Code<'composition'> = (model, { foldNorm = true }) => `${openModel(model, foldNorm)}
for kind in "QKV":
    scores = model.all_composition_scores(kind)  # [earlier layer, head, later layer, head]
    values, places = scores.flatten().sort(descending=True)
    for value, place in zip(values[:20].tolist(), places[:20].tolist()):
        earlier, later = divmod(place, model.cfg.n_layers * model.cfg.n_heads)
        (l1, h1), (l2, h2) = divmod(earlier, model.cfg.n_heads), divmod(later, model.cfg.n_heads)
        print(f"{kind}: L{l1}H{h1} L{l2}H{h2} {value:.4f}")
`;

const headCircuit: Code<'headCircuit'> = (
  model,
  { head: { layer, head }, top, foldNorm = true },
) => `${openModel(model, foldNorm)}
layer, head, top = ${layer}, ${head}, ${top}
W_E, W_U = model.W_E, model.W_U
Q = W_E @ model.W_Q[layer, head] / model.cfg.d_head**0.5
K = W_E @ model.W_K[layer, head]
V = W_E @ model.W_V[layer, head]
O = model.W_O[layer, head] @ W_U


def eigenvalues(a, b):  # of a b, those that are not 0
    values = torch.linalg.eigvals(b @ a)
    print((values.sum() / values.abs().sum()).real.item(), values[values.abs().argsort(descending=True)])


def entries(a, b, largest):  # of a b, in pieces
    found = []
    for rows in torch.arange(len(a)).split(256):
        block = a[rows] @ b
        values, places = block.flatten().topk(min(top, block.numel()), largest=largest)
        found += [(v, rows[p // b.shape[1]].item(), p % b.shape[1]) for v, p in zip(values.tolist(), places.tolist())]
    return sorted(found, reverse=largest)[:top]


eigenvalues(Q * model.cfg.d_head**0.5, K.T)  # QK: matching, then eigenvalues
eigenvalues(V, O)  # OV: copying, then eigenvalues
for name, a, b in [("QK: value, destination, source", Q, K.T), ("OV: value, source, output", V, O)]:
    for largest in (True, False):
        print(name, "largest" if largest else "smallest", entries(a, b, largest))
`;

const bigrams: Code<'bigrams'> = (model, { token, top, foldNorm = true }) => {
  const rows = token === undefined ? 'torch.arange(model.cfg.d_vocab)' : `torch.tensor([${token}])`;
  return `${openModel(model, foldNorm)}
top = ${top}
found = []
for sources in ${rows}.split(256):
    logits = model.W_E[sources] @ model.W_U  # the direct path alone, without b_U
    values, places = logits.log_softmax(-1).flatten().topk(min(top, logits.numel()))
    for value, place in zip(values.tolist(), places.tolist()):
        row, output = divmod(place, logits.shape[1])
        found.append((value, logits[row, output].item(), sources[row].item(), output))
for log_prob, logit, source, output in sorted(found, reverse=True)[:top]:
    print(source, output, f"logit {logit:.4f} log-probability {log_prob:.4f}")
`;
};

const lens: Code<'lens'> = (model, { top, ...prompt }) => {
  const stages =
    model.nLayers === 0
      ? `stages = {"out": cache["hook_embed"]}
if model.cfg.positional_embedding_type == "standard":
    stages["out"] = stages["out"] + cache["hook_pos_embed"]`
      : `stages = {f"L{layer}": cache[f"blocks.{layer}.hook_resid_pre"] for layer in range(model.cfg.n_layers)}
stages["out"] = cache[f"blocks.{model.cfg.n_layers - 1}.hook_resid_post"]`;
  return `${withTokens(model, prompt)}
_, cache = model.run_with_cache(tokens)
${stages}
for name, resid in stages.items():
    normed = model.ln_final(resid) if model.cfg.normalization_type else resid
    p, ids = model.unembed(normed).softmax(-1)[0].topk(${top})
    for position in range(tokens.shape[1]):
        print(name, position, list(zip(ids[position].tolist(), p[position].tolist())))
`;
};

const ablate: Code<'ablate'> = (model, { heads, mean, ...prompt }) => {
  const layers = [...new Set(heads.map(({ layer }) => layer))];
  const of = (l: number): string => pythonList(heads.filter(({ layer }) => layer === l).map(({ head }) => head));
  const put = mean ? 'clean[hook.name][:, :, heads[hook.layer()]].mean(1, keepdim=True)' : '0';
  const clean = `_, clean = model.run_with_cache(tokens, names_filter=lambda name: name.endswith("hook_z"))\n`;
  return `${withTokens(model, prompt)}
heads = {${layers.map((l) => `${l}: ${of(l)}`).join(', ')}}  # layer: heads
${mean ? clean : ''}

def ablate(z, hook):  # [batch, position, head, d_head]
    z[:, :, heads[hook.layer()]] = ${put}
    return z


def losses(logits):
    return -logits.log_softmax(-1)[0, :-1].gather(-1, tokens[0, 1:, None])[:, 0]


before = model(tokens)
after = model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", ablate) for layer in heads])
print("loss", losses(before).mean().item(), "→", losses(after).mean().item())
print(losses(before), losses(after))
print("next tokens", before[0].softmax(-1).topk(5), after[0].softmax(-1).topk(5))
`;
};

const patch: Code<'patch'> = (model, { clean, corrupted, answer, wrong }) => `${openModel(model, false)}
from transformer_lens import patching

${tokensLine(clean.ids, clean.text, 'clean')}${tokensLine(corrupted.ids, corrupted.text, 'corrupted')}answer, wrong = ${answer}, ${wrong}


def difference(logits):
    return logits[0, -1, answer] - logits[0, -1, wrong]


clean_logits, clean_cache = model.run_with_cache(clean)
best, worst = difference(clean_logits), difference(model(corrupted))


def effect(logits):
    return (difference(logits) - worst) / (best - worst)


print("clean", best.item(), "corrupted", worst.item())
print("resid_pre [layer, position]", patching.get_act_patch_resid_pre(model, corrupted, clean_cache, effect))
print("heads [layer, head]", patching.get_act_patch_attn_head_out_all_pos(model, corrupted, clean_cache, effect))
`;

const latents: Code<'latents'> = (model, { sae, ...prompt }) => latentsCode(withTokens(model, prompt), sae);

const layers: Code<'layers'> = (model, { sae, ...prompt }) => layersCode(withTokens(model, prompt), sae);

const latentCard: Code<'latentCard'> = (model, request) => latentCardCode(openModel(model, true), request);

const steer: Code<'steer'> = (model, request) => steerCode(withTokens(model, request), request);

/** Result kind → the Python that computes it. */
export const transformerLensCode: { [K in CodeKind]: Code<K> } = {
  activations,
  pattern,
  headScores,
  composition,
  headCircuit,
  bigrams,
  lens,
  paths,
  importance,
  ablate,
  patch,
  latents,
  layers,
  latentCard,
  steer,
  ...compareCode,
};

export const codeKinds = Object.keys(transformerLensCode) as CodeKind[];
