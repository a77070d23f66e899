import type { OfSae } from '../latents';

export interface EncodeParams extends OfSae {
  ids: number[];
}

/** One layer on one text (DESIGN, Definitions; Lawson et al. 2024, section 3). */
export interface LayerStats {
  layer: number;
  /** MSE / Var(x), unbiased over positions and features together. */
  fvu: number;
  mse: number;
  /** Mean number of active latents of a token. */
  l0: number;
  /** Mean sum of activations of a token. */
  l1: number;
  /** Of the activations > 0, in `bins` equal bins from 0 to `max` of the encoding. */
  histogram: Uint32Array;
}

/** E[Var(L | j, token)] / E[Var(L | j)] and E[Var(L | j)] / Var(L); NaN where undefined (one layer, nothing active). */
export interface VarianceRatios {
  tokenOverLatent: number;
  latentOverTotal: number;
  /** As the paper's code takes them (`engine/mlsae/plainRatios.ts`); over a corpus the mean over texts. */
  plain: { tokenOverLatent: number; latentOverTotal: number };
}

/** Mean cosine similarity of the residuals of neighbouring layers. `[layers.length − 1]` */
export interface AdjacentSimilarity {
  plain: Float64Array;
  /** After the mean over all positions of each layer is taken away. */
  centred: Float64Array;
}

/** Latents that are active somewhere in the text, by largest activation; struct of arrays, one entry a latent. */
export interface ActiveLatents {
  latent: Int32Array;
  max: Float32Array;
  /** Where the largest activation is: token, and index into `layers`. */
  maxToken: Int32Array;
  maxLayer: Int32Array;
  /** Sum of activations. */
  total: Float64Array;
  /** Tokens on which it is active in some layer. */
  nTokens: Int32Array;
  /** Σ activations by layer: P(ℓ | j) is this over `total`. `[latent, layer]` */
  byLayer: Float64Array;
  /** Of the layer numbers under P(ℓ | j). */
  layerMean: Float64Array;
  layerVar: Float64Array;
  layerStd: Float64Array;
}

/** A text as the autoencoder sees it. */
export interface Encoding {
  nTokens: number;
  nLatents: number;
  /** The layers of the rows below. */
  layers: number[];
  /** Entries kept of every (layer, token): k of TopK; else the largest number that is active, at most 256. */
  k: number;
  /** Largest activation first; an entry whose value is 0 is not active. `[layer, token, k]` */
  indices: Int32Array;
  values: Float32Array;
  /** Largest activation. */
  max: number;
  bins: number;
  perLayer: LayerStats[];
  adjacent: AdjacentSimilarity;
  varianceRatios: VarianceRatios;
  active: ActiveLatents;
  runMs: number;
  notices: string[];
}

export interface LatentActivation {
  latent: number;
  value: number;
}

/** Activations of one latent. `[layer, token]` */
export function latentMap({ indices, values, k, layers, nTokens }: Encoding, latent: number): Float32Array {
  const map = new Float32Array(layers.length * nTokens);
  for (let i = 0; i < indices.length; i++) if (indices[i] === latent) map[Math.floor(i / k)] ||= values[i]!;
  return map;
}

/** Of every token the largest activation of a latent over the layers. `[token]` */
export function tokenMax(map: Float32Array, nTokens: number): Float32Array {
  const max = new Float32Array(nTokens);
  map.forEach((value, i) => (max[i % nTokens] = Math.max(max[i % nTokens]!, value)));
  return max;
}

/** What is active on one token: for each latent its activation by layer, strongest first. */
export function latentsAt(
  { indices, values, k, layers, nTokens }: Encoding,
  token: number,
): { latent: number; max: number; byLayer: Float32Array }[] {
  const found = new Map<number, Float32Array>();
  layers.forEach((_, layer) => {
    for (let i = (layer * nTokens + token) * k; i < (layer * nTokens + token + 1) * k; i++) {
      if (!(values[i]! > 0)) continue;
      let byLayer = found.get(indices[i]!);
      if (!byLayer) found.set(indices[i]!, (byLayer = new Float32Array(layers.length)));
      byLayer[layer] = values[i]!;
    }
  });
  return [...found]
    .map(([latent, byLayer]) => ({ latent, byLayer, max: Math.max(...byLayer) }))
    .sort((a, b) => b.max - a.max || a.latent - b.latent);
}
