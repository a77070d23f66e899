/** Whole contexts of a corpus that the model runs together: of a small model the products of one are too small to fill the cores. */
import type { OpenModel } from '../../circuitHandlers';
import type { Steps } from '../../runtime/types';
import type { Sequence } from './sequences';

/** Numbers of a residual stream that fill a run, and sequences of it at most (measured: of neox-6l 4 take 0.7 of the time of one by one). */
const FULL = { numbers: 3 * 2 ** 17, sequences: 4 };

/** Numbers of the widest vectors: sums of a row begin where these are aligned, which decides how they are rounded. */
const ALIGNED = 16;

/** Sequences of `n` tokens that one run takes; one where the rows of others would lie in memory otherwise than their own. */
export function sequencesAtOnce({ checkpoint, runner }: OpenModel, n: number): number {
  if (checkpoint.foreign || runner.provider !== 'cpu') return 1;
  const ofOne = n * checkpoint.description.dModel;
  if (ofOne % ALIGNED !== 0) return 1;
  return Math.max(1, Math.min(FULL.sequences, Math.floor(FULL.numbers / ofOne)));
}

/** Sequences of a window at most, for each that may run together: they wait in memory. */
const LONGEST = 4;

/** The same sequences in windows, each up to the `size`-th whole context of `n` tokens. */
export async function* windows(all: AsyncIterable<Sequence>, n: number, size: number): AsyncGenerator<Sequence[]> {
  let window: Sequence[] = [];
  try {
    for await (const sequence of all) {
      window.push(sequence);
      const isFull = size === 1 || window.filter(({ ids }) => ids.length === n).length === size;
      if (!isFull && window.length < LONGEST * size) continue;
      yield window;
      window = [];
    }
  } catch (error) {
    // the next text cannot be read: what was before it counts
    if (window.length > 0) yield window;
    throw error;
  }
  if (window.length > 0) yield window;
}

/**
 * hook_resid_post of the whole contexts of a window, if there are `size`: others would each need a session of their own.
 * @returns by sequence and hook, `[token, d_model]` each (views of one array)
 */
export async function residTogether(
  { runner }: OpenModel,
  hooks: string[],
  window: Sequence[],
  { n, size }: { n: number; size: number },
  steps?: Steps,
): Promise<Map<Sequence, Float32Array[]>> {
  const whole = window.filter(({ ids }) => ids.length === n);
  if (size === 1 || whole.length < size) return new Map();
  const run = await runner.run({ ids: whole.flatMap(({ ids }) => ids), hooks, sequences: size }, steps);
  const of = (data: Float32Array, i: number): Float32Array =>
    data.subarray((i * data.length) / size, ((i + 1) * data.length) / size);
  return new Map(whole.map((sequence, i) => [sequence, hooks.map((hook) => of(run.hooks[hook]!.data, i))]));
}
