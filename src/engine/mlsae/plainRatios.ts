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
  for (let latent = 0; latent < nLatents; latent++) {
    const p = layers.map((_, l) => shares[l * nLatents + latent]! / nTokens);
    withinLatent += spreadOf(layers, p) / nLatents;
    p.forEach((share, l) => (whole[l]! += share / nLatents));
  }
  const total = spreadOf(layers, whole);
  return {
    tokenOverLatent: withinLatent > 0 ? spread / (nTokens * nLatents) / withinLatent : NaN,
    latentOverTotal: total > 0 ? withinLatent / total : NaN,
  };
}

/** Σℓ²p − (Σℓp)²; a variance where p sums to 1. */
function spreadOf(layers: number[], p: ArrayLike<number>): number {
  let [first, second] = [0, 0];
  layers.forEach((layer, l) => {
    first += layer * p[l]!;
    second += layer * layer * p[l]!;
  });
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
  const each = (token: number, visit: (latent: number, value: number, l: number) => void): void => {
    for (let l = 0; l < layers.length; l++) {
      const start = (l * nTokens + token) * k;
      for (let i = start; i < start + k; i++) if (values[i]! > 0) visit(indices[i]!, values[i]!, l);
    }
  };
  let spread = 0;
  for (let token = 0; token < nTokens; token++) {
    each(token, (latent, value) => (total[latent]! += value));
    each(token, (latent, value, l) => (mean[latent]! += (value / total[latent]!) * layers[l]!));
    each(token, (latent, value, l) => {
      const share = value / total[latent]!;
      shares[l * nLatents + latent]! += share;
      spread += share * (layers[l]! - mean[latent]!) ** 2;
    });
    each(token, (latent) => (total[latent] = mean[latent] = 0));
  }
  return { shares, spread };
}
