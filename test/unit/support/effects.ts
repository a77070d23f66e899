/** Random models with random autoencoders beside them, opened, and what an edited model predicts in float64. */
import { join } from 'node:path';
import { openSae } from '../../../src/engine/mlsae/open';
import { createSaeRunner } from '../../../src/engine/mlsae/runner';
import type { OpenSae } from '../../../src/engine/mlsae/types';
import { assertLogProbs, logProbs64 } from './closeness';
import { attnOnly, gpt2, llama, LLAMA, neox } from './families';
import { SAMPLES } from './files';
import { openModel, openSample } from './models';
import type { Matrix } from './naive/math';
import type { Config, Weights } from './naive/pass';
import { forward64, type Hooks64 } from './naive64';
import { writeRandomCheckpoint, type Variant } from './randomCheckpoint';
import { SAE_VARIANTS, writeRandomSae, type Sae64, type SaeSize, type SaeVariant } from './randomSae';

/** Norms, positions, grouped queries, dtypes, layouts of W_U. */
export const MODELS: Variant[] = [
  neox('parallel, rotary', {}),
  neox('sequential, tied, F16', { use_parallel_residual: false, tie_word_embeddings: true }, { dtype: 'F16' }),
  llama(LLAMA, 'grouped queries, BF16', {}, { dtype: 'BF16' }),
  gpt2('tied', {}),
  attnOnly('LN, biases', { normalization_type: 'LN' }, { biases: true }),
  attnOnly('LNPre, rotary', { normalization_type: 'LNPre', positional_embedding_type: 'rotary' }),
  // small, as nothing keeps its logits from growing to where float32 has no 1e-4 left
  attnOnly('no norm', {}, { embedding: 0.3 }),
];

export const saeVariant = (name: string): SaeVariant => {
  const found = SAE_VARIANTS.find((variant) => variant.name === name);
  if (!found) throw new Error(`no variant ${name}`);
  return found;
};

/** Formats, activations and what is undone after the decoder. */
export const SAES = ['mlsae', 'mlsae F16', 'mlsae tuned lens', 'saelens standard', 'saelens jumprelu', 'sparsify'].map(
  saeVariant,
);

export interface RandomOpenSae {
  open: OpenSae;
  sae: Sae64;
  config: Config;
  weights: Weights;
  /** The model in float64, hook_resid_post of some layers changed. */
  forward(ids: number[], edits?: Record<number, (resid: Matrix) => Matrix>): Hooks64;
  dispose(): Promise<void>;
}

export async function openRandomSae(
  model: Variant,
  variant: SaeVariant,
  size: Partial<SaeSize> = {},
  limits?: Parameters<typeof openModel>[1],
): Promise<RandomOpenSae> {
  const { folder, config, weights } = writeRandomCheckpoint(model);
  const opened = await openModel(folder, limits);
  const { dModel, nLayers } = opened.checkpoint.description;
  const written = writeRandomSae(variant, { nInputs: dModel, nLayers, ...size });
  const sae = await openSae(written.folder, opened.checkpoint, {
    ...(written.tunedLens !== undefined && { tunedLens: written.tunedLens }),
  });
  const saeRunner = createSaeRunner(sae, opened.runner.provider);
  return {
    open: { sae, saeRunner, model: opened },
    sae: written.sae,
    config,
    weights,
    forward: (ids, edits = {}) =>
      forward64(config, weights, ids, (name, values) => {
        const layer = Object.keys(edits).find((each) => name === `blocks.${each}.hook_resid_post`);
        return layer === undefined ? values : edits[Number(layer)]!(values as Matrix);
      }),
    dispose: async () => {
      await saeRunner.dispose();
      await opened.runner.dispose();
    },
  };
}

/** mlsae-neox-6l-x16-k16 beside neox-6l. */
export async function openSampleSae(): Promise<OpenSae> {
  const model = await openSample('neox-6l');
  const sae = await openSae(join(SAMPLES, 'mlsae-neox-6l-x16-k16'), model.checkpoint);
  return { sae, saeRunner: createSaeRunner(sae, model.runner.provider), model };
}

/** hook_resid_post of a layer. `[pos][d_model]` */
export function residual64(hooks: Hooks64, layer: number): Matrix {
  const { shape, data } = hooks.get(`blocks.${layer}.hook_resid_post`)!;
  const [n, width] = shape as [number, number];
  return Array.from({ length: n }, (_, pos) => [...data.subarray(pos * width, (pos + 1) * width)]);
}

export const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** Next tokens of a float64 run. */
export interface Next64 {
  logProbs: number[][];
  loss: number;
}

export function next64(hooks: Hooks64, ids: number[]): Next64 {
  const logProbs = logProbs64(hooks.get('logits')!);
  return { logProbs, loss: mean(ids.slice(1).map((id, pos) => -logProbs[pos]![id]!)) };
}

/** KL(p ‖ q) by position. */
export const kl64 = (p: Next64, q: Next64): number[] =>
  p.logProbs.map((row, pos) => row.reduce((sum, logP, id) => sum + Math.exp(logP) * (logP - q.logProbs[pos]![id]!), 0));

export const argmax = (row: number[]): number => row.indexOf(row.reduce((a, b) => Math.max(a, b)));

/** Within 1e-4 of the largest, and of 1 at least. */
export const assertAllNear = (name: string, actual: ArrayLike<number>, expected: number[]): number =>
  assertLogProbs(name, actual, expected);

export const assertNear = (name: string, actual: number, expected: number): number =>
  assertAllNear(name, [actual], [expected]);
