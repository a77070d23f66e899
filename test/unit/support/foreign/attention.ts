/** Attention of foreign graphs, in plain operators or one of the fused ones. */
import { DataType, MICROSOFT } from './writer';
import { linear, type Context } from './linear';
import { beside, columns, type LayerMatrices, type Matrix } from './weights';
import type { Prompt } from './prompt';

/** What attention reads: queries and keys may read something else than values (shortformer positions). */
export interface Reads {
  x: string;
  xQK: string;
}

interface Past {
  key: string;
  value: string;
}

/** Present keys and values, where the graph has past ones. */
export interface Attended {
  z: string;
  present?: Past;
}

/** Attention, but for its projection out. @returns z `[batch, pos, head * d_head]` */
export function attention(c: Context, p: Prompt, layer: LayerMatrices, reads: Reads, past: Past | undefined): Attended {
  const how = c.dialect.attention ?? 'plain';
  if (c.dialect.qkv === 'einsum') return { z: byEinsum(c, p, layer, reads) };
  if (how === 'Attention-microsoft') return { z: fusedAttention(c, layer, reads) };
  if (how === 'GroupQueryAttention' || how === 'GroupQueryAttention-packed')
    return groupQuery(c, p, layer, reads, past!, how === 'GroupQueryAttention-packed');
  const { q, k, v } = heads(c, p, layer, reads);
  if (how === 'MultiHeadAttention') return { z: multiHead(c, q, k, v) };
  if (how === 'Attention-4d' || how === 'Attention-3d')
    return { z: attention23(c, p, q, k, v, how === 'Attention-3d') };
  return plain(c, p, q, k, v, past);
}

const scaleOf = ({ d }: Context): number => 1 / d.layers[0]!.attnScale;

/** Projections as `[batch, head, pos, d_head]`, rotated. */
function heads(c: Context, p: Prompt, layer: LayerMatrices, reads: Reads): Record<'q' | 'k' | 'v', string> {
  const { w, d, dialect } = c;
  const grouped = d.nKeyValueHeads !== d.nHeads;
  const shared = reads.x === reads.xQK;
  const split = (x: string, n: number): string =>
    w.op('Transpose', [w.op('Reshape', [x, w.ints([0, 0, n, d.dHead])])], { perm: [0, 2, 1, 3] });
  let parts: [string, string, string];
  if (!shared || !dialect.qkv || dialect.qkv === 'separate' || (grouped && dialect.qkv !== 'split')) {
    parts = [
      split(linear(c, reads.xQK, layer.q), d.nHeads),
      split(linear(c, reads.xQK, layer.k), d.nKeyValueHeads),
      split(linear(c, reads.x, layer.v), d.nKeyValueHeads),
    ];
  } else if (dialect.qkv === 'split') {
    const all = linear(c, reads.x, beside([layer.q, layer.k, layer.v]));
    const [q, k, v] = w.split(all, [layer.q.out, layer.k.out, layer.v.out], 2) as [string, string, string];
    parts = [split(q, d.nHeads), split(k, d.nKeyValueHeads), split(v, d.nKeyValueHeads)];
  } else parts = dialect.qkv === 'heads' ? slicedHeads(c, layer, reads.x) : stackedHeads(c, layer, reads.x);
  const [q, k, v] = parts;
  return { q: p.rotate(q), k: p.rotate(k), v };
}

/** Columns [head, 3, d_head]. */
function slicedHeads(c: Context, layer: LayerMatrices, x: string): [string, string, string] {
  const { w, d } = c;
  const order = Array.from({ length: 3 * d.nHeads * d.dHead }, (_, column) => {
    const [head, rest] = [Math.floor(column / (3 * d.dHead)), column % (3 * d.dHead)];
    return Math.floor(rest / d.dHead) * d.nHeads * d.dHead + head * d.dHead + (rest % d.dHead);
  });
  const all = linear(c, x, columns(beside([layer.q, layer.k, layer.v]), order));
  const perHead = w.op('Reshape', [all, w.ints([0, 0, d.nHeads, 3 * d.dHead])]);
  const part = (i: number): string =>
    w.op('Transpose', [w.slice(perHead, i * d.dHead, (i + 1) * d.dHead, 3)], { perm: [0, 2, 1, 3] });
  return [part(0), part(1), part(2)];
}

