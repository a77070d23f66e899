/** Sizes of the three matrices side by side. Pure: CSS pixels. */

export interface MatrixLayout {
  cell: number;
  /** Side of a matrix. */
  side: number;
  /** From one matrix to the next. */
  pitch: number;
  left: number;
  top: number;
  /** The scale stands at the right of the matrices, else below. */
  legendBeside: boolean;
  width: number;
  height: number;
  /** What the legend takes from the room of the matrices. */
  legend: { right: number; bottom: number };
  /** Every how many rows and columns have a label. */
  every: number;
}

export const LEGEND_WIDTH = 104;
const LEFT = 36;
const TOP = 44;
const BOTTOM = 24;
const BETWEEN = { wide: 36, narrow: 16 };
const LEGEND_GAP = 24;
const CELL = { largest: 20, smallest: 4, comfortable: 10 };
/** Room that `H10` needs. */
const LABEL = 20;
const LEGEND_BELOW = 56;
/** With layers to choose and three baselines. */
const LEGEND_HEIGHT = 220;

/** The matrices scroll where they are higher. */
const MOST_SIDE = 440;

/** `zoomed`: side of a cell that was chosen; else the largest that fits. */
export function layoutMatrices(room: number, nHeads: number, zoomed?: number): MatrixLayout {
  const fit = (rest: number, between: number): number =>
    Math.min(CELL.largest, Math.floor((room - LEFT - 2 * between - rest) / 3 / Math.max(1, nHeads)));
  const beside = fit(LEGEND_GAP + LEGEND_WIDTH, BETWEEN.wide);
  const legendBeside = beside >= CELL.comfortable;
  const between = legendBeside ? BETWEEN.wide : BETWEEN.narrow;
  const cell = zoomed ?? (legendBeside ? beside : Math.max(CELL.smallest, fit(12, between)));
  const side = cell * nHeads;
  const height = TOP + Math.min(side, zoomed ? MOST_SIDE : Infinity) + BOTTOM;
  return {
    cell,
    side,
    pitch: side + between,
    left: LEFT,
    top: TOP,
    legendBeside,
    width: LEFT + 3 * side + 2 * between + 12,
    height: legendBeside ? Math.max(LEGEND_HEIGHT, height) : height + LEGEND_BELOW,
    legend: legendBeside ? { right: LEGEND_WIDTH + LEGEND_GAP / 2, bottom: 0 } : { right: 0, bottom: LEGEND_BELOW },
    every: Math.ceil(LABEL / cell),
  };
}
