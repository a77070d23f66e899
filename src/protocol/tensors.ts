/** Host ↔ engine: the tensors of a `.safetensors` file, read in place. Nothing of them is kept open between requests. */

export interface TensorRequests {
  /** Reads the header and nothing else. */
  tensorFile: [{ path: string }, TensorFile];
  /** Statistics of one tensor; progress comes with the request's progress token. */
  tensorSummary: [TensorSummaryParams, TensorSummary];
  /** A part of one tensor as a picture. */
  tensorHeatmap: [TensorHeatmapParams, TensorHeatmap];
}

export interface TensorEntry {
  name: string;
  /** As the file writes it, also one that nobody knows. */
  dtype: string;
  shape: number[];
  bytes: number;
  /** First byte in the file. */
  offset: number;
}

export interface TensorFile {
  /** In the order of the header. */
  tensors: TensorEntry[];
  metadata: Record<string, string>;
  /** Of the file, with its header. */
  fileBytes: number;
  /** Length field and header. */
  headerBytes: number;
  /** A `config.json` lies beside it: the folder may be a checkpoint. */
  hasConfig: boolean;
  /** Names of the files of a sharded checkpoint that this file is one of; otherwise empty. */
  shards: string[];
}

export interface TensorSummaryParams {
  path: string;
  name: string;
  /** Every value; otherwise a sample of a tensor that is too large to be read at once. */
  all: boolean;
}

/** Of the finite values, unless it says otherwise; NaN where there are none. */
export interface TensorSummary {
  /** Values of the tensor. */
  count: number;
  /** Of them read; fewer than `count`: evenly spaced pieces, a sample. */
  read: number;
  min: number;
  max: number;
  mean: number;
  /** Of the values as they are, divided by their number. */
  std: number;
  zeros: number;
  nan: number;
  /** Plus or minus infinity. */
  infinite: number;
  /** Some are integers beyond ±2^53, which are shown to the nearest float64. */
  rounded: boolean;
  histogram: Histogram;
}

export interface Histogram {
  /** Bins of one width from `from` to `to`; none without a finite value. */
  counts: Float64Array;
  from: number;
  to: number;
}

/** A part of a matrix: first row and column, and how many. */
export interface TensorWindow {
  row: number;
  rows: number;
  column: number;
  columns: number;
}

/** What stands for a block of values: its first one, or their mean (which reads all of them). */
export type BlockValue = 'first' | 'mean';

export interface TensorHeatmapParams {
  path: string;
  name: string;
  /** One index for each dimension before the last two. */
  index: number[];
  /** Default: all of it. */
  window?: TensorWindow;
  blocks: BlockValue;
}

/** Rows and columns are the last two dimensions; a vector is one row. */
export interface TensorHeatmap {
  window: TensorWindow;
  /** Rows and columns of the whole matrix. */
  whole: { rows: number; columns: number };
  /** Of the grid. */
  rows: number;
  columns: number;
  /** Values of a block; cell (i, j) begins at row `window.row + i · rowStep`, column `window.column + j · columnStep`. */
  rowStep: number;
  columnStep: number;
  /** `[rows, columns]`; a mean is NaN or infinite where a value of its block is. */
  values: Float64Array;
}