/** `[3, batch, head, pos, d_head]`, gathered. */
function stackedHeads(c: Context, layer: LayerMatrices, x: string): [string, string, string] {
  const { w, d } = c;
  const all = linear(c, x, beside([layer.q, layer.k, layer.v]));
  const five = w.op('Reshape', [all, w.ints([0, 0, 3, d.nHeads, d.dHead])]);
  const stacked = w.op('Transpose', [five], { perm: [2, 0, 3, 1, 4] });
  const part = (i: number): string => w.op('Gather', [stacked, w.ints([i], [])], { axis: 0 });
  return [part(0), part(1), part(2)];
}

/** Key/value heads for every head. */
function repeated({ w, d }: Context, x: string): string {
  const times = d.nHeads / d.nKeyValueHeads;
  if (times === 1) return x;
  const five = w.withAxes('Unsqueeze', x, [2]);
  const wide = w.op('Expand', [five, w.ints([1, 1, times, 1, 1])]);
  const shape = w.op('Shape', [x]);
  const dims = [w.slice(shape, 0, 1, 0), w.ints([d.nHeads]), w.slice(shape, 2, 4, 0)];
  return w.op('Reshape', [wide, w.op('Concat', dims, { axis: 0 })]);
}

const merged = ({ w, d }: Context, z: string): string =>
  w.op('Reshape', [w.op('Transpose', [z], { perm: [0, 2, 1, 3] }), w.ints([0, 0, d.nHeads * d.dHead])]);

function plain(c: Context, p: Prompt, q: string, k: string, v: string, past: Past | undefined): Attended {
  const { w, dialect } = c;
  const present = past && {
    key: w.op('Concat', [past.key, k], { axis: 2 }),
    value: w.op('Concat', [past.value, v], { axis: 2 }),
  };
  const [keys, values] = [repeated(c, present?.key ?? k), repeated(c, present?.value ?? v)];
  const keysT = w.op('Transpose', [keys], { perm: [0, 1, 3, 2] });
  const scores = p.masked(scaledScores(c, q, keysT));
  const softmax = w.op('Softmax', [scores], { axis: dialect.opset < 13 ? 3 : -1 });
  const pattern =
    dialect.attention === 'safe'
      ? w.op('Where', [w.op('IsNaN', [softmax]), w.floats([0]), softmax])
      : dialect.attention === 'both'
        ? w.op('Dropout', [softmax, w.tensor(DataType.FLOAT, [], Float32Array.of(0))])
        : softmax;
  return { z: merged(c, w.op('MatMul', [pattern, values])), ...(present && { present }) };
}

function scaledScores(c: Context, q: string, keysT: string): string {
  const { w } = c;
  const scale = scaleOf(c);
  if (c.dialect.attention !== 'both') return w.op('Div', [w.op('MatMul', [q, keysT]), w.floats([1 / scale])]);
  const root = w.op('Sqrt', [w.floats([scale])]);
  return w.op('MatMul', [w.op('Mul', [q, root]), w.op('Mul', [keysT, root])]);
}

/** The operator of opset 23, which repeats key/value heads itself. */
function attention23(c: Context, p: Prompt, q: string, k: string, v: string, flat: boolean): string {
  const { w, d } = c;
  const scale = { scale: { float: scaleOf(c) } };
  if (!flat) return merged(c, w.op('Attention', [q, k, v], { is_causal: 1, ...scale }));
  const [q3, k3, v3] = [q, k, v].map((x) =>
    w.op('Reshape', [w.op('Transpose', [x], { perm: [0, 2, 1, 3] }), w.ints([0, 0, -1])]),
  ) as [string, string, string];
  const counts = { q_num_heads: d.nHeads, kv_num_heads: d.nKeyValueHeads };
  return w.op('Attention', [q3, k3, v3, p.additiveMask()], { ...counts, ...scale });
}

