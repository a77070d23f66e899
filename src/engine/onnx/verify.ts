/** Whether the weights that were matched make what the graph makes: the graph that we emit from them runs beside it. */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { HookTensor } from '../../protocol/engine';
import { layerHook } from '../graph/hooks';
import { graphInputs, RESID_OUT } from '../graph/names';
import { emitBlocks, emitUnembed } from '../graph/transformer';
import { promptInputs } from '../runtime/inputs';
import { hookTensor } from '../runtime/outputs';
import { Session } from '../runtime/session';
import type { FoundResidual } from './residual';
import type { ForeignAttention, ForeignHook, Probe, ProbeTensor } from './types';
import type { ForeignWeights } from './weights';

/** Largest difference of one layer's result, beside the largest value. Float16 rounds each of some 32 steps to 11 bits. */
const BARS = { F32: 1e-4, F16: 32 * 2 ** -11 };

/**
 * Layer by layer, each from the graph's own residual stream: no more than a layer's weights are held, and what is wrong is where
 * it is said.
 * @param ids the probe's prompt
 * @returns a clause about the first difference
 */
export async function verify(
  { description: d, tensors }: ForeignWeights,
  attentions: readonly ForeignAttention[],
  { blocks, unembed, flow }: FoundResidual,
  probe: Probe,
  ids: number[],
): Promise<string | undefined> {
  const last = blocks.length - 1;
  const hookOf = (l: number): ForeignHook => attentions[blocks[l]!.attention]!.hooks['attn.hook_pattern']!;
  const stream = [...blocks.map(({ residPre }) => residPre), blocks[last]!.residPost];
  const logits = unembed!.logits;
  const theirs = await probe([...new Set([...stream, hookOf(0).value, hookOf(last).value, logits])]);
  const rows = stream.map((value) => firstRows(theirs[value]!, ids.length, d.dModel));
  const half = isHalf(flow, tensors);
  const bar = half ? BARS.F16 : BARS.F32;
  for (let l = 0; l <= last; l++) {
    const own = await ownLayer({ description: d, tensors }, ids, l, rows[l]!);
    const errors: [what: string, error: number, bar: number][] = [
      [l10n.t('sum of embedding and positions'), relativeError(own.pre, rows[l]!), bar],
    ];
    const { value, axes } = hookOf(l);
    // an error of a score becomes one of e^2δ − 1 of a weight
    const patternBar = half ? Math.expm1(2 * bar * largest(own.scores)) : bar;
    const pattern = theirs[value];
    if (pattern)
      errors.push([
        l10n.t('pattern of layer {0}', l),
        weightsError(own.pattern, pattern, axes, ids.length),
        patternBar,
      ]);
    errors.push([l10n.t('residual stream after layer {0}', l), relativeError(own.post, rows[l + 1]!), bar]);
    const wrong = errors.find(([, error, most]) => !(error <= most));
    if (wrong) return l10n.t('the {0} that they make differs by {1}', wrong[0], wrong[1].toPrecision(2));
  }
  const graph = emitUnembed({ description: d, tensors }, { hooks: ['logits'] });
  const own = await run(graph, { [graphInputs.resid]: tensorOf(rows[last + 1]!) });
  const error = logitsError(own['logits']!, theirs[logits]!, ids.length);
  return error <= bar
    ? undefined
    : l10n.t('the logits that they make differ by {0} of the largest', error.toPrecision(2));
}

/** One layer from the stream before it; the first one from the tokens. */
async function ownLayer(
  weights: ForeignWeights,
  ids: number[],
  layer: number,
  pre: HookTensor,
): Promise<Record<'pre' | 'pattern' | 'scores' | 'post', HookTensor>> {
  const hooks = (['residPre', 'pattern', 'attnScores'] as const).map((hook) => layerHook(layer, hook));
  const graph = emitBlocks(weights, { from: layer, to: layer + 1, hooks, residOut: true });
  const own = await run(graph, { ...promptInputs(weights.description, ids), [graphInputs.resid]: tensorOf(pre) });
  const [before, pattern, scores] = hooks.map((name) => own[name]!);
  return { pre: before!, pattern: pattern!, scores: scores!, post: own[RESID_OUT]! };
}

/** At least 1; masked scores are −∞. */
const largest = ({ data }: HookTensor): number =>
  data.reduce((top, x) => (Number.isFinite(x) ? Math.max(top, Math.abs(x)) : top), 1);

/** Whether the graph computes in less than float32. */
function isHalf(flow: FoundResidual['flow'], tensors: ForeignWeights['tensors']): boolean {
  const isHalfType = ({ dtype }: { dtype: string }): boolean => dtype === 'F16' || dtype === 'BF16';
  return [...tensors.values()].some(isHalfType) || [...flow.graph.tensors.values()].some(isHalfType);
}

async function run(
  graph: Parameters<typeof Session.create>[0],
  feeds: Record<string, Tensor>,
): Promise<Record<string, HookTensor>> {
  const session = await Session.create(graph, 'cpu', { once: true, threads: 1 });
  try {
    const outputs = await session.run(feeds);
    return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, hookTensor(value)]));
  } finally {
    await session.dispose();
  }
}

const tensorOf = ({ shape, data }: HookTensor): Tensor => new Tensor('float32', data, shape);

/** A graph of fixed length has more rows than the prompt. */
const firstRows = ({ data }: ProbeTensor, n: number, width: number): HookTensor => ({
  shape: [n, width],
  data: data.subarray(0, n * width),
});

/** Largest difference over the largest value; NaN when there is one. */
function relativeError(own: HookTensor, theirs: HookTensor): number {
  let [worst, largest] = [0, 0];
  for (let i = 0; i < theirs.data.length; i++) {
    const [a, b] = [own.data[i]!, theirs.data[i]!];
    if (Number.isNaN(a) || Number.isNaN(b)) return NaN;
    worst = Math.max(worst, Math.abs(a - b));
    largest = Math.max(largest, Math.abs(b));
  }
  return worst / largest;
}

/** Over the prompt's positions. */
function weightsError(own: HookTensor, theirs: ProbeTensor, axes: string, n: number): number {
  const heads = own.shape[0]!;
  const size = theirs.dims.at(-1)!;
  const byHead = axes.indexOf('h') < axes.indexOf('q');
  let worst = 0;
  for (let h = 0; h < heads; h++)
    for (let q = 0; q < n; q++)
      for (let k = 0; k < n; k++) {
        const row = byHead ? h * size + q : q * heads + h;
        const error = Math.abs(own.data[(h * n + q) * n + k]! - theirs.data[row * size + k]!);
        if (Number.isNaN(error)) return NaN;
        worst = Math.max(worst, error);
      }
  return worst;
}

/** Of the rows that the graph unembeds: all of the prompt's, or only the last. */
function logitsError(own: HookTensor, theirs: ProbeTensor, n: number): number {
  const width = own.shape[1]!;
  const given = theirs.data.length / width;
  if (theirs.dims.at(-1) !== width) return Infinity;
  const skip = given < n ? n - given : 0;
  const rows = { shape: [n - skip, width], data: own.data.subarray(skip * width) };
  return relativeError(rows, { ...rows, data: theirs.data.subarray(0, rows.data.length) });
}
