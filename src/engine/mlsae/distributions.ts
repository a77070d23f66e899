/**
 * Over which layers a latent is active (Lawson et al. 2024): P(ℓ | j) is the share of layer ℓ in the sum of the latent's
 * activations. L is the layer number.
 *
 * The variance ratios E[Var(L | j, token)] / E[Var(L | j)] and E[Var(L | j)] / Var(L) are those of one joint distribution,
 * P(ℓ, token, j) ∝ activation, so an expectation weights a latent (or a latent on a token) by its activations. By the law of
 * total variance both then lie between 0 and 1, and all that they need adds up over a corpus. The paper's code weights
 * otherwise (`plainRatios.ts`); both are given.
 */
import type { ActiveLatents, Encoding, VarianceRatios } from '../../protocol/latents/encoding';

/** What is active where: an `Encoding`, or a part of a corpus. */
export type Codes = Pick<Encoding, 'nTokens' | 'layers' | 'k' | 'indices' | 'values'>;

/** Sums over tokens. */
export interface LayerTotals {
  layers: number[];
  nLatents: number;
  /** Tokens on which a latent is active. `[layer, latent]` */
  counts: Float64Array;
  /** Σ activations. `[layer, latent]` */
  totals: Float64Array;
  /** Σ over (token, latent) of Σ_ℓ activation × Var(L | j, token). */
  withinToken: number;
}

export const noTotals = (layers: number[], nLatents: number): LayerTotals => ({
  layers,
  nLatents,
  counts: new Float64Array(layers.length * nLatents),
  totals: new Float64Array(layers.length * nLatents),
  withinToken: 0,
});

/** Adds what is active in some tokens. */
export function addCodes(sums: LayerTotals, codes: Codes): void {
  const { counts, totals, nLatents } = sums;
  const { k, nTokens, layers, indices, values } = codes;
  for (let layer = 0, i = 0; layer < layers.length; layer++) {
    for (const end = i + nTokens * k; i < end; i++) {
      if (!(values[i]! > 0)) continue;
      const at = layer * nLatents + indices[i]!;
      counts[at]! += 1;
      totals[at]! += values[i]!;
    }
  }
  eachTokenLatent(codes, nLatents, (_latent, _token, total, first, second) => {
    sums.withinToken += spread(total, first, second);
  });
}

/** total × variance of L, from Σ a, Σ a ℓ and Σ a ℓ². */
const spread = (total: number, first: number, second: number): number => Math.max(0, second - (first * first) / total);

/** Calls back for every token and every latent that is active on it, with Σ a, Σ a ℓ and Σ a ℓ² over layers. */
function eachTokenLatent(
  { nTokens, layers, k, indices, values }: Codes,
  nLatents: number,
  visit: (latent: number, token: number, total: number, first: number, second: number) => void,
): void {
  const sums = new Float64Array(3 * nLatents);
  const touched = new Int32Array(layers.length * k);
  for (let token = 0; token < nTokens; token++) {
    let n = 0;
    for (let l = 0; l < layers.length; l++) {
      const layer = layers[l]!;
      const start = (l * nTokens + token) * k;
      for (let i = start; i < start + k; i++) {
        const value = values[i]!;
        if (!(value > 0)) continue;
        const latent = indices[i]!;
        const at = 3 * latent;
        if (sums[at] === 0) touched[n++] = latent;
        sums[at]! += value;
        sums[at + 1]! += value * layer;
        sums[at + 2]! += value * layer * layer;
      }
    }
    for (let i = 0; i < n; i++) {
      const at = 3 * touched[i]!;
      visit(touched[i]!, token, sums[at]!, sums[at + 1]!, sums[at + 2]!);
      sums[at] = sums[at + 1] = sums[at + 2] = 0;
    }
  }
}

