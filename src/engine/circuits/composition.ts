/**
 * Q-, K- and V-composition of every pair of heads (Framework, “Three kinds of composition”).
 *
 * A product A₁B₁ᵀ · A₂B₂ᵀ has the Frobenius norm of R_{A₁} B₁ᵀ A₂ R_{B₂}ᵀ, where R_Xᵀ R_X = XᵀX (Cholesky, d_head × d_head).
 * The factors R are multiplied into W_O of the earlier and into the reading matrices of the later layer once a layer, so
 * that a pair of layers is one product of [n_heads · d_head, d_model] with [d_model, 3 · n_heads · d_head], and a score is
 * the norm of a d_head × d_head block of it.
 */
import { Tensor } from 'onnxruntime-node';
import { compositionKinds, type Composition, type CompositionKind } from '../../protocol/circuits';
import type { ModelDescription } from '../checkpoint/description';
import type { CircuitAnalysis, OpenModel } from '../circuitHandlers';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { headWeights, toDouble, type HeadWeights } from '../graph/canonical';
import { runWeights, type EmitWeights } from '../runtime/weightRun';
import { compositionBaseline } from './compositionBaseline';
import { dot } from './rows';
import { choleskyFactor } from './smallMatrix';
import { folds, weightNotices } from './weightNotices';

/** Bytes of W_O that one session holds. */
const CHUNK_BYTES = 128 * 2 ** 20;

/** Of each head of a layer: the factors R of its matrices and the norms of its circuits. */
export interface LayerFactors {
  /** R of W_V. `[head, d_head, d_head]` */
  writer: Tensor;
  /** R of W_K, W_Q and W_Oᵀ: what stands behind W_Q, W_K and W_V. `[3 · head, d_head, d_head]` */
  readers: Tensor;
  /** ‖W_OV‖_F and ‖W_QK‖_F by head. */
  ov: number[];
  qk: number[];
}

export const composition: CircuitAnalysis<'composition'> = async (model, { seed = 0, foldNorm }, steps) => {
  const { description: d } = model.checkpoint;
  const fold = folds(d, foldNorm);
  const n = d.nLayers * d.nHeads;
  const scores = Object.fromEntries(
    compositionKinds.map((kind) => [kind, new Float32Array(n * n).fill(NaN)]),
  ) as Composition['scores'];
  const factors: LayerFactors[] = [];
  for (let later = 0; later < d.nLayers; later++) {
    await steps.step(`Composition of layer ${later} with those before it`, later ** 2 / d.nLayers ** 2);
    factors.push(await layerFactors(model, later, fold));
    for (const [from, to] of chunks(d, later)) {
      await steps.step(`Composition of layer ${later} with layers ${from}–${to - 1}`, later ** 2 / d.nLayers ** 2);
      await fillScores(model, scores, factors, { from, to, later, fold });
    }
  }
  await steps.step('Composition of random matrices', 1);
  const baseline = await compositionBaseline(model, seed);
  return {
    nLayers: d.nLayers,
    nHeads: d.nHeads,
    scores,
    baseline,
    foldNorm: fold,
    notices: weightNotices(d, foldNorm),
  };
};

/** Earlier layers in runs whose W_O fit a session. */
function chunks({ dModel, dHead, nHeads }: ModelDescription, later: number): [from: number, to: number][] {
  const size = Math.max(1, Math.floor(CHUNK_BYTES / (4 * dModel * dHead * nHeads)));
  return Array.from({ length: Math.ceil(later / size) }, (_, i) => [i * size, Math.min(later, (i + 1) * size)]);
}

async function layerFactors({ checkpoint, runner }: OpenModel, layer: number, fold: boolean): Promise<LayerFactors> {
  const grams = await runWeights(checkpoint, runner.provider, (g, w) =>
    emitGrams(g, headWeights(g, w, checkpoint.description, layer, fold)),
  );
  return factorsOf(grams, checkpoint.description);
}

/** Gram matrices over d_model, summed in float64. `[head, d_head, d_head]` each */
export function emitGrams(
  g: GraphBuilder,
  { W_Q, W_K, W_V, W_O }: Pick<HeadWeights, 'W_Q' | 'W_K' | 'W_V' | 'W_O'>,
): Record<'Q' | 'K' | 'V' | 'O', Value> {
  const gram = (W: Value, outer: boolean): Value => {
    const x = toDouble(g, W);
    const t = toDouble(g, g.op('Transpose', [W], { perm: [0, 2, 1] }));
    return g.op('Cast', [g.op('MatMul', outer ? [x, t] : [t, x])], { to: DataType.FLOAT });
  };
  return { Q: gram(W_Q, false), K: gram(W_K, false), V: gram(W_V, false), O: gram(W_O, true) };
}

export function factorsOf(
  grams: Record<string, { data: Float32Array }>,
  { nHeads, dHead }: Pick<ModelDescription, 'nHeads' | 'dHead'>,
): LayerFactors {
  const size = dHead * dHead;
  const gram = (name: string, head: number): Float32Array => grams[name]!.data.subarray(head * size, (head + 1) * size);
  const heads = Array.from({ length: nHeads }, (_, head) => head);
  const factors = (names: string[]): Tensor => {
    const data = new Float32Array(names.length * nHeads * size);
    names.forEach((name, i) =>
      heads.forEach((head) => data.set(choleskyFactor(gram(name, head), dHead), (i * nHeads + head) * size)),
    );
    return new Tensor('float32', data, [names.length * nHeads, dHead, dHead]);
  };
  // ‖A Bᵀ‖² = Σ AᵀA ⊙ BᵀB
  const norms = (a: string, b: string): number[] =>
    heads.map((head) => Math.sqrt(Math.max(0, dot(gram(a, head), gram(b, head)))));
  return { writer: factors(['V']), readers: factors(['K', 'Q', 'O']), ov: norms('V', 'O'), qk: norms('Q', 'K') };
}

