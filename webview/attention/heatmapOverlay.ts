/** What lies over the heatmap and follows the pointer: rules, labels of the pair, cell outline, magnifier. */
import type { Token } from '../../src/protocol/analysis';
import type { Focus, Selection } from '../../src/protocol/selection';
import { visibleText } from '../../src/protocol/tokens';
import type { CanvasColours } from '../shared/theme';
import { columnX, LABEL_GAP, type HeatLayout, rowY } from './heatmapLayout';
import { drawLabel, type HeatImages, labelFont } from './heatmapPaint';

export interface OverlayScene {
  layout: HeatLayout;
  images: HeatImages;
  tokens: readonly Token[];
  selection: Selection;
  colours: CanvasColours;
}

const LABEL_BOX = 14;
/** Cells smaller than this are magnified under the pointer. */
const MAGNIFY_BELOW = 3;
const MAGNIFIER = { cells: 13, cell: 9, away: 16 };

/** Destination and source in question: the previewed ones, completed by the locked ones. */
export const crosshair = ({ preview, locked }: Selection): Focus =>
  preview.destination === undefined && preview.source === undefined ? locked : { ...locked, ...preview };

export function drawOverlay(context: CanvasRenderingContext2D, scene: OverlayScene): void {
  const { selection } = scene;
  const { locked, preview } = selection;
  markSameText(context, scene);
  context.save();
  clipToCells(context, scene.layout);
  drawRules(context, scene, crosshair(selection));
  context.restore();
  const marked = new Set<number>();
  const mark = (token: number | undefined, axis: Axis, kind: 'lock' | 'strong'): void => {
    if (token === undefined || (scene.layout.labels === 'diagonal' && marked.has(token))) return;
    marked.add(token);
    drawMark(context, scene, token, axis, kind);
  };
  mark(locked.destination, 'row', 'lock');
  mark(locked.source, 'column', 'lock');
  mark(preview.destination, 'row', 'strong');
  mark(preview.source, 'column', 'strong');
  if (scene.layout.cell < MAGNIFY_BELOW && preview.destination !== undefined && preview.source !== undefined) {
    drawMagnifier(context, scene, preview.destination, preview.source);
  }
}

type Axis = 'row' | 'column';

function clipToCells(context: CanvasRenderingContext2D, { x0, y0, columns, rows, cell }: HeatLayout): void {
  context.beginPath();
  context.rect(x0 - 2, y0 - 2, columns * cell + 4, rows * cell + 4);
  context.clip();
}

/** Two lines beside a row or column, outside its cells, from cell index `from` to `to` along it. */
function rule(
  context: CanvasRenderingContext2D,
  layout: HeatLayout,
  axis: Axis,
  at: number,
  from: number,
  to: number,
): void {
  const { cell } = layout;
  if (axis === 'row') {
    const [x, y, length] = [columnX(layout, from), rowY(layout, at), (to - from) * cell];
    context.fillRect(x, y - 1, length, 1);
    context.fillRect(x, y + cell, length, 1);
  } else {
    const [x, y, length] = [columnX(layout, at), rowY(layout, from), (to - from) * cell];
    context.fillRect(x - 1, y, 1, length);
    context.fillRect(x + cell, y, 1, length);
  }
}

/** Rules run from the cell to the labels; beyond the cell they are quiet. Locked rules run across. */
function drawRules(
  context: CanvasRenderingContext2D,
  { layout, selection, colours }: OverlayScene,
  cross: Focus,
): void {
  const { destination, source } = cross;
  const { locked } = selection;
  const diagonal = layout.labels === 'diagonal';
  // along a row labels stand at its right end on the diagonal, else at its left; along a column always at its top
  const rowEnds = (row: number): [number, number] => (diagonal ? [0, row + 1] : [layout.column, layout.n]);
  const columnEnds = (column: number): [number, number] => (diagonal ? [column, layout.n] : [layout.row, layout.n]);
  const draw = (axis: Axis, at: number, from: number, to: number, colour: string): void => {
    context.fillStyle = colour;
    rule(context, layout, axis, at, from, to);
  };
  if (source !== undefined && source !== locked.source) {
    const [from, to] = columnEnds(source);
    const meet = destination === undefined ? to : destination + 1;
    draw('column', source, meet, to, colours.hair2);
    draw('column', source, from, meet, colours.fg);
  }
  if (destination !== undefined && destination !== locked.destination) {
    const [from, to] = rowEnds(destination);
    const meet = source === undefined ? (diagonal ? from : to) : diagonal ? source : source + 1;
    draw('row', destination, from, meet, diagonal ? colours.hair2 : colours.fg);
    draw('row', destination, meet, to, diagonal ? colours.fg : colours.hair2);
  }
  if (locked.source !== undefined) draw('column', locked.source, ...columnEnds(locked.source), colours.lock);
  if (locked.destination !== undefined) draw('row', locked.destination, ...rowEnds(locked.destination), colours.lock);
  if (destination !== undefined && source !== undefined) {
    const isLocked = destination === locked.destination && source === locked.source;
    outlineCell(context, layout, destination, source, isLocked ? colours.lock : colours.strong);
  }
}

