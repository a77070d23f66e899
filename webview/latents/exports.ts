/** What can be taken out of the panel: tables, the whole as JSON, the picture. */
import * as l10n from '@vscode/l10n';
import type { LatentCard } from '../../src/protocol/latents/card';
import type { SteerQuestion } from '../../src/protocol/latentsPanel';
import { transformerLensCode } from '../../src/protocol/transformerLensCode';
import { type ExportItem } from '../shared/reportFrame';
import { type Column, tableCsv } from '../shared/table';
import { colours, themeKind } from '../shared/theme';
import { layoutLayers } from './layers';
import { drawShares, shownShares } from './layerPicture';
import type { Row } from './rows';
import { pictureNow, rows } from './state';
import { command, copy, corpus, encoding, names, save, tokens, view } from './store';
import { drawnMap, look } from './tokenMap';
import { layoutTokenMap } from './tokenMapLayout';
import { drawTokenMap } from './tokenMapPaint';

const SCALE = 2;
const TITLE = 28;
const PICTURE_WIDTH = 800;
/** Pixels that a canvas may be wide; what is longer is cut off. */
const WIDEST = 16_000 / SCALE;

const number = (value: number): string | number => (Number.isFinite(value) ? value : '');
const fileName = (what: string): string => `${view.peek()?.sae.name ?? 'sae'}-${what}`;

function listColumns(): Column<Row>[] {
  const layers = encoding.peek()?.layers ?? [];
  return [
    { name: 'latent', value: ({ latent }) => latent },
    { name: 'name', value: ({ latent }) => names.peek()[latent]?.name ?? '' },
    { name: 'value', value: ({ value }) => value },
    { name: 'layer_mean', value: ({ layerMean }) => number(layerMean) },
    ...(corpus.peek() ? [{ name: 'surprise_bits', value: (row: Row) => number(row.surprise) }] : []),
    ...layers.map((layer, i) => ({ name: `total_L${layer}`, value: ({ byLayer }: Row) => byLayer[i] ?? 0 })),
  ];
}

interface MapRow {
  layer: number;
  token: number;
  value: number;
}

function mapTable(): { columns: Column<MapRow>[]; rows: MapRow[] } {
  const { layers = [] } = encoding.peek() ?? {};
  const all = tokens.peek();
  const map = drawnMap.peek()?.map ?? [];
  const cells = layers.flatMap((layer, l) =>
    all.map((_, token) => ({ layer, token, value: map[l * all.length + token] ?? 0 })),
  );
  const columns: Column<MapRow>[] = [
    { name: 'layer', value: ({ layer }) => layer },
    { name: 'position', value: ({ token }) => token },
    { name: 'token', value: ({ token }) => all[token]?.text ?? '' },
    { name: 'activation', value: ({ value }) => value },
  ];
  return { columns, rows: cells };
}

/** Of the picture of all latents; while it is not shown, of the text. */
function sharesTable(): { columns: Column<number>[]; rows: number[] } {
  const { latents, layers, mean, shares } = shownShares.peek() ?? { latents: [], layers: [], mean: [], shares: [] };
  const columns: Column<number>[] = [
    { name: 'latent', value: (i) => latents[i] ?? '' },
    { name: 'layer_mean', value: (i) => mean[i] ?? '' },
    ...layers.map((layer, l) => ({ name: `p_L${layer}`, value: (i: number) => shares[i * layers.length + l] ?? 0 })),
  ];
  return { columns, rows: Array.from(latents, (_, i) => i) };
}

/** Numbers of the encoding, readable; typed arrays as lists, what is not a number as null. */
function wholeJson(): string {
  const shown = view.peek();
  if (!shown) return '';
  const { checkpoint, sae, sourceName, text, analysis, encoding: e } = shown;
  const about = { checkpoint: checkpoint.name, sae: sae.name, source: sourceName, text };
  const list = analysis.tokens.map(({ id, text: token }) => ({ id, text: token }));
  const plain = (_: string, value: unknown): unknown =>
    ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value;
  return `${JSON.stringify({ ...about, tokens: list, names: shown.names, encoding: e }, plain)}\n`;
}

interface Picture {
  width: number;
  height: number;
  title: string;
  draw: (context: CanvasRenderingContext2D) => void;
}

