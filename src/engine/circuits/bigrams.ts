import * as l10n from '@vscode/l10n';
import type { CircuitAnalysis, OpenModel } from '../circuitHandlers';
import type { GraphBuilder, Value } from '../graph/builder';
import { DataType } from '../graph/builder';
import { embeddingRows, idRange, idsInput, idsTensor, pieces, unembeddingColumns } from '../graph/vocabulary';
import { WeightGraph } from '../runtime/weightRun';
import type { HookTensor } from '../../protocol/engine';
import type { Steps } from '../runtime/types';
import { largestOf } from './factored';
import { checkTop, TokenTable } from './tokenTable';
import { folds, weightNotices } from './weightNotices';

/** Tokens on either side of the piece of the table that one run forms. */
const ROWS = 2048;
const COLUMNS = 8192;

/**
 * The direct path W_E W_U (Framework, “Zero-layer transformers”): logits of the token after `source` when nothing but its
 * embedding is read, without W_pos and the unembedding's bias. As in TransformerLens's `W_E @ W_U` of a model with
 * `fold_ln`, a final norm is folded into W_U, and rows are not divided by its scale. Without a token, the entries with the
 * largest log-softmax of the whole table, found in pieces: they lie in the rows whose own best is largest.
 */
export const bigrams: CircuitAnalysis<'bigrams'> = async (model, params, steps) => {
  const { description: d } = model.checkpoint;
  const top = checkTop(params.top ?? 20);
  const tokens = new TokenTable(model.checkpoint);
  const token = params.token === undefined ? undefined : tokens.find(params.token);
  const fold = folds(d, params.foldNorm);
  const rows = token ? [token.id] : await likeliestRows(model, fold, top, steps);
  const entries = await rowEntries(model, fold, rows, top, steps);
  return {
    ...(token && { token }),
    bigrams: entries
      .sort((a, b) => b.logProb - a.logProb)
      .slice(0, top)
      .map(({ row, column, logit, logProb }) => ({
        source: tokens.token(row),
        output: tokens.token(column),
        logit,
        logProb,
      })),
    foldNorm: fold,
    notices: [...weightNotices(d, params.foldNorm, { qk: false }), ...otherPaths(d.nLayers, d.norm.kind)],
  };
};

const otherPaths = (nLayers: number, norm: string): string[] =>
  nLayers === 0 && norm === 'none'
    ? []
    : [
        l10n.t(
          'The direct path alone: these are not the model’s predictions, which heads, MLPs and norms take part in.',
        ),
      ];

/** The sources whose likeliest output is likeliest, best first. */
async function likeliestRows(model: OpenModel, fold: boolean, top: number, steps: Steps): Promise<number[]> {
  const { dVocab } = model.checkpoint.description;
  const best = new Float32Array(dVocab);
  const graph = await table(model, fold, (g, logits) => totals(g, logits));
  try {
    for (const [from, to] of pieces(dVocab, ROWS)) {
      const sums = new LogSums(to - from);
      for (const [start, end] of pieces(dVocab, COLUMNS)) {
        await steps.step(
          l10n.t('Bigrams of tokens {0}–{1}', from, to - 1),
          (from + ((to - from) * start) / dVocab) / dVocab,
        );
        sums.add(await graph.run({ sources: idRange(from, to), outputs: idRange(start, end) }));
      }
      for (let i = 0; i < to - from; i++) best[from + i] = sums.best[i]! - sums.logSum[i]!;
    }
  } finally {
    await graph.dispose();
  }
  return largestOf(best, top);
}

interface Entry {
  row: number;
  column: number;
  logit: number;
  logProb: number;
}

/** The `top` likeliest outputs of each of some rows, or more. */
async function rowEntries(
  model: OpenModel,
  fold: boolean,
  rows: number[],
  top: number,
  steps: Steps,
): Promise<Entry[]> {
  const { dVocab } = model.checkpoint.description;
  const sums = new LogSums(rows.length);
  const entries: (Omit<Entry, 'logProb'> & { index: number })[] = [];
  for (const [start, end] of pieces(dVocab, COLUMNS)) {
    await steps.step(l10n.t('Outputs {0}–{1}', start, end - 1), start / dVocab);
    const k = Math.min(top, end - start);
    const graph = await table(model, fold, (g, logits) => {
      const [values, columns] = g.ops('TopK', [logits, g.ints([k])], 2, { axis: -1 });
      return { ...totals(g, logits), values: values!, columns: g.op('Cast', [columns!], { to: DataType.FLOAT }) };
    });
    try {
      const outputs = await graph.run({ sources: idsTensor(rows), outputs: idRange(start, end) });
      sums.add(outputs);
      const { values, columns } = outputs as Record<'values' | 'columns', HookTensor>;
      values.data.forEach((logit, at) => {
        const index = Math.floor(at / k);
        entries.push({ row: rows[index]!, column: start + columns.data[at]!, logit, index });
      });
    } finally {
      await graph.dispose();
    }
  }
  return entries.map(({ index, ...entry }) => ({ ...entry, logProb: entry.logit - sums.logSum[index]! }));
}

/** A graph over the logits `[sources, outputs]` of the token ids that it is fed. */
function table(
  { checkpoint, runner }: OpenModel,
  fold: boolean,
  emit: (g: GraphBuilder, logits: Value) => Record<string, Value>,
): Promise<WeightGraph> {
  const { description: d } = checkpoint;
  return WeightGraph.create(checkpoint, runner.provider, (g, w) => {
    const rows = embeddingRows(g, w, d, idsInput(g, 'sources'));
    return emit(g, g.op('MatMul', [rows, unembeddingColumns(g, w, d, fold, idsInput(g, 'outputs'))]));
  });
}

/** Each row's largest logit and log-softmax in this piece. */
function totals(g: GraphBuilder, logits: Value): { best: Value; bestLogProb: Value } {
  const max = (x: Value): Value => g.op('ReduceMax', [x, g.ints([-1])], { keepdims: 0 });
  return { best: max(logits), bestLogProb: max(g.op('LogSoftmax', [logits], { axis: -1 })) };
}

/** Largest logit and log Σ exp of rows that come in pieces. */
class LogSums {
  readonly best: Float64Array;
  readonly logSum: Float64Array;

  constructor(rows: number) {
    this.best = new Float64Array(rows).fill(-Infinity);
    this.logSum = new Float64Array(rows).fill(-Infinity);
  }

  add(piece: Record<string, HookTensor>): void {
    const { best, bestLogProb } = piece as Record<'best' | 'bestLogProb', HookTensor>;
    for (let i = 0; i < this.best.length; i++) {
      this.best[i] = Math.max(this.best[i]!, best.data[i]!);
      const logSum = best.data[i]! - bestLogProb.data[i]!;
      const [high, low] = [Math.max(this.logSum[i]!, logSum), Math.min(this.logSum[i]!, logSum)];
      this.logSum[i] = high + Math.log1p(Math.exp(low - high));
    }
  }
}
