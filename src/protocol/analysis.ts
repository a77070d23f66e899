/**
 * One token of a prompt. `start`/`end` are UTF-16 offsets into the prompt (as `String.slice`); tokens that share one
 * character all carry that character's range; tokens that stand for no text (BOS) have `start === end`.
 */
export interface Token {
  id: number;
  /** The slice of the prompt, or for a token that is part of a character its bytes (`\xf0\x9f`), or a special token's name. */
  text: string;
  start: number;
  end: number;
  /** Added by the tokenizer (BOS, EOS …) or unknown to the prompt. */
  special?: boolean;
}

export interface Prediction {
  id: number;
  text: string;
  /** Probability, 0–1. */
  p: number;
}

/** Which numbers a heatmap shows. `value-weighted` is pattern[d, s]·‖v_s W_O‖ / max_s ‖v_s W_O‖ (DESIGN, Definitions). */
export type Weighting = 'pattern' | 'value-weighted';
/** One head, or the mean or maximum over all heads of all layers. */
export type Reduction = 'one' | 'mean' | 'max';

export interface Timings {
  /** ms to read and load what was not loaded yet. */
  load: number;
  /** ms of the forward pass. */
  run: number;
}

/** What an analysis of a prompt tells before any single head is looked at. */
export interface AnalysisInfo {
  id: string;
  checkpointId: string;
  tokens: Token[];
  nLayers: number;
  nHeads: number;
  provider: string;
  timings: Timings;
  /** Bits of surprise of each token given those before it; NaN at position 0. `[pos]` */
  surprisal: Float32Array;
  /** Most probable next tokens after each position, most probable first. `[pos][k]` */
  predictions: Prediction[][];
  /** Visible sentences: the prompt was cut, … */
  notices: string[];
  /** Number of prompt tokens before it was cut to the context length (at least, for very long texts). */
  totalTokens: number;
}

/** A pattern to draw. Rows are destinations, columns sources. */
export interface PatternMatrix {
  n: number;
  /** `[dst, src]` */
  values: Float32Array;
  /** For `max`: which head holds the maximum, as layer * nHeads + head. `[dst, src]` */
  argHead?: Uint16Array;
}

/** Small pictures of every head on one scale, 0–255 for 0–1, reduced by maximum to `size` × `size`. */
export interface Thumbnails {
  size: number;
  /** `[layer * nHeads + head, dst, src]` */
  values: Uint8Array;
}

export interface SourceWeight {
  source: number;
  weight: number;
  head: number;
}

/** The strongest sources of one destination, layer by layer (maximum over the heads of the layer). `[layer][k]` */
export type SourcesByLayer = SourceWeight[][];
