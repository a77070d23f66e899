/** The windows of tokens that a toy transformer reads while it trains. */
import { seededUniform } from '../../circuits/random';
import type { Batch } from '../../graph/transformer';

/** Tokens of a repeated chunk at least, where the window has room; at most half a window. */
const CHUNK = 16;

export interface WindowOptions {
  seed: number;
  /** Windows depend on the seed and on this alone. */
  step: number;
  /** Share of windows in which a chunk is copied to a later place. */
  repeatShare: number;
  /** Of these the share that hold uniformly random tokens instead of text. */
  randomShare: number;
  /** Entries of the vocabulary; id 0 is special and never drawn. */
  vocab: number;
}

/**
 * Windows of `length + 1` tokens, one after another: each begins anywhere in the tokens. `[sequences · (length + 1)]`
 * @param train at least `length + 1` tokens
 */
export function trainingWindows(
  train: Int32Array,
  { sequences, length }: Batch,
  { seed, step, repeatShare, randomShare, vocab }: WindowOptions,
): Int32Array {
  const size = length + 1;
  const uniform = seededUniform(mixed(seed, step));
  const below = (count: number): number => Math.floor(uniform() * count);
  const windows = new Int32Array(sequences * size);
  for (let i = 0; i < sequences; i++) {
    const start = below(train.length - size + 1);
    const window = windows.subarray(i * size, (i + 1) * size);
    window.set(train.subarray(start, start + size));
    if (uniform() >= repeatShare) continue;
    if (uniform() < randomShare) for (let pos = 0; pos < size; pos++) window[pos] = 1 + below(vocab - 1);
    repeatChunk(window, below);
  }
  return windows;
}

/**
 * Position of each window's first token. Windows that are shorter than the model's context begin anywhere in it, so that every
 * position is trained. `[sequences]`
 * @param context of the model
 */
export function firstPositions(
  { sequences, length }: Batch,
  context: number,
  { seed, step }: Pick<WindowOptions, 'seed' | 'step'>,
): Int32Array {
  // other numbers than those of the windows
  const uniform = seededUniform(mixed(~seed, step));
  return Int32Array.from({ length: sequences }, () => Math.floor(uniform() * (context - length + 1)));
}

/** Copies a chunk to a later place that it does not overlap. */
function repeatChunk(window: Int32Array, below: (count: number) => number): void {
  const longest = Math.floor((window.length - 1) / 2);
  const shortest = Math.min(CHUNK, longest);
  const length = shortest + below(longest - shortest + 1);
  const from = below(window.length - 2 * length + 1);
  const to = from + length + below(window.length - from - 2 * length + 1);
  window.copyWithin(to, from, from + length);
}

/** A 32-bit seed of two whole numbers, such that neighbours are far apart. */
function mixed(seed: number, step: number): number {
  let hash = Math.imul(seed, 0x9e3779b1) ^ Math.imul(step + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
