/** The current matrix as a picture for a document: as drawn, twice as fine, with a title. */
import * as l10n from '@vscode/l10n';
import { colours, themeKind } from '../shared/theme';
import { drawnName } from './heads';
import { labels } from './heatState';
import { HEAT_TOP, layoutHeat } from './heatmapLayout';
import { drawBase, heatImages } from './heatmapPaint';
import { drawn, sendExport, tokens, view } from './store';

const SCALE = 2;
const TITLE = 28;
const SMALLEST_SIDE = 480;
const CELL = 12;

/** Sends PNG bytes to the host; does nothing when no matrix is drawn. */
export async function exportPng(): Promise<void> {
  const shown = drawn.peek();
  const about = view.peek();
  if (!shown || !about) return;
  const side = Math.max(SMALLEST_SIDE, Math.min(shown.matrix.n * CELL, 4096 / SCALE));
  const layout = layoutHeat({
    width: side + 220,
    height: side + 2 * HEAT_TOP + (shown.causal ? 0 : 60),
    dpr: SCALE,
    n: shown.matrix.n,
    causal: shown.causal,
    labels: labels.peek().widths,
    view: { zoom: 0, row: 0, column: 0 },
    reserve: 0,
  });
  const canvas = document.createElement('canvas');
  canvas.width = layout.width * SCALE;
  canvas.height = (layout.height + TITLE) * SCALE;
  const context = canvas.getContext('2d');
  if (!context) return;
  const palette = colours.peek();
  context.scale(SCALE, SCALE);
  context.fillStyle = palette.bg;
  context.fillRect(0, 0, layout.width, layout.height + TITLE);
  context.fillStyle = palette.fg;
  context.font = `600 13px ${palette.mono}`;
  const weights = shown.key.weighting === 'value-weighted' ? `, ${l10n.t('value-weighted')}` : '';
  context.fillText(`${about.checkpoint.name}  ${drawnName(shown, about)}${weights}  ${about.sourceName}`, 12, 20);
  context.translate(0, TITLE);
  drawBase(context, {
    layout,
    causal: shown.causal,
    images: heatImages(shown, themeKind.peek()),
    tokens: tokens.peek(),
    colours: palette,
  });
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (blob) sendExport('png', new Uint8Array(await blob.arrayBuffer()));
}
