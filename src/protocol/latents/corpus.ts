import type { OfSae } from '../latents';
import type { AdjacentSimilarity, LayerStats, VarianceRatios } from './encoding';

/** Methods about many texts. */
export interface CorpusRequests {
  /** Runs or resumes a sweep; its results lie in `out`. */
  sweep: [SweepParams, CorpusSummary];
  /** Results of an earlier sweep. */
  openSweep: [OfSae & { dir: string } & DeadBelow, CorpusSummary];
  latentExamples: [OfSae & { dir: string; latent: number }, LatentExamples];
  evaluate: [EvaluateParams, Evaluation];
}

/** What the dead latents of a result are; no part of what a sweep is. */
export interface DeadBelow {
  /** Latents that are active on a smaller fraction of the tokens are dead. Default 1e-7. */
  deadBelow?: number;
}

/** How the engine's sentence ends when the folder for the results has another sweep. */
export const OTHER_FOLDER = 'give another folder, or delete it.';

/** Texts, streamed: `.jsonl`, `.jsonl.zst`, `.parquet` (field `text`), anything else as one UTF-8 text a file. */
export interface Corpus {
  /** Globs or files, relative to `folder`. Files are read in the order of their sorted paths. */
  globs: string[];
  folder: string;
  /** Of JSON lines and Parquet. Default `text`. */
  field?: string;
  /** Tokens of the whole corpus that are read at most. */
  maxTokens?: number;
  /** Tokens that the model reads at once; longer texts are read in pieces. Default: the model's context, at most 512. */
  context?: number;
}

export interface SweepParams extends OfSae, DeadBelow {
  corpus: Corpus;
  /** Folder of the results. */
  out: string;
  /** Part `index` (from 0) of `count`. */
  shard?: { index: number; count: number };
  /** Maximally activating examples kept for each (layer, latent). Default 4. */
  examples?: number;
}

/** Totals over a corpus. */
export interface CorpusSummary {
  dir: string;
  tokens: number;
  documents: number;
  layers: number[];
  nLatents: number;
  /** Tokens on which a latent is active. `[layer, latent]` */
  counts: Float64Array;
  /** Sums of activations. `[layer, latent]` */
  totals: Float64Array;
  /** Of the layer numbers under P(ℓ | j); NaN for a latent that is never active. `[latent]` */
  layerMean: Float64Array;
  layerVar: Float64Array;
  varianceRatios: VarianceRatios;
  perLayer: Omit<LayerStats, 'histogram'>[];
  adjacent: AdjacentSimilarity;
  /** Latents whose counts, added up over the layers, are fewer than `threshold` × tokens. */
  dead: { count: number; fraction: number; threshold: number };
  /** Examples kept for each (layer, latent). */
  examples: number;
  /** The whole corpus (or shard) was read. */
  complete: boolean;
  /** Files that were skipped, latents that were not counted. */
  notices: string[];
}

/** A place in the corpus where a latent is active. */
export interface LatentExample {
  layer: number;
  value: number;
  /** Of the file or line it is from. */
  source: string;
  /** Tokens around the place, as text, with the latent's activation on each at `layer`. */
  tokens: string[];
  values: Float32Array;
  /** Index of the place in `tokens`. */
  at: number;
}

export interface LatentExamples {
  latent: number;
  /** Largest activation first. */
  examples: LatentExample[];
}

export interface EvaluateParams extends OfSae, DeadBelow {
  corpus: Corpus;
}

/** How good the autoencoder is on held-out text. */
export interface Evaluation {
  tokens: number;
  /** Mean cross-entropy of the model as it is, nats. */
  loss: number;
  layers: (Omit<LayerStats, 'histogram'> & { lossDelta: number; kl: number; changed: number })[];
  adjacent: AdjacentSimilarity;
  varianceRatios: VarianceRatios;
  dead: { count: number; fraction: number; threshold: number };
  mmcs: number;
  /** As those of a `CorpusSummary`. */
  notices: string[];
}
