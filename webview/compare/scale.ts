/** Ends of colour scales: round numbers, so that the legend can be read. Pure. */

/** Differences smaller than this are not drawn as if they were large. */
const SMALLEST = 0.01;

/** The next of 1, 2, 5 × 10ⁿ that is not below `most`. */
export function niceEnd(most: number, smallest = SMALLEST): number {
  const value = Math.max(most, smallest);
  const power = 10 ** Math.floor(Math.log10(value));
  const found = [1, 2, 5, 10].find((step) => step * power >= value * (1 - 1e-9)) ?? 10;
  // powers of ten below 1 are not whole binary fractions
  return Number((found * power).toPrecision(3));
}

/** Largest size of the values; what is not a number does not count. */
export function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]!);
    if (size > most) most = size;
  }
  return most;
}

/** Value of the largest size in each of `blocks` × `blocks` squares of an `n` × `n` matrix. */
export function poolLargest(values: ArrayLike<number>, n: number, blocks: number): Float32Array {
  const result = new Float32Array(blocks * blocks);
  for (let row = 0; row < n; row++) {
    const to = Math.floor((row * blocks) / n) * blocks;
    for (let column = 0; column < n; column++) {
      const at = to + Math.floor((column * blocks) / n);
      const value = values[row * n + column]!;
      if (Math.abs(value) > Math.abs(result[at]!)) result[at] = value;
    }
  }
  return result;
}
