/** The chart of the orders as a picture for a document: twice as fine, with a title. */
import * as l10n from '@vscode/l10n';
import type { Importance } from '../../src/protocol/circuits/paths';
import { fixed } from '../shared/numbers';
import { colours } from '../shared/theme';
import { drawOrders } from './ordersChart';

const SCALE = 2;
const [WIDTH, HEIGHT] = [720, 280];
const TITLE = 36;
const MARGIN = 12;

/** PNG bytes. */
export async function ordersPng(shown: Importance, name: string): Promise<Uint8Array> {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [WIDTH * SCALE, (TITLE + HEIGHT + MARGIN) * SCALE];
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no canvas');
  const palette = colours.peek();
  context.scale(SCALE, SCALE);
  context.fillStyle = palette.bg;
  context.fillRect(0, 0, WIDTH, canvas.height / SCALE);
  context.fillStyle = palette.fg;
  context.textBaseline = 'middle';
  context.font = `600 13px ${palette.mono}`;
  const title = `${name}  ${l10n.t('loss with paths through at most n heads; the model’s own {0}', fixed(shown.loss))}`;
  context.fillText(title, MARGIN, TITLE / 2);
  const bars = document.createElement('canvas');
  [bars.width, bars.height] = [WIDTH - 2 * MARGIN, HEIGHT];
  const chart = drawOrders(bars, shown, palette, { responsive: false, devicePixelRatio: SCALE });
  context.drawImage(bars, MARGIN, TITLE, WIDTH - 2 * MARGIN, HEIGHT);
  chart.destroy();
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  return new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0));
}
