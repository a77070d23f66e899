/** How the attention patterns of two checkpoints differ on a prompt. */
import type { Weighting } from '../../protocol/analysis';
import type { HeadRef } from '../../protocol/checkpoint';
import { headName } from '../../protocol/checkpoint';
import { InputError } from '../checkpoint/errors';
import type { OpenModel } from '../circuitHandlers';
import { patternMatrix } from '../circuits/pattern';
import { hasHook } from '../describe';
import { layerHook } from '../graph/hooks';
import type { Steps } from '../runtime/types';
import { comparedPrompt } from './prompt';
import { minus, type CompareParams, type CompareResult, type Comparison, type Two } from './two';

/** Patterns of one checkpoint that are held at a time: at least one layer's. */
const PATTERN_BYTES = 256e6;

/**
 * Total variation distance of the rows of all heads (definition: `ComparedPatterns`). Few layers are held at a time.
 * @param patternBytes of one checkpoint that are held
 */
export async function comparePatterns(
  two: Two,
  params: CompareParams<'comparePatterns'>,
  steps: Steps,
  patternBytes = PATTERN_BYTES,
): CompareResult<'comparePatterns'> {
  const { weighting = 'pattern' } = params;
  const { tokens, ids, notices } = await comparedPrompt(two, params);
  const { nLayers, nHeads } = two.a.checkpoint.description;
  const n = ids.length;
  const count = nLayers * nHeads;
  const rows = new Float32Array(count * n);
  for (const layers of together(two, n, patternBytes)) {
    await steps.step(`Comparing patterns of layer ${layers[0]! + 1} of ${nLayers}`, layers[0]! / nLayers);
    const [a, b] = await patternsOfTwo(two, { ids, layers, weighting }, steps);
    for (const layer of layers)
      for (let head = 0; head < nHeads; head++) {
        const at = (layer * nHeads + head) * n;
        rowDistances(a(layer, head), b(layer, head), rows.subarray(at, at + n));
      }
  }
  return { tokens, nLayers, nHeads, ...summary(rows, count, n), rows, notices };
}

/** One head's patterns in both, whole. */
export const comparePattern: Comparison<'comparePattern'> = async (two, params, steps) => {
  const { head, weighting = 'pattern' } = params;
  const { ids } = await comparedPrompt(two, params);
  checkHead(two.a, head);
  // as comparePatterns takes them, so that its sessions serve
  const layers = together(two, ids.length, PATTERN_BYTES).find((some) => some.includes(head.layer))!;
  const [ofA, ofB] = await patternsOfTwo(two, { ids, layers, weighting }, steps);
  const [a, b] = [ofA, ofB].map((patterns) => patterns(head.layer, head.head)) as [Float32Array, Float32Array];
  return { head, n: ids.length, a, b, delta: minus(b, a) };
};

/** @throws InputError */
function checkHead({ checkpoint: { description } }: OpenModel, head: HeadRef): void {
  const exists = (index: number, n: number): boolean => Number.isInteger(index) && index >= 0 && index < n;
  if (!exists(head.layer, description.nLayers) || !exists(head.head, description.nHeads))
    throw new InputError(`There is no head ${headName(head)} in these models.`);
}

/** Layers whose patterns are held together, first to last. */
function together({ a }: Two, n: number, bytes: number): number[][] {
  const { nLayers, nHeads } = a.checkpoint.description;
  const most = Math.max(1, Math.floor(bytes / (4 * nHeads * n * n)));
  return Array.from({ length: Math.ceil(nLayers / most) }, (_, part) =>
    Array.from({ length: Math.min(most, nLayers - part * most) }, (_, i) => part * most + i),
  );
}

/** A head's pattern, `[dst, src]`, 0 above the diagonal. */
type PatternOf = (layer: number, head: number) => Float32Array;

interface PatternsRequest {
  ids: number[];
  layers: number[];
  weighting: Weighting;
}

async function patternsOfTwo({ a, b }: Two, request: PatternsRequest, steps: Steps): Promise<[PatternOf, PatternOf]> {
  return [await patternsOf(a, request, steps), await patternsOf(b, request, steps)];
}

async function patternsOf(
  { checkpoint, runner }: OpenModel,
  { ids, layers, weighting }: PatternsRequest,
  steps: Steps,
): Promise<PatternOf> {
  const { nHeads } = checkpoint.description;
  const names = weighting === 'pattern' ? (['pattern'] as const) : (['pattern', 'valueNorm'] as const);
  const hooks = layers
    .flatMap((layer) => names.map((name) => layerHook(layer, name)))
    .filter((name) => hasHook(checkpoint, name));
  const run = await runner.run({ ids, hooks }, steps);
  const of = (layer: number, name: (typeof names)[number]): Float32Array | undefined =>
    run.hooks[layerHook(layer, name)]?.data;
  return (layer, head) => {
    const set = {
      n: ids.length,
      nHeads,
      patterns: [of(layer, 'pattern')!],
      // a foreign graph whose values were not found: weighted by them a pattern is itself
      valueNorms: [of(layer, 'valueNorm') ?? new Float32Array(nHeads * ids.length).fill(1)],
    };
    return patternMatrix(set, { reduction: 'one', weighting, head: { layer: 0, head } }).values;
  };
}

/** ½ Σ_s |b − a| of every row. @param into `[dst]` */
function rowDistances(a: Float32Array, b: Float32Array, into: Float32Array): void {
  const n = into.length;
  for (let dst = 0; dst < n; dst++) {
    let sum = 0;
    for (let at = dst * n; at <= dst * n + dst; at++) sum += Math.abs(b[at]! - a[at]!);
    into[dst] = sum / 2;
  }
}

/** Of every head the mean over rows 1 …, the largest row, and which it is. */
function summary(
  rows: Float32Array,
  count: number,
  n: number,
): { distance: Float32Array; maxDistance: Float32Array; maxRow: Int32Array } {
  const [distance, maxDistance] = [new Float32Array(count), new Float32Array(count)];
  const maxRow = new Int32Array(count);
  for (let head = 0; head < count; head++) {
    let sum = 0;
    for (let row = 0; row < n; row++) {
      const value = rows[head * n + row]!;
      if (row > 0) sum += value;
      if (value > maxDistance[head]!) [maxDistance[head], maxRow[head]] = [value, row];
    }
    distance[head] = sum / (n - 1);
  }
  return { distance, maxDistance, maxRow };
}
