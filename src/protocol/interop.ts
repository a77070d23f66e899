/** Requests about what other tools read and write: engine methods beside those of `engine.ts`. */
import type { HeadRef } from './checkpoint';
import type { HeadScoresParams, OfCheckpoint } from './circuits';

export interface InteropRequests {
  /** Hooks of a checkpoint, TransformerLens's names, in the order in which they are computed. */
  hookNames: [OfCheckpoint, string[]];
  /** Runs a prompt and writes hooks as F32 safetensors, without a batch dimension; prompt and tokens are in the metadata. */
  exportActivations: [ExportActivationsParams, null];
  /** Patterns of an analysis, as CircuitsVis takes them. */
  circuitsVis: [CircuitsVisParams, CircuitsVisInput];
  /** Patterns from a file of another tool as a result without a checkpoint. */
  importPatterns: [ImportPatternsParams, ImportedPatterns];
  /** The sequences on which `headScores` scores heads. */
  repeatedSequences: [
    Pick<HeadScoresParams, 'checkpointId' | 'length' | 'batch' | 'seed' | 'ids'>,
    { sequences: number[][]; start: number; length: number },
  ];
}

export interface ExportActivationsParams extends OfCheckpoint {
  ids: number[];
  /** The text that the ids are of, if there is one. */
  prompt?: string;
  /** Exact names. */
  hooks: string[];
  file: string;
}

export interface ImportPatternsParams {
  /** JSON as CircuitsVis takes it, or activations as safetensors. */
  file: string;
  /** The `.circuitscope.json` to write. */
  out: string;
}

export interface ImportedPatterns {
  heads: number;
  tokens: number;
  /** What is unusual about them, one sentence each. */
  notices: string[];
}

export interface CircuitsVisParams {
  analysisId: string;
  /** One head only. */
  head?: HeadRef;
  /** One layer only. */
  layer?: number;
}

/**
 * Keyword arguments of CircuitsVis's `attention_heads` (its `attention_patterns` takes the first two). `attention` is
 * `[head, destination, source]`; the heads of several layers are one after the other.
 */
export interface CircuitsVisInput {
  tokens: string[];
  attention: number[][][];
  /** `L1H4` */
  attention_head_names: string[];
}

/** How far one activation of a file is from ours. */
export interface ActivationDifference {
  hook: string;
  /** Without a batch dimension. */
  shape: number[];
  /** Largest |theirs − ours|; Infinity where only one of the two is finite, NaN where only one is a number. */
  largest: number;
  /** Largest finite |ours|. */
  scale: number;
  /** Where the largest difference is, and both values there. */
  at: number[];
  ours: number;
  theirs: number;
}

export interface ActivationComparison {
  /** Largest first, relative to its scale. */
  hooks: ActivationDifference[];
  /** What was not compared, and why. */
  skipped: { name: string; reason: string }[];
}

export interface ImportedNames {
  /** Where the names are. */
  file: string;
  /** Names that were taken over, of how many explanations. */
  added: number;
  found: number;
}
