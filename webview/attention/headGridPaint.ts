/** All thumbnails on one canvas, on one scale. */
import type { Thumbnails } from '../../src/protocol/analysis';
import { paintValues, type ThemeKind } from '../shared/colour';
import type { GridLayout } from './headGridLayout';
import { poolMax } from './heatmapPaint';

/** One thumbnail after the other through one small scratch canvas. */
export function paintThumbnails(
  canvas: HTMLCanvasElement,
  { size, values }: Thumbnails,
  nHeads: number,
  grid: GridLayout,
  theme: ThemeKind,
): void {
  const dpr = window.devicePixelRatio;
  canvas.width = Math.round(grid.width * dpr);
  canvas.height = Math.round(grid.height * dpr);
  const context = canvas.getContext('2d');
  const pool = Math.ceil(size / (grid.box * dpr));
  const side = Math.ceil(size / pool);
  const scratch = document.createElement('canvas');
  scratch.width = scratch.height = side;
  const image = new ImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  if (!context) return;
  context.imageSmoothingEnabled = false;
  for (let head = 0; (head + 1) * size * size <= values.length; head++) {
    const own = values.subarray(head * size * size, (head + 1) * size * size);
    paintValues(pool === 1 ? own : poolMax(own, size, pool), pixels, theme, 255);
    scratch.getContext('2d')?.putImageData(image, 0, 0);
    const x = Math.round((grid.left + (head % nHeads) * grid.stepX) * dpr);
    const y = Math.round((grid.top + Math.floor(head / nHeads) * grid.stepY) * dpr);
    const box = Math.round(grid.box * dpr);
    context.drawImage(scratch, x, y, box, box);
  }
  canvas.dataset.draws = String(Number(canvas.dataset.draws ?? 0) + 1);
}
