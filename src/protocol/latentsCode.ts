/** Python that reads a sparse autoencoder's own files and encodes residual streams. */
import type { CodeRequests } from './transformerLensCode';
import { indented, pythonList, pythonString } from './python';

export type SaeOfCode = CodeRequests['latents']['sae'];

/** Lines that leave `W_enc [input, latent]`, `b_pre` and `b_enc`. */
const WEIGHTS: Record<SaeOfCode['format'], string> = {
  mlsae: `W_enc, b_pre, b_enc = w["encoder.weight"].T, w["pre_encoder_bias"], 0.0`,
  'mlsae-tfm': `W_enc, b_pre, b_enc = w["autoencoder.encoder.weight"].T, w["autoencoder.pre_encoder_bias"], 0.0`,
  saelens: `W_enc, b_enc = w["W_enc"], w.get("b_enc", 0.0)
cfg = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
b_pre = w["b_dec"] if cfg.get("apply_b_dec_to_input", True) else 0.0`,
  sparsify: `W_enc, b_pre, b_enc = w["encoder.weight"].T, w["b_dec"], w["encoder.bias"]`,
};

/** From `a`, before the activation function, to the latents `z [position, latent]`. */
const ACTIVATE: Record<SaeOfCode['activation'], (k: number | 'k') => string> = {
  topk: (k) => `values, indices = a.topk(${k})
    z = torch.zeros_like(a).scatter(-1, indices, values.relu())`,
  relu: () => 'z = a.relu()',
  jumprelu: () => 'z = a.relu() * (a > w["threshold"])',
  gated: () => 'z = (a + w["b_gate"] > 0) * (a * w["r_mag"].exp() + w["b_mag"]).relu()',
};

/** Line that leaves `W_dec [latent, input]`. */
export const DECODER: Record<SaeOfCode['format'], string> = {
  mlsae: 'W_dec = w["decoder.weight"].T',
  'mlsae-tfm': 'W_dec = w["autoencoder.decoder.weight"].T',
  saelens: 'W_dec = w["W_dec"]',
  sparsify: 'W_dec = w["W_dec"]',
};

const SAE_IMPORTS = `import json
from pathlib import Path

from safetensors.torch import load_file
`;

export const LENS_NOTE = '# a tuned lens lies before this autoencoder; it is left out here\n';

/** From `folder` to its weights. */
const weightsOf = (format: SaeOfCode['format']): string =>
  `w = {name: t.float() for file in sorted(folder.glob("*.safetensors")) for name, t in load_file(file).items()}
${WEIGHTS[format]}
`;

/** @param begin lines that leave `model` and `tokens` */
export const openedSae = (begin: string, { path, format, tunedLens }: SaeOfCode): string => `${begin}
${SAE_IMPORTS}
${tunedLens ? LENS_NOTE : ''}folder = Path(${pythonString(path)})
${weightsOf(format)}`;

/** From residuals `x [position, d_model]` to latents `z`, indented. @param k a number, or the variable that has it */
export const encoding = ({ activation, standardize, ...sae }: SaeOfCode, k: number | 'k' = sae.k ?? 1): string =>
  `    n = ${standardize ? '(x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5)' : 'x'}
    a = (n - b_pre) @ W_enc + b_enc
    ${ACTIVATE[activation](k)}
`;

/** @param begin lines that leave `model` and `tokens` */
export const latentsCode = (begin: string, sae: SaeOfCode): string => `${openedSae(begin, sae)}
_, cache = model.run_with_cache(tokens)
for layer in ${pythonList(sae.layers)}:
    x = cache[f"blocks.{layer}.hook_resid_post"][0]  # [position, d_model]
${encoding(sae)}    for position, row in enumerate(z):
        active = row.nonzero()[:, 0]
        print(layer, position, {latent: round(row[latent].item(), 4) for latent in active.tolist()})
`;

/** From residuals and latents `z` to the reconstruction; lines that leave `b_dec` before it. */
const DECODER_BIAS: Record<SaeOfCode['format'], string> = {
  mlsae: 'b_dec = b_pre',
  'mlsae-tfm': 'b_dec = b_pre',
  saelens: 'b_dec = w["b_dec"]',
  sparsify: 'b_dec = w["b_dec"]',
};

/** Lines that define `encode(x) -> z` and `fvu(x, z)`, for residuals `x [position, d_model]`. */
export const saeFunctions = (sae: SaeOfCode, k?: 'k'): string => `${DECODER[sae.format]}
${DECODER_BIAS[sae.format]}


def encode(x):  # [position, d_model] -> [position, latent]
${encoding(sae, k)}    return z


def errors(x, z):  # the reconstruction's mean squared error, and FVU: that over the unbiased variance
    reconstruction = z @ W_dec + b_dec
${sae.standardize ? '    reconstruction = reconstruction * (x.std(-1, keepdim=True) + 1e-5) + x.mean(-1, keepdim=True)\n' : ''}    mse = (x - reconstruction).pow(2).mean()
    return mse.item(), (mse / x.var()).item()
`;

