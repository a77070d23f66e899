/** Sizes, scale and cells of the heatmap. Touches no DOM. */
import type { TensorHeatmap, TensorWindow } from '../../src/protocol/tensors';

/** CSS pixels. */
const CELL_MOST = 16;
const HEIGHT_MOST = 480;
/** A picture with few rows or columns is stretched up to this. */
const LEAST = 64;

/** Square cells where that leaves something to see. */
export function pictureSize(rows: number, columns: number, room: number): { width: number; height: number } {
  const across = Math.min(CELL_MOST, room / columns);
  const down = Math.min(CELL_MOST, HEIGHT_MOST / rows);
  const side = Math.min(across, down);
  const stretched = (count: number, most: number): number => Math.max(side * count, Math.min(LEAST, most * count));
  return { width: stretched(columns, across), height: stretched(rows, down) };
}

/** Where the scale ends: the largest size, or that which 99 % of the finite cells keep below. 1 when all are zero. */
export function endOf(values: Float64Array, which: 'most' | 'all'): number {
  const sizes = values.map(Math.abs).filter(Number.isFinite).sort();
  const largest = sizes.at(-1) ?? 0;
  const most = sizes[Math.floor(0.99 * (sizes.length - 1))] ?? 0;
  return (which === 'most' && most > 0 ? most : largest) || 1;
}

export interface GridCell {
  row: number;
  column: number;
}

/** What a cell stands for: indices of the matrix, both ends. */
export function blockOf(
  map: TensorHeatmap,
  { row, column }: GridCell,
): { rows: [number, number]; columns: [number, number] } {
  const { window, rowStep, columnStep } = map;
  const ends = (from: number, count: number, step: number, at: number): [number, number] => [
    from + at * step,
    from + Math.min(count, (at + 1) * step) - 1,
  ];
  return {
    rows: ends(window.row, window.rows, rowStep, row),
    columns: ends(window.column, window.columns, columnStep, column),
  };
}

const ZOOM = 4;
/** Rows or columns of the smallest part. */
const NEAREST = 16;

/** `size` of `whole` around `middle`. */
const around = (middle: number, size: number, whole: number): number =>
  Math.max(0, Math.min(whole - size, middle - Math.floor(size / 2)));

const resized = (map: TensorHeatmap, size: (now: number, whole: number) => number, at: GridCell): TensorWindow => {
  const { window, whole } = map;
  const block = blockOf(map, at);
  const rows = size(window.rows, whole.rows);
  const columns = size(window.columns, whole.columns);
  return {
    ...{ rows, columns },
    row: around(block.rows[0], rows, whole.rows),
    column: around(block.columns[0], columns, whole.columns),
  };
};

export const isSame = (a: TensorWindow, b: TensorWindow): boolean =>
  a.row === b.row && a.rows === b.rows && a.column === b.column && a.columns === b.columns;

export const isWhole = ({ window, whole }: Pick<TensorHeatmap, 'window' | 'whole'>): boolean =>
  window.rows === whole.rows && window.columns === whole.columns;

/** A quarter of each side around a cell. */
export const zoomedIn = (map: TensorHeatmap, at: GridCell): TensorWindow =>
  resized(map, (now) => Math.max(Math.min(now, NEAREST), Math.ceil(now / ZOOM)), at);

/** Four times each side around a cell. */
export const zoomedOut = (map: TensorHeatmap, at: GridCell): TensorWindow =>
  resized(map, (now, whole) => Math.min(whole, now * ZOOM), at);

/** Half a part to a side. */
export function moved({ window, whole }: TensorHeatmap, down: number, right: number): TensorWindow {
  const by = (from: number, count: number, size: number, direction: number): number =>
    Math.max(0, Math.min(size - count, from + direction * Math.max(1, Math.floor(count / 2))));
  return {
    ...window,
    row: by(window.row, window.rows, whole.rows, down),
    column: by(window.column, window.columns, whole.columns, right),
  };
}
