/** Sizes of the grid of heads. Pure: CSS pixels. */

export interface GridLayout {
  /** Side of a thumbnail. */
  box: number;
  /** From one thumbnail to the next. */
  stepX: number;
  stepY: number;
  /** Space for the names of layers and heads, when they stand at the edges. */
  left: number;
  top: number;
  width: number;
  height: number;
  names: 'inside' | 'beneath' | 'edges';
}

export interface GridInput {
  /** Room for the grid. */
  width: number;
  nLayers: number;
  nHeads: number;
  /** Cells along a thumbnail. */
  size: number;
  dpr: number;
  /** The grid stands at the left of the heatmap. */
  aside: boolean;
  /** The panel is under 560 px. */
  compact: boolean;
}

const GAP = 4;
const LARGE = 84;
const SMALL = 42;
const SMALLEST = 16;
/** Room that a name such as `L1H5` needs inside the empty triangle, and beneath. */
const NAME_INSIDE = 60;
const NAME_BENEATH = 42;
const NAME_LINE = 16;
const EDGE = { left: 28, top: 20 };
/** Cells of a whole number of pixels are worth this much of the side. */
const WHOLE_FROM = 0.65;

/** Whole device pixels a cell if that is not much smaller, else the whole side. */
function wholeCells(side: number, size: number, dpr: number): number {
  const whole = (Math.floor((side * dpr) / size) * size) / dpr;
  return whole >= WHOLE_FROM * side ? whole : Math.floor(side * dpr) / dpr;
}

export function layoutGrid({ width, nLayers, nHeads, size, dpr, aside, compact }: GridInput): GridLayout {
  const largest = compact ? SMALL : LARGE;
  const share = (room: number): number => Math.floor((room + GAP) / nHeads) - GAP;
  const fits = share(width);
  const edges = aside || Math.min(fits, largest) < (compact ? NAME_BENEATH - GAP : NAME_INSIDE);
  const side = edges ? Math.min(largest, share(width - EDGE.left)) : Math.min(fits, largest);
  const box = wholeCells(Math.max(SMALLEST, side), size, dpr);
  const names = edges ? 'edges' : compact ? 'beneath' : 'inside';
  const left = edges ? EDGE.left : 0;
  const top = edges ? EDGE.top : 0;
  const spread = names === 'beneath' && nHeads > 1 ? Math.floor((width - box) / (nHeads - 1)) : box + GAP;
  const stepX = Math.min(spread, box + 24);
  const stepY = names === 'beneath' ? box + NAME_LINE + 8 : box + GAP;
  return {
    box,
    stepX,
    stepY,
    left,
    top,
    width: left + (nHeads - 1) * stepX + box,
    height: top + nLayers * stepY - (names === 'beneath' ? 8 : GAP),
    names,
  };
}
