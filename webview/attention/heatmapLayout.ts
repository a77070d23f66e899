/** Where the cells, labels and the readout beside the heatmap lie. Pure: no DOM, CSS pixels unless said otherwise. */

export const HEAT_TOP = 8;
export const HEAT_LEFT = 12;
/** Largest width of a label, beyond it the text is cut. */
export const LABEL_MAX = 96;
export const LABEL_GAP = 4;
/** Labels closer than this are thinned out. */
export const LABEL_HEIGHT = 12;
const EDGE_LEFT = 84;
const EDGE_TOP = 68;
const CELL_MAX = 40;
/** Cells per zoom step, in device pixels. */
const ZOOM_CELLS = [1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40];

export interface Viewport {
  /** Index of the zoom step above the fitting size; 0 fits. */
  zoom: number;
  /** First cell in view when zoomed. */
  row: number;
  column: number;
}

export interface HeatInput {
  width: number;
  height: number;
  dpr: number;
  n: number;
  causal: boolean;
  /** Width of each token's label. */
  labels: ArrayLike<number>;
  view: Viewport;
  /** Width that a zoomed map leaves to the readout at its right. */
  reserve: number;
}

export interface HeatLayout {
  n: number;
  dpr: number;
  width: number;
  height: number;
  /** Device pixels of a block of `pool` × `pool` cells; `pool` is 1 unless the matrix does not fit. */
  block: number;
  pool: number;
  /** CSS pixels of one cell: `block / pool / dpr`. */
  cell: number;
  /** Where the matrix is drawn: top left corner and the cells in view. */
  x0: number;
  y0: number;
  row: number;
  column: number;
  rows: number;
  columns: number;
  labels: 'diagonal' | 'edges';
  /** Every how many tokens a label is drawn. */
  labelStep: number;
}

const labelStepOf = (cell: number): number => Math.max(1, Math.ceil(LABEL_HEIGHT / cell));
const labelWidth = (labels: ArrayLike<number>, token: number): number => Math.min(LABEL_MAX, labels[token] ?? 0);

/** Right end of a token's label on the diagonal. */
export const labelRight = (x0: number, cell: number, token: number, labels: ArrayLike<number>): number =>
  x0 + (token + 1) * cell + LABEL_GAP + labelWidth(labels, token);

function diagonalLabelsFit(cell: number, input: HeatInput): boolean {
  const step = labelStepOf(cell);
  for (let token = 0; token < input.n; token += step) {
    if (labelRight(HEAT_LEFT, cell, token, input.labels) > input.width - 4) return false;
  }
  return true;
}

/** Largest whole number of device pixels a block may have, and how many cells must share one. */
function fittingSize(input: HeatInput, onDiagonal: boolean): { block: number; pool: number } {
  const { width, height, dpr, n } = input;
  const left = onDiagonal ? HEAT_LEFT : EDGE_LEFT;
  const top = onDiagonal ? HEAT_TOP : EDGE_TOP;
  const room = Math.max(16, Math.min(width - left - HEAT_LEFT, height - top - HEAT_TOP)) * dpr;
  let block = Math.min(Math.floor(room / n), Math.floor(CELL_MAX * dpr));
  while (block > 1 && onDiagonal && !diagonalLabelsFit(block / dpr, input)) block--;
  if (block >= 1) return { block, pool: 1 };
  return { block: 1, pool: Math.ceil(n / room) };
}

const clamp = (value: number, max: number): number => Math.max(0, Math.min(max, value));

/** Zoom steps that are larger than the fitting size, in device pixels a cell. */
function zoomCells(input: HeatInput): number[] {
  const fit = fittingSize(input, input.causal);
  return ZOOM_CELLS.map((cell) => Math.round(cell * input.dpr)).filter((cell) => fit.pool > 1 || cell > fit.block);
}

export const zoomSteps = (input: HeatInput): number => zoomCells(input).length;

export function layoutHeat(input: HeatInput): HeatLayout {
  const { width, height, dpr, n, view } = input;
  const zoomed = zoomCells(input)[view.zoom - 1];
  const onDiagonal = input.causal && zoomed === undefined;
  const { block, pool } = zoomed === undefined ? fittingSize(input, onDiagonal) : { block: zoomed, pool: 1 };
  const cell = block / pool / dpr;
  const whole = (css: number): number => Math.round(css * dpr) / dpr;
  const x0 = whole(onDiagonal ? HEAT_LEFT : EDGE_LEFT);
  const y0 = whole(onDiagonal ? HEAT_TOP : EDGE_TOP);
  const right = zoomed === undefined ? HEAT_LEFT : Math.max(HEAT_LEFT, input.reserve);
  const fitting = (room: number): number => Math.min(n, Math.max(1, Math.floor(room / cell + 1e-6)));
  const columns = zoomed === undefined ? n : fitting(width - x0 - right);
  const rows = zoomed === undefined ? n : fitting(height - y0 - HEAT_TOP);
  return {
    n,
    dpr,
    width,
    height,
    block,
    pool,
    cell,
    x0,
    y0,
    rows,
    columns,
    row: clamp(view.row, n - rows),
    column: clamp(view.column, n - columns),
    labels: onDiagonal ? 'diagonal' : 'edges',
    labelStep: labelStepOf(cell),
  };
}

