/** How the attention patterns of two checkpoints differ on a prompt. */
import * as l10n from '@vscode/l10n';
import type { Weighting } from '../../protocol/analysis';
import type { HeadRef } from '../../protocol/checkpoint';
import { headName } from '../../protocol/checkpoint';
import { InputError } from '../checkpoint/errors';
import type { OpenModel } from '../circuitHandlers';
import { patternMatrix } from '../circuits/pattern';
import { hasHook } from '../describe';
import { layerHook } from '../graph/hooks';
import { layerPattern } from '../runtime/patternRows';
import type { Steps } from '../runtime/types';
import type { KeptRuns, LayerRun } from './kept';
import { comparedPrompt } from './prompt';
import { minus, type CompareParams, type CompareResult, type Two } from './two';

/** Patterns of one checkpoint that are held at a time: at least one layer's. */
const PATTERN_BYTES = 256e6;

/** How much is held, and what is kept for the next question. */
export interface PatternOptions {
  /** Of one checkpoint, while both are read. Default 256 MB; at least one layer's. */
  patternBytes?: number;
  /** What is there is not run again. */
  kept?: KeptRuns;
}

/** Total variation distance of the rows of all heads (definition: `ComparedPatterns`). Few layers are read at a time. */
export async function comparePatterns(
  two: Two,
  params: CompareParams<'comparePatterns'>,
  steps: Steps,
  { patternBytes = PATTERN_BYTES, kept }: PatternOptions = {},
): CompareResult<'comparePatterns'> {
  const { weighting = 'pattern' } = params;
  const { tokens, ids, notices } = await comparedPrompt(two, params);
  const { nLayers, nHeads } = two.a.checkpoint.description;
  const n = ids.length;
  const count = nLayers * nHeads;
  const rows = new Float32Array(count * n);
  for (const layers of together(two, n, patternBytes)) {
    await steps.step(l10n.t('Comparing patterns of layer {0} of {1}', layers[0]! + 1, nLayers), layers[0]! / nLayers);
    const [a, b] = await patternsOfTwo(two, { ids, layers, weighting, kept }, steps);
    for (const layer of layers)
      for (let head = 0; head < nHeads; head++) {
        const at = (layer * nHeads + head) * n;
        rowDistances(a(layer, head), b(layer, head), rows.subarray(at, at + n));
      }
  }
  return { tokens, nLayers, nHeads, ...summary(rows, count, n), rows, notices };
}

/** One head's patterns in both, whole. */
export async function comparePattern(
  two: Two,
  params: CompareParams<'comparePattern'>,
  steps: Steps,
  { patternBytes = PATTERN_BYTES, kept }: PatternOptions = {},
): CompareResult<'comparePattern'> {
  const { head, weighting = 'pattern' } = params;
  const { ids } = await comparedPrompt(two, params);
  checkHead(two.a, head);
  // as comparePatterns takes them, so that its sessions serve
  const layers = together(two, ids.length, patternBytes).find((some) => some.includes(head.layer))!;
  const request = { ids, layers, weighting, kept, wanted: [head.layer] };
  const [ofA, ofB] = await patternsOfTwo(two, request, steps);
  const [a, b] = [ofA, ofB].map((patterns) => patterns(head.layer, head.head)) as [Float32Array, Float32Array];
  return { head, n: ids.length, a, b, delta: minus(b, a) };
}

/** @throws InputError */
function checkHead({ checkpoint: { description } }: OpenModel, head: HeadRef): void {
  const exists = (index: number, n: number): boolean => Number.isInteger(index) && index >= 0 && index < n;
  if (!exists(head.layer, description.nLayers) || !exists(head.head, description.nHeads))
    throw new InputError(l10n.t('There is no head {0} in these models.', headName(head)));
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
  /** Those of one run. */
  layers: number[];
  /** Those of them that will be read. Default: all. */
  wanted?: number[];
  weighting: Weighting;
  kept: KeptRuns | undefined;
}

async function patternsOfTwo({ a, b }: Two, request: PatternsRequest, steps: Steps): Promise<[PatternOf, PatternOf]> {
  return [await patternsOf(a, request, steps), await patternsOf(b, request, steps)];
}

async function patternsOf(model: OpenModel, request: PatternsRequest, steps: Steps): Promise<PatternOf> {
  const { ids, layers, wanted = layers, weighting, kept } = request;
  const { nHeads } = model.checkpoint.description;
  const held = wanted.map((layer) => kept?.get(model.runner, ids, layer));
  const enough = held.every((run) => run && (run.valueNorm || !normHooks(model, request).length));
  const runs = enough ? new Map(wanted.map((layer, i) => [layer, held[i]!])) : await runLayers(model, request, steps);
  return (layer, head) => {
    const { pattern, valueNorm } = runs.get(layer)!;
    // a foreign graph whose values were not found: weighted by them a pattern is itself
    const valueNorms = [valueNorm ?? new Float32Array(nHeads * ids.length).fill(1)];
    const set = { n: ids.length, nHeads, patterns: [pattern], valueNorms };
    return patternMatrix(set, { reduction: 'one', weighting, head: { layer: 0, head } }).values;
  };
}

/** hook_pattern is always needed; ‖v W_O‖ where patterns are weighted by it, and where the graph has it. */
const normHooks = ({ checkpoint }: OpenModel, { layers, weighting }: PatternsRequest): string[] =>
  weighting === 'pattern'
    ? []
    : layers.map((layer) => layerHook(layer, 'valueNorm')).filter((name) => hasHook(checkpoint, name));

async function runLayers(
  model: OpenModel,
  request: PatternsRequest,
  steps: Steps,
): Promise<ReadonlyMap<number, LayerRun>> {
  const { ids, layers, kept } = request;
  const { checkpoint, runner } = model;
  const patterns = layers.map((layer) => layerHook(layer, 'pattern')).filter((name) => hasHook(checkpoint, name));
  const { hooks } = await runner.run({ ids, hooks: [...patterns, ...normHooks(model, request)] }, steps);
  const runs = layers.map((layer): [number, LayerRun] => {
    const valueNorm = hooks[layerHook(layer, 'valueNorm')]?.data;
    return [layer, { pattern: layerPattern(hooks[layerHook(layer, 'pattern')]!), ...(valueNorm && { valueNorm }) }];
  });
  for (const [layer, run] of runs) kept?.add(runner, ids, layer, run);
  return new Map(runs);
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
