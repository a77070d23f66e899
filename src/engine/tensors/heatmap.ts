/** A part of a tensor as a grid of at most 512 × 512 values. */
import * as l10n from '@vscode/l10n';
import type { TensorHeatmap, TensorHeatmapParams, TensorWindow } from '../../protocol/tensors';
import { InputError, shown } from '../checkpoint/errors';
import type { Steps } from '../runtime/types';
import { type OpenTensor, withTensor } from './file';

/** Rows and columns of a grid. */
export const MOST = 512;
/** A row whose part is longer than this is read value by value. */
export const ROW_BYTES = 1 << 20;
/** Values that are read one by one. */
const SINGLE_READS = 16_384;
/** Values of one read, where a block's are all read. */
const PIECE = 1 << 20;

export const tensorHeatmap = (params: TensorHeatmapParams, steps: Steps): Promise<TensorHeatmap> =>
  withTensor(params.path, params.name, async (tensor) => {
    const matrix = matrixOf(tensor, params.index);
    const window = checkWindow(matrix, params);
    const long = window.columns * tensor.elementBytes > ROW_BYTES;
    const rowStep = Math.max(1, Math.ceil(window.rows / MOST));
    const rows = Math.ceil(window.rows / rowStep);
    const single = long && params.blocks === 'first';
    const most = single ? Math.max(1, Math.min(MOST, Math.floor(SINGLE_READS / rows))) : MOST;
    const columnStep = Math.max(1, Math.ceil(window.columns / most));
    const columns = Math.ceil(window.columns / columnStep);
    const grid: Grid = { tensor, matrix, window, rows, columns, rowStep, columnStep };
    const read = params.blocks === 'mean' ? means : single ? singles : firsts;
    const values = rows * columns === 0 ? new Float64Array() : await read(grid, steps);
    return {
      window,
      whole: { rows: matrix.rows, columns: matrix.columns },
      rows,
      columns,
      rowStep,
      columnStep,
      values,
    };
  });

interface Matrix {
  rows: number;
  columns: number;
  /** Of its first value among those of the tensor. */
  start: number;
}

interface Grid extends Pick<TensorHeatmap, 'window' | 'rows' | 'columns' | 'rowStep' | 'columnStep'> {
  tensor: OpenTensor;
  matrix: Matrix;
}

/** The matrix of the last two dimensions at an index of those before; a vector is one row. */
function matrixOf({ name, shape }: OpenTensor, index: readonly number[]): Matrix {
  const leading = shape.slice(0, -2);
  const [rows = 1, columns = 1] = shape.length === 1 ? [1, shape[0]] : shape.slice(-2);
  const fits = index.length === leading.length && leading.every((size, i) => inRange(index[i]!, size));
  // a tensor without values has no index that fits
  if (!fits && !shape.includes(0)) {
    throw new InputError(
      l10n.t('Tensor {0} of shape {1} has no matrix at index {2}.', name, shown(shape), shown(index)),
    );
  }
  const matrices = leading.reduce((before, size, i) => before * size + (index[i] ?? 0), 0);
  return { rows, columns, start: matrices * rows * columns };
}

const inRange = (index: number, size: number): boolean => Number.isInteger(index) && index >= 0 && index < size;

function checkWindow({ rows, columns }: Matrix, { name, window }: TensorHeatmapParams): TensorWindow {
  if (!window) return { row: 0, rows, column: 0, columns };
  const fits = (from: number, count: number, size: number): boolean =>
    inRange(from, size) && Number.isInteger(count) && count >= 1 && from + count <= size;
  if (!fits(window.row, window.rows, rows) || !fits(window.column, window.columns, columns)) {
    throw new InputError(
      l10n.t('Tensor {0} has {1} × {2} values; {3} is not a part of them.', name, rows, columns, shown(window)),
    );
  }
  return window;
}

const report = (steps: Steps, row: number, rows: number): Promise<void> => steps.step(l10n.t('Heatmap'), row / rows);

/** First values of blocks: whole rows are read, of which some values are taken. */
async function firsts(grid: Grid, steps: Steps): Promise<Float64Array> {
  const { tensor, matrix, window, rows, columns, rowStep, columnStep } = grid;
  const values = new Float64Array(rows * columns);
  const each = Math.max(1, Math.floor(PIECE / window.columns / 4));
  for (let i = 0; i < rows; i++) {
    if (i % each === 0) await report(steps, i, rows);
    const row = window.row + i * rowStep;
    const read = await tensor.read(matrix.start + row * matrix.columns + window.column, window.columns);
    for (let j = 0; j < columns; j++) values[i * columns + j] = read[j * columnStep]!;
  }
  return values;
}

/** First values of blocks of very long rows, one by one. */
async function singles(grid: Grid, steps: Steps): Promise<Float64Array> {
  const { tensor, matrix, window, rows, columns, rowStep, columnStep } = grid;
  const values = new Float64Array(rows * columns);
  const each = Math.ceil(2048 / columns);
  for (let i = 0; i < rows; i++) {
    if (i % each === 0) await report(steps, i, rows);
    const start = matrix.start + (window.row + i * rowStep) * matrix.columns + window.column;
    const one = async (_: unknown, j: number): Promise<number> => (await tensor.read(start + j * columnStep, 1))[0]!;
    values.set(await Promise.all(Array.from({ length: columns }, one)), i * columns);
  }
  return values;
}

/** Means of blocks: every value of the window is read, many short rows at once, long rows in pieces. */
async function means(grid: Grid, steps: Steps): Promise<Float64Array> {
  const { tensor, matrix, window, rows, columns, rowStep, columnStep } = grid;
  const values = new Float64Array(rows * columns);
  const counts = new Float64Array(rows * columns);
  const width = Math.min(PIECE, window.columns);
  // rows that are read at once lie as far apart as the matrix is wide
  const height = matrix.columns <= PIECE ? Math.max(1, Math.floor(PIECE / matrix.columns)) : 1;
  for (let top = 0; top < window.rows; top += height) {
    const down = Math.min(height, window.rows - top);
    for (let left = 0; left < window.columns; left += width) {
      const across = Math.min(width, window.columns - left);
      await report(steps, top, window.rows);
      const start = matrix.start + (window.row + top) * matrix.columns + window.column + left;
      const read = await tensor.read(start, (down - 1) * matrix.columns + across);
      for (let row = 0; row < down; row++) {
        const into = Math.floor((top + row) / rowStep) * columns;
        for (let column = 0; column < across; column++) {
          const cell = into + Math.floor((left + column) / columnStep);
          values[cell]! += read[row * matrix.columns + column]!;
          counts[cell]!++;
        }
      }
    }
  }
  return values.map((sum, i) => sum / counts[i]!);
}
