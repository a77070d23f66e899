import type { HeadRef } from '../checkpoint';
import type { OfCheckpoint } from '../circuits';

export interface HeadCircuitParams extends OfCheckpoint {
  head: HeadRef;
  /** Entries kept at either end of a circuit, and skip-trigrams. Default 20, at most 500. */
  top?: number;
  /** Default true. */
  foldNorm?: boolean;
  /** Ids of tokens whose whole rows and columns are wanted. */
  tokens?: number[];
}

export interface TokenRef {
  id: number;
  /** `#id` for a checkpoint without a tokenizer. */
  text: string;
}

/** An entry of the full QK circuit W_E W_QK W_Eᵀ / sqrt(d_head): what `destination` pays to `source`. */
export interface QkEntry {
  destination: TokenRef;
  source: TokenRef;
  value: number;
}

/** An entry of the full OV circuit W_E W_OV W_U: what attending to `source` adds to the logit of `output`. */
export interface OvEntry {
  source: TokenRef;
  output: TokenRef;
  value: number;
}

/** One row or column of a circuit. */
export interface CircuitLine {
  /** By token id. `[d_vocab]` */
  values: Float32Array;
  largest: { token: TokenRef; value: number }[];
  /** Smallest first. */
  smallest: { token: TokenRef; value: number }[];
}

/** All that a head's circuits say about one token. */
export interface TokenCircuit {
  token: TokenRef;
  /** QK row: what the token attends to, by source. */
  sources: CircuitLine;
  /** QK column: who attends to the token, by destination. */
  destinations: CircuitLine;
  /** OV row: what attending to the token does to the logits, by output. */
  outputs: CircuitLine;
  /** OV column: what the token's logit gains from attending to each source. */
  outputSources: CircuitLine;
  /** With the token as source. */
  skipTrigrams: SkipTrigram[];
}

/** “source … destination → output” (Framework, “One-layer”). */
export interface SkipTrigram {
  source: TokenRef;
  destination: TokenRef;
  output: TokenRef;
  /** (W_E W_QK W_Eᵀ)[destination, source] / sqrt(d_head) */
  qk: number;
  /** (W_E W_OV W_U)[source, output] */
  ov: number;
  /** What they are ranked by: qk above the destination's mean over sources × ov above the source's mean over outputs. */
  strength: number;
}

/** A point of the complex plane: real and imaginary part. */
export type Complex = [re: number, im: number];

export interface HeadCircuit {
  head: HeadRef;
  qk: {
    /** Largest first. */
    largest: QkEntry[];
    /** Smallest first. */
    smallest: QkEntry[];
    /** The d_head eigenvalues that are not 0, of W_E W_QK W_Eᵀ / sqrt(d_head); largest modulus first. */
    eigenvalues: Complex[];
    /** Σλ / Σ|λ|, −1–1. */
    matching: number;
  };
  ov: {
    largest: OvEntry[];
    smallest: OvEntry[];
    /** Of W_E W_OV W_U. */
    eigenvalues: Complex[];
    /** Σλ / Σ|λ|, −1–1. */
    copying: number;
  };
  /** Strongest first. */
  skipTrigrams: SkipTrigram[];
  /** One for each of `tokens`, in their order. */
  tokens: TokenCircuit[];
  foldNorm: boolean;
  notices: string[];
}
