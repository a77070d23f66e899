/** Sizes of the layer × token map. Pure: CSS pixels. */

export interface TokenMapLayout {
  nLayers: number;
  nTokens: number;
  /** Of a cell. */
  width: number;
  height: number;
  /** Left upper corner of the cells: row 0 is the last layer. */
  left: number;
  top: number;
  /** Height with the labels beneath. */
  bottom: number;
  /** From the left edge to the end of the last cell. */
  whole: number;
  /** Every so many layers have a name. */
  every: number;
}

export const LABELS = 60;
/** Least distance of two upright labels. */
export const LABEL_PITCH = 10;
const GUTTER = 28;
const TOP = 4;
/** The drawing of `ui/` has cells of 10; wide ones only where there is room to spare. */
const CELL = { least: 4, most: 14 };
const ROWS = { most: 20, least: 4, together: 192 };
const NAME = 14;

export function layoutTokenMap(room: number, nLayers: number, nTokens: number): TokenMapLayout {
  const fitting = Math.floor((room - GUTTER - 2) / Math.max(1, nTokens));
  const width = Math.max(CELL.least, Math.min(CELL.most, fitting));
  const height = Math.max(ROWS.least, Math.min(ROWS.most, Math.floor(ROWS.together / nLayers)));
  return {
    nLayers,
    nTokens,
    width,
    height,
    left: GUTTER,
    top: TOP,
    bottom: TOP + nLayers * height + 4 + LABELS,
    whole: GUTTER + nTokens * width + 2,
    every: Math.ceil(NAME / height),
  };
}

export interface MapCell {
  /** Index into the encoding's layers. */
  layer: number;
  token: number;
}

export const cellX = ({ left, width }: TokenMapLayout, token: number): number => left + token * width;
export const cellY = ({ top, height, nLayers }: TokenMapLayout, layer: number): number =>
  top + (nLayers - 1 - layer) * height;

/** `x` from the left edge of the whole map. */
export function cellAt(layout: TokenMapLayout, x: number, y: number): MapCell | undefined {
  const token = Math.floor((x - layout.left) / layout.width);
  const layer = layout.nLayers - 1 - Math.floor((y - layout.top) / layout.height);
  const inside = token >= 0 && token < layout.nTokens && layer >= 0 && layer < layout.nLayers;
  return inside ? { layer, token } : undefined;
}

/**
 * Tokens that carry a label: `first` (locked, pointed at) before all, then by value; none closer to another than labels
 * can be read. Values of 0 have none.
 */
export function labelled(layout: TokenMapLayout, values: ArrayLike<number>, first: readonly number[]): number[] {
  const gap = Math.ceil(LABEL_PITCH / layout.width);
  const order = Array.from({ length: values.length }, (_, token) => token)
    .filter((token) => values[token]! > 0 && !first.includes(token))
    .sort((a, b) => values[b]! - values[a]! || a - b);
  const taken = new Uint8Array(values.length);
  const kept: number[] = [];
  for (const token of [...first, ...order]) {
    if (token >= values.length || taken[token]) continue;
    kept.push(token);
    taken.fill(1, Math.max(0, token - gap + 1), token + gap);
  }
  return kept;
}
