import type { Layer, Linear, ModelDescription, Rotary } from '../checkpoint/description';
import { DataType, type GraphBuilder, type Value } from './builder';
import { linear } from './linear';
import type { WeightSource } from './weights';

/** Values of one attention layer. Head-major ones are `[head, pos, d_head]`, as the products need them. */
export interface AttentionValues {
  /** Before rotary positions, keys and values repeated to n_heads. `[head, pos, d_head]` */
  q: Value;
  k: Value;
  v: Value;
  rotQ?: Value;
  rotK?: Value;
  /** Scaled; masked entries are −∞. `[head, dst, src]`; none where they are in blocks. */
  scores?: Value;
  /** `[head, dst, src]`, or blocks of rows without what no row of theirs sees: `[head, row, src]` each. */
  pattern: Value | Value[];
  /** `[pos, head, d_head]` */
  z: Value;
  /** `[pos, d_model]` */
  out: Value;
  /** `[head, src]` */
  valueNorm: Value;
}

/** Inputs of the graph that every attention layer shares. */
export interface AttentionInputs {
  /** 0 or −∞ for a sliding window of this size (undefined: none). `[dst, src]` */
  mask(window: number | undefined): Value;
  /** Rotary tables `[pos, dims / 2]`. */
  cos: Value;
  sin: Value;
  /** Where blocks of rows begin and the last one ends, `[1]` each: attention is computed block by block. Not with `length`. */
  bounds?: Value[] | undefined;
  /** The rows are sequences of so many tokens, one after another. Absent: they are one. */
  length?: number | undefined;
  /** The graph runs once: what would be folded before is not worth it. */
  once?: boolean | undefined;
}

/** What an intervention puts in the place of values. */
export interface AttentionEdits {
  /** Stands for the pattern `[head, dst, src]`. */
  pattern?: Value | undefined;
  /** Of hook_z `[pos, head, d_head]`. */
  z?(z: Value): Value;
}

/** Emits attention: `x` feeds values, `xQK` queries and keys (they differ for shortformer positions). */
export function attention(
  g: GraphBuilder,
  w: WeightSource,
  d: ModelDescription,
  layer: Layer,
  x: Value,
  xQK: Value,
  inputs: AttentionInputs,
  edits: AttentionEdits = {},
): AttentionValues {
  const { q, k: kvK, v: kvV } = projections(g, w, d, layer, x, xQK);
  const k = repeatHeads(g, d, kvK);
  const v = repeatHeads(g, d, kvV);
  const rot = d.positions.kind === 'rotary' ? d.positions : undefined;
  const rotQ = rot && rotate(g, rot, d.dHead, q, inputs);
  const rotK = rot && repeatHeads(g, d, rotate(g, rot, d.dHead, kvK, inputs));

  const projected = { q: rotQ ?? q, k: rotK ?? k, v };
  const mixed =
    inputs.bounds && !edits.pattern
      ? mixInBlocks(g, layer, projected, inputs, inputs.bounds)
      : mix(g, d, layer, projected, inputs, edits.pattern);
  const { scores, pattern } = mixed;
  const ownZ = g.op('Transpose', [mixed.z], { perm: [1, 0, 2] });
  const z = edits.z?.(ownZ) ?? ownZ;
  const flat = g.op('Reshape', [z, g.ints([0, d.nHeads * d.dHead])]);
  const out = linear(g, w, flat, asMatrix(layer.out, d));
  return {
    q,
    k,
    v,
    rotQ,
    rotK,
    ...(scores && { scores }),
    pattern,
    z,
    out,
    valueNorm: valueNorm(g, w, d, layer.out, v, inputs),
  };
}

/** What heads read of each other's positions; z is `[head, pos, d_head]`. */
type Mixed = Pick<AttentionValues, 'scores' | 'pattern' | 'z'>;
/** `[head, pos, d_head]` each, after rotary positions. */
type Projected = Pick<AttentionValues, 'q' | 'k' | 'v'>;

const scaled = (g: GraphBuilder, layer: Layer, q: Value): Value => g.op('Div', [q, g.floats([layer.attnScale])]);

