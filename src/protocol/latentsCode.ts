/** Python that reads a sparse autoencoder's own files and encodes residual streams. */
import type { CodeRequests } from './transformerLensCode';
import { pythonList, pythonString } from './python';

type SaeOfCode = CodeRequests['latents']['sae'];

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
const ACTIVATE: Record<SaeOfCode['activation'], (k: number) => string> = {
  topk: (k) => `values, indices = a.topk(${k})
    z = torch.zeros_like(a).scatter(-1, indices, values.relu())`,
  relu: () => 'z = a.relu()',
  jumprelu: () => 'z = a.relu() * (a > w["threshold"])',
  gated: () => 'z = (a + w["b_gate"] > 0) * (a * w["r_mag"].exp() + w["b_mag"]).relu()',
};

/** @param begin lines that leave `model` and `tokens` */
export function latentsCode(begin: string, sae: SaeOfCode): string {
  const { path, format, activation, layers, standardize, k = 1, tunedLens } = sae;
  const lens = tunedLens ? '# a tuned lens lies before this autoencoder; it is left out here\n' : '';
  const scale = standardize ? '    x = (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5)\n' : '';
  return `${begin}
import json
from pathlib import Path

from safetensors.torch import load_file

${lens}folder = Path(${pythonString(path)})
w = {name: t.float() for file in sorted(folder.glob("*.safetensors")) for name, t in load_file(file).items()}
${WEIGHTS[format]}

_, cache = model.run_with_cache(tokens)
for layer in ${pythonList(layers)}:
    x = cache[f"blocks.{layer}.hook_resid_post"][0]  # [position, d_model]
${scale}    a = (x - b_pre) @ W_enc + b_enc
    ${ACTIVATE[activation](k)}
    for position, row in enumerate(z):
        active = row.nonzero()[:, 0]
        print(layer, position, {latent: round(row[latent].item(), 4) for latent in active.tolist()})
`;
}
