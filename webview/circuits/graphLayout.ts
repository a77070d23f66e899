/** Where nodes and edges of the graph are. Pure: CSS pixels; layers go up as the residual stream flows. */
import { type CompositionKind, compositionKinds } from '../../src/protocol/circuits';
import type { HeadRef } from '../../src/protocol/checkpoint';
import type { Excess } from './excess';

export interface GraphLayout {
  width: number;
  height: number;
  /** Of a node. */
  radius: number;
  stepX: number;
  stepY: number;
  /** Middle of head 0. */
  left: number;
  /** Middle of the last layer's nodes. */
  top: number;
  nLayers: number;
  nHeads: number;
  /** What there is room for at every node: its name (`L0H0`, `H0`), its pill in full or short. */
  names: 'full' | 'short' | 'none';
  pills: 'full' | 'short' | 'none';
}

interface Point {
  x: number;
  y: number;
}

/** A cubic curve from the top of the earlier head to the bottom of the later one. */
export interface Curve {
  edge: Excess;
  width: number;
  points: [Point, Point, Point, Point];
}

const MARGIN = { top: 92, bottom: 64, right: 64 };
const LEFT = { wide: 104, narrow: 72 };
/** In the side bar: no pills, so less room around them. */
const SIDE_BAR = { room: 400, left: 64, right: 20, top: 48 };
const STEP = { largest: 120, smallest: 20 };
const RADIUS = { largest: 14, deep: 10, smallest: 4 };
/** Between layers: of two, what large nodes need, and the least that pills between layers fit in. */
const GAP = { two: 248, roomy: 96, smallest: 64 };
const TARGET_HEIGHT = 560;
/** Room of `L0H0`, `H0`, and of a pill. */
const ROOM = { name: 40, shortName: 24, pill: 72, short: 44 };
const WIDEST = 9;
/** From the node's edge to its edges. */
const CLEAR = 3;
/** Share of the way in which a curve still goes straight up. */
const STRAIGHT = 0.45;
/** Between edges at a node, and the room that they share. */
const BETWEEN = 1.5;
const SAMPLES = 24;

export function layoutGraph(room: number, nLayers: number, nHeads: number): GraphLayout {
  const side = room < SIDE_BAR.room;
  const left = side ? SIDE_BAR.left : room < 560 || nHeads > 12 ? LEFT.narrow : LEFT.wide;
  const { top, right } = side ? SIDE_BAR : MARGIN;
  const fits = (room - left - right) / Math.max(1, nHeads - 1);
  const stepX = Math.floor(Math.max(STEP.smallest, Math.min(STEP.largest, fits)));
  const gap = (TARGET_HEIGHT - top - MARGIN.bottom) / Math.max(1, nLayers - 1);
  const stepY = Math.round(Math.max(GAP.smallest, Math.min(GAP.two, gap)));
  const largest = stepY < GAP.roomy ? RADIUS.deep : RADIUS.largest;
  const radius = Math.max(RADIUS.smallest, Math.min(largest, Math.floor(stepX * 0.3)));
  return {
    width: Math.max(room, left + (nHeads - 1) * stepX + right),
    height: top + (nLayers - 1) * stepY + MARGIN.bottom,
    radius,
    stepX,
    stepY,
    left,
    top,
    nLayers,
    nHeads,
    names: stepX >= ROOM.name ? 'full' : stepX >= ROOM.shortName ? 'short' : 'none',
    pills: stepX >= ROOM.pill ? 'full' : stepX >= ROOM.short ? 'short' : 'none',
  };
}

export const nodeAt = ({ left, top, stepX, stepY, nLayers }: GraphLayout, { layer, head }: HeadRef): Point => ({
  x: left + head * stepX,
  y: top + (nLayers - 1 - layer) * stepY,
});

/** 9 px at the end of the scale, less where nodes are smaller; at least 1. */
export const edgeWidth = ({ radius }: GraphLayout, excess: number, end: number): number =>
  Math.max(1, (excess / end) * WIDEST * (radius / RADIUS.largest));

const order = (kind: CompositionKind): number => compositionKinds.indexOf(kind);

/** Edges leave a node in the order of where they go, side by side. `x` of each end by edge. */
function ports(
  layout: GraphLayout,
  edges: readonly Excess[],
  end: number,
  from: 'earlier' | 'later',
): Map<Excess, number> {
  const to = from === 'earlier' ? 'later' : 'earlier';
  const groups = new Map<number, Excess[]>();
  for (const edge of edges) {
    const key = edge[from].layer * layout.nHeads + edge[from].head;
    groups.set(key, [...(groups.get(key) ?? []), edge]);
  }
  const places = new Map<Excess, number>();
  for (const group of groups.values()) {
    group.sort((a, b) => a[to].head - b[to].head || a[to].layer - b[to].layer || order(a.kind) - order(b.kind));
    const widths = group.map(({ excess }) => edgeWidth(layout, excess, end) + BETWEEN);
    const total = widths.reduce((sum, width) => sum + width, 0);
    const scale = Math.min(1, (2 * layout.radius + 2) / total);
    let x = nodeAt(layout, group[0]![from]).x - (total * scale) / 2;
    group.forEach((edge, i) => {
      places.set(edge, x + (widths[i]! * scale) / 2);
      x += widths[i]! * scale;
    });
  }
  return places;
}

/** The curves of the edges, weakest first, so that the strongest are drawn on top. */
export function layoutEdges(layout: GraphLayout, edges: readonly Excess[], end: number): Curve[] {
  const starts = ports(layout, edges, end, 'earlier');
  const ends = ports(layout, edges, end, 'later');
  return [...edges].reverse().map((edge) => {
    const [x0, x1] = [starts.get(edge)!, ends.get(edge)!];
    const y0 = nodeAt(layout, edge.earlier).y - layout.radius - CLEAR;
    const y1 = nodeAt(layout, edge.later).y + layout.radius + CLEAR;
    const bend = (y0 - y1) * STRAIGHT;
    return {
      edge,
      width: edgeWidth(layout, edge.excess, end),
      points: [
        { x: x0, y: y0 },
        { x: x0, y: y0 - bend },
        { x: x1, y: y1 + bend },
        { x: x1, y: y1 },
      ],
    };
  });
}

/** Point of a curve at `t`, 0 at the earlier head. */
export function curvePoint({ points: [a, b, c, d] }: Curve, t: number): Point {
  const u = 1 - t;
  const mix = (key: keyof Point): number =>
    u * u * u * a[key] + 3 * u * u * t * b[key] + 3 * u * t * t * c[key] + t * t * t * d[key];
  return { x: mix('x'), y: mix('y') };
}

function distance({ x, y }: Point, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = Math.max(0, Math.min(1, ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - a.x - along * dx, y - a.y - along * dy);
}

/** The edge under a point, the nearest if there are several; `reach` pixels beside it count too. */
export function edgeAt(curves: readonly Curve[], at: Point, reach = 3): Curve | undefined {
  let best: Curve | undefined;
  let least = Infinity;
  for (const curve of curves) {
    for (let i = 0; i < SAMPLES; i++) {
      const gap = distance(at, curvePoint(curve, i / SAMPLES), curvePoint(curve, (i + 1) / SAMPLES)) - curve.width / 2;
      if (gap <= reach && gap < least) [best, least] = [curve, gap];
    }
  }
  return best;
}
