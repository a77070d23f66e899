/** W_E and W_U in pieces that a run chooses, so that no graph holds a float32 copy of a whole vocabulary. */
import { Tensor } from 'onnxruntime-node';
import type { ModelDescription } from '../checkpoint/description';
import { DataType, type GraphBuilder, type Value } from './builder';
import { foldNorm } from './canonical';
import type { Weights } from './weights';

const float = (g: GraphBuilder, value: Value, dtype: DataType): Value =>
  dtype === DataType.FLOAT ? value : g.op('Cast', [value], { to: DataType.FLOAT });

/** Rows of W_E by token id, as stored. `[ids, d_model]` */
export function embeddingRows(g: GraphBuilder, w: Weights, d: ModelDescription, ids: Value): Value {
  const { value, dtype } = w.stored(g, d.W_E);
  return float(g, g.op('Gather', [value, ids], { axis: 0 }), dtype);
}

/** Columns of W_U by token id, the final norm folded in as in `unembedding`. `[d_model, ids]` */
export function unembeddingColumns(g: GraphBuilder, w: Weights, d: ModelDescription, fold: boolean, ids: Value): Value {
  const outIn = d.unembed.layout === 'out-in';
  const { value, dtype } = w.stored(g, d.unembed.weight);
  const taken = float(g, g.op('Gather', [value, ids], { axis: outIn ? 0 : 1 }), dtype);
  const columns = outIn ? g.op('Transpose', [taken], { perm: [1, 0] }) : taken;
  return fold ? foldNorm(g, w, d, d.lnFinal, columns, g.floats([0], [1, 1])).W : columns;
}

/** A graph input of token ids. */
export const idsInput = (g: GraphBuilder, name: string): Value => g.input(name, DataType.INT64, [name]);

export const idsTensor = (ids: ArrayLike<number>): Tensor =>
  new Tensor('int64', BigInt64Array.from(Array.from(ids), BigInt), [ids.length]);

/** The ids from `from` to before `to`. */
export const idRange = (from: number, to: number): Tensor =>
  idsTensor(Array.from({ length: to - from }, (_, i) => from + i));

/** 0…n in pieces of at most `size`. */
export function pieces(n: number, size: number): [from: number, to: number][] {
  const step = Math.max(1, Math.floor(size));
  return Array.from({ length: Math.ceil(n / step) }, (_, i) => [i * step, Math.min(n, (i + 1) * step)]);
}
