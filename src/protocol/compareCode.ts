/** Python with TransformerLens of what differs between two checkpoints. Every difference is B − A. */
import type { Weighting } from './analysis';
import { headName, type HeadRef } from './checkpoint';
import { headScoresFunction, type ScoredSequences } from './headScoresCode';
import { callOpenedSae, LENS_NOTE, openedSae, openSaeFunction, saeFunctions } from './latentsCode';
import { openTwo, pythonList, tokensLine, type CodeModel, type CodePrompt } from './python';
import type { SaeOfCode } from './transformerLensCode';

interface WithB {
  b: CodeModel;
}

/** The model that the code is made for is A. */
export interface CompareCodeRequests {
  comparePatterns: WithB & CodePrompt & { weighting: Weighting; head?: HeadRef };
  compareHeadScores: WithB & ScoredSequences & { foldNorm?: boolean };
  compareComposition: WithB & { foldNorm?: boolean; top: number };
  /** `otherSae`: B is read with its own, an autoencoder of the same shape. */
  compareLatents: WithB & CodePrompt & { sae: SaeOfCode; otherSae?: SaeOfCode; top: number };
  compareNextTokens: WithB & CodePrompt;
}
type Code<K extends keyof CompareCodeRequests> = (a: CodeModel, request: CompareCodeRequests[K]) => string;

const withTokens = (a: CodeModel, { b, ids, text }: WithB & CodePrompt): string =>
  `${openTwo(a, b, false)}\n${tokensLine(ids, text)}`;

const WEIGH = `    v = cache[f"blocks.{layer}.attn.hook_v"][0]
    v = v.repeat_interleave(model.cfg.n_heads // v.shape[1], dim=1)  # grouped-query attention
    norms = torch.einsum("phd,hdm->hpm", v, model.W_O[layer]).norm(dim=-1)  # [head, source]
    pattern = pattern * (norms / norms.amax(-1, keepdim=True))[:, None]
`;

const comparePatterns: Code<'comparePatterns'> = (a, { weighting, head, ...prompt }) => `${withTokens(a, prompt)}
_, cache_a = a.run_with_cache(tokens)
_, cache_b = b.run_with_cache(tokens)


def weights(model, cache, layer):  # [head, destination, source]
    pattern = cache[f"blocks.{layer}.attn.hook_pattern"][0]
${weighting === 'value-weighted' ? WEIGH : ''}    return pattern


for layer in range(a.cfg.n_layers):
    delta = weights(b, cache_b, layer) - weights(a, cache_a, layer)
    rows = delta.abs().sum(-1)[:, 1:] / 2  # total variation distance, [head, destination from 1]
    for head, row in enumerate(rows):
        print(f"L{layer}H{head} distance {row.mean().item():.4f} largest {row.max().item():.4f} at {row.argmax().item() + 1}")
${
  head
    ? `
# ${headName(head)}: B − A, [destination, source]
print((weights(b, cache_b, ${head.layer}) - weights(a, cache_a, ${head.layer}))[${head.head}])
`
    : ''
}`;

const compareHeadScores: Code<'compareHeadScores'> = (
  a,
  { b, foldNorm = true, ...measured },
) => `${openTwo(a, b, foldNorm)}
${headScoresFunction(measured)}

scores_a, scores_b = head_scores(a), head_scores(b)
for head, scores in scores_b.items():
    print(head, {name: round(value - scores_a[head][name], 4) for name, value in scores.items()})
`;

const compareComposition: Code<'compareComposition'> = (a, { b, foldNorm = true, top }) => `${openTwo(a, b, foldNorm)}
found = []
for kind in "QKV":
    delta = b.all_composition_scores(kind) - a.all_composition_scores(kind)  # [earlier layer, head, later layer, head]
    for place in delta.flatten().abs().topk(min(${top}, delta.numel())).indices.tolist():
        earlier, later = divmod(place, a.cfg.n_layers * a.cfg.n_heads)
        (l1, h1), (l2, h2) = divmod(earlier, a.cfg.n_heads), divmod(later, a.cfg.n_heads)
        if l1 < l2:
            found.append((delta.flatten()[place].item(), f"L{l1}H{h1} L{l2}H{h2} {kind}"))
for value, name in sorted(found, key=lambda each: -abs(each[0]))[:${top}]:
    print(f"{name} {value:+.4f}")
`;

const compareLatents: Code<'compareLatents'> = (a, { sae, otherSae, top, ...prompt }) => {
  const begin = withTokens(a, prompt);
  const lens = sae.tunedLens || otherSae?.tunedLens ? LENS_NOTE : '';
  const opened = otherSae
    ? `${openSaeFunction(begin, sae)}

${lens}encode_a, errors_a = ${callOpenedSae(sae)}
encode_b, errors_b = ${callOpenedSae(otherSae)}
`
    : `${openedSae(begin, sae)}${saeFunctions(sae)}
`;
  // each with its own, or both with one
  const [ofA, ofB] = otherSae ? ['_a', '_b'] : ['', ''];
  return `${opened}
_, cache_a = a.run_with_cache(tokens)
_, cache_b = b.run_with_cache(tokens)
difference = 0
for layer in ${pythonList(sae.layers)}:
    x_a, x_b = (cache[f"blocks.{layer}.hook_resid_post"][0] for cache in (cache_a, cache_b))
    z_a, z_b = encode${ofA}(x_a), encode${ofB}(x_b)
    difference = difference + (z_b - z_a).abs().sum(0)  # [latent]
    print(f"L{layer} FVU {errors${ofB}(x_b, z_b)[1] - errors${ofA}(x_a, z_a)[1]:+.4f}")
values, latents = difference.topk(${top})
for value, latent in zip(values.tolist(), latents.tolist()):
    print(f"#{latent} {value:.4f}")
`;
};

const compareNextTokens: Code<'compareNextTokens'> = (a, prompt) => `${withTokens(a, prompt)}
log_a, log_b = a(tokens)[0].log_softmax(-1), b(tokens)[0].log_softmax(-1)  # [position, d_vocab]
own_a, own_b = (log[:-1].gather(-1, tokens[0, 1:, None])[:, 0] for log in (log_a, log_b))
print("loss", -own_a.mean().item(), "→", -own_b.mean().item())
print("log-probability of the text's tokens, from the second on", own_b - own_a)
print("KL(A ‖ B) after each position", (log_a.exp() * (log_a - log_b)).sum(-1))
`;

export const compareCode: { [K in keyof CompareCodeRequests]: Code<K> } = {
  ...{ comparePatterns, compareHeadScores, compareComposition, compareLatents, compareNextTokens },
};
