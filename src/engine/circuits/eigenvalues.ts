/**
 * Eigenvalues of full circuits and what they say (Framework, “Detecting copying behavior”). A product A Bᵀ of
 * `[d_vocab, d_head]` factors has the eigenvalues of BᵀA, `[d_head, d_head]`, and zeros:
 * W_E W_V · W_O W_U → W_O (W_U W_E) W_V, and W_E W_Q · (W_E W_K)ᵀ → W_Kᵀ (W_Eᵀ W_E) W_Q.
 */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { HeadRef } from '../../protocol/checkpoint';
import type { OpenModel } from '../circuitHandlers';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { headWeights } from '../graph/canonical';
import { embeddingRows, idRange, idsInput, idsTensor, pieces, unembeddingColumns } from '../graph/vocabulary';
import { runWeights, WeightGraph } from '../runtime/weightRun';
import type { Steps } from '../runtime/types';
import { eigenvalues, positiveShare } from './smallMatrix';
import { folds } from './weightNotices';

/** Numbers of W_E that one run looks at (or d_model², if that is more). */
const CHUNK = 2 ** 22;

export interface WeightScores {
  /** Σλ / Σ|λ| of W_E W_OV W_U. `[layer * nHeads + head]` */
  ovCopying: Float32Array;
  /** The same of W_E W_QK W_Eᵀ. */
  qkMatching: Float32Array;
}

interface Options {
  /** Default true. */
  foldNorm?: boolean;
}

/** OV copying and QK matching of every head. */
export async function weightScores(model: OpenModel, options: Options, steps: Steps): Promise<WeightScores> {
  const { checkpoint, runner } = model;
  const { description: d } = checkpoint;
  const { nLayers, nHeads, dHead } = d;
  const fold = folds(d, options.foldNorm);
  const scores = { ovCopying: new Float32Array(nLayers * nHeads), qkMatching: new Float32Array(nLayers * nHeads) };
  if (nLayers === 0) return scores;
  const products = await vocabularyProducts(model, { fold, unembedding: true }, steps);
  for (let layer = 0; layer < nLayers; layer++) {
    await steps.step(l10n.t('Eigenvalues of layer {0}', layer), layer / nLayers);
    const emit = (g: GraphBuilder, w: Parameters<typeof headWeights>[1]): Record<string, Value> => {
      const { W_Q, W_K, W_V, W_O } = headWeights(g, w, d, layer, fold);
      return {
        ov: chain(g, W_O, productInput(g, 'UE', d.dModel), W_V),
        qk: chain(g, transposed(g, W_K), productInput(g, 'EE', d.dModel), W_Q),
      };
    };
    const { ov, qk } = await runWeights(checkpoint, runner.provider, emit, products);
    for (let head = 0; head < nHeads; head++) {
      scores.ovCopying[layer * nHeads + head] = shareOf(ov!.data, head, dHead);
      scores.qkMatching[layer * nHeads + head] = shareOf(qk!.data, head, dHead);
    }
  }
  return scores;
}

/** An earlier head whose output a later head's keys read. */
export interface HeadPair {
  earlier: HeadRef;
  later: HeadRef;
}

/** Pairs that one run takes together. */
const PAIRS = 32;

/**
 * QK matching of each later head with the earlier head's W_OV in between, on the key side: Σλ / Σ|λ| of
 * W_E W_QK² (W_E W_OV¹)ᵀ, an induction head's circuit when the earlier head is a previous-token head (Framework,
 * “Two-layer”). In the order of `pairs`.
 */
