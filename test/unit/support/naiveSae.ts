/**
 * What a sparse autoencoder computes, in plain float64 from its stored values. Clear, not fast. Shares no code with the
 * engine: the tests compare the two.
 */
import type { SaeVariant } from './randomSae';

/** A stored autoencoder in float64. Matrices are nested arrays. */
export interface Sae64 {
  variant: SaeVariant;
  nInputs: number;
  nLatents: number;
  k: number;
  /** `[latent][input]` */
  encoder: number[][];
  /** W_dec[:, j] as stored. `[latent][input]` */
  decoder: number[][];
  bPre: number[];
  bEnc: number[];
  bDec: number[];
  threshold: number[];
  rMag: number[];
  bGate: number[];
  bMag: number[];
  /** x' = (I + weight) x + bias; by layer. */
  lens?: { weight: number[][]; bias: number[] }[];
}

export interface Encoded64 {
  /** `[row][latent]` */
  z: number[][];
  /** `[row][input]` */
  recons: number[][];
  /** s of standardization, 1 without: a latent adds z · scale · W_dec[:, j]. `[row]` */
  scale: number[];
  /** W_dec[:, j] as stored. `[latent][input]` */
  decoder: number[][];
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
};
const plus = (a: number[], b: number[], sign = 1): number[] => a.map((value, i) => value + sign * b[i]!);
/** What the autoencoder does with rows of hook_resid_post of `layer`. `[row][input]` */
export function encode64(sae: Sae64, rows: ArrayLike<number>[], layer: number): Encoded64 {
  const out: Encoded64 = { z: [], recons: [], scale: [], decoder: sae.decoder };
  for (const row of rows) {
    const lensed = intoLens(sae, Array.from(row), layer);
    const { x, mean, std } = standardized(lensed, sae.variant.standardize ?? false);
    const centred = plus(x, sae.bPre, -1);
    const a = sae.encoder.map((w) => dot(w, centred));
    const z = activations(sae, a);
    const recon = [...sae.bDec];
    z.forEach((value, j) => {
      if (value !== 0) sae.decoder[j]!.forEach((d, i) => (recon[i]! += value * d));
    });
    out.z.push(z);
    out.scale.push(std);
    out.recons.push(outOfLens(sae, recon.map((value) => value * std + mean), layer)); // prettier-ignore
  }
  return out;
}

/** Unbiased std; 1e-5 is added to the divisor but not to the factor that undoes it, as in both source projects. */
function standardized(x: number[], wanted: boolean): { x: number[]; mean: number; std: number } {
  if (!wanted) return { x, mean: 0, std: 1 };
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const std = Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / (x.length - 1));
  return { x: x.map((value) => (value - mean) / (std + 1e-5)), mean, std };
}

function activations(sae: Sae64, a: number[]): number[] {
  const pre = plus(a, sae.bEnc);
  switch (sae.variant.activation) {
    case 'relu':
      return pre.map((value) => Math.max(0, value));
    case 'jumprelu':
      return pre.map((value, j) => (value > sae.threshold[j]! ? Math.max(0, value) : 0));
    case 'gated':
      return a.map((value, j) =>
        value + sae.bGate[j]! > 0 ? Math.max(0, value * Math.exp(sae.rMag[j]!) + sae.bMag[j]!) : 0,
      );
    case 'topk': {
      const kept = new Set([...pre.keys()].sort((i, j) => pre[j]! - pre[i]!).slice(0, sae.k));
      return pre.map((value, j) => (kept.has(j) ? Math.max(0, value) : 0));
    }
  }
}

function intoLens({ lens }: Sae64, x: number[], layer: number): number[] {
  if (!lens) return x;
  const { weight, bias } = lens[layer]!;
  return x.map((value, i) => value + dot(weight[i]!, x) + bias[i]!);
}

/** Solves (I + weight) x = x' − bias by elimination with pivots. */
function outOfLens({ lens }: Sae64, lensed: number[], layer: number): number[] {
  if (!lens) return lensed;
  const { weight, bias } = lens[layer]!;
  const n = lensed.length;
  const m = weight.map((row, i) => [...row.map((value, j) => value + (i === j ? 1 : 0)), lensed[i]! - bias[i]!]);
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(m[r]![c]!) > Math.abs(m[pivot]![c]!)) pivot = r;
    [m[c], m[pivot]] = [m[pivot]!, m[c]!];
    for (let r = 0; r < n; r++) {
      if (r === c) continue;
      const factor = m[r]![c]! / m[c]![c]!;
      for (let j = c; j <= n; j++) m[r]![j]! -= factor * m[c]![j]!;
    }
  }
  return m.map((row, i) => row[n]! / row[i]!);
}