const scoresOf = (g: GraphBuilder, scaledQ: Value, k: Value, mask: Value): Value => {
  const kT = g.op('Transpose', [k], { perm: [0, 2, 1] });
  return g.op('Add', [g.op('MatMul', [scaledQ, kT]), mask]);
};

/** Queries are a product as it is: no bias, no rotary positions, no other order of axes after it. */
const isBareProduct = ({ qkv }: Layer, d: ModelDescription): boolean =>
  qkv.kind === 'separate' && qkv.q.layout === 'heads' && !qkv.q.bias && d.positions.kind !== 'rotary';

function mix(
  g: GraphBuilder,
  d: ModelDescription,
  layer: Layer,
  { q, k, v }: Projected,
  { mask, length }: AttentionInputs,
  given?: Value,
): Mixed {
  // a head's rows lie sequence by sequence: [head, rows, d_head] is also [head · sequence, pos, d_head]
  const bySequence = (x: Value): Value =>
    length === undefined ? x : g.op('Reshape', [x, g.ints([-1, length, d.dHead])]);
  const byHead = (x: Value): Value =>
    length === undefined ? x : g.op('Reshape', [x, g.ints([d.nHeads, -1, d.dHead])]);
  // ONNX Runtime folds the division into the product before it, else into the one after it: what lies between must not
  // decide which, so that sequences together are rounded as each alone
  const scaledQ = isBareProduct(layer, d) ? bySequence(scaled(g, layer, q)) : scaled(g, layer, bySequence(q));
  const scores = scoresOf(g, scaledQ, bySequence(k), mask(layer.window));
  const pattern = given ?? g.op('Softmax', [scores], { axis: -1 });
  return { scores, pattern, z: byHead(g.op('MatMul', [pattern, bySequence(v)])) };
}

/** Attention is causal: a block of rows reads keys and values up to its own end. */
function mixInBlocks(
  g: GraphBuilder,
  layer: Layer,
  { q, k, v }: Projected,
  { mask }: AttentionInputs,
  bounds: Value[],
): Mixed {
  const slice = (x: Value, from: Value, to: Value, axis: number): Value => g.op('Slice', [x, from, to, g.ints([axis])]);
  const zero = g.ints([0]);
  const blocks = bounds.slice(1).map((end, b) => {
    const seen = (x: Value, axis: number): Value => (b === bounds.length - 2 ? x : slice(x, zero, end, axis));
    const rows = (x: Value, axis: number): Value => slice(x, bounds[b]!, end, axis);
    const scores = scoresOf(g, scaled(g, layer, rows(q, 1)), seen(k, 1), seen(rows(mask(layer.window), 0), 1));
    const pattern = g.op('Softmax', [scores], { axis: -1 });
    return { pattern, z: g.op('MatMul', [pattern, seen(v, 1)]) };
  });
  const z = g.op(
    'Concat',
    blocks.map((block) => block.z),
    { axis: 1 },
  );
  return { pattern: blocks.map(({ pattern }) => pattern), z };
}

/** Q, K and V as `[head, pos, d_head]`; K and V with n_key_value_heads. */
function projections(
  g: GraphBuilder,
  w: WeightSource,
  d: ModelDescription,
  layer: Layer,
  x: Value,
  xQK: Value,
): { q: Value; k: Value; v: Value } {
  const { qkv } = layer;
  if (qkv.kind === 'separate') {
    return {
      q: heads(g, w, d, xQK, qkv.q, d.nHeads),
      k: heads(g, w, d, xQK, qkv.k, d.nKeyValueHeads),
      v: heads(g, w, d, x, qkv.v, d.nKeyValueHeads),
    };
  }
  // fused checkpoints never use shortformer positions, so that x is xQK
  const all = linear(g, w, x, qkv.linear);
  const [dims, axis] = qkv.order === 'qkv-head' ? [[0, 3, d.nHeads, d.dHead], 1] : [[0, d.nHeads, 3, d.dHead], 2];
  const parts = g.ops('Split', [g.op('Reshape', [all, g.ints(dims)]), g.ints([1, 1, 1])], 3, { axis });
  const [q, k, v] = parts.map((part) =>
    g.op('Transpose', [g.op('Squeeze', [part, g.ints([axis])])], { perm: [1, 0, 2] }),
  );
  return { q: q!, k: k!, v: v! };
}