/**
 * Lines that define `opened_sae(path) -> (encode, errors)`, and `opened_sae(path, k)` of topk, for two autoencoders of one shape.
 * @param begin lines that leave `tokens`
 */
export function openSaeFunction(begin: string, sae: SaeOfCode): string {
  const body = `folder = Path(path)\n${weightsOf(sae.format)}${saeFunctions(sae, 'k')}`;
  return `${begin}
${SAE_IMPORTS}

def opened_sae(path${sae.activation === 'topk' ? ', k' : ''}):
${indented(body.replaceAll('\n\n\n', '\n\n'))}
    return encode, errors
`;
}

/** The call of it. */
export const callOpenedSae = ({ path, activation, k = 1 }: SaeOfCode): string =>
  `opened_sae(${pythonString(path)}${activation === 'topk' ? `, k=${k}` : ''})`;

/** @param begin lines that leave `model` and `tokens` */
export const layersCode = (begin: string, sae: SaeOfCode): string => `${openedSae(begin, sae)}${saeFunctions(sae)}

_, cache = model.run_with_cache(tokens)
for layer in ${pythonList(sae.layers)}:
    x = cache[f"blocks.{layer}.hook_resid_post"][0]
    z = encode(x)
    mse, fvu = errors(x, z)
    l0, l1 = (z > 0).sum(-1).float().mean().item(), z.sum(-1).mean().item()
    print(f"L{layer} FVU {fvu:.4f} MSE {mse:.4g} L0 {l0:.2f} L1 {l1:.4f}")
layers = [cache[f"blocks.{layer}.hook_resid_post"][0] for layer in ${pythonList(sae.layers)}]
for below, above in zip(layers, layers[1:]):
    print("similarity of adjacent layers", torch.cosine_similarity(below, above, -1).mean().item(), end=" ")
    print("centred", torch.cosine_similarity(below - below.mean(0), above - above.mean(0), -1).mean().item())
`;

/** @param begin lines that leave `model`, norms folded into its weights */
export const latentCardCode = (begin: string, { sae, latent, top }: CodeRequests['latentCard']): string =>
  `${openedSae(begin, sae)}${DECODER[sae.format]}

latent, top = ${latent}, ${top}
direction = W_dec[latent]
unit = direction / direction.norm()


def show(name, values, largest=True):
    values, places = values.topk(min(top, len(values)), largest=largest)
    print(name, [(place, round(value, 4)) for place, value in zip(places.tolist(), values.tolist())])


logits = direction @ model.W_U
show("promoted tokens", logits)
show("suppressed tokens", logits, largest=False)
show("nearest embeddings", torch.cosine_similarity(model.W_E, direction, -1))
show("nearest unembeddings", torch.cosine_similarity(model.W_U, direction[:, None], 0))
cosines = torch.cosine_similarity(W_dec, direction, -1)
cosines[latent] = -torch.inf
show("nearest latents", cosines)
writers, readers = [], []
for layer in range(model.cfg.n_layers):
    W_OV = model.W_V[layer] @ model.W_O[layer]  # [head, d_model, d_model]
    W_QK = model.W_Q[layer] @ model.W_K[layer].transpose(-1, -2)
    ov, qk = W_OV.norm(dim=(-2, -1)), W_QK.norm(dim=(-2, -1))
    written = (W_OV @ unit).norm(dim=-1) / ov
    read = {"Q": (unit @ W_QK).norm(dim=-1) / qk, "K": (W_QK @ unit).norm(dim=-1) / qk, "V": (unit @ W_OV).norm(dim=-1) / ov}
    for head in range(model.cfg.n_heads):
        writers.append((written[head].item(), f"L{layer}H{head}"))
        readers += [(each[head].item(), f"L{layer}H{head} {kind}") for kind, each in read.items()]
for name, links in (("written by", writers), ("read by", readers)):
    print(name, [(head, round(score, 4)) for score, head in sorted(links, reverse=True)[:top]])
`;

/** @param begin lines that leave `model` and `tokens` */
export function steerCode(begin: string, { sae, latent, layer, edit }: Omit<CodeRequests['steer'], 'ids'>): string {
  const undone = sae.standardize ? 'x.std(-1, keepdim=True) * ' : '';
  const change =
    edit.kind === 'add'
      ? `    return resid + ${edit.factor} * W_dec[latent]`
      : `    x = resid[0]  # [position, d_model]
${encoding(sae)}    return resid - ${undone}z[:, latent, None] * W_dec[latent]`;
  return `${openedSae(begin, sae)}${DECODER[sae.format]}

layer, latent = ${layer}, ${latent}


def change(resid, hook):
${change}


def loss(log_probs):
    return -log_probs[:-1].gather(-1, tokens[0, 1:, None]).mean().item()


before = model(tokens)[0].log_softmax(-1)  # [position, d_vocab]
after = model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.hook_resid_post", change)])[0].log_softmax(-1)
print("loss", loss(before), "→", loss(after))
print("KL", (before.exp() * (before - after)).sum(-1))  # [position]
for log_probs in (before, after):
    top = log_probs[-1].topk(5)
    print(top.indices.tolist(), top.values.exp().tolist())
`;
}
