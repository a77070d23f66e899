/** Vectors that lie side by side in a stored matrix (embeddings, columns of W_U, decoder columns), read in pieces. */
import { Tensor } from 'onnxruntime-node';
import type { HookTensor } from '../../protocol/engine';
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { ModelDescription, WeightRef } from '../checkpoint/description';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { pieces } from '../graph/vocabulary';
import type { Weights } from '../graph/weights';
import { WeightGraph } from '../runtime/weightRun';
import { foldedRead, foldedWeights } from './foldedVector';
import type { Sae } from './sae';

/** Numbers of the matrix that one run looks at. */
const CHUNK = 2 ** 24;

type Emit = (g: GraphBuilder, w: Weights, x: Value) => Value;

export interface VectorTable {
  of: Pick<Checkpoint, 'tensors'>;
  weight: WeightRef;
  /** Axis of the matrix that counts the vectors. */
  axis: 0 | 1;
  /** The vectors `[n, width]` are these of the stored ones. */
  fold?: Emit;
  /** The same turned over to what they are multiplied with: (fold x) · y = x · (turned y). */
  turned?: Emit;
}

/** Rows of W_E, as stored. */
export const inputEmbeddings = (of: Checkpoint): VectorTable => ({ of, weight: of.description.W_E, axis: 0 });

/** Columns of W_U, the final norm folded in as in `canonical.unembedding`. */
export function outputEmbeddings(of: Checkpoint): VectorTable {
  const d: ModelDescription = of.description;
  const { weight, layout } = d.unembed;
  return {
    of,
    weight,
    axis: layout === 'out-in' ? 0 : 1,
    fold: (g, w, x) => foldedWeights(g, w, d, d.lnFinal, x),
    turned: (g, w, y) => foldedRead(g, w, d, d.lnFinal, y),
  };
}

export const decoderColumns = (sae: Sae): VectorTable => ({
  of: sae,
  weight: sae.decoder.weight,
  axis: sae.decoder.layout === 'latent-input' ? 0 : 1,
});

export const countOf = ({ weight, axis }: VectorTable): number => weight.shape[axis]!;
export const widthOf = ({ weight, axis }: VectorTable): number => weight.shape[1 - axis]!;

/** Vectors number `from` to before `to`, graph inputs of these names, as they are stored: `[n, width]`, or with axis 1 `[width, n]`. */
export function slice(g: GraphBuilder, w: Weights, { weight, axis }: VectorTable, from: string, to: string): Value {
  const { value, dtype } = w.stored(g, weight);
  const [start, end] = [from, to].map((name) => g.input(name, DataType.INT64, [1]));
  const taken = g.op('Slice', [value, start!, end!, g.ints([axis])]);
  // cast after: the whole matrix as float32 may not fit
  return dtype === DataType.FLOAT ? taken : g.op('Cast', [taken], { to: DataType.FLOAT });
}

export const index = (value: number): Tensor => new Tensor('int64', BigInt64Array.of(BigInt(value)), [1]);

/** Dot products of every vector with one. `[n]` */
export async function dots(
  table: VectorTable,
  provider: string,
  vector: Float32Array,
  chunk = CHUNK,
): Promise<Float32Array> {
  const feeds = { vector: new Tensor('float32', vector, [1, vector.length]) };
  // float32 is multiplied where it lies in the file, what must be cast in pieces; a slice would be a copy
  const inPlace = table.of.tensors.get(table.weight.tensor)?.dtype === 'F32';
  const size = inPlace ? countOf(table) * widthOf(table) : chunk;
  return inPieces(table, provider, { feeds, chunk: size }, (g, w) => {
    const given = g.input('vector', DataType.FLOAT, [1, vector.length]);
    const y = table.turned?.(g, w, given) ?? given;
    const stored = inPlace ? w.stored(g, table.weight).value : slice(g, w, table, 'from', 'to');
    return g.op('Gemm', [y, stored], { transB: 1 - table.axis });
  });
}

/** Euclidean length of every vector. `[n]` */
export async function lengths(table: VectorTable, provider: string, chunk = CHUNK): Promise<Float32Array> {
  return inPieces(table, provider, { feeds: {}, chunk }, (g, w) => {
    const stored = slice(g, w, table, 'from', 'to');
    const vectors = table.axis === 0 ? stored : g.op('Transpose', [stored], { perm: [1, 0] });
    return g.op('ReduceL2', [table.fold?.(g, w, vectors) ?? vectors, g.ints([-1])], { keepdims: 0 });
  });
}

async function inPieces(
  table: VectorTable,
  provider: string,
  { feeds, chunk }: { feeds: Record<string, Tensor>; chunk: number },
  emit: (g: GraphBuilder, w: Weights) => Value,
): Promise<Float32Array> {
  const all = new Float32Array(countOf(table));
  const graph = await WeightGraph.create(table.of, provider, (g, w) => ({ values: emit(g, w) }), { once: true });
  try {
    for (const [from, to] of pieces(all.length, chunk / widthOf(table))) {
      const { values } = (await graph.run({ ...feeds, from: index(from), to: index(to) })) as { values: HookTensor };
      all.set(values.data, from);
    }
    return all;
  } finally {
    await graph.dispose();
  }
}

/** Lengths that were asked for once; they do not change while the files are open. */
const known = new WeakMap<object, Float32Array>();

/** @param key what the table is of: lives as long as it */
export async function knownLengths(key: object, table: VectorTable, provider: string): Promise<Float32Array> {
  const found = known.get(key) ?? (await lengths(table, provider));
  known.set(key, found);
  return found;
}