/** Mean and variance of the layer number under P(ℓ | j), from totals `[layer, latent]`; NaN for a latent never active. `[latent]` */
export function layerMoments({ layers, nLatents, totals }: Pick<LayerTotals, 'layers' | 'nLatents' | 'totals'>): {
  total: Float64Array;
  mean: Float64Array;
  variance: Float64Array;
} {
  const total = new Float64Array(nLatents);
  const mean = new Float64Array(nLatents);
  const variance = new Float64Array(nLatents);
  const each = (visit: (latent: number, weight: number, layer: number) => void): void =>
    layers.forEach((layer, l) => {
      for (let latent = 0; latent < nLatents; latent++) visit(latent, totals[l * nLatents + latent]!, layer);
    });
  each((latent, weight, layer) => {
    total[latent]! += weight;
    mean[latent]! += weight * layer;
  });
  for (let latent = 0; latent < nLatents; latent++) mean[latent]! /= total[latent]!;
  each((latent, weight, layer) => (variance[latent]! += weight * (layer - mean[latent]!) ** 2));
  for (let latent = 0; latent < nLatents; latent++) variance[latent]! /= total[latent]!;
  return { total, mean, variance };
}

/** The two ratios (see above), of a text or a corpus. NaN where a denominator is 0. */
export function varianceRatios(sums: Omit<LayerTotals, 'counts'>): Omit<VarianceRatios, 'plain'> {
  const { layers, nLatents, totals, withinToken } = sums;
  const { total, variance } = layerMoments(sums);
  let all = 0;
  let withinLatent = 0;
  for (let latent = 0; latent < nLatents; latent++) {
    if (!(total[latent]! > 0)) continue;
    all += total[latent]!;
    withinLatent += total[latent]! * variance[latent]!;
  }
  // all latents as one
  const byLayer = Float64Array.from(layers, (_, l) => {
    let sum = 0;
    for (let i = l * nLatents; i < (l + 1) * nLatents; i++) sum += totals[i]!;
    return sum;
  });
  const whole = layerMoments({ layers, nLatents: 1, totals: byLayer }).variance[0]!;
  return {
    tokenOverLatent: withinLatent > 0 ? withinToken / withinLatent : NaN,
    latentOverTotal: whole > 0 ? withinLatent / all / whole : NaN,
  };
}

/** The latents that are active somewhere in a text, by largest activation. */
export function activeLatents(codes: Codes, sums: LayerTotals): ActiveLatents {
  const { layers, nTokens, k, indices, values } = codes;
  const { nLatents, totals } = sums;
  const max = new Float32Array(nLatents);
  const at = new Int32Array(nLatents);
  for (let i = 0; i < values.length; i++) {
    const latent = indices[i]!;
    if (values[i]! > max[latent]!) {
      max[latent] = values[i]!;
      at[latent] = i;
    }
  }
  const tokens = new Int32Array(nLatents);
  eachTokenLatent(codes, nLatents, (latent) => (tokens[latent]! += 1));
  const active = at.map((_, latent) => latent).filter((latent) => max[latent]! > 0);
  active.sort((a, b) => max[b]! - max[a]! || a - b);
  const { total, mean, variance } = layerMoments(sums);
  const byLayer = new Float64Array(active.length * layers.length);
  active.forEach((latent, i) =>
    layers.forEach((_, l) => (byLayer[i * layers.length + l] = totals[l * nLatents + latent]!)),
  );
  const pick = <T extends Float32Array | Float64Array | Int32Array>(from: T, into: T): T => {
    active.forEach((latent, i) => (into[i] = from[latent]!));
    return into;
  };
  const n = active.length;
  const row = (latent: number): number => Math.floor(at[latent]! / k);
  const layerVar = pick(variance, new Float64Array(n));
  return {
    latent: active,
    max: pick(max, new Float32Array(n)),
    maxToken: active.map((latent) => row(latent) % nTokens),
    maxLayer: active.map((latent) => Math.floor(row(latent) / nTokens)),
    total: pick(total, new Float64Array(n)),
    nTokens: pick(tokens, new Int32Array(n)),
    byLayer,
    layerMean: pick(mean, new Float64Array(n)),
    layerVar,
    layerStd: layerVar.map(Math.sqrt),
  };
}
