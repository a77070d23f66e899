/** Rotary positions as a foreign graph computes them: which dimensions turn with which, how fast, and by what formula. */
import * as l10n from '@vscode/l10n';
import { ropeFrequencies } from '../runtime/inputs';
import type { RopeScaling, Rotary } from '../checkpoint/description';

/** Dimensions `a` and `b` of every head are turned by `frequency` radians per position. */
export interface Pair {
  a: number;
  b: number;
  frequency: number;
}

/** How the graph rotates: pairs by falling frequency of the formula, i.e. in the order of `a`. */
export interface Rotation {
  rotary: Rotary;
  /** Order of each head's dimensions in which the pairs are (i, i + dims/2), as descriptions have them. */
  order: number[];
}

/**
 * @param turned row j: what became of dimension j's 1 at position 1 `[d_head][d_head]`
 * @param bar relative precision of the graph's numbers
 * @returns a clause when it is no rotation that is known
 */
export function rotationOf(turned: readonly Float32Array[], bar: number): Rotation | string {
  const pairs: Pair[] = [];
  const still: number[] = [];
  for (const [j, row] of turned.entries()) {
    const partner = partnerOf(row, j);
    if (partner === undefined) {
      if (Math.abs(row[j]! - 1) > bar) return l10n.t('rotary positions scale dimensions that they do not turn');
      still.push(j);
      continue;
    }
    const back = turned[partner]!;
    const [cos, sin] = [row[j]!, row[partner]!];
    const isTurn =
      Math.abs(cos * cos + sin * sin - 1) <= 4 * bar &&
      Math.abs(back[j]! + sin) <= bar &&
      partnerOf(back, partner) === j;
    if (!isTurn) return l10n.t('rotary positions are no rotation of pairs (their tables may be scaled)');
    if (sin > 0) pairs.push({ a: j, b: partner, frequency: Math.atan2(sin, cos) });
  }
  const order = [...pairs.map(({ a }) => a), ...pairs.map(({ b }) => b), ...still];
  const rotary = formulaOf(
    pairs.map(({ frequency }) => frequency),
    bar,
  );
  return rotary ? { rotary, order } : l10n.t('rotary positions have frequencies that fit no formula that is known');
}

/** The other dimension that this one's 1 went to. */
function partnerOf(row: Float32Array, own: number): number | undefined {
  const others = [...row.keys()].filter((i) => i !== own && row[i] !== 0);
  return others.toSorted((a, b) => Math.abs(row[b]!) - Math.abs(row[a]!))[0];
}

/** llama3's blend is written with these by every model that has it. */
const LLAMA3 = { kind: 'llama3', lowFreqFactor: 1, highFreqFactor: 4, originalContext: 8192 } as const;

function formulaOf(frequencies: number[], bar: number): Rotary | undefined {
  const dims = 2 * frequencies.length;
  const [first, last] = [frequencies[0]!, frequencies.at(-1)!];
  const theta = (from: number[], scale: number): number => thetaFrom(from, dims, scale, bar);
  const candidates: { theta: number; scaling?: RopeScaling }[] = [
    { theta: theta(frequencies, 1) },
    { theta: theta(frequencies, first), scaling: { kind: 'linear', factor: round(1 / first, bar) } },
  ];
  // llama3 leaves the fast pairs alone and divides the slow ones
  const fast = theta(frequencies.slice(0, Math.max(2, Math.floor(frequencies.length / 4))), 1);
  const factor = round(fast ** (-(dims - 2) / dims) / last, bar);
  if (factor >= 1) candidates.push({ theta: fast, scaling: { ...LLAMA3, factor } });
  for (const { theta, scaling } of candidates) {
    const rotary: Rotary = { kind: 'rotary', dims, theta, ...(scaling && { scaling }) };
    const expected = ropeFrequencies(rotary);
    // a small angle of float16 tables has few digits
    if (expected.every((f, i) => Math.abs(f - frequencies[i]!) <= Math.max(2 * bar * f, bar * 0.01))) return rotary;
  }
  return undefined;
}

/** The base of θ^(−2i/dims)·first, from the slowest pair whose angle has digits enough. */
function thetaFrom(frequencies: readonly number[], dims: number, first: number, bar: number): number {
  const i = Math.max(
    1,
    frequencies.findLastIndex((f) => f >= bar),
  );
  const frequency = frequencies[i];
  return frequency === undefined ? 10_000 : round((frequency / first) ** (-dims / (2 * i)), bar);
}

/** Configs have round numbers; what was computed from tables is off by their rounding. */
function round(value: number, bar: number): number {
  for (const digits of [1, 2, 3, 4, 5, 6, 7]) {
    const short = Number(value.toPrecision(digits));
    if (Math.abs(short / value - 1) < bar) return short;
  }
  return value;
}
