/**
 * The variance ratios as the paper's own code takes them (`mlsae/analysis/variances.py` of Lawson et al. 2024), one text a
 * batch. P(ℓ | j, token) is the share of layer ℓ in what j does on a token, all zeros where it is not active, and an
 * expectation is a plain mean over all latents and tokens, those that are not active among them. The mean over tokens then sums
 * to the fraction of tokens on which j is active, so that its “variance” Σℓ²p − (Σℓp)² keeps much of the square of the mean
 * layer: the first ratio is far smaller, and the second nearer to 1, than those of `distributions.ts`.
 */
import type { VarianceRatios } from '../../protocol/latents/encoding';
import type { Codes } from './distributions';

/** NaN where a denominator is 0. */
export function plainRatios(codes: Codes, nLatents: number): VarianceRatios['plain'] {
  const { nTokens, layers } = codes;
  // one layer has nothing to vary over
  if (layers.length < 2) return { tokenOverLatent: NaN, latentOverTotal: NaN };
  const { shares, spread } = layerShares(codes, nLatents);
  const whole = new Float64Array(layers.length);
  let withinLatent = 0;
  const p = new Float64Array(layers.length);
  for (let latent = 0; latent < nLatents; latent++) {
    for (let l = 0; l < p.length; l++) {
      p[l] = shares[l * nLatents + latent]! / nTokens;
      whole[l]! += p[l]! / nLatents;
    }
    withinLatent += spreadOf(layers, p) / nLatents;
  }
  const total = spreadOf(layers, whole);
  return {
    tokenOverLatent: withinLatent > 0 ? spread / (nTokens * nLatents) / withinLatent : NaN,
    latentOverTotal: total > 0 ? withinLatent / total : NaN,
  };
}

/** Σℓ²p − (Σℓp)²; a variance where p sums to 1. */
function spreadOf(layers: number[], p: Float64Array): number {
  let [first, second] = [0, 0];
  for (let l = 0; l < p.length; l++) {
    const layer = layers[l]!;
    first += layer * p[l]!;
    second += layer * layer * p[l]!;
  }
  return second - first * first;
}

/** Σ over tokens of P(ℓ | j, token) `[layer, latent]`, and Σ over tokens and latents of its variance. */
function layerShares(
  { nTokens, layers, k, indices, values }: Codes,
  nLatents: number,
): { shares: Float64Array; spread: number } {
  const shares = new Float64Array(layers.length * nLatents);
  const total = new Float64Array(nLatents);
  const mean = new Float64Array(nLatents);
  // what is active on one token: layer's index, latent, activation
  const ls = new Int32Array(layers.length * k);
  const latents = new Int32Array(ls.length);
  const active = new Float64Array(ls.length);
  let spread = 0;
  for (let token = 0; token < nTokens; token++) {
    let n = 0;
    for (let l = 0; l < layers.length; l++) {
      const start = (l * nTokens + token) * k;
      for (let i = start; i < start + k; i++) {
        if (!(values[i]! > 0)) continue;
        ls[n] = l;
        latents[n] = indices[i]!;
        active[n++] = values[i]!;
        total[indices[i]!]! += values[i]!;
      }
    }
    for (let i = 0; i < n; i++) {
      const latent = latents[i]!;
      active[i]! /= total[latent]!;
      mean[latent]! += active[i]! * layers[ls[i]!]!;
    }
    for (let i = 0; i < n; i++) {
      const share = active[i]!;
      const off = layers[ls[i]!]! - mean[latents[i]!]!;
      shares[ls[i]! * nLatents + latents[i]!]! += share;
      spread += share * (off * off);
    }
    for (let i = 0; i < n; i++) total[latents[i]!] = mean[latents[i]!] = 0;
  }
  return { shares, spread };
}
