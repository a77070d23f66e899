/** What the architecture files share: references to weights, checks of sizes, activations. */
import * as l10n from '@vscode/l10n';
import type { Config } from '../config';
import type { Activation, Linear, ModelDescription, NormWeights, WeightRef } from '../description';

/** Whether the checkpoint has a tensor of this name. */
export type HasTensor = (name: string) => boolean;
/** Maps config and tensor names onto the common description. Throws InputError. */
export type Architecture = (config: Config, has: HasTensor) => ModelDescription;

/** Layers and heads beyond these are a mistake, not a model. */
export const LAYERS = { min: 1, max: 10_000 };
export const HEADS = { min: 1, max: 100_000 };

export const weight = (tensor: string, ...shape: number[]): WeightRef => ({ tensor, shape });

/** torch's Linear `NAME.weight [out, in]`, with `NAME.bias [out]` when `bias`. */
export const linear = (name: string, inputs: number, outputs: number, bias: boolean): Linear => ({
  weight: weight(`${name}.weight`, outputs, inputs),
  layout: 'out-in',
  ...(bias && { bias: weight(`${name}.bias`, outputs) }),
});

/** `NAME.weight` and `NAME.bias`. */
export const layerNorm = (name: string, size: number): NormWeights => ({
  weight: weight(`${name}.weight`, size),
  bias: weight(`${name}.bias`, size),
});

/** The unembedding that reads the embedding's own matrix `[d_vocab, d_model]`. */
export const tied = (embedding: WeightRef): Linear => ({ weight: embedding, layout: 'out-in' });

export const layersOf = <T>(count: number, layer: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => layer(index));

/** The first prefix under which the checkpoint has `probe`; the usual one, which comes first, when it has none. */
export const prefixOf = (has: HasTensor, probe: string, ...prefixes: [string, ...string[]]): string =>
  prefixes.find((prefix) => has(prefix + probe)) ?? prefixes[0];

/** d_model / n_heads. */
export function headSize(config: Config, key: string, dModel: number, nHeads: number): number {
  if (dModel % nHeads !== 0) throw config.error(key, l10n.t("a divisor of the model's width {0}", dModel));
  return dModel / nHeads;
}

/** Names of `transformers` (ACT2FN) for the activations that the graph has. */
const ACTIVATIONS: Record<string, Activation> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_new',
  gelu_fast: 'gelu_new',
  gelu_accurate: 'gelu_new',
  gelu_pytorch_tanh: 'gelu_new',
  gelu_python_tanh: 'gelu_new',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
};

export function activation(config: Config, key: string, fallback: Activation): Activation {
  const name = config.string(key, fallback);
  if (!Object.hasOwn(ACTIVATIONS, name))
    throw config.error(key, l10n.t('one of {0}', Object.keys(ACTIVATIONS).join(', ')));
  return ACTIVATIONS[name]!;
}
