/**
 * Weights as the Framework paper writes them, as values of a graph: row vectors, one matrix a head, norms folded into the
 * weights that read the residual stream. Float32 `[head, …]` throughout; key/value heads repeated to n_heads.
 */
import type { FusedQkv, Linear, ModelDescription, NormWeights } from '../checkpoint/description';
import { DataType, type GraphBuilder, type Value } from './builder';
import { outputPerHead, repeatHeads } from './attention';
import type { Weights } from './weights';

export interface HeadWeights {
  /** `[head, d_model, d_head]` */
  W_Q: Value;
  W_K: Value;
  W_V: Value;
  /** `[head, d_head, d_model]` */
  W_O: Value;
  /** `[head, 1, d_head]`; zero where the model has none. With folding they hold what the norm's bias adds. */
  b_Q: Value;
  b_K: Value;
  b_V: Value;
  /** `[d_model]`; undefined where the model has none. */
  b_O?: Value;
}

/**
 * @param fold multiplies the norm's gain into the reading weights, adds its bias to theirs and, for LayerNorm, takes their
 * mean over d_model away: TransformerLens's `fold_layer_norm`
 */
export function headWeights(
  g: GraphBuilder,
  w: Weights,
  d: ModelDescription,
  layer: number,
  fold: boolean,
): HeadWeights {
  const { qkv, out, ln1 } = d.layers[layer]!;
  const read = (l: Linear, heads: number, fused?: FusedPart): { W: Value; b: Value } => {
    const W = perHeadInput(g, w, d, l, heads, fused);
    const b = perHeadBias(g, w, d, l, heads, fused);
    return fold ? foldNorm(g, w, d, ln1, W, b) : { W, b };
  };
  const kv = d.nKeyValueHeads;
  const [q, k, v] =
    qkv.kind === 'separate'
      ? [read(qkv.q, d.nHeads), read(qkv.k, kv), read(qkv.v, kv)]
      : [0, 1, 2].map((part) => read(qkv.linear, d.nHeads, { part, order: qkv.order }));
  const repeat = (x: Value): Value => repeatHeads(g, d, x);
  return {
    W_Q: q!.W,
    b_Q: q!.b,
    W_K: repeat(k!.W),
    b_K: repeat(k!.b),
    W_V: repeat(v!.W),
    b_V: repeat(v!.b),
    W_O: outputPerHead(g, w, d, out),
    ...(out.bias && { b_O: w.float(g, out.bias) }),
  };
}

/** W_E `[d_vocab, d_model]`, as stored. */
export const embedding = (g: GraphBuilder, w: Weights, d: ModelDescription): Value => w.float(g, d.W_E);

/** W_U `[d_model, d_vocab]` and its bias `[1, d_vocab]` (absent: none), the final norm folded in as in `headWeights`. */
export function unembedding(
  g: GraphBuilder,
  w: Weights,
  d: ModelDescription,
  fold: boolean,
): { W_U: Value; b_U?: Value } {
  const stored = w.float(g, d.unembed.weight);
  const W_U = d.unembed.layout === 'out-in' ? g.op('Transpose', [stored], { perm: [1, 0] }) : stored;
  const b_U = d.unembed.bias && w.float(g, d.unembed.bias, [1, d.dVocab]);
  if (!fold || !d.lnFinal || d.norm.kind === 'none') return { W_U, ...(b_U && { b_U }) };
  const zero = b_U ?? g.floats([0], [1, 1]);
  const folded = foldNorm(g, w, d, d.lnFinal, W_U, zero);
  return { W_U: folded.W, ...((b_U ?? d.lnFinal.bias) && { b_U: folded.b }) };
}

/**
 * Folds a norm into a reading weight `[…, d_model, out]` and its bias `[…, 1, out]`.
 * y = (x / scale * gain + bias) W + b = x / scale (gain W) + (bias W + b); LayerNorm's centring is a projection of W.
 */
export function foldNorm(
  g: GraphBuilder,
  w: Weights,
  d: ModelDescription,
  norm: NormWeights | undefined,
  W: Value,
  b: Value,
): { W: Value; b: Value } {
  if (!norm || d.norm.kind === 'none') return { W, b };
  const bias = norm.bias ? g.op('Add', [g.op('MatMul', [w.float(g, norm.bias, [1, d.dModel]), W]), b]) : b;
  const gained = norm.weight ? g.op('Mul', [W, w.float(g, norm.weight, [d.dModel, 1])]) : W;
  if (d.norm.kind === 'rms') return { W: gained, b: bias };
  const mean = g.op('ReduceMean', [gained, g.ints([-2])], { keepdims: 1 });
  return { W: g.op('Sub', [gained, mean]), b: bias };
}

/** Q (0), K (1) or V (2) of a fused projection. */
interface FusedPart {
  part: number;
  order: FusedQkv['order'];
}

/** A Q, K or V projection as `[head, d_model, d_head]`. */
function perHeadInput(
  g: GraphBuilder,
  w: Weights,
  d: ModelDescription,
  l: Linear,
  heads: number,
  fused: FusedPart | undefined,
): Value {
  if (l.layout === 'heads') return w.float(g, l.weight);
  const columns = columnDims(d, heads, fused);
  // the columns' axes, then d_model, or the other way round
  const outFirst = l.layout === 'out-in';
  const value = w.float(g, l.weight, outFirst ? [...columns, d.dModel] : [d.dModel, ...columns]);
  const offset = outFirst ? 0 : 1;
  const own = takePart(g, value, fused, offset);
  // [head, d_head, d_model] or [d_model, head, d_head]
  return g.op('Transpose', [own], { perm: outFirst ? [0, 2, 1] : [1, 0, 2] });
}

function perHeadBias(
  g: GraphBuilder,
  w: Weights,
  d: ModelDescription,
  l: Linear,
  heads: number,
  fused: FusedPart | undefined,
): Value {
  if (!l.bias) return g.floats(new Array<number>(heads * d.dHead).fill(0), [heads, 1, d.dHead]);
  if (!fused) return w.float(g, l.bias, [heads, 1, d.dHead]);
  const own = takePart(g, w.float(g, l.bias, columnDims(d, heads, fused)), fused, 0);
  return g.op('Unsqueeze', [own, g.ints([1])]);
}

/** How the output columns of a projection are grouped. */
function columnDims(d: ModelDescription, heads: number, fused: FusedPart | undefined): number[] {
  if (!fused) return [heads, d.dHead];
  return fused.order === 'qkv-head' ? [3, heads, d.dHead] : [heads, 3, d.dHead];
}

/** @param offset axis of `value` where the column groups begin */
function takePart(g: GraphBuilder, value: Value, fused: FusedPart | undefined, offset: number): Value {
  if (!fused) return value;
  const axis = offset + (fused.order === 'qkv-head' ? 0 : 1);
  return g.op('Gather', [value, g.ints([fused.part], [])], { axis });
}

/** Casts to float64, where float32 would lose too many digits. */
export const toDouble = (g: GraphBuilder, x: Value): Value => g.op('Cast', [x], { to: DataType.DOUBLE });
