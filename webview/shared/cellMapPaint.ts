/** Layout and drawing of a cell map. CSS pixels; the canvas is as fine as the screen. */
import type { Cell, CellMapProps } from './cellMap';
import type { Rgba, ThemeKind } from './colour';
import { cssColour } from './colour';
import type { CanvasColours } from './theme';

export interface MapLayout {
  /** Width of the row labels, height of the column labels. */
  gutter: number;
  header: number;
  /** Of a cell. */
  width: number;
  height: number;
  /** Column labels stand upright, where cells are too narrow for them to lie. */
  upright: boolean;
  whole: { width: number; height: number };
  font: string;
}

export interface CellPlace {
  x: number;
  y: number;
  width: number;
  height: number;
}

const LABEL = 11;
const PAD = 4;
/** Column labels longer than this are cut. */
const UPRIGHT_MAX = 84;
const UPRIGHT_BELOW = 40;

const measuring = document.createElement('canvas').getContext('2d');

function widest(texts: readonly string[], font: string): number {
  if (!measuring) return 0;
  measuring.font = `${LABEL}px ${font}`;
  return Math.ceil(texts.reduce((most, text) => Math.max(most, measuring.measureText(text).width), 0));
}

export function layoutCells(
  rows: readonly string[],
  columns: readonly string[],
  { width, height }: { width: number; height: number },
  font: string,
): MapLayout {
  const upright = width < UPRIGHT_BELOW;
  const gutter = widest(rows, font) + 2 * PAD + 4;
  const header = upright ? Math.min(UPRIGHT_MAX, widest(columns, font)) + 2 * PAD : 20;
  return {
    gutter,
    header,
    width,
    height,
    upright,
    whole: { width: gutter + columns.length * width + PAD, height: header + rows.length * height + PAD },
    font,
  };
}

interface Look extends Pick<CellMapProps, 'rows' | 'columns' | 'colour' | 'text'> {
  marks: ReturnType<CellMapProps['marks']>;
  theme: ThemeKind;
  colours: CanvasColours;
}

type Rgb = readonly [number, number, number];

const rgbOf = (css: string): Rgb => {
  const [r = 0, g = 0, b = 0] = (css.match(/[\d.]+/g) ?? []).map(Number);
  return [r, g, b];
};

/** Black or white, whichever is easier to read on a colour over the background (relative luminance of WCAG). */
export function textOn([r, g, b, a]: Rgba, background: Rgb): string {
  const share = a / 255;
  const [R, G, B] = [r, g, b].map((channel, i) => {
    const mixed = (channel * share + background[i]! * (1 - share)) / 255;
    return mixed <= 0.04045 ? mixed / 12.92 : ((mixed + 0.055) / 1.055) ** 2.4;
  }) as unknown as [number, number, number];
  return 0.2126 * R + 0.7152 * G + 0.0722 * B > 0.179 ? '#000000' : '#ffffff';
}

/** Cut with an ellipsis to a width. */
function cut(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  const chars = [...text];
  while (chars.length > 1 && context.measureText(`${chars.join('')}…`).width > room) chars.pop();
  return `${chars.join('')}…`;
}

/** Draws the part from `view.left` on; tells tests where cells are. */
export function paintCells(
  canvas: HTMLCanvasElement,
  layout: MapLayout,
  view: { width: number; left: number },
  look: Look,
): void {
  const dpr = window.devicePixelRatio;
  const shown = Math.min(view.width, layout.whole.width);
  canvas.width = Math.round(shown * dpr);
  canvas.height = Math.round(layout.whole.height * dpr);
  canvas.style.width = `${shown}px`;
  const context = canvas.getContext('2d');
  if (!context) return;
  context.scale(dpr, dpr);
  drawCells(context, layout, { ...view, width: shown }, look);
  Object.assign(canvas.dataset, {
    x0: layout.gutter - view.left,
    y0: layout.header,
    width: layout.width,
    height: layout.height,
    rows: look.rows.length,
    columns: look.columns.length,
  });
}

