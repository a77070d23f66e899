/** The graph by keyboard: arrows move over heads, [ and ] over the edges of a head, strongest first. */
import { useEffect, useState } from 'preact/hooks';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import { samePair } from '../../src/protocol/selection';
import { type Excess, pairOf } from './excess';
import { type Curve, curvePoint, type GraphLayout } from './graphLayout';
import { dispatch, hoverPair, selection } from './store';

const MOVES: Record<string, [layers: number, heads: number]> = {
  ArrowUp: [1, 0],
  ArrowDown: [-1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  Home: [0, -Infinity],
  End: [0, Infinity],
};
const EDGE_STEPS: Record<string, number> = { ']': 1, '[': -1 };

const clamp = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value));
const same = (a: HeadRef, b: HeadRef): boolean => a.layer === b.layer && a.head === b.head;

/** The curves that start or end at a head, strongest first. `curves`: weakest first, as they are drawn. */
export const curvesOf = (curves: readonly Curve[], head: HeadRef): Curve[] =>
  curves.filter(({ edge: { earlier, later } }) => same(earlier, head) || same(later, head)).reverse();

/** The next of these edges, round and round; without one before, the strongest, or going back the weakest. */
export function nextCurve(own: readonly Curve[], edge: Excess | undefined, by: number): Curve | undefined {
  const now = edge ? own.findIndex((curve) => samePair(curve.edge, edge)) : -1;
  const next = now < 0 ? (by > 0 ? 0 : own.length - 1) : (now + by + own.length) % own.length;
  return own[next];
}

interface GraphKeys {
  /** The head that the keys are on. */
  active: HeadRef;
  onKeyDown: (event: KeyboardEvent) => void;
  onBlur: () => void;
}

/** `origin`: where the graph's own coordinates begin on the page. */
export function useGraphKeys(
  place: GraphLayout | undefined,
  curves: () => readonly Curve[],
  origin: () => { left: number; top: number },
): GraphKeys {
  const { layer, head } = selection.value.head;
  const [active, setActive] = useState<HeadRef>({ layer, head });
  const [edge, setEdge] = useState<Excess | undefined>(undefined);
  useEffect(() => {
    setActive({ layer, head });
    setEdge(undefined);
  }, [layer, head]);
  const leave = (): void => {
    setEdge(undefined);
    dispatch({ kind: 'leave' });
  };
  const toHead = ([layers, heads]: [number, number], { nLayers, nHeads }: GraphLayout): void => {
    const next = { layer: clamp(active.layer + layers, nLayers), head: clamp(active.head + heads, nHeads) };
    setActive(next);
    setEdge(undefined);
    document.getElementById(`node-${headName(next)}`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    dispatch({ kind: 'hoverHead', head: next });
  };
  const toEdge = (by: number): void => {
    const next = nextCurve(curvesOf(curves(), active), edge, by);
    if (!next) return;
    setEdge(next.edge);
    const [{ x, y }, { left, top }] = [curvePoint(next, 0.5), origin()];
    hoverPair(next.edge, { x: left + x, y: top + y });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const { key } = event;
    const [move, by] = [MOVES[key], EDGE_STEPS[key]];
    if (key === 'Escape') {
      leave();
      return;
    }
    if (move && place) toHead(move, place);
    else if (by) toEdge(by);
    else if (key !== 'Enter' && key !== ' ') return;
    else if (edge) dispatch({ kind: 'lockPair', pair: pairOf(edge) });
    else dispatch({ kind: 'chooseHead', head: active });
    event.preventDefault();
  };
  return { active, onKeyDown, onBlur: leave };
}
