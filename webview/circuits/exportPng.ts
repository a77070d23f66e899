/** Graph and matrices as one picture for a document: as drawn, twice as fine, with a title. */
import * as l10n from '@vscode/l10n';
import { compositionKinds } from '../../src/protocol/circuits';
import { colours, themeKind } from '../shared/theme';
import { reduceSelection } from '../../src/protocol/selection';
import { signed } from './excess';
import { fills } from './fill';
import { picture } from './graph';
import { drawGraph, drawNames, kindColour } from './graphPaint';
import { shownLayers } from './matrices';
import { layoutMatrices } from './matrixLayout';
import { drawMatrix } from './matrixPaint';
import { end, fill, namesOf, sendExport, threshold, view } from './store';
import { scoreLabels } from '../shared/scoreLabels';

const SCALE = 2;
const TITLE = 32;
const SMALLEST_WIDTH = 480;

/** Sends PNG bytes to the host; does nothing when there is nothing to draw. */
export async function exportPng(): Promise<void> {
  const about = view.peek();
  const graph = picture.peek();
  if (!about || !graph) return;
  const layers = shownLayers.peek();
  const width = Math.max(SMALLEST_WIDTH, graph.layout.width);
  const matrices = layoutMatrices(width, about.composition.nHeads);
  const canvas = document.createElement('canvas');
  canvas.width = width * SCALE;
  canvas.height = (TITLE + graph.layout.height + (layers ? matrices.height : 0)) * SCALE;
  const context = canvas.getContext('2d');
  if (!context) return;
  const palette = colours.peek();
  context.scale(SCALE, SCALE);
  context.fillStyle = palette.bg;
  context.fillRect(0, 0, width, canvas.height / SCALE);
  context.fillStyle = palette.fg;
  context.font = `600 13px ${palette.mono}`;
  const from = signed(threshold.peek(), 3);
  context.fillText(
    `${about.checkpoint.name}  ${l10n.t('composition − baseline from {0}, fill {1}', from, fills[fill.peek()].label)}`,
    12,
    20,
  );
  context.translate(0, TITLE);
  const quiet = {
    ...graph,
    selection: reduceSelection(graph.selection, { kind: 'leave' }),
  };
  drawGraph(context, quiet);
  drawNames(context, quiet, (head) => {
    const [first] = namesOf(about, head);
    return first && `${scoreLabels[first.name]} ${first.score.toFixed(2)}`;
  });
  context.translate(0, graph.layout.height);
  context.textAlign = 'left';
  context.textBaseline = 'alphabetic';
  compositionKinds.forEach((kind, i) => {
    if (!layers) return;
    context.save();
    context.translate(matrices.left + i * matrices.pitch, 0);
    context.fillStyle = kindColour(kind, palette);
    context.font = `600 12px ${palette.mono}`;
    context.fillText(`${kind}  L${layers.earlier} → L${layers.later}, ±${end.peek().toFixed(2)}`, 0, 20);
    context.translate(0, matrices.top);
    drawMatrix(context, about.composition, kind, layers, end.peek(), matrices.cell, themeKind.peek());
    context.strokeStyle = palette.hair2;
    context.strokeRect(-0.5, -0.5, matrices.side + 1, matrices.side + 1);
    context.restore();
  });
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (blob) sendExport('png', new Uint8Array(await blob.arrayBuffer()));
}
