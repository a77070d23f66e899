/** Score − baseline of all pairs: order, scale, threshold, histogram. Pure. */
import { type Composition, type CompositionKind, compositionKinds } from '../../src/protocol/circuits';
import type { HeadPair } from '../../src/protocol/selection';

export interface Excess extends HeadPair {
  /** Score − baseline. */
  excess: number;
}

/** The least that the scale's end is. */
const SMALLEST_END = 0.01;
/** What one looks at first: clearly above chance, and not more edges than one can follow. */
const FIRST_THRESHOLD = 0.02;
const FIRST_EDGES = 100;

export const indexOf = ({ nHeads }: Composition, { layer, head }: { layer: number; head: number }): number =>
  layer * nHeads + head;

/** Without the number: what travels to the host. */
export const pairOf = ({ earlier, later, kind }: HeadPair): HeadPair => ({ earlier, later, kind });

/** Score of a pair, as it is. */
export const scoreAt = (c: Composition, { earlier, later, kind }: HeadPair): number =>
  c.scores[kind][indexOf(c, earlier) * c.nLayers * c.nHeads + indexOf(c, later)] ?? NaN;

/** Every pair and kind, largest first. */
export function excesses(c: Composition): Excess[] {
  const all: Excess[] = [];
  const count = c.nLayers * c.nHeads;
  for (const kind of compositionKinds) {
    c.scores[kind].forEach((score, at) => {
      if (Number.isNaN(score)) return;
      const [a, b] = [Math.floor(at / count), at % count];
      const head = (index: number): HeadPair['earlier'] => ({
        layer: Math.floor(index / c.nHeads),
        head: index % c.nHeads,
      });
      all.push({ kind, earlier: head(a), later: head(b), excess: score - c.baseline[kind] });
    });
  }
  return all.sort((a, b) => b.excess - a.excess);
}

/** The largest size of all pairs, above or below. */
export const scaleEnd = (sorted: readonly Excess[]): number =>
  Math.max(SMALLEST_END, sorted[0]?.excess ?? 0, -(sorted.at(-1)?.excess ?? 0));

export const defaultThreshold = (sorted: readonly Excess[]): number =>
  Math.max(FIRST_THRESHOLD, sorted[FIRST_EDGES]?.excess ?? -Infinity);

/** The edges to draw: of these kinds, from the threshold on, at most `limit`, strongest first; and how many there are. */
export function edgesFrom(
  sorted: readonly Excess[],
  kinds: readonly CompositionKind[],
  threshold: number,
  limit: number,
): { edges: Excess[]; total: number } {
  const all = sorted.filter(({ kind, excess }) => excess >= threshold && kinds.includes(kind));
  return { edges: all.slice(0, limit), total: all.length };
}

export interface Bin {
  from: number;
  count: number;
}

/** How the pairs of these kinds are spread, from the least to the largest of all. */
export function histogram(sorted: readonly Excess[], kinds: readonly CompositionKind[], bins: number): Bin[] {
  const [low, high] = [sorted.at(-1)?.excess ?? 0, sorted[0]?.excess ?? 0];
  const step = (high - low) / bins || 1;
  const all = Array.from({ length: bins }, (_, i) => ({ from: low + i * step, count: 0 }));
  for (const { kind, excess } of sorted) {
    if (kinds.includes(kind)) all[Math.min(bins - 1, Math.floor((excess - low) / step))]!.count++;
  }
  return all;
}

/** `+0.107`, `−0.036`, `0.000`: a true minus, and no sign on nothing. */
export function signed(value: number, digits: number): string {
  const size = Math.abs(value).toFixed(digits);
  if (Number(size) === 0) return size;
  return `${value > 0 ? '+' : '−'}${size}`;
}
