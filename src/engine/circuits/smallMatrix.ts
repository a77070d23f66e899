/** d_head × d_head matrices, row by row, in float64. */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { Complex } from '../../protocol/circuits/headCircuit';

/**
 * Upper triangular R with RᵀR = G (Cholesky). G is a Gram matrix: where rounding leaves no positive pivot, a direction
 * that the matrix does not have, the row is 0.
 */
export function choleskyFactor(gram: Float32Array, n: number): Float32Array {
  const R = new Float64Array(n * n);
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, gram[i * n + i]!);
  const rest = Float64Array.from(gram);
  for (let i = 0; i < n; i++) {
    const pivot = rest[i * n + i]!;
    if (pivot <= largest * 1e-7) continue;
    const root = Math.sqrt(pivot);
    const row = R.subarray(i * n, (i + 1) * n);
    for (let j = i; j < n; j++) row[j] = rest[i * n + j]! / root;
    for (let k = i + 1; k < n; k++) {
      const factor = row[k]!;
      for (let j = k, at = k * n + k; j < n; j++, at++) rest[at] = rest[at]! - factor * row[j]!;
    }
  }
  return Float32Array.from(R);
}

/** Eigenvalues of a square matrix, largest modulus first; NaN where the matrix is not finite. */
export function eigenvalues(values: ArrayLike<number>, n: number): Complex[] {
  // the library would never end
  if (!Array.from(values).every(Number.isFinite)) return Array.from({ length: n }, () => [NaN, NaN]);
  const rows = Array.from({ length: n }, (_, r) => Array.from({ length: n }, (_, c) => values[r * n + c]!));
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(new Matrix(rows), {
    assumeSymmetric: false,
  });
  return realEigenvalues
    .map((re, i): Complex => [re, imaginaryEigenvalues[i]!])
    .sort((a, b) => Math.hypot(...b) - Math.hypot(...a));
}

/** Σλ / Σ|λ|, −1–1; the sum is real, as complex eigenvalues come in pairs. 0 where all are 0. */
export function positiveShare(lambdas: Complex[]): number {
  const total = lambdas.reduce((sum, [re, im]) => sum + Math.hypot(re, im), 0);
  return total > 0 ? lambdas.reduce((sum, [re]) => sum + re, 0) / total : 0;
}
