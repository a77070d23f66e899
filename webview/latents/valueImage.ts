/** Values as a picture of one pixel a value, to be drawn larger by whole pixels. */
import { paintValues, type ThemeKind } from '../shared/colour';

/** `values`: row by row, on a scale of 0 to `top`. */
export function valueImage(
  values: ArrayLike<number>,
  columns: number,
  rows: number,
  top: number,
  theme: ThemeKind,
): HTMLCanvasElement | undefined {
  if (columns === 0 || rows === 0) return undefined;
  const canvas = document.createElement('canvas');
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  paintValues(values, new Uint32Array(image.data.buffer), theme, top);
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return canvas;
}
