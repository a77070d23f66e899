/**
 * How well a layer is reconstructed (DESIGN, Definitions; Lawson et al. 2024, section 3), from sums that add up over texts.
 * Errors and variances are those of the residual stream itself, also with a tuned lens (whose effect is undone first).
 */
import type { AdjacentSimilarity, LayerStats } from '../../protocol/latents/encoding';
import type { Encoded } from './types';

/** Sums over rows of one layer, in float64. */
export interface LayerSums {
  rows: number;
  /** Σ and Σ of squares over rows and features, and their number. */
  sum: number;
  sumSquares: number;
  count: number;
  squaredError: number;
  l0: number;
  l1: number;
}

export const noSums = (): LayerSums => ({
  rows: 0,
  sum: 0,
  sumSquares: 0,
  count: 0,
  squaredError: 0,
  l0: 0,
  l1: 0,
});

/** Rows of one layer `[row, n_inputs]` and what the autoencoder made of them: rows `from` to `from + n` of `encoded`. */
export function layerSums(
  rows: Float32Array,
  encoded: Pick<Encoded, 'l0' | 'l1' | 'squaredError'>,
  { from, n }: { from: number; n: number },
): LayerSums {
  let [sum, sumSquares] = [0, 0];
  for (let i = 0; i < rows.length; i++) {
    const value = rows[i]!;
    sum += value;
    sumSquares += value * value;
  }
  const sums = { ...noSums(), rows: n, count: rows.length, sum, sumSquares };
  for (let row = from; row < from + n; row++) {
    sums.squaredError += encoded.squaredError[row]!;
    sums.l0 += encoded.l0[row]!;
    sums.l1 += encoded.l1[row]!;
  }
  return sums;
}

export const addSums = (a: LayerSums, b: LayerSums): LayerSums =>
  Object.fromEntries(
    Object.entries(a).map(([name, value]) => [name, (value as number) + b[name as keyof LayerSums]]),
  ) as unknown as LayerSums;

/** FVU is MSE over the unbiased variance, over all rows and features together; NaN without rows. */
export function statsOf(layer: number, s: LayerSums): Omit<LayerStats, 'histogram'> {
  const mse = s.squaredError / s.count;
  const variance = (s.sumSquares - s.sum ** 2 / s.count) / (s.count - 1);
  return { layer, fvu: mse / variance, mse, l0: s.l0 / s.rows, l1: s.l1 / s.rows };
}

/** Activations > 0 in equal bins from 0 to `max`, which is in the last one. */
export function histogram(values: Float32Array, max: number, bins: number): Uint32Array {
  const counts = new Uint32Array(bins);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value > 0) counts[Math.min(bins - 1, Math.floor((value / max) * bins))]!++;
  }
  return counts;
}

/** Mean of rows. `[n_inputs]` */
export function meanRow(rows: Float32Array, nInputs: number): Float64Array {
  const mean = new Float64Array(nInputs);
  for (let i = 0, feature = 0; i < rows.length; i++) {
    mean[feature]! += rows[i]!;
    if (++feature === nInputs) feature = 0;
  }
  return mean.map((sum) => (sum * nInputs) / rows.length);
}

/**
 * Σ over rows of the cosine similarity of x and y, as they are and after `meanX` and `meanY` are taken away. A row of zeros is
 * similar to nothing: 0.
 */
export function cosineSums(
  x: Float32Array,
  y: Float32Array,
  nInputs: number,
  meanX: Float64Array = new Float64Array(nInputs),
  meanY: Float64Array = new Float64Array(nInputs),
): { plain: number; centred: number } {
  const sums = { plain: 0, centred: 0 };
  for (let start = 0; start < x.length; start += nInputs) {
    let [xx, yy, xy] = [0, 0, 0];
    let [aa, bb, ab] = [0, 0, 0];
    for (let i = 0; i < nInputs; i++) {
      const u = x[start + i]!;
      const v = y[start + i]!;
      const a = u - meanX[i]!;
      const b = v - meanY[i]!;
      xx += u * u;
      yy += v * v;
      xy += u * v;
      aa += a * a;
      bb += b * b;
      ab += a * b;
    }
    if (xx !== 0 && yy !== 0) sums.plain += xy / Math.sqrt(xx * yy);
    if (aa !== 0 && bb !== 0) sums.centred += ab / Math.sqrt(aa * bb);
  }
  return sums;
}

/**
 * Mean cosine similarity of neighbouring layers over all rows, each layer `[row, n_inputs]`. A single row has nothing left
 * when its mean is taken away: NaN.
 */
export function adjacentSimilarity(layers: Float32Array[], nInputs: number): AdjacentSimilarity {
  const means = layers.map((rows) => meanRow(rows, nInputs));
  const n = (layers[0]?.length ?? 0) / nInputs;
  const sums = layers.slice(1).map((next, l) => cosineSums(layers[l]!, next, nInputs, means[l]!, means[l + 1]!));
  return {
    plain: Float64Array.from(sums, ({ plain }) => plain / n),
    centred: Float64Array.from(sums, ({ centred }) => (n > 1 ? centred / n : NaN)),
  };
}
