import type { OfCheckpoint } from '../circuits';
import type { TokenRef } from './headCircuit';

export interface BigramsParams extends OfCheckpoint {
  /** Only what follows this token: its id, or a text that is exactly one token (`#12` is an id too). */
  token?: number | string;
  /** Default 20, at most 500. */
  top?: number;
  /** Default true. */
  foldNorm?: boolean;
}

/** An entry of the direct path W_E W_U (Framework, “Zero-layer transformers”). */
export interface Bigram {
  source: TokenRef;
  output: TokenRef;
  logit: number;
  /** Natural, what the direct path alone gives: log-softmax over the outputs of `source`. */
  logProb: number;
}

export interface Bigrams {
  /** The token that was asked for. */
  token?: TokenRef;
  /** Most probable first. */
  bigrams: Bigram[];
  foldNorm: boolean;
  notices: string[];
}
