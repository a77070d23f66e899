/**
 * Comparing two open checkpoints of the same shape, A and B (two training steps, before and after fine-tuning): engine
 * methods beside those of `engine.ts`. Every difference is B − A.
 */
import type { Prediction, Token, Weighting } from './analysis';
import type { HeadRef } from './checkpoint';
import type { CompositionKind, HeadScore, HeadScores, HeadScoresParams } from './circuits';
import type { TextOrIds } from './circuits/behaviour';
import type { Encoding } from './latents/encoding';

/**
 * Every request: method name → [params, result]. All that name two refuse, with one sentence that names the file, the
 * field and both values, two checkpoints of other shapes or with other vocabularies. Text is read by the tokenizer of A;
 * the ids then are those of both.
 */
export interface CompareRequests {
  /** Only the check: whether these two can be compared. */
  checkComparable: [OfTwo, Comparable];
  comparePatterns: [ComparePatternsParams, ComparedPatterns];
  comparePattern: [ComparePatternParams, ComparedPattern];
  compareHeadScores: [CompareHeadScoresParams, ComparedHeadScores];
  compareComposition: [CompareCompositionParams, ComparedComposition];
  compareNextTokens: [CompareNextTokensParams, ComparedNextTokens];
  compareLatents: [CompareLatentsParams, ComparedLatents];
  trainingSteps: [{ folder: string }, TrainingSteps];
  /** Lets go what is kept of the patterns that were compared last: they are not asked about again. */
  endComparison: [Record<string, never>, null];
}

/** Ids of open checkpoints; they may be the same one. */
export interface OfTwo {
  a: string;
  b: string;
}

export interface Comparable {
  /** What differs and does not matter here, e.g. the context length. */
  notices: string[];
}

export interface ComparedPrompt extends OfTwo, TextOrIds {
  /** Prompts longer than this (and than the shorter context of the two) are cut. */
  maxTokens?: number;
}

export interface ComparePatternsParams extends ComparedPrompt {
  /** Default `pattern`. With `value-weighted` nothing is a distribution, and the distances are half the sums of |Δ|. */
  weighting?: Weighting;
}

/**
 * How far the patterns of every head are from each other. The distance of a row (a destination) is the total variation
 * distance of its two distributions over sources, ½ Σ_s |B[d, s] − A[d, s]|: 0 the same, 1 disjoint. Row 0 sees only itself.
 */
export interface ComparedPatterns {
  tokens: Token[];
  nLayers: number;
  nHeads: number;
  /** Mean distance of rows 1 …; NaN for a single token. `[layer * nHeads + head]` */
  distance: Float32Array;
  /** The largest distance of a row, and which row. `[layer * nHeads + head]` */
  maxDistance: Float32Array;
  maxRow: Int32Array;
  /** Every row's. `[layer * nHeads + head, dst]` */
  rows: Float32Array;
  notices: string[];
}

export interface ComparePatternParams extends ComparePatternsParams {
  head: HeadRef;
}

/** The patterns of one head. Rows are destinations, columns sources. */
export interface ComparedPattern {
  head: HeadRef;
  n: number;
  /** `[dst, src]` */
  a: Float32Array;
  b: Float32Array;
  /** B − A, −1–1 (for `pattern`). `[dst, src]` */
  delta: Float32Array;
}

/** As of `headScores`; both are scored on the same random sequences, those of A. */
export type CompareHeadScoresParams = OfTwo & Omit<HeadScoresParams, 'checkpointId'>;

export interface ComparedHeadScores {
  a: HeadScores;
  b: HeadScores;
  /** B − A of every number, layer by layer. */
  delta: HeadScore[];
}

export interface CompareCompositionParams extends OfTwo {
  /** Of the Gaussian draws of the baseline. Default 0. */
  seed?: number;
  /** Default true. */
  foldNorm?: boolean;
  /** Changes that are listed. Default 20. */
  top?: number;
}

export interface CompositionChange {
  kind: CompositionKind;
  earlier: HeadRef;
  later: HeadRef;
  a: number;
  b: number;
  delta: number;
}

export interface ComparedComposition {
  nLayers: number;
  nHeads: number;
  /** As `Composition.scores`: `[earlier, later]`, NaN where the first is not in an earlier layer. */
  a: Record<CompositionKind, Float32Array>;
  b: Record<CompositionKind, Float32Array>;
  delta: Record<CompositionKind, Float32Array>;
  /** Of random matrices; the same for both, whose shapes are the same. */
  baseline: Record<CompositionKind, number>;
  /** Of all three kinds, largest |Δ| first. */
  changes: CompositionChange[];
  foldNorm: boolean;
  notices: string[];
}

export interface CompareNextTokensParams extends ComparedPrompt {
  /** Predictions kept for each position. Default 5. */
  topK?: number;
}

export interface ComparedSide {
  /** Mean cross-entropy of tokens 1 …, in nats (the mean log-probability of the prompt's tokens is its negative); NaN for one token. */
  loss: number;
  /** Natural log-probability of each token given those before it; NaN at 0. `[pos]` */
  logProbs: Float32Array;
  /** Most probable next tokens after each position. `[pos][topK]` */
  predictions: Prediction[][];
}

export interface ComparedNextTokens {
  tokens: Token[];
  a: ComparedSide;
  b: ComparedSide;
  /** log p_B − log p_A of each token; above 0: B expects it more. NaN at 0. `[pos]` */
  delta: Float32Array;
  /** KL(A ‖ B) of the next token after each position, nats, 0 or more. `[pos]` */
  kl: Float32Array;
  notices: string[];
}

/**
 * One autoencoder read with both models, or two. `saeId` was opened on either checkpoint; with `otherSaeId` the first must
 * have been opened on A and the other on B, and latents are matched by their numbers, which means something only for two
 * steps of one training: two autoencoders of other shapes, or not of one training's folder, are refused.
 */
export interface CompareLatentsParams extends ComparedPrompt {
  saeId: string;
  otherSaeId?: string;
  /** Latents that are listed. Default 20. */
  top?: number;
}

/** A latent on a prompt in both models. */
export interface LatentChange {
  latent: number;
  /** Σ |Δ activation| over layers and tokens. */
  difference: number;
  /** Sum of its activations in A and B. */
  a: number;
  b: number;
  /** Where |Δ| is largest: token, index into `layers`, and the two activations there. */
  at: { token: number; layer: number; a: number; b: number };
}

export interface ComparedLatents {
  tokens: Token[];
  /** Layers that are read; those of the rows of `a` and `b`. */
  layers: number[];
  nLatents: number;
  /** FVU, L0, … by layer (`perLayer`), and the activations; of one latent by layer and token with `latentMap`. */
  a: Encoding;
  b: Encoding;
  /** Largest difference first; latents that differ nowhere are not listed. */
  changes: LatentChange[];
  /** Latents that differ somewhere. */
  changed: number;
  /** FVU of B − FVU of A. `[layers.length]` */
  fvuDelta: Float64Array;
  notices: string[];
}

/** One checkpoint of a training. */
export interface TrainingStep {
  step: number;
  /** Name of its folder: `step1000`. */
  name: string;
  /** What `openCheckpoint` takes. */
  path: string;
}

/** The checkpoints of a training run that lie side by side. */
export interface TrainingSteps {
  /** The folder that holds them: the one that was given, or the one above it when that was one of them. */
  folder: string;
  /** By step, lowest first; at least one. */
  steps: TrainingStep[];
  /** Index of the one that was given. */
  current?: number;
  /** Folders that are named like a step and are no checkpoint. */
  notices: string[];
}
