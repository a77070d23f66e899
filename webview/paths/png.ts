/** The bars as a picture for a document: as listed, twice as fine, with a title. */
import * as l10n from '@vscode/l10n';
import { visibleText } from '../../src/protocol/tokens';
import { cssColour } from '../shared/colour';
import { diverging } from '../shared/diverging';
import { fixed, signed } from '../shared/numbers';
import { colours, themeKind } from '../shared/theme';
import { termName } from './names';
import { scaleOf } from './scale';
import { paths, report, type Shown, showAll, shownTerms, source, tokens } from './store';

const SCALE = 2;
const WIDTH = 720;
const ROW = 20;
const TITLE = 36;
const LISTED = 40;
/** Left edge and width of the columns. */
const COLUMN = { name: 12, bar: [128, 280], value: 472, sum: [488, 152], running: WIDTH - 12 } as const;

const title = (): string => {
  const shown = paths.peek();
  const from = source.peek();
  const part = from === undefined ? '' : `, ${l10n.t('from {0} only', visibleText(tokens.peek()[from]?.text ?? ''))}`;
  const after = visibleText(tokens.peek()[shown?.position ?? 0]?.text ?? '');
  const name = report.subject.peek()?.checkpoint.name ?? '';
  return `${name}  ${l10n.t('logit of {0} after {1}', visibleText(shown?.token.text ?? ''), after)}${part}`;
};

export async function pathsPng(): Promise<Uint8Array> {
  const all = shownTerms.peek();
  const rows = showAll.peek() ? all : all.slice(0, LISTED);
  const canvas = document.createElement('canvas');
  const height = TITLE + (rows.length + 1) * ROW + 16;
  canvas.width = WIDTH * SCALE;
  canvas.height = height * SCALE;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no canvas');
  const { bg, fg, mono } = colours.peek();
  context.scale(SCALE, SCALE);
  context.fillStyle = bg;
  context.fillRect(0, 0, WIDTH, height);
  context.textBaseline = 'middle';
  context.fillStyle = fg;
  context.font = `600 13px ${mono}`;
  context.fillText(title(), COLUMN.name, 18);
  context.font = `11px ${mono}`;
  drawRows(context, rows, all);
  const y = TITLE + rows.length * ROW + ROW / 2 + 4;
  const ending = `${l10n.t('sum {0}', fixed(all.at(-1)?.running ?? 0, 3))}   ${l10n.t('the model’s logit {0}', fixed(paths.peek()?.logit ?? 0, 3))}`;
  context.fillStyle = fg;
  context.textAlign = 'right';
  context.fillText(ending, COLUMN.running, y);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  return new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0));
}

function drawRows(context: CanvasRenderingContext2D, rows: readonly Shown[], all: readonly Shown[]): void {
  const { fg, muted, hair2 } = colours.peek();
  const bars = scaleOf(all.map(({ value }) => value));
  const sums = scaleOf(all.map(({ running }) => running));
  rows.forEach(({ term, value, running }, i) => {
    const y = TITLE + i * ROW + ROW / 2;
    const bar = (
      from: number,
      to: number,
      scale: (value: number) => number,
      [left, width]: readonly number[],
    ): void => {
      const [a, b] = [scale(Math.min(from, to)), scale(Math.max(from, to))];
      context.fillStyle = hair2;
      context.fillRect(left! + scale(0) * width!, y - ROW / 2, 1, ROW);
      context.fillStyle = cssColour(diverging(to < from ? -1 : 1, themeKind.peek()));
      context.fillRect(left! + a * width!, y - 4, Math.max(1, (b - a) * width!), 8);
    };
    bar(0, value, bars, COLUMN.bar);
    bar(running - value, running, sums, COLUMN.sum);
    context.fillStyle = fg;
    context.textAlign = 'left';
    context.fillText(termName(term), COLUMN.name, y);
    context.textAlign = 'right';
    context.fillText(signed(value, 3), COLUMN.value, y);
    context.fillStyle = muted;
    context.fillText(fixed(running, 3), COLUMN.running, y);
  });
}