function tokenPicture(): Picture | undefined {
  const shown = look();
  const e = encoding.peek();
  if (!shown || !e) return undefined;
  const layout = layoutTokenMap(PICTURE_WIDTH, e.layers.length, e.nTokens);
  const width = Math.min(WIDEST, layout.whole);
  const { latent } = drawnMap.peek()!;
  const name =
    latent === undefined ? l10n.t('largest of all latents') : `#${latent} ${names.peek()[latent]?.name ?? ''}`;
  const rest = { ...shown, hovered: undefined, hoveredToken: undefined };
  return {
    width,
    height: layout.bottom,
    title: name,
    draw: (context) => drawTokenMap(context, layout, { left: 0, width }, rest),
  };
}

function sharesPicture(): Picture | undefined {
  const shown = shownShares.peek();
  if (!shown) return undefined;
  const layout = layoutLayers(PICTURE_WIDTH, shown.latents.length, shown.layers.length);
  return {
    width: layout.left + layout.width + 2,
    height: layout.top + layout.nLayers * layout.height + 4,
    title: `P(layer | latent), ${pictureNow.peek() === 'corpus' ? l10n.t('corpus') : l10n.t('text')}`,
    draw: (context) => drawShares(context, layout, shown, themeKind.peek(), colours.peek()),
  };
}

/** Twice as fine as on the screen, with a title. */
async function exportPng(): Promise<void> {
  const picture = pictureNow.peek() === 'latent' ? tokenPicture() : sharesPicture();
  const shown = view.peek();
  if (!picture || !shown) return;
  const palette = colours.peek();
  const [width, height] = [Math.max(320, picture.width) + 24, picture.height + TITLE + 12];
  const canvas = document.createElement('canvas');
  canvas.width = width * SCALE;
  canvas.height = height * SCALE;
  const context = canvas.getContext('2d');
  if (!context) return;
  context.scale(SCALE, SCALE);
  context.fillStyle = palette.bg;
  context.fillRect(0, 0, width, height);
  context.fillStyle = palette.fg;
  context.font = `600 13px ${palette.mono}`;
  context.fillText(`${shown.sae.name}  ${picture.title}  ${shown.sourceName}`, 12, 20);
  context.translate(12, TITLE);
  picture.draw(context);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (blob)
    save({ name: fileName(pictureNow.peek()), format: 'png', content: new Uint8Array(await blob.arrayBuffer()) });
}

const prompt = (): { ids: number[]; text: string } => {
  const all = tokens.peek();
  return { ids: all.map(({ id }) => id), text: all.map(({ text }) => text).join('') };
};

function copyCode(): void {
  const shown = view.peek();
  if (shown) copy(transformerLensCode.latents(shown.checkpoint, { ...prompt(), sae: shown.sae }));
}

export function copyCardCode({ latent, promoted }: LatentCard): void {
  const shown = view.peek();
  const top = Math.max(1, promoted.length);
  if (shown) copy(transformerLensCode.latentCard(shown.checkpoint, { sae: shown.sae, latent, top }));
}

export function copySteerCode(question: SteerQuestion): void {
  const shown = view.peek();
  if (shown) copy(transformerLensCode.steer(shown.checkpoint, { ...prompt(), sae: shown.sae, ...question }));
}

export function exportItems(): ExportItem[] {
  const csv = <R>(name: string, columns: Column<R>[], table: readonly R[]): void =>
    save({ name: fileName(name), format: 'csv', content: tableCsv(columns, table) });
  return [
    { label: l10n.t('Picture (PNG)'), run: () => void exportPng() },
    { label: l10n.t('Latents of the list (CSV)'), run: () => csv('latents', listColumns(), rows.peek()) },
    {
      label: l10n.t('Map of layers and tokens (CSV)'),
      run: () => {
        const { columns, rows: cells } = mapTable();
        csv('map', columns, cells);
      },
    },
    {
      label: l10n.t('Layers of all latents (CSV)'),
      run: () => {
        const { columns, rows: latents } = sharesTable();
        csv(`layers-${pictureNow.peek() === 'corpus' ? 'corpus' : 'text'}`, columns, latents);
      },
    },
    {
      label: l10n.t('Encoding (JSON)'),
      run: () => save({ name: fileName('encoding'), format: 'json', content: wholeJson() }),
    },
    { label: l10n.t('Copy as TransformerLens Code'), run: copyCode },
    {
      label: l10n.t('Copy the numbers of the list'),
      run: () =>
        copy(
          rows
            .peek()
            .map(({ latent }) => latent)
            .join(' '),
        ),
    },
    { label: l10n.t('Save Result…'), run: () => command('saveResult') },
  ];
}
