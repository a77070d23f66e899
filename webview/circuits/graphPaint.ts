/** Edges and nodes of the graph on a canvas. */
import type { CompositionKind } from '../../src/protocol/circuits';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import type { HeadPair, Selection } from '../../src/protocol/selection';
import type { CanvasColours } from '../shared/theme';
import { type Curve, type GraphLayout, nodeAt } from './graphLayout';

export interface GraphPicture {
  layout: GraphLayout;
  /** Weakest first. */
  curves: readonly Curve[];
  /** CSS colour of a node. */
  fillOf: (head: HeadRef) => string;
  colours: CanvasColours;
  selection: Selection;
}

export const kindColour = (kind: CompositionKind, colours: CanvasColours): string =>
  ({ Q: colours['kind-q'], K: colours['kind-k'], V: colours['kind-v'] })[kind];

/** Q dotted, K solid, V dashed; dots and dashes grow with the line. */
export function dashOf(kind: CompositionKind, width: number): number[] {
  if (kind === 'K') return [];
  return kind === 'Q' ? [0.1, width * 1.15 + 2.4] : [width + 5, width * 0.5 + 3];
}

const OPACITY = { rest: 0.62, focus: 1, kind: 0.6, touching: 0.4, other: 0.3, faint: 0.15 };
const same = (a: HeadRef | undefined, b: HeadRef): boolean => a?.layer === b.layer && a.head === b.head;
const touches = (edge: HeadPair, head: HeadRef): boolean => same(head, edge.earlier) || same(head, edge.later);

/** The pair in question stands out, then its kind, then what touches its heads; of a hovered head, what touches it. */
export function edgeOpacity(edge: HeadPair, { previewHead, previewPair, pair }: Selection): number {
  if (previewHead) return touches(edge, previewHead) ? 0.9 : OPACITY.faint;
  const about = previewPair ?? pair;
  if (!about) return OPACITY.rest;
  const both = same(about.earlier, edge.earlier) && same(about.later, edge.later);
  if (edge.kind === about.kind) return both ? OPACITY.focus : OPACITY.kind;
  return touches(edge, about.earlier) || touches(edge, about.later) ? OPACITY.touching : OPACITY.other;
}

export function drawGraph(context: CanvasRenderingContext2D, picture: GraphPicture): void {
  const { layout, curves, colours, selection } = picture;
  const drawn = curves.map((curve) => ({ curve, opacity: edgeOpacity(curve.edge, selection) }));
  for (const { curve, opacity } of drawn) if (opacity < OPACITY.focus) drawEdge(context, curve, opacity, colours);
  for (const { curve, opacity } of drawn) if (opacity === OPACITY.focus) drawEdge(context, curve, opacity, colours);
  context.globalAlpha = 1;
  context.setLineDash([]);
  for (let layer = 0; layer < layout.nLayers; layer++) {
    for (let head = 0; head < layout.nHeads; head++) drawNode(context, { layer, head }, picture);
  }
  drawAxis(context, layout, colours);
}

function drawEdge(
  context: CanvasRenderingContext2D,
  { edge, width, points: [a, b, c, d] }: Curve,
  opacity: number,
  colours: CanvasColours,
): void {
  context.globalAlpha = opacity;
  context.strokeStyle = kindColour(edge.kind, colours);
  context.lineWidth = width;
  context.lineCap = edge.kind === 'Q' ? 'round' : 'butt';
  context.setLineDash(dashOf(edge.kind, width));
  context.beginPath();
  context.moveTo(a.x, a.y);
  context.bezierCurveTo(b.x, b.y, c.x, c.y, d.x, d.y);
  context.stroke();
}

function circle(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
}

/** Chosen: two amber rings. Under the pointer, or in the pair: a ring of the text's colour. */
function drawNode(context: CanvasRenderingContext2D, head: HeadRef, picture: GraphPicture): void {
  const { layout, fillOf, colours, selection } = picture;
  const { x, y } = nodeAt(layout, head);
  const chosen = same(selection.head, head);
  const about = selection.previewPair ?? selection.pair;
  const hot = same(selection.previewHead, head) || (about !== undefined && touches(about, head));
  circle(context, x, y, layout.radius);
  context.fillStyle = colours.bg;
  context.fill();
  context.fillStyle = fillOf(head);
  context.fill();
  context.lineWidth = chosen || hot ? 1.5 : 1;
  context.strokeStyle = chosen ? colours.lock : hot ? colours.strong : colours.hair2;
  context.stroke();
  if (!chosen) return;
  circle(context, x, y, layout.radius + 3);
  context.lineWidth = 1;
  context.stroke();
}

/** Names of layers and the way the residual stream flows. */
function drawAxis(context: CanvasRenderingContext2D, layout: GraphLayout, colours: CanvasColours): void {
  context.font = `600 12px ${colours.mono}`;
  context.fillStyle = colours.fg;
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  for (let layer = 0; layer < layout.nLayers; layer++)
    context.fillText(`L${layer}`, 12, nodeAt(layout, { layer, head: 0 }).y);
  if (layout.nLayers !== 2) return;
  const [bottom, top] = [nodeAt(layout, { layer: 0, head: 0 }).y - 20, layout.top + 24];
  context.strokeStyle = colours.faint;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(20.5, bottom);
  context.lineTo(20.5, top);
  context.moveTo(16.5, top + 7);
  context.lineTo(20.5, top);
  context.lineTo(24.5, top + 7);
  context.stroke();
  context.save();
  context.translate(38, (bottom + top) / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = 'center';
  context.fillStyle = colours.muted;
  context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  context.fillText('residual stream', 0, 0);
  context.restore();
}

/** Names and pills as on the page, for a picture that leaves it. */
export function drawNames(
  context: CanvasRenderingContext2D,
  { layout, colours }: GraphPicture,
  nameOf: (head: HeadRef) => string | undefined,
): void {
  context.textAlign = 'center';
  context.textBaseline = 'alphabetic';
  for (let layer = 0; layer < layout.nLayers; layer++) {
    for (let head = 0; head < layout.nHeads; head++) {
      const { x, y } = nodeAt(layout, { layer, head });
      const name = nameOf({ layer, head });
      const below = layer === 0;
      const at = below ? y + layout.radius + 18 : y - layout.radius - 10;
      const shown = name ?? (layer === 0 || layer === layout.nLayers - 1 ? '' : undefined);
      if (shown === undefined || layout.names !== 'full') continue;
      context.font = `11px ${colours.mono}`;
      context.fillStyle = name ? colours.strong : colours.muted;
      context.fillText(headName({ layer, head }), x, at);
      context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
      context.fillStyle = colours.fg;
      if (name) context.fillText(name, x, below ? at + 16 : at - 16);
    }
  }
}