/** The same, for a picture too. */
export function drawCells(
  context: CanvasRenderingContext2D,
  layout: MapLayout,
  view: { width: number; left: number },
  look: Look,
): void {
  const { gutter, header, width, height, whole } = layout;
  const from = Math.floor(view.left / width);
  const to = Math.min(look.columns.length, Math.ceil((view.left + view.width - gutter) / width));
  const x = (column: number): number => gutter + column * width - view.left;
  const y = (row: number): number => header + row * height;
  context.font = `${LABEL}px ${layout.font}`;
  context.textBaseline = 'middle';
  context.save();
  context.beginPath();
  context.rect(gutter, 0, view.width - gutter, whole.height);
  context.clip();
  const { lockedColumn } = look.marks;
  for (let column = from; column < to; column++) {
    for (let row = 0; row < look.rows.length; row++) {
      drawCell(context, { row, column }, { x: x(column), y: y(row), width, height }, look);
    }
    drawColumnLabel(context, layout, look, column, x(column));
  }
  context.strokeStyle = look.colours.hair;
  context.strokeRect(x(0) - 0.5, y(0) - 0.5, look.columns.length * width + 1, look.rows.length * height + 1);
  if (lockedColumn !== undefined) {
    context.strokeStyle = look.colours.lock;
    context.lineWidth = 1;
    context.strokeRect(x(lockedColumn) - 0.5, y(0) - 0.5, width + 1, look.rows.length * height + 1);
  }
  drawLocked(context, look, { x, y, width, height });
  drawHovered(context, look, { x, y, width, height });
  context.restore();
  look.rows.forEach((label, row) => {
    context.fillStyle = row === look.marks.hovered?.row ? look.colours.strong : look.colours.muted;
    context.textAlign = 'right';
    context.fillText(label, gutter - PAD, y(row) + height / 2 + 0.5);
  });
}

interface Places {
  x: (column: number) => number;
  y: (row: number) => number;
  width: number;
  height: number;
}

function drawLocked(
  context: CanvasRenderingContext2D,
  { marks, colours }: Look,
  { x, y, width, height }: Places,
): void {
  if (!marks.locked) return;
  context.strokeStyle = colours.lock;
  context.lineWidth = 2;
  context.strokeRect(x(marks.locked.column) + 1, y(marks.locked.row) + 1, width - 2, height - 2);
}

function drawHovered(context: CanvasRenderingContext2D, look: Look, { x, y, width, height }: Places): void {
  const { hovered, hoveredColumn } = look.marks;
  if (hovered) {
    context.strokeStyle = look.colours.strong;
    context.lineWidth = 2;
    context.strokeRect(x(hovered.column) + 1, y(hovered.row) + 1, width - 2, height - 2);
  } else if (hoveredColumn !== undefined) {
    context.strokeStyle = look.colours.fg;
    context.lineWidth = 1;
    context.strokeRect(x(hoveredColumn) + 0.5, y(0) + 0.5, width - 1, look.rows.length * height - 1);
  }
}

function drawCell(context: CanvasRenderingContext2D, cell: Cell, place: CellPlace, look: Look): void {
  const colour = look.colour(cell, look.theme);
  const { x, y, width, height } = place;
  context.fillStyle = cssColour(colour);
  context.fillRect(x, y, width, height);
  const text = look.text?.(cell);
  if (!text) return;
  context.fillStyle = textOn(colour, rgbOf(look.colours.bg));
  context.textAlign = 'left';
  context.fillText(cut(context, text, width - 2 * PAD), x + PAD, y + height / 2 + 0.5);
}

function drawColumnLabel(
  context: CanvasRenderingContext2D,
  { header, width, upright }: MapLayout,
  { columns, marks, colours }: Look,
  column: number,
  x: number,
): void {
  const locked = column === marks.lockedColumn;
  const pointed = column === (marks.hovered?.column ?? marks.hoveredColumn);
  const text = columns[column] ?? '';
  if (locked) {
    context.fillStyle = colours.lock;
    context.fillRect(x, 2, width, header - 3);
  }
  context.fillStyle = locked ? colours.bg : pointed ? colours.strong : colours.muted;
  context.textAlign = 'left';
  if (!upright) {
    context.fillText(cut(context, text, width - PAD), x + PAD, header / 2 + 0.5);
    return;
  }
  context.save();
  context.translate(x + width / 2, header - PAD);
  context.rotate(-Math.PI / 2);
  context.fillText(cut(context, text, header - 2 * PAD), 0, 0.5);
  context.restore();
}