export interface Cell {
  destination: number;
  source: number;
}

/** The cell at a point, if it is in view. */
export function cellAt(layout: HeatLayout, x: number, y: number): Cell | undefined {
  const column = Math.floor((x - layout.x0) / layout.cell);
  const row = Math.floor((y - layout.y0) / layout.cell);
  if (column < 0 || row < 0 || column >= layout.columns || row >= layout.rows) return undefined;
  return { destination: row + layout.row, source: column + layout.column };
}

export const columnX = (layout: HeatLayout, source: number): number =>
  layout.x0 + (source - layout.column) * layout.cell;
export const rowY = (layout: HeatLayout, destination: number): number =>
  layout.y0 + (destination - layout.row) * layout.cell;

/** Zooms by a step; the cell at the point stays under it. */
export function zoomAround(input: HeatInput, layout: HeatLayout, at: Cell, by: number): Viewport {
  const zoom = clamp(input.view.zoom + by, zoomSteps(input));
  const next = layoutHeat({ ...input, view: { zoom, row: 0, column: 0 } });
  return {
    zoom,
    row: clamp(Math.round(at.destination - (rowY(layout, at.destination) - next.y0) / next.cell), next.n - next.rows),
    column: clamp(Math.round(at.source - (columnX(layout, at.source) - next.x0) / next.cell), next.n - next.columns),
  };
}

/** Moves the view as little as needed to have a cell in it. */
export function scrollTo(layout: HeatLayout, view: Viewport, at: Cell): Viewport {
  const into = (first: number, inView: number, cell: number): number =>
    cell < first ? cell : cell >= first + inView ? cell - inView + 1 : first;
  return {
    ...view,
    row: into(layout.row, layout.rows, at.destination),
    column: into(layout.column, layout.columns, at.source),
  };
}

export interface CardPlace {
  width: number;
  /** How many sections, from the first, stand beside the map; the others go below it. */
  sections: number;
}

export const CARD_TOP = 8;
const CARD_RIGHT = 12;
const CARD_WIDTHS = [256, 224, 196];
/** Empty space between the staircase of labels and the readout. */
const CARD_CLEARANCE = 12;

/**
 * The widest readout with the most sections that ends above the label staircase.
 * `heights`: of the heading and of each section, in order.
 */
export function placeCard(layout: HeatLayout, labels: ArrayLike<number>, heights: number[]): CardPlace {
  const { width, x0, cell, n } = layout;
  const lastRow = (bottom: number): number => Math.min(n - 1, Math.floor((bottom - layout.y0) / cell));
  const clear = (bottom: number, left: number): boolean => {
    if (bottom > layout.height) return false;
    if (layout.labels === 'edges') return left > x0 + layout.columns * cell + CARD_CLEARANCE - 4;
    for (let token = 0; token <= lastRow(bottom); token++) {
      if (labelRight(x0, cell, token, labels) + CARD_CLEARANCE > left) return false;
    }
    return true;
  };
  for (let sections = heights.length - 1; sections > 0; sections--) {
    const bottom = CARD_TOP + heights.slice(0, sections + 1).reduce((a, b) => a + b, 0);
    const fitting = CARD_WIDTHS.find((card) => clear(bottom, width - CARD_RIGHT - card));
    if (fitting) return { width: fitting, sections };
  }
  return { width: 0, sections: 0 };
}

/** The corner right of the last labels, if a legend of this size fits there. */
export function legendFits(layout: HeatLayout, labels: ArrayLike<number>, width: number, height: number): boolean {
  const left = layout.width - CARD_RIGHT - width;
  if (layout.labels === 'edges') return left > layout.x0 + layout.columns * layout.cell + CARD_CLEARANCE;
  const first = Math.max(0, Math.floor((layout.height - 8 - height - layout.y0) / layout.cell) - 1);
  for (let token = first; token < layout.n; token++) {
    if (labelRight(layout.x0, layout.cell, token, labels) + CARD_CLEARANCE > left) return false;
  }
  return true;
}
