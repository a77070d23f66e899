/** What a step's graph takes and gives. */
import type { AdamOptions } from '../adam';

/** Names of inputs and outputs. */
export const stepIo = {
  /** hook_resid_post, all tokens of the first layer, then of the next. `[layer · token, n_inputs]` */
  x: 'x',
  loss: 'loss',
  /** `[layer]` */
  fvu: 'fvu',
  /** Error of the dead latents' model of the error, over its variance; 0 without. */
  aux: 'aux',
  /** Active latents of a row. */
  l0: 'l0',
  /** Of the gradient, before it is clipped. */
  norm: 'norm',
  /** Fraction of latents that are dead after the step. */
  dead: 'dead',
  /** Steps since a latent was active, counted from 1. I64 `[n_latents]` */
  last: 'last_nonzero',
  next: (state: string): string => `${state}:next`,
  first: (parameter: string): string => `${parameter}:first`,
  second: (parameter: string): string => `${parameter}:second`,
} as const;

/** What is trained: W_enc, W_dec transposed (a row is a latent's direction), the bias. */
export const PARAMETERS = ['encoder', 'decoder', 'bias'] as const;
export type ParameterName = (typeof PARAMETERS)[number];

export interface StepSizes {
  nInputs: number;
  nLatents: number;
  k: number;
  layers: number;
  /** Of one step; a row for each at every layer. */
  tokens: number;
}

export interface StepOptions extends StepSizes {
  /** Dead latents that model the error; 0: the graph has no such part. */
  auxk: number;
  /** Steps without activation after which a latent is dead. */
  deadSteps: number;
  /** Rows that are encoded at once: their activations of all latents are in memory. Default by `rowsAtOnce`. */
  rows?: number;
}

/** As the paper's code: torch's Adam with this epsilon, no decay; the norm of the gradient is held at 1. */
export const ADAM: AdamOptions = { beta1: 0.9, beta2: 0.999, epsilon: 6.25e-10, weightDecay: 0, clip: 1 };
export const AUX_WEIGHT = 1 / 32;
/** An activation that keeps a latent alive is larger. */
export const DEAD_THRESHOLD = 1e-3;
export const shapeOf = (
  name: ParameterName,
  { nInputs, nLatents }: Pick<StepSizes, 'nInputs' | 'nLatents'>,
): number[] => (name === 'bias' ? [nInputs] : [nLatents, nInputs]);
