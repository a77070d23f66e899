/** The charts as one picture for a document, and the table. */
import * as l10n from '@vscode/l10n';
import { type BarSpec, drawBars } from '../shared/barChart';
import type { ExportItem } from '../shared/reportFrame';
import { type Column, tableExports } from '../shared/table';
import { colours } from '../shared/theme';
import { specOf } from './charts';
import { histogramSpec } from './histograms';
import { type LayerRow, quantities, type Quantity } from './rows';
import { command, copy, of, save, view } from './store';

const SCALE = 2;
const [WIDTH, HEIGHT] = [320, 128];
const [TITLE, GAP, COLUMNS] = [24, 16, 3];
const HEADING = 36;

interface Picture {
  title: string;
  spec: BarSpec;
}

function pictures(rows: readonly LayerRow[]): Picture[] {
  const shown = (Object.keys(quantities) as Quantity[]).filter((name) => rows.some((row) => !Number.isNaN(row[name])));
  const prompt = of.peek() === 'prompt' ? view.peek()?.prompt : undefined;
  return [
    ...shown.map((name) => {
      const { title, unit } = quantities[name];
      return { title: unit ? `${title}, ${unit}` : title, spec: specOf(rows, name) };
    }),
    ...(prompt?.layers ?? []).map((layer, i) => ({
      title: l10n.t('Activations at L{0}', layer),
      spec: histogramSpec(prompt!, i),
    })),
  ];
}

/** PNG bytes: all charts, twice as fine, with a title. */
async function chartsPng(heading: string, all: readonly Picture[]): Promise<Uint8Array> {
  const palette = colours.peek();
  const width = COLUMNS * (WIDTH + GAP) + GAP;
  const height = HEADING + Math.ceil(all.length / COLUMNS) * (TITLE + HEIGHT + GAP);
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no canvas');
  context.scale(SCALE, SCALE);
  context.fillStyle = palette.bg;
  context.fillRect(0, 0, width, height);
  context.fillStyle = palette.fg;
  context.textBaseline = 'middle';
  context.font = `600 13px ${palette.mono}`;
  context.fillText(heading, GAP, HEADING / 2);
  context.font = `11px ${palette.mono}`;
  all.forEach(({ title, spec }, i) => {
    const x = GAP + (i % COLUMNS) * (WIDTH + GAP);
    const y = HEADING + Math.floor(i / COLUMNS) * (TITLE + HEIGHT + GAP);
    context.fillText(title, x, y + TITLE / 2);
    const bars = document.createElement('canvas');
    [bars.width, bars.height] = [WIDTH, HEIGHT];
    const chart = drawBars(bars, spec, palette, { responsive: false, devicePixelRatio: SCALE });
    context.drawImage(bars, x, y + TITLE, WIDTH, HEIGHT);
    chart.destroy();
  });
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  return new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0));
}

export function exportsOf(rows: readonly LayerRow[], columns: readonly Column<LayerRow>[]): ExportItem[] {
  const { sae, checkpoint, sourceName } = view.peek()!;
  const name = `${sae.name}-layers`;
  const about = of.peek() === 'corpus' ? 'corpus' : (sourceName ?? '');
  const png = async (): Promise<void> => {
    const content = await chartsPng(`${sae.label}  ${checkpoint.name}  ${about}`, pictures(rows));
    save({ name, format: 'png', content });
  };
  return [
    { label: l10n.t('Picture (PNG)'), run: () => void png() },
    ...tableExports(name, columns, () => rows, { save, copy }),
    ...(of.peek() === 'prompt'
      ? [{ label: l10n.t('Copy as TransformerLens Code'), run: () => command('copyCode') }]
      : []),
    ...(of.peek() === 'prompt' ? [{ label: l10n.t('Save Result…'), run: () => command('saveResult') }] : []),
  ];
}
