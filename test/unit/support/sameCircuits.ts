/** All circuit analyses of two open models, compared number by number. */
import assert from 'node:assert/strict';
import { ablate } from '../../../src/engine/circuits/ablate';
import { bigrams } from '../../../src/engine/circuits/bigrams';
import { composition } from '../../../src/engine/circuits/composition';
import { headCircuit } from '../../../src/engine/circuits/headCircuit';
import { headScores } from '../../../src/engine/circuits/headScores';
import { importance } from '../../../src/engine/circuits/importance';
import { inductionCircuits } from '../../../src/engine/circuits/induction';
import { lens } from '../../../src/engine/circuits/lens';
import { patch } from '../../../src/engine/circuits/patch';
import { paths } from '../../../src/engine/circuits/paths';
import type { OpenModel } from '../../../src/engine/circuitHandlers';
import { HOOK_BAR } from './closeness';
import { noSteps } from './models';
import type { Doors } from './twoDoors';

export type Analysis = (model: OpenModel, ids: number[]) => Promise<unknown>;

/** Analyses by name. Lists are asked for in full, so that none ends between two equals. */
export const circuits: Record<string, Analysis> = {
  composition: (m) => composition(m, {}, noSteps),
  'composition, norms not folded': (m) => composition(m, { foldNorm: false }, noSteps),
  'head scores': (m, ids) => headScores(m, { ids: twice(ids) }, noSteps),
  'induction circuits': (m, ids) => inductionCircuits(m, { ids: twice(ids), top: 1000 }, noSteps),
  'QK and OV': (m, ids) => headCircuit(m, { head: lastHead(m), top: 1, tokens: ids.slice(0, 2) }, noSteps),
  bigrams: (m, ids) => bigrams(m, { token: ids[0]!, top: 40 }, noSteps),
  lens: (m, ids) => lens(m, { ids, topK: 1 }, noSteps),
  ablation: (m, ids) => ablate(m, { ids, heads: [{ layer: 0, head: 1 }, lastHead(m)], topK: 1 }, noSteps),
  'ablation by the mean': (m, ids) => ablate(m, { ids, heads: [lastHead(m)], mean: true, topK: 1 }, noSteps),
  patching: (m, ids) => patch(m, { ...patched(ids), answer: { id: ids[1]! }, wrong: { id: ids[2]! } }, noSteps),
  paths: (m, ids) => paths(m, { ids, token: { id: ids[1]! } }, noSteps),
};

/** For models that consist of attention only. */
export const importances: Record<string, Analysis> = { importance: (m, ids) => importance(m, { ids }, noSteps) };

const twice = (ids: number[]): number[] => [ids[0]!, ...ids.slice(0, 5), ...ids.slice(0, 5)];
const lastHead = ({ checkpoint: { description: d } }: OpenModel): { layer: number; head: number } => ({
  layer: d.nLayers - 1,
  head: d.nHeads - 1,
});
/** Another first token. */
const patched = (ids: number[]): { clean: { ids: number[] }; corrupted: { ids: number[] } } => ({
  clean: { ids },
  corrupted: { ids: [ids[1]!, ...ids.slice(1)] },
});

export async function assertSameCircuit(doors: Doors, analysis: Analysis): Promise<void> {
  assertSameNumbers(await analysis(doors.onnx, doors.ids), await analysis(doors.safetensors, doors.ids));
}

/** Two results of an analysis. */
export function assertSameNumbers(result: unknown, reference: unknown): void {
  const [actual, expected] = [numbersOf(result), numbersOf(reference)];
  assert.ok(expected.size > 0, 'the analysis gives no numbers');
  assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort());
  for (const [key, values] of expected) assertNumbers(key, actual.get(key)!, values);
}

/**
 * Eigenvalues of a matrix that is far from symmetric magnify the rounding of its entries, a thousandfold where two nearly
 * meet: DESIGN's bar of circuit scores.
 */
const OF_EIGENVALUES = /\.(ovCopying|qkMatching|copying|matching)\b|^\.pairs\[.*\]\.score\b/;
/** A count, which jumps where two logits differ by their rounding only. */
const RANK = /Rank\b/;

/** Within the bar, of the largest value or of 1; a rank within one place. Not finite in the same places. */
function assertNumbers(key: string, actual: number[], expected: number[]): void {
  assert.equal(actual.length, expected.length, `length of ${key}`);
  const scale = Math.max(1, ...expected.filter(Number.isFinite).map(Math.abs));
  const bar = RANK.test(key) ? 1 : scale * (OF_EIGENVALUES.test(key) ? 1e-3 : HOOK_BAR);
  expected.forEach((e, i) => {
    const a = actual[i]!;
    if (Number.isFinite(e)) assert.ok(Math.abs(a - e) <= bar, `${key}[${i}] is ${a}, from safetensors ${e}`);
    else assert.ok(Object.is(a, e), `${key}[${i}] is ${a}, from safetensors ${e}`);
  });
}

/** Words; and what has no order of its own: eigenvalues are in the scores that are read off them. */
const IGNORED = ['notices', 'text', 'texts', 'label', 'reasons', 'start', 'end', 'special', 'eigenvalues', 'runMs'];

/** All numbers of a result by where they stand. Entries of ranked lists stand under what they are of: equals may change places. */
function numbersOf(result: unknown, key = '', into = new Map<string, number[]>()): Map<string, number[]> {
  if (typeof result === 'number') into.set(key, [result]);
  else if (ArrayBuffer.isView(result)) into.set(key, Array.from(result as unknown as ArrayLike<number>));
  else if (Array.isArray(result))
    result.forEach((entry: unknown, i) => numbersOf(entry, `${key}[${identity(entry) || i}]`, into));
  else if (typeof result === 'object' && result !== null)
    for (const [name, value] of Object.entries(result))
      if (!IGNORED.includes(name)) numbersOf(value, `${key}.${name}`, into);
  return into;
}

/** The name of an entry, and the heads and tokens that it is about. */
function identity(entry: unknown): string {
  if (typeof entry !== 'object' || entry === null || ArrayBuffer.isView(entry) || Array.isArray(entry)) return '';
  return Object.entries(entry)
    .map(([name, value]: [string, unknown]) => {
      if (['name', 'hook', 'layer', 'head', 'id'].includes(name) && typeof value !== 'object') return String(value);
      return typeof value === 'object' ? identity(value) : '';
    })
    .filter(Boolean)
    .join(' ');
}
