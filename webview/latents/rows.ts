/** The rows of the latent list: what is in it, in which order. Touches no DOM. */
import { type Encoding, latentsAt } from '../../src/protocol/latents/encoding';
import type { LatentNames } from '../../src/protocol/latents/names';
import { surprise } from '../../src/protocol/latents/surprise';
import type { Entries } from './entries';

export type Sort = 'activation' | 'layerMean' | 'surprise';

export interface Row {
  latent: number;
  /** Largest activation on the token, or in the text; 0 if it is not active there. */
  value: number;
  /** Σ activations by layer, in the whole text. `[layer]` */
  byLayer: ArrayLike<number>;
  /** Of the layer numbers; NaN if it is not active. */
  layerMean: number;
  /** Bits, against the corpus; NaN while there is none. */
  surprise: number;
}

export interface RowsInput {
  encoding: Encoding;
  entries: Entries;
  /** Only what is active on it. */
  token?: number;
  /** Mean activation by latent in a corpus. */
  rates?: Float64Array;
  sort: Sort;
  /** A number, with or without `#`, or part of a name. */
  search: string;
  names: LatentNames;
}

const KEYS: Record<Sort, (row: Row) => number> = {
  activation: ({ value }) => -value,
  layerMean: ({ layerMean }) => layerMean,
  surprise: (row) => -row.surprise,
};

/** A search is over the whole text, and finds by its number also a latent that is not active in it. */
export function latentRows({ encoding, entries, token, rates, sort, search, names }: RowsInput): Row[] {
  const { active, layers, nTokens, nLatents } = encoding;
  const nLayers = layers.length;
  const wanted = search.trim().toLowerCase().replace(/^#/, '');
  const here = (mean: number, latent: number): number => (rates ? surprise(mean, rates[latent] ?? 0) : NaN);
  const row = (place: number, value: number, mean: number): Row => ({
    latent: active.latent[place]!,
    value,
    byLayer: active.byLayer.subarray(place * nLayers, (place + 1) * nLayers),
    layerMean: active.layerMean[place]!,
    surprise: here(mean, active.latent[place]!),
  });
  const inText = (): Row[] =>
    Array.from(active.latent, (_, place) => row(place, active.max[place]!, active.total[place]! / nTokens));
  const onToken = (at: number): Row[] =>
    latentsAt(encoding, at).map(({ latent, max, byLayer }) =>
      row(
        entries.place.get(latent)!,
        max,
        byLayer.reduce((sum, value) => sum + value, 0),
      ),
    );
  const matches = ({ latent }: Row): boolean =>
    String(latent).startsWith(wanted) || (names[latent]?.name.toLowerCase().includes(wanted) ?? false);
  const all = wanted === '' && token !== undefined ? onToken(token) : inText();
  const rows = wanted === '' ? all : all.filter(matches);
  const key = KEYS[sort];
  rows.sort((a, b) => key(a) - key(b) || b.value - a.value || a.latent - b.latent);
  return [...rows, ...inactive(rows, wanted, names, nLatents, nLayers)];
}

/** Latents that a search means and the text does not have: that number, or that name. */
function inactive(rows: Row[], wanted: string, names: LatentNames, nLatents: number, nLayers: number): Row[] {
  if (wanted === '') return [];
  const listed = new Set(rows.map(({ latent }) => latent));
  const named = Object.keys(names).filter((latent) => names[latent]!.name.toLowerCase().includes(wanted));
  const numbers = new Set([...(/^\d+$/.test(wanted) ? [wanted] : []), ...named].map(Number));
  const byLayer = new Float64Array(nLayers);
  return [...numbers]
    .filter((latent) => latent < nLatents && !listed.has(latent))
    .map((latent) => ({ latent, value: 0, byLayer, layerMean: NaN, surprise: NaN }));
}
