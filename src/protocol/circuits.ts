/** Requests about circuits: engine methods beside those of `engine.ts`. Every analysis adds its types and its line here. */
import type { HeadRef } from './checkpoint';
import type {
  AblateParams,
  Ablation,
  InductionCircuits,
  InductionParams,
  Lens,
  LensParams,
  Patching,
  PatchParams,
} from './circuits/behaviour';
import type { Bigrams, BigramsParams } from './circuits/bigrams';
import type { HeadCircuit, HeadCircuitParams } from './circuits/headCircuit';
import type { Importance, ImportanceParams, Paths, PathsParams } from './circuits/paths';

/** Every request: method name → [params, result]. All take the id of an open checkpoint. */
export interface CircuitRequests {
  composition: [CompositionParams, Composition];
  headCircuit: [HeadCircuitParams, HeadCircuit];
  bigrams: [BigramsParams, Bigrams];
  headScores: [HeadScoresParams, HeadScores];
  inductionCircuits: [InductionParams, InductionCircuits];
  lens: [LensParams, Lens];
  ablate: [AblateParams, Ablation];
  patch: [PatchParams, Patching];
  paths: [PathsParams, Paths];
  importance: [ImportanceParams, Importance];
}

export interface OfCheckpoint {
  checkpointId: string;
}

export type CompositionKind = 'Q' | 'K' | 'V';
export const compositionKinds: CompositionKind[] = ['Q', 'K', 'V'];

export interface CompositionParams extends OfCheckpoint {
  /** Of the Gaussian draws of the baseline. Default 0. */
  seed?: number;
  /** Default true. */
  foldNorm?: boolean;
}

/** Composition of every earlier head with every later one (Framework, “Three kinds of composition”). */
export interface Composition {
  nLayers: number;
  nHeads: number;
  /** Score of (earlier, later), heads counted as layer * nHeads + head; NaN where the first is not in an earlier layer. `[earlier, later]` */
  scores: Record<CompositionKind, Float32Array>;
  /** Mean score of Gaussian matrices of the same shapes. */
  baseline: Record<CompositionKind, number>;
  /** Norms were folded into the weights. */
  foldNorm: boolean;
  /** e.g. that W_QK of a rotary model is taken at relative position 0. */
  notices: string[];
}

export interface HeadScoresParams extends OfCheckpoint {
  /** Random tokens that are said twice: BOS + R + R. Default 50 (less where the context is shorter). */
  length?: number;
  /** Sequences. Default 4. */
  batch?: number;
  seed?: number;
  /** This sequence (BOS + R + R) instead of random ones. */
  ids?: number[];
  foldNorm?: boolean;
}

/** Numbers of one head; each 0–1 unless said otherwise. */
export interface HeadScore extends HeadRef {
  previousToken: number;
  duplicateToken: number;
  induction: number;
  /** Mean attention to the first position. */
  firstToken: number;
  /** Of the attention, mean over destinations, in bits. */
  entropy: number;
  /** Σλ / Σ|λ| of W_E W_OV W_U, −1–1. */
  ovCopying: number;
  /** The same of W_E W_QK W_Eᵀ. */
  qkMatching: number;
}

/** Scores that give a head a name when they pass a threshold. */
export const namedScores = ['previousToken', 'duplicateToken', 'induction', 'firstToken', 'ovCopying'] as const;
export type NamedScore = (typeof namedScores)[number];

export interface HeadScores {
  /** Layer by layer. */
  heads: HeadScore[];
  /** Of the random sequences. */
  length: number;
  batch: number;
  seed: number;
  notices: string[];
}

/** A name and the score that earned it. */
export interface HeadName {
  name: NamedScore;
  score: number;
}

/** Names of a head: the scores that reach their threshold, its behaviour before its weights, strongest first. */
export function headNames(score: HeadScore, thresholds: Record<NamedScore, number>): HeadName[] {
  const ofWeights = (name: NamedScore): number => Number(name === 'ovCopying');
  return namedScores
    .filter((name) => score[name] >= thresholds[name])
    .map((name) => ({ name, score: score[name] }))
    .sort((a, b) => ofWeights(a.name) - ofWeights(b.name) || b.score - a.score);
}
