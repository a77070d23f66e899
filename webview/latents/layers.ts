/** The paper's large picture: P(layer | latent) of every latent that is active, sorted by layer mean. Touches no DOM. */
import type { CorpusSummary } from '../../src/protocol/latents/corpus';
import type { Encoding } from '../../src/protocol/latents/encoding';
import { layoutTokenMap } from './tokenMapLayout';

export interface LayerShares {
  layers: number[];
  /** Early layers first. */
  latents: Int32Array;
  /** Of the layer numbers. `[latents]` */
  mean: Float64Array;
  /** Of every latent a part of 1. `[latents, layers]` */
  shares: Float32Array;
}

/** `total(at, layer)`: Σ activations of candidate `at`. */
function collect(
  layers: number[],
  candidates: { latent: number; mean: number; at: number }[],
  total: (at: number, layer: number) => number,
): LayerShares {
  candidates.sort((a, b) => a.mean - b.mean || a.latent - b.latent);
  const shares = new Float32Array(candidates.length * layers.length);
  candidates.forEach(({ at }, i) => {
    let sum = 0;
    for (let layer = 0; layer < layers.length; layer++) sum += total(at, layer);
    for (let layer = 0; layer < layers.length; layer++) shares[i * layers.length + layer] = total(at, layer) / sum;
  });
  return {
    layers,
    latents: Int32Array.from(candidates, ({ latent }) => latent),
    mean: Float64Array.from(candidates, ({ mean }) => mean),
    shares,
  };
}

export function textShares({ active, layers }: Encoding): LayerShares {
  const candidates = Array.from(active.latent, (latent, at) => ({ latent, mean: active.layerMean[at]!, at }));
  return collect(layers, candidates, (at, layer) => active.byLayer[at * layers.length + layer]!);
}

export function corpusShares({ layers, nLatents, totals, layerMean }: CorpusSummary): LayerShares {
  const candidates = Array.from(layerMean, (mean, latent) => ({ latent, mean, at: latent }));
  const active = candidates.filter(({ mean }) => !Number.isNaN(mean));
  return collect(layers, active, (at, layer) => totals[layer * nLatents + at]!);
}

export interface LayersLayout {
  count: number;
  nLayers: number;
  /** Columns of whole pixels: one a latent, or as many as there are pixels, each for several latents. */
  columns: number;
  /** Pixels of a column. */
  cell: number;
  left: number;
  top: number;
  /** Of a layer. */
  height: number;
  /** Pixels of the picture. */
  width: number;
  bottom: number;
  every: number;
}

const GUTTER = 28;
const TOP = 4;
/** Lock's label and caption. */
const FOOT = 38;
const NAME = 14;
const WIDEST_CELL = 14;

/** As high as the layer × token map, so that changing the picture moves nothing. */
export function layoutLayers(room: number, count: number, nLayers: number): LayersLayout {
  const { bottom } = layoutTokenMap(room, nLayers, 1);
  const space = Math.max(1, room - GUTTER - 8);
  const columns = Math.min(space, count);
  const cell = Math.max(1, Math.min(WIDEST_CELL, Math.floor(space / Math.max(1, columns))));
  const height = Math.floor((bottom - TOP - FOOT) / nLayers);
  return {
    count,
    nLayers,
    columns,
    cell,
    left: GUTTER,
    top: TOP,
    height,
    width: columns * cell,
    bottom,
    every: Math.ceil(NAME / height),
  };
}

/** Column of the latent at a place in the order. */
const columnOf = ({ columns, count }: LayersLayout, place: number): number => Math.floor((place * columns) / count);

/** Left edge of the latent at a place in the order. */
export const latentX = (layout: LayersLayout, place: number): number =>
  layout.left + columnOf(layout, place) * layout.cell;

/** Place in the order of what is at `x`: of the latents of one column the first. */
export function placeAt({ left, cell, columns, count, width }: LayersLayout, x: number): number | undefined {
  if (x < left || x >= left + width) return undefined;
  return Math.ceil((Math.floor((x - left) / cell) * count) / columns);
}

/** Means of the shares of the latents of each column. Row 0 is the last layer. `[layer, column]` */
export function columnShares({ shares, layers }: LayerShares, layout: LayersLayout): Float32Array {
  const { columns, count } = layout;
  const nLayers = layers.length;
  const image = new Float32Array(columns * nLayers);
  const sizes = new Int32Array(columns);
  for (let place = 0; place < count; place++) {
    const column = columnOf(layout, place);
    sizes[column]!++;
    for (let layer = 0; layer < nLayers; layer++)
      image[(nLayers - 1 - layer) * columns + column]! += shares[place * nLayers + layer]!;
  }
  return image.map((sum, i) => sum / sizes[i % columns]!);
}