function heads(g: GraphBuilder, w: WeightSource, d: ModelDescription, x: Value, l: Linear, n: number): Value {
  if (l.layout === 'heads') {
    const product = g.op('MatMul', [g.op('Unsqueeze', [x, g.ints([0])]), w.float(g, l.weight)]);
    return l.bias ? g.op('Add', [product, w.float(g, l.bias, [n, 1, d.dHead])]) : product;
  }
  const split = g.op('Reshape', [linear(g, w, x, l), g.ints([0, n, d.dHead])]);
  return g.op('Transpose', [split], { perm: [1, 0, 2] });
}

/** Grouped-query attention: head h uses key/value head floor(h / group). */
export function repeatHeads(g: GraphBuilder, d: ModelDescription, x: Value): Value {
  if (d.nKeyValueHeads === d.nHeads) return x;
  const group = d.nHeads / d.nKeyValueHeads;
  const index = g.ints(Array.from({ length: d.nHeads }, (_, h) => Math.floor(h / group)));
  return g.op('Gather', [x, index], { axis: 0 });
}

/** Rotates the pairs (i, i + dims/2) of the first `dims` of each head (RoFormer; rotate-half, as transformers does). */
function rotate(g: GraphBuilder, rot: Rotary, dHead: number, x: Value, { cos, sin }: AttentionInputs): Value {
  const half = rot.dims / 2;
  const rest = dHead - rot.dims;
  const sizes = rest > 0 ? [half, half, rest] : [half, half];
  const [a, b, tail] = g.ops('Split', [x, g.ints(sizes)], sizes.length, { axis: -1 });
  const mul = (p: Value, q: Value): Value => g.op('Mul', [p, q]);
  const first = g.op('Sub', [mul(a!, cos), mul(b!, sin)]);
  const second = g.op('Add', [mul(b!, cos), mul(a!, sin)]);
  return g.op('Concat', tail ? [first, second, tail] : [first, second], { axis: -1 });
}

/** W_O of all heads as one `[n_heads * d_head, d_model]` matrix (TransformerLens's layout is that, regrouped). */
function asMatrix(out: Linear, d: ModelDescription): Linear {
  if (out.layout !== 'heads') return out;
  return { ...out, layout: 'in-out', weight: { ...out.weight, shape: [d.nHeads * d.dHead, d.dModel] } };
}

/**
 * ‖v_s W_O‖ for every head and source, as sqrt(v (W_O W_Oᵀ) vᵀ): the Gram matrices are folded when the session is created, so
 * that a run needs d_head² instead of d_head · d_model products. In float64, as the square would lose half of the digits.
 * Folding costs as much as these products of a thousand tokens (measured), so a graph that runs once makes v W_O itself.
 */
export function valueNorm(
  g: GraphBuilder,
  w: WeightSource,
  d: ModelDescription,
  out: Linear,
  v: Value,
  { once = false }: Pick<AttentionInputs, 'once'> = {},
): Value {
  const double = (x: Value): Value => g.op('Cast', [x], { to: DataType.DOUBLE });
  const perHead = outputPerHead(g, w, d, out);
  if (once) return g.op('ReduceL2', [g.op('MatMul', [v, perHead]), g.ints([-1])], { keepdims: 0 });
  const W_O = double(perHead);
  const gram = g.op('MatMul', [W_O, g.op('Transpose', [W_O], { perm: [0, 2, 1] })]);
  const v64 = double(v);
  const squares = g.op('Mul', [g.op('MatMul', [v64, gram]), v64]);
  const sum = g.op('ReduceSum', [squares, g.ints([-1])], { keepdims: 0 });
  // rounding can leave a null direction a hair below zero
  return g.op('Sqrt', [g.op('Relu', [g.op('Cast', [sum], { to: DataType.FLOAT })])]);
}

/** W_O as `[head, d_head, d_model]`. */
export function outputPerHead(g: GraphBuilder, w: WeightSource, d: ModelDescription, out: Linear): Value {
  if (out.layout === 'out-in')
    return g.op('Transpose', [w.float(g, out.weight, [d.dModel, d.nHeads, d.dHead])], { perm: [1, 2, 0] });
  return w.float(g, out.weight, [d.nHeads, d.dHead, d.dModel]);
}