interface Chunk {
  from: number;
  to: number;
  later: number;
  fold: boolean;
}

async function fillScores(
  { checkpoint, runner }: OpenModel,
  scores: Composition['scores'],
  factors: LayerFactors[],
  { from, to, later, fold }: Chunk,
): Promise<void> {
  const d = checkpoint.description;
  const sources = Array.from({ length: to - from }, (_, i) => from + i);
  const feeds: Record<string, Tensor> = { readers: factors[later]!.readers };
  for (const layer of sources) feeds[`writer.${layer}`] = factors[layer]!.writer;
  const emit: EmitWeights = (g, w) => {
    const read = emitReaders(g, headWeights(g, w, d, later, fold), d);
    return Object.fromEntries(
      sources.map((layer) => [
        `norms.${layer}`,
        emitNorms(g, headWeights(g, w, d, layer, fold).W_O, read, d, `writer.${layer}`),
      ]),
    );
  };
  const norms = await runWeights(checkpoint, runner.provider, emit, feeds);
  for (const layer of sources) {
    const pairs = pairScores(norms[`norms.${layer}`]!.data, factors[layer]!, factors[later]!);
    writeScores(scores, d, layer, later, pairs);
  }
}

type Sizes = Pick<ModelDescription, 'nHeads' | 'dHead' | 'dModel'>;

/** W_Q, W_K and W_V, each times the transposed factor of what stands behind it. `[d_model, 3 · head · d_head]` */
export function emitReaders(
  g: GraphBuilder,
  { W_Q, W_K, W_V }: Pick<HeadWeights, 'W_Q' | 'W_K' | 'W_V'>,
  { nHeads, dHead, dModel }: Sizes,
): Value {
  const factors = g.input('readers', DataType.FLOAT, [3 * nHeads, dHead, dHead]);
  const stacked = g.op('Concat', [W_Q, W_K, W_V], { axis: 0 });
  const read = g.op('MatMul', [stacked, g.op('Transpose', [factors], { perm: [0, 2, 1] })]);
  return g.op('Reshape', [g.op('Transpose', [read], { perm: [1, 0, 2] }), g.ints([dModel, 3 * nHeads * dHead])]);
}

/** ‖W_OV¹ X‖_F for each earlier head and each reader. `[earlier head, 3 · later head]` */
export function emitNorms(
  g: GraphBuilder,
  W_O: Value,
  read: Value,
  { nHeads, dHead, dModel }: Sizes,
  input: string,
): Value {
  const factors = g.input(input, DataType.FLOAT, [nHeads, dHead, dHead]);
  const written = g.op('Reshape', [g.op('MatMul', [factors, W_O]), g.ints([nHeads * dHead, dModel])]);
  const product = g.op('MatMul', [written, read]);
  const blocks = g.op('Reshape', [product, g.ints([nHeads, dHead, 3 * nHeads, dHead])]);
  const rows = toDouble(g, g.op('ReduceSumSquare', [blocks, g.ints([-1])], { keepdims: 0 }));
  const squares = g.op('ReduceSum', [rows, g.ints([1])], { keepdims: 0 });
  return g.op('Cast', [g.op('Sqrt', [squares])], { to: DataType.FLOAT });
}

/** Scores by kind, `[earlier head, later head]`; 0 where a head does nothing. */
export function pairScores(
  norms: Float32Array,
  earlier: LayerFactors,
  later: LayerFactors,
): Record<CompositionKind, Float32Array> {
  const nHeads = later.ov.length;
  const behind: Record<CompositionKind, number[]> = { Q: later.qk, K: later.qk, V: later.ov };
  const ofKind = (kind: CompositionKind, k: number): [CompositionKind, Float32Array] => {
    const values = new Float32Array(nHeads * nHeads);
    for (let h1 = 0; h1 < nHeads; h1++)
      for (let h2 = 0; h2 < nHeads; h2++) {
        const whole = earlier.ov[h1]! * behind[kind][h2]!;
        values[h1 * nHeads + h2] = whole > 0 ? norms[(h1 * 3 + k) * nHeads + h2]! / whole : 0;
      }
    return [kind, values];
  };
  return Object.fromEntries(compositionKinds.map(ofKind)) as Record<CompositionKind, Float32Array>;
}

function writeScores(
  scores: Composition['scores'],
  { nLayers, nHeads }: ModelDescription,
  earlier: number,
  later: number,
  pairs: Record<CompositionKind, Float32Array>,
): void {
  const n = nLayers * nHeads;
  for (const kind of compositionKinds)
    for (let h1 = 0; h1 < nHeads; h1++)
      scores[kind].set(
        pairs[kind].subarray(h1 * nHeads, (h1 + 1) * nHeads),
        (earlier * nHeads + h1) * n + later * nHeads,
      );
}
