/** d_head × d_head matrices, row by row, in float64. */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { Complex } from '../../protocol/circuits/headCircuit';

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
