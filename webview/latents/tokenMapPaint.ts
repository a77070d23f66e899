/** Drawing of the layer × token map: whole pixels, never smoothed. */
import type { Token } from '../../src/protocol/analysis';
import { visibleText } from '../../src/protocol/tokens';
import type { CanvasColours } from '../shared/theme';
import { cellX, cellY, labelled, LABELS, type MapCell, type TokenMapLayout } from './tokenMapLayout';

export interface TokenMapLook {
  /** One pixel a cell, the last layer at the top. */
  image?: HTMLCanvasElement;
  /** Largest of the layers. `[token]` */
  values: ArrayLike<number>;
  layers: readonly number[];
  tokens: readonly Token[];
  locked?: number;
  hoveredToken?: number;
  hovered?: MapCell;
  colours: CanvasColours;
}

interface Seen {
  /** Scrolled to, and width of the view. */
  left: number;
  width: number;
}

export function drawTokenMap(
  context: CanvasRenderingContext2D,
  layout: TokenMapLayout,
  seen: Seen,
  look: TokenMapLook,
): void {
  const { left, top, nLayers, height } = layout;
  const bottom = top + nLayers * height;
  const right = Math.min(seen.width, layout.whole - seen.left);
  context.fillStyle = look.colours.hair;
  for (let row = 0; row <= nLayers; row++) context.fillRect(left, top + row * height - (row ? 1 : 0), right - left, 1);
  context.save();
  context.beginPath();
  context.rect(left - 1, 0, seen.width - left + 1, layout.bottom);
  context.clip();
  context.translate(-seen.left, 0);
  if (look.image) drawCells(context, layout, seen, look.image);
  drawLabels(context, layout, look, bottom);
  drawMarks(context, layout, look, bottom);
  context.restore();
  drawLayerNames(context, layout, look);
}

/** Only the columns in view: a canvas may not be as wide as a long text. */
function drawCells(
  context: CanvasRenderingContext2D,
  layout: TokenMapLayout,
  seen: Seen,
  image: HTMLCanvasElement,
): void {
  const { nLayers, nTokens, width, height, left, top } = layout;
  const from = Math.floor(seen.left / width);
  const count = Math.min(nTokens, Math.ceil((seen.left + seen.width - left) / width)) - from;
  if (count <= 0) return;
  context.imageSmoothingEnabled = false;
  context.drawImage(image, from, 0, count, nLayers, left + from * width, top, count * width, nLayers * height);
}

function drawLabels(context: CanvasRenderingContext2D, layout: TokenMapLayout, look: TokenMapLook, y: number): void {
  const { values, tokens, locked, hoveredToken, colours } = look;
  const { width } = layout;
  const first = [locked, hoveredToken].filter((token): token is number => token !== undefined);
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  for (const token of labelled(layout, values, first)) {
    const text = visibleText(tokens[token]?.text ?? '');
    const isLocked = token === locked;
    context.font = `${isLocked ? 'bold ' : ''}11px ${colours.mono}`;
    const label = cut(context, text, LABELS - 8);
    context.save();
    context.translate(cellX(layout, token) + width / 2, y + 4);
    context.rotate(-Math.PI / 2);
    if (isLocked) {
      context.fillStyle = colours.lock;
      context.beginPath();
      context.roundRect(-context.measureText(label).width - 8, -6, context.measureText(label).width + 8, 12, 2);
      context.fill();
    }
    context.fillStyle = isLocked ? colours.bg : token === hoveredToken ? colours.strong : colours.fg;
    context.fillText(label, -4, 0.5);
    context.restore();
  }
}

/** Cut with an ellipsis to a width. */
function cut(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  const chars = [...text];
  while (chars.length > 1 && context.measureText(`${chars.join('')}…`).width > room) chars.pop();
  return `${chars.join('')}…`;
}

/** Amber around the column of the locked token; a ring around the cell, else the column, under the pointer. */
function drawMarks(context: CanvasRenderingContext2D, layout: TokenMapLayout, look: TokenMapLook, end: number): void {
  const { locked, hovered, hoveredToken, colours } = look;
  const { width, height, top } = layout;
  const box = (x: number, y: number, w: number, h: number, colour: string): void => {
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1);
  };
  if (locked !== undefined) box(cellX(layout, locked), top - 1, width, end - top + 1, colours.lock);
  if (hovered) {
    const [x, y] = [cellX(layout, hovered.token), cellY(layout, hovered.layer)];
    box(x - 1, y - 1, width + 2, height + 2, colours.bg);
    box(x, y, width, height, colours.strong);
  } else if (hoveredToken !== undefined && hoveredToken !== locked) {
    box(cellX(layout, hoveredToken), top, width, end - top, colours.fg);
  }
}

function drawLayerNames(
  context: CanvasRenderingContext2D,
  layout: TokenMapLayout,
  { layers, hovered, colours }: TokenMapLook,
): void {
  context.font = `11px ${colours.mono}`;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  layers.forEach((name, layer) => {
    if (layer % layout.every !== 0 && layer !== hovered?.layer) return;
    context.fillStyle = layer === hovered?.layer ? colours.strong : colours.muted;
    context.fillText(`L${name}`, layout.left - 6, cellY(layout, layer) + layout.height / 2 + 0.5);
  });
}