function outlineCell(
  context: CanvasRenderingContext2D,
  layout: HeatLayout,
  destination: number,
  source: number,
  colour: string,
): void {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  const cell = Math.max(layout.cell, 2);
  context.strokeRect(columnX(layout, source) - 1, rowY(layout, destination) - 1, cell + 2, cell + 2);
}

/** The filled label of one end of the pair. */
function drawMark(
  context: CanvasRenderingContext2D,
  { layout, tokens, colours }: OverlayScene,
  token: number,
  axis: Axis,
  kind: 'lock' | 'strong',
): void {
  const { cell, x0, y0, row, column, rows, columns } = layout;
  const text = tokens[token]?.text ?? '';
  context.save();
  context.font = labelFont(colours, kind === 'lock' ? 700 : 400);
  const room = layout.labels === 'diagonal' ? 96 : (axis === 'row' ? x0 : y0) - 16;
  const width = Math.min(context.measureText(visibleText(text)).width, room) + 8;
  if (layout.labels === 'diagonal') context.translate(columnX(layout, token + 1) + 2, rowY(layout, token) + cell / 2);
  else if (axis === 'row' && token >= row && token < row + rows) {
    context.translate(x0 - 4 - width, rowY(layout, token) + cell / 2);
  } else if (axis === 'column' && token >= column && token < column + columns) {
    context.translate(columnX(layout, token) + cell / 2, y0 - 4);
    context.rotate(-Math.PI / 2);
  } else {
    context.restore();
    return;
  }
  context.fillStyle = colours[kind];
  context.beginPath();
  context.roundRect(0, -LABEL_BOX / 2, width, LABEL_BOX, 2);
  context.fill();
  drawLabel(context, text, 4, 0.5, colours.bg, colours.bg, room);
  context.restore();
}

/** Other tokens with the locked token's text: amber underline. */
function markSameText(context: CanvasRenderingContext2D, { layout, tokens, selection, colours }: OverlayScene): void {
  const locked = selection.locked[selection.side];
  const text = tokens[locked ?? -1]?.text;
  if (text === undefined || layout.labels !== 'diagonal') return;
  context.font = labelFont(colours);
  tokens.forEach((token, i) => {
    if (token.text !== text || i === locked || i % layout.labelStep !== 0 || i >= layout.n) return;
    const x = columnX(layout, i + 1) + LABEL_GAP;
    const y = rowY(layout, i) + layout.cell / 2;
    const width = drawLabel(context, text, x, y, colours.fg, colours.ws);
    context.fillStyle = colours.lock;
    context.fillRect(x, Math.round(y) + 6, width, 1);
  });
}

/** Exact cells around the pointer, where the map's own are too small to see. */
function drawMagnifier(
  context: CanvasRenderingContext2D,
  { layout, images, colours }: OverlayScene,
  destination: number,
  source: number,
): void {
  const { cells, cell, away } = MAGNIFIER;
  const side = cells * cell;
  const [x, y] = [columnX(layout, source), rowY(layout, destination)];
  const left = x + away + side > layout.width ? x - away - side : x + away;
  const top = y + away + side > layout.height ? y - away - side : y + away;
  context.save();
  context.beginPath();
  context.rect(left, top, side, side);
  context.fillStyle = colours.bg;
  context.fill();
  context.clip();
  context.imageSmoothingEnabled = false;
  const first = { row: destination - (cells >> 1), column: source - (cells >> 1) };
  const { n } = layout;
  context.drawImage(images.exact, 0, 0, n, n, left - first.column * cell, top - first.row * cell, n * cell, n * cell);
  context.restore();
  context.strokeStyle = colours.faint;
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, top - 0.5, side + 1, side + 1);
  const middle = (cells >> 1) * cell;
  context.strokeStyle = colours.strong;
  context.strokeRect(left + middle - 0.5, top + middle - 0.5, cell + 1, cell + 1);
}
