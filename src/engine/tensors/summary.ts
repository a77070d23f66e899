/** Statistics of a tensor's values, read in pieces. */
import type { Histogram, TensorSummary, TensorSummaryParams } from '../../protocol/tensors';
import type { Steps } from '../runtime/types';
import type { Numbers } from './decode';
import { type OpenTensor, withTensor } from './file';

/** Values that are read without being asked for all of them. */
export const AT_ONCE = 1 << 24;
/** A sample is so many pieces of so many values. */
export const SAMPLE = { pieces: 256, values: 1 << 14 };
/** Values of a piece when all are read. */
const PIECE = 1 << 21;
export const BINS = 64;

export const tensorSummary = ({ path, name, all }: TensorSummaryParams, steps: Steps): Promise<TensorSummary> =>
  withTensor(path, name, async (tensor) => {
    const pieces = piecesOf(tensor.count, all);
    const totals = new Totals();
    await eachPiece(tensor, pieces, (values) => totals.add(values), { steps, message: 'Statistics', from: 0 });
    const { min, max } = totals;
    const histogram = emptyHistogram(min, max, tensor.integer);
    if (histogram.counts.length > 0) {
      const into = binning(histogram, min, max, tensor.integer);
      await eachPiece(tensor, pieces, into, { steps, message: 'Histogram', from: 0.5 });
    }
    return { count: tensor.count, ...totals.result(tensor.integer && tensor.elementBytes === 8), histogram };
  });

interface Piece {
  from: number;
  count: number;
}

/** All values in order, or pieces from the first value to the last, evenly spaced. */
export function piecesOf(count: number, all: boolean): Piece[] {
  if (all || count <= AT_ONCE) {
    return Array.from({ length: Math.ceil(count / PIECE) }, (_, i) => ({
      from: i * PIECE,
      count: Math.min(PIECE, count - i * PIECE),
    }));
  }
  const { pieces, values } = SAMPLE;
  return Array.from({ length: pieces }, (_, i) => ({
    from: Math.floor(((count - values) * i) / (pieces - 1)),
    count: values,
  }));
}

interface Reporting {
  steps: Steps;
  message: string;
  /** Of the two passes over the values: 0 or 0.5. */
  from: number;
}

async function eachPiece(
  tensor: OpenTensor,
  pieces: readonly Piece[],
  take: (values: Numbers) => void,
  { steps, message, from }: Reporting,
): Promise<void> {
  // a sample's pieces are small: a step for each would take longer than they do
  const every = Math.max(1, Math.round(PIECE / (pieces[0]?.count ?? 1) / 4));
  for (const [i, piece] of pieces.entries()) {
    if (i % every === 0) await steps.step(message, from + i / pieces.length / 2);
    take(await tensor.read(piece.from, piece.count));
  }
}

/** Of pieces: means and squared deviations are merged as Chan et al. (1979) do, so that nothing cancels. */
class Totals {
  private read = 0;
  private finite = 0;
  private zeros = 0;
  private nan = 0;
  private mean = 0;
  private squares = 0;
  min = Infinity;
  max = -Infinity;

  add(values: Numbers): void {
    let { min, max } = this;
    let [sum, finite, zeros, nan] = [0, 0, 0, 0];
    for (const value of values) {
      if (value - value !== 0) {
        if (value !== value) nan++;
        continue;
      }
      finite++;
      sum += value;
      if (value === 0) zeros++;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    this.read += values.length;
    this.zeros += zeros;
    this.nan += nan;
    this.min = min;
    this.max = max;
    if (finite === 0) return;
    const mean = sum / finite;
    let squares = 0;
    for (const value of values) if (value - value === 0) squares += (value - mean) ** 2;
    const apart = mean - this.mean;
    const all = this.finite + finite;
    this.squares += squares + (apart * apart * this.finite * finite) / all;
    this.mean += (apart * finite) / all;
    this.finite = all;
  }

  result(long: boolean): Omit<TensorSummary, 'count' | 'histogram'> {
    const { read, finite, zeros, nan, min, max, mean, squares } = this;
    const none = finite === 0;
    return {
      read,
      min: none ? NaN : min,
      max: none ? NaN : max,
      mean: none ? NaN : mean,
      std: none ? NaN : Math.sqrt(squares / finite),
      ...{ zeros, nan, infinite: read - nan - finite },
      rounded: long && (min < -(2 ** 53) || max > 2 ** 53),
    };
  }
}

/** Whole numbers that are close together have a bin each. */
function emptyHistogram(min: number, max: number, integer: boolean): Histogram {
  if (min > max) return { counts: new Float64Array(), from: NaN, to: NaN };
  const single = integer && max - min < BINS;
  if (single) return { counts: new Float64Array(max - min + 1), from: min, to: max + 1 };
  return { counts: new Float64Array(min === max ? 1 : BINS), from: min, to: max };
}

/** Halves, because the range of float64 values can be more than float64 holds. */
function binning(
  { counts, from, to }: Histogram,
  min: number,
  max: number,
  integer: boolean,
): (values: Numbers) => void {
  const bins = counts.length;
  const scale = min === max && !integer ? 0 : bins / (to / 2 - from / 2);
  return (values) => {
    for (const value of values) {
      if (value - value !== 0) continue;
      const bin = Math.floor((value / 2 - from / 2) * scale);
      counts[bin < bins ? bin : bins - 1]!++;
    }
  };
}