export async function qkMatchingThrough(
  model: OpenModel,
  pairs: HeadPair[],
  options: Options,
  steps: Steps,
): Promise<Float32Array> {
  const { checkpoint, runner } = model;
  const { description: d } = checkpoint;
  const fold = folds(d, options.foldNorm);
  const scores = new Float32Array(pairs.length);
  if (pairs.length === 0) return scores;
  const products = await vocabularyProducts(model, { fold, unembedding: false }, steps);
  for (const [from, to] of batches(pairs)) {
    const batch = from.map((i) => pairs[i]!);
    const [earlier, later] = [batch[0]!.earlier.layer, batch[0]!.later.layer];
    await steps.step(l10n.t('QK circuits of layer {0} through layer {1}', later, earlier), to / pairs.length);
    const { qk } = await runWeights(
      checkpoint,
      runner.provider,
      (g, w) => {
        const take = (W: Value, heads: string): Value => g.op('Gather', [W, idsInput(g, heads)], { axis: 0 });
        const first = headWeights(g, w, d, earlier, fold);
        const second = headWeights(g, w, d, later, fold);
        // B = W_E W_V¹ W_O¹ W_K², A = W_E W_Q²: BᵀA = (W_O¹ W_K²)ᵀ (W_V¹ᵀ (W_Eᵀ W_E) W_Q²)
        const through = g.op('MatMul', [take(first.W_O, 'earlier'), take(second.W_K, 'later')]);
        const values = transposed(g, take(first.W_V, 'earlier'));
        const inner = chain(g, values, productInput(g, 'EE', d.dModel), take(second.W_Q, 'later'));
        return { qk: g.op('MatMul', [transposed(g, through), inner]) };
      },
      {
        ...products,
        earlier: idsTensor(batch.map((pair) => pair.earlier.head)),
        later: idsTensor(batch.map((pair) => pair.later.head)),
      },
    );
    from.forEach((pair, i) => (scores[pair] = shareOf(qk!.data, i, d.dHead)));
  }
  return scores;
}

/** Numbers of pairs of the same two layers, at most PAIRS together, and how many are done after them. */
function* batches(pairs: HeadPair[]): Generator<[numbers: number[], done: number]> {
  const byLayers = new Map<string, number[]>();
  pairs.forEach(({ earlier, later }, i) => {
    const key = `${earlier.layer},${later.layer}`;
    byLayers.set(key, [...(byLayers.get(key) ?? []), i]);
  });
  let done = 0;
  for (const numbers of byLayers.values())
    for (const [from, to] of pieces(numbers.length, PAIRS)) {
      done += to - from;
      yield [numbers.slice(from, to), done];
    }
}

/** W_U W_E (with `unembedding`) and W_Eᵀ W_E, `[d_model, d_model]`, summed over pieces of the vocabulary. */
async function vocabularyProducts(
  { checkpoint, runner }: OpenModel,
  { fold, unembedding }: { fold: boolean; unembedding: boolean },
  steps: Steps,
): Promise<Record<string, Tensor>> {
  const { description: d } = checkpoint;
  const dims = [d.dModel, d.dModel];
  const graph = await WeightGraph.create(checkpoint, runner.provider, (g, w) => {
    const ids = idsInput(g, 'ids');
    const rows = embeddingRows(g, w, d, ids);
    const added = (name: string, left: Value): Value =>
      g.op('Add', [productInput(g, name, d.dModel), g.op('MatMul', [left, rows])]);
    const sums = { 'EE sum': added('EE', g.op('Transpose', [rows], { perm: [1, 0] })) };
    return unembedding ? { ...sums, 'UE sum': added('UE', unembeddingColumns(g, w, d, fold, ids)) } : sums;
  });
  try {
    const zero = (): Tensor => new Tensor('float32', new Float32Array(d.dModel ** 2), dims);
    let sums: Record<string, Tensor> = unembedding ? { EE: zero(), UE: zero() } : { EE: zero() };
    for (const [from, to] of pieces(d.dVocab, Math.max(d.dModel, CHUNK / d.dModel))) {
      await steps.step(l10n.t('Embedding of tokens {0}–{1}', from, to - 1), from / d.dVocab);
      const outputs = await graph.run({ ...sums, ids: idRange(from, to) });
      sums = Object.fromEntries(
        Object.entries(outputs).map(([name, { data }]) => [name.slice(0, 2), new Tensor('float32', data, dims)]),
      );
    }
    return sums;
  } finally {
    await graph.dispose();
  }
}

const productInput = (g: GraphBuilder, name: string, dModel: number): Value =>
  g.input(name, DataType.FLOAT, [dModel, dModel]);

const transposed = (g: GraphBuilder, W: Value): Value => g.op('Transpose', [W], { perm: [0, 2, 1] });

const chain = (g: GraphBuilder, a: Value, b: Value, c: Value): Value => g.op('MatMul', [g.op('MatMul', [a, b]), c]);

const shareOf = (matrices: Float32Array, index: number, n: number): number =>
  positiveShare(eigenvalues(matrices.subarray(index * n * n, (index + 1) * n * n), n));
