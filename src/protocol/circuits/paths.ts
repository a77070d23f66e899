/** Sums over the paths through a transformer: the logits of a prompt as a sum of terms, and what the terms are worth. */
import type { Token } from '../analysis';
import type { HeadRef } from '../checkpoint';
import type { OfCheckpoint } from '../circuits';
import type { TextOrIds, TokenChoice } from './behaviour';

export interface PathsParams extends OfCheckpoint, TextOrIds {
  /** Whose next token; default: the last position. */
  position?: number;
  /** Default: the model's top prediction after that position. */
  token?: TokenChoice;
}

/**
 * `direct`: token embedding straight to the unembedding (attention-only models without norms; `embedding` in all others).
 * `position`: the positional embedding, straight. `virtualHead`: heads after one another. `rest`: longer paths than are listed.
 */
export type PathKind = 'direct' | 'embedding' | 'position' | 'head' | 'virtualHead' | 'mlp' | 'bias' | 'rest';

export interface PathTerm {
  /** `direct path`, `embedding`, `positions`, `L1H5`, `L0H4→L1H5`, `L3 MLP`, `L0 b_O`, `b_U`, … */
  name: string;
  kind: PathKind;
  /** In logits. */
  value: number;
  /** `head`: it; `virtualHead`: its heads, earliest first. */
  heads?: HeadRef[];
  /**
   * Adds up to `value`: what came from each source position, 0 … `position`. Heads and virtual heads only: the embedding, positions
   * and MLPs are those of `position` itself, biases come from no position. `[src]`
   */
  bySource?: Float32Array;
}

/** The logit of a token as a sum of terms. */
export interface Paths {
  tokens: Token[];
  position: number;
  token: { id: number; text: string };
  /** The model's own, from its forward pass. */
  logit: number;
  /** Of the terms: equal to `logit` but for rounding. */
  sum: number;
  /** `paths`: every path by itself (attention-only models without norms). `frozen`: what each part wrote, through the frozen final norm. */
  form: 'paths' | 'frozen';
  /** Largest absolute value first. */
  terms: PathTerm[];
  notices: string[];
}

export type ImportanceParams = OfCheckpoint & TextOrIds;

export interface TermEffect {
  /** `L1H5`, `L0H4→L1H5` */
  name: string;
  kind: 'head' | 'virtualHead';
  /** Earliest first. */
  heads: HeadRef[];
  /** Loss without this one term minus `loss`, in nats: positive where the term helps. */
  effect: number;
}

/** Loss with parts of the sum over paths, attention patterns frozen (Framework, “Term importance”). */
export interface Importance {
  tokens: Token[];
  /** The model's own mean cross-entropy of tokens 1 …, in nats. */
  loss: number;
  /** Loss when only paths through at most n heads are kept; n = 0 … nLayers. `[n]` */
  orders: { n: number; loss: number }[];
  /** Every head's and virtual head's own term, largest effect first. */
  terms: TermEffect[];
  notices: string[];
}