function multiHead(c: Context, q: string, k: string, v: string): string {
  const { w, d } = c;
  const [q3, k3, v3] = [q, repeated(c, k), repeated(c, v)].map((x) => merged(c, x)) as [string, string, string];
  const attributes = { num_heads: d.nHeads, unidirectional: 1, scale: { float: scaleOf(c) } };
  return w.op('MultiHeadAttention', [q3, k3, v3], attributes, MICROSOFT);
}

/** Rotates and repeats key/value heads itself, and keeps keys and values. */
function groupQuery(
  c: Context,
  p: Prompt,
  layer: LayerMatrices,
  { x }: Reads,
  past: Past,
  packed: boolean,
): Required<Attended> {
  const { w, d } = c;
  const qkv = packed
    ? [linear(c, x, beside([layer.q, layer.k, layer.v])), '', '']
    : [layer.q, layer.k, layer.v].map((m) => linear(c, x, m));
  const { lengths, total } = p.lengths();
  const inputs = [...qkv, past.key, past.value, lengths, total, ...p.halfTables()];
  const attributes = {
    num_heads: d.nHeads,
    kv_num_heads: d.nKeyValueHeads,
    do_rotary: 1,
    rotary_interleaved: 0,
    scale: { float: scaleOf(c) },
  };
  const [z, key, value] = w.ops('GroupQueryAttention', inputs, 3, attributes, MICROSOFT) as [string, string, string];
  return { z, present: { key, value } };
}

/** Projects as well. */
function fusedAttention(c: Context, { q, k, v }: LayerMatrices, { x }: Reads): string {
  const { w, d } = c;
  const all = beside([q, k, v]);
  const bias = w.floats(all.bias ?? new Float32Array(all.out), [all.out]);
  const attributes = { num_heads: d.nHeads, unidirectional: 1, scale: { float: scaleOf(c) } };
  return w.op('Attention', [x, w.floats(all.data, [all.in, all.out]), bias], attributes, MICROSOFT);
}

/** As TransformerLens writes it; z is projected out by the linear layer that follows. */
function byEinsum(c: Context, p: Prompt, layer: LayerMatrices, reads: Reads): string {
  const { w, d } = c;
  const project = (x: string, m: Matrix): string => {
    const weight = w.floats(headMajor(m, d.dHead), [m.out / d.dHead, m.in, d.dHead]);
    const y = w.op('Einsum', [x, weight], { equation: 'bpd,hdk->bphk' });
    return m.bias ? w.op('Add', [y, w.floats(m.bias, [m.out / d.dHead, d.dHead])]) : y;
  };
  const [q, k, v] = [project(reads.xQK, layer.q), project(reads.xQK, layer.k), project(reads.x, layer.v)];
  const product = w.op('Einsum', [q, k], { equation: 'bqhd,bkhd->bhqk' });
  const scores = p.masked(w.op('Div', [product, w.floats([1 / scaleOf(c)])]));
  const z = w.op('Einsum', [w.op('Softmax', [scores], { axis: -1 }), v], { equation: 'bhqk,bkhd->bqhd' });
  return w.op('Reshape', [z, w.ints([0, 0, d.nHeads * d.dHead])]);
}

/** `[in, head * d_head]` as `[head, in, d_head]`. */
function headMajor(m: Matrix, dHead: number): Float32Array {
  const heads = m.out / dHead;
  return Float32Array.from({ length: m.data.length }, (_, i) => {
    const [head, row, column] = [Math.floor(i / (m.in * dHead)), Math.floor(i / dHead) % m.in, i % dHead];
    return m.data[row * heads * dHead + head * dHead + column]!;
  });
}
