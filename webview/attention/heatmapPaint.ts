/** The heatmap's base picture: cells, outline, labels. Redrawn for another matrix, layout or theme, never for a hover. */
import type { Token } from '../../src/protocol/analysis';
import { visibleParts } from '../../src/protocol/tokens';
import { paintValues, type ThemeKind } from '../shared/colour';
import type { CanvasColours } from '../shared/theme';
import { columnX, LABEL_GAP, LABEL_MAX, type HeatLayout, rowY } from './heatmapLayout';
import type { Drawn } from './store';

/** Cells smaller than this are outlined by one line instead of a staircase. */
const STAIRCASE_FROM = 4;

/** Maximum of each `pool` × `pool` block of an `n` × `n` matrix. */
export function poolMax(values: ArrayLike<number>, n: number, pool: number): Float32Array {
  const blocks = Math.ceil(n / pool);
  const result = new Float32Array(blocks * blocks);
  for (let row = 0; row < n; row++) {
    const to = Math.floor(row / pool) * blocks;
    for (let column = 0; column < n; column++) {
      const at = to + Math.floor(column / pool);
      result[at] = Math.max(result[at] ?? 0, values[row * n + column] ?? 0);
    }
  }
  return result;
}

/** A square of values as a canvas with one pixel a value. */
export function valueImage(values: ArrayLike<number>, n: number, theme: ThemeKind, top = 1): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = n;
  const image = new ImageData(n, n);
  paintValues(values, new Uint32Array(image.data.buffer), theme, top);
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return canvas;
}

export interface HeatImages {
  /** One pixel a cell. */
  exact: HTMLCanvasElement;
  /** One pixel a block of `pool` × `pool` cells. */
  reduced(pool: number): HTMLCanvasElement;
}

export function heatImages({ matrix }: Drawn, theme: ThemeKind): HeatImages {
  const exact = valueImage(matrix.values, matrix.n, theme);
  const kept = new Map<number, HTMLCanvasElement>([[1, exact]]);
  return {
    exact,
    reduced(pool) {
      let image = kept.get(pool);
      if (!image) {
        image = valueImage(poolMax(matrix.values, matrix.n, pool), Math.ceil(matrix.n / pool), theme);
        kept.set(pool, image);
      }
      return image;
    },
  };
}

export interface BaseScene {
  layout: HeatLayout;
  causal: boolean;
  images: HeatImages;
  tokens: readonly Token[];
  colours: CanvasColours;
}

/** Draws in CSS pixels on a context that is scaled to device pixels. */
export function drawBase(context: CanvasRenderingContext2D, scene: BaseScene): void {
  drawCells(context, scene);
  if (scene.layout.labels === 'diagonal') {
    drawOutline(context, scene);
    drawDiagonalLabels(context, scene);
  } else {
    drawFrame(context, scene);
    drawEdgeLabels(context, scene);
  }
}

function drawCells(context: CanvasRenderingContext2D, { layout, images }: BaseScene): void {
  const { pool, x0, y0, row, column, rows, columns, cell, n } = layout;
  const image = images.reduced(pool);
  context.imageSmoothingEnabled = false;
  if (pool === 1) context.drawImage(image, column, row, columns, rows, x0, y0, columns * cell, rows * cell);
  else context.drawImage(image, x0, y0, Math.ceil(n / pool) * pool * cell, Math.ceil(n / pool) * pool * cell);
}

/** The causal staircase just outside the cells: the only frame the matrix has. */
function drawOutline(context: CanvasRenderingContext2D, { layout, colours }: BaseScene): void {
  const { n, cell, x0, y0 } = layout;
  const end = n * cell;
  context.save();
  context.translate(x0, y0);
  context.strokeStyle = colours.hair;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(-0.5, end + 0.5);
  context.lineTo(-0.5, -0.5);
  if (cell >= STAIRCASE_FROM) {
    for (let i = 0; i < n; i++) {
      context.lineTo((i + 1) * cell + 0.5, i * cell - 0.5);
      context.lineTo((i + 1) * cell + 0.5, (i + 1) * cell - 0.5);
    }
  }
  context.lineTo(end + 0.5, end + 0.5);
  context.closePath();
  context.stroke();
  context.restore();
}

function drawFrame(context: CanvasRenderingContext2D, { layout, colours }: BaseScene): void {
  const { x0, y0, rows, columns, cell } = layout;
  context.strokeStyle = colours.hair;
  context.strokeRect(x0 - 0.5, y0 - 0.5, columns * cell + 1, rows * cell + 1);
}

export const labelFont = (colours: CanvasColours, weight = 400): string => `${weight} 11px ${colours.mono}`;

/** A token's text cut to a width, with quiet white space; x is the left end, y the middle. Returns the width. */
export function drawLabel(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  colour: string,
  quiet: string,
  width = LABEL_MAX,
): number {
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  let at = x;
  for (const part of visibleParts(text)) {
    context.fillStyle = part.quiet ? quiet : colour;
    for (const char of part.text) {
      const next = at + context.measureText(char).width;
      if (next - x > width) {
        context.fillText('…', at, y);
        return at + context.measureText('…').width - x;
      }
      context.fillText(char, at, y);
      at = next;
    }
  }
  return at - x;
}

function drawDiagonalLabels(context: CanvasRenderingContext2D, { layout, tokens, colours }: BaseScene): void {
  const { n, cell, labelStep } = layout;
  context.font = labelFont(colours);
  for (let token = 0; token < n; token += labelStep) {
    const x = columnX(layout, token + 1) + LABEL_GAP;
    drawLabel(context, tokens[token]?.text ?? '', x, rowY(layout, token) + cell / 2, colours.muted, colours.ws);
  }
}

/** Rows to the left, columns on top, turned. */
function drawEdgeLabels(context: CanvasRenderingContext2D, { layout, tokens, colours }: BaseScene): void {
  const { cell, labelStep, x0, y0, row, column, rows, columns } = layout;
  const roundUp = (first: number): number => Math.ceil(first / labelStep) * labelStep;
  context.font = labelFont(colours);
  for (let token = roundUp(row); token < row + rows; token += labelStep) {
    rightLabel(context, tokens[token]?.text ?? '', x0 - 6, rowY(layout, token) + cell / 2, x0 - 18, colours);
  }
  for (let token = roundUp(column); token < column + columns; token += labelStep) {
    context.save();
    context.translate(columnX(layout, token) + cell / 2, y0 - 6);
    context.rotate(-Math.PI / 2);
    drawLabel(context, tokens[token]?.text ?? '', 0, 0, colours.muted, colours.ws, y0 - 16);
    context.restore();
  }
}

function rightLabel(
  context: CanvasRenderingContext2D,
  text: string,
  right: number,
  y: number,
  room: number,
  colours: CanvasColours,
): void {
  const width = context.measureText(text).width;
  drawLabel(context, text, Math.max(right - width, right - room), y, colours.muted, colours.ws, room - 4);
}
