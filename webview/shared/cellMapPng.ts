/** A whole cell map as a picture for a document: twice as fine, with a title. */
import type { CellMapProps } from './cellMap';
import { drawCells, layoutCells } from './cellMapPaint';
import { colours, themeKind } from './theme';

const SCALE = 2;
const TITLE = 28;
/** Pixels that a canvas may be wide; what is longer is cut off. */
const WIDEST = 16_000;

export type MapPicture = Pick<CellMapProps, 'rows' | 'columns' | 'size' | 'colour' | 'text'> & { title: string };

/** PNG bytes of maps, one below the other. */
export async function mapsPng(maps: readonly MapPicture[]): Promise<Uint8Array> {
  const palette = colours.peek();
  const layouts = maps.map(({ rows, columns, size }) => layoutCells(rows, columns, size, palette.mono));
  const width = Math.min(WIDEST / SCALE, Math.max(320, ...layouts.map(({ whole }) => whole.width)) + 24);
  const height = layouts.reduce((sum, { whole }) => sum + TITLE + whole.height + 12, 0);
  const canvas = document.createElement('canvas');
  canvas.width = width * SCALE;
  canvas.height = height * SCALE;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no canvas');
  context.scale(SCALE, SCALE);
  context.fillStyle = palette.bg;
  context.fillRect(0, 0, width, height);
  let top = 0;
  maps.forEach(({ title, rows, columns, colour, text }, i) => {
    const layout = layouts[i]!;
    context.save();
    context.translate(12, top);
    context.fillStyle = palette.fg;
    context.font = `600 13px ${palette.mono}`;
    context.fillText(title, 0, 20);
    context.translate(0, TITLE);
    const look = { rows, columns, colour, text, marks: {}, theme: themeKind.peek(), colours: palette };
    drawCells(context, layout, { width: Math.min(width - 12, layout.whole.width), left: 0 }, look);
    context.restore();
    top += TITLE + layout.whole.height + 12;
  });
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  return new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0));
}
