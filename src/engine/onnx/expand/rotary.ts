/** Rotary positions in plain operators: com.microsoft's RotaryEmbedding and that of opset 23. */
import { DataType, type Value } from '../../graph/builder';
import type { NodeProto } from '../../graph/onnx_pb';
import { floatOf, intOf } from '../attributes';
import type { Emitter } from './emitter';

/**
 * Rotates the pairs (i, i + dims/2), interleaved (2i, 2i + 1), of the first `dims` of each vector (0: of all).
 * @param x `[…, d_head]` of 4 axes
 * @param cos, sin broadcast against `[…, dims / 2]`
 */
export function rotate(e: Emitter, x: Value, cos: Value, sin: Value, dims: number, interleaved: boolean): Value {
  const turned = dims > 0 ? e.slice(x, 3, 0, dims) : x;
  const [a, b] = interleaved
    ? [e.slice(turned, 3, 0, undefined, 2), e.slice(turned, 3, 1, undefined, 2)]
    : halves(e, turned);
  const mul = (p: Value, q: Value): Value => e.op('Mul', [p, q]);
  const first = e.op('Sub', [mul(a, cos), mul(b, sin)]);
  const second = e.op('Add', [mul(b, cos), mul(a, sin)]);
  const both = interleaved
    ? e.reshape(e.concat([e.unsqueeze(first, 4), e.unsqueeze(second, 4)], 4), [0, 0, 0, -1])
    : e.concat([first, second], 3);
  return dims > 0 ? e.concat([both, e.slice(x, 3, dims)], 3) : both;
}

function halves(e: Emitter, x: Value): [Value, Value] {
  const [a, b] = e.ops('Split', [x], 2, { axis: 3, ...(e.opset >= 18 && { num_outputs: 2 }) });
  return [a!, b!];
}

/** com.microsoft.RotaryEmbedding(x, position_ids, cos_cache, sin_cache). */
export function contribRotary(e: Emitter, node: NodeProto): boolean {
  const [x, positions, cosCache, sinCache] = [e.in(0), e.in(1), e.in(2), e.in(3)];
  if (!x || !positions || !cosCache || !sinCache || intOf(node, 'is_packed_batching', 0)) return false;
  if (floatOf(node, 'scale', 1) !== 1) return false; // its kernels do not read it
  const headMajor = e.rankOf(x) === 4;
  const dims = intOf(node, 'rotary_embedding_dim', 0);
  const width = 2 * e.sizeOf(cosCache, 1);
  const heads = intOf(node, 'num_heads', 0);
  if (!headMajor && heads === 0 && width <= 0) return false;
  const split = headMajor ? x : e.reshape(x, heads > 0 ? [0, 0, heads, -1] : [0, 0, -1, width]);
  const ids = e.rankOf(positions) === 1 ? counted(e, positions, x, headMajor ? 2 : 1) : positions;
  // cos_cache has what it has: a rotary_embedding_dim of all of d_head is no part of it
  const table = (cache: Value): Value => e.unsqueeze(e.op('Gather', [cache, ids], { axis: 0 }), headMajor ? 1 : 2);
  const rotated = rotate(e, split, table(cosCache), table(sinCache), dims, intOf(node, 'interleaved', 0) !== 0);
  e.put(headMajor ? rotated : e.reshape(rotated, [0, 0, -1]), 0);
  return true;
}

/** Positions from a first one `[1]`: `[1, position]`. */
function counted(e: Emitter, first: Value, x: Value, axis: number): Value {
  return e.unsqueeze(e.op('Add', [e.range(e.size(x, axis)), e.cast(first, DataType.INT64)]), 0);
}

/** RotaryEmbedding(x, cos_cache, sin_cache, position_ids) of opset 23. */
export function standardRotary(e: Emitter, node: NodeProto): boolean {
  const [x, cosCache, sinCache, positions] = [e.in(0), e.in(1), e.in(2), e.in(3)];
  if (!x || !cosCache || !sinCache) return false;
  const heads = intOf(node, 'num_heads', 0);
  const headMajor = e.rankOf(x) === undefined ? heads === 0 : e.rankOf(x) === 4;
  const split = headMajor ? x : e.reshape(x, [0, 0, heads, -1]);
  const table = (cache: Value): Value =>
    e.unsqueeze(positions ? e.op('Gather', [cache, positions], { axis: 0 }) : cache, headMajor ? 1 : 2);
  const dims = intOf(node, 'rotary_embedding_dim', 0);
  const rotated = rotate(e, split, table(cosCache), table(sinCache), dims, intOf(node, 'interleaved', 0) !== 0);
  e.put(headMajor ? rotated : e.reshape(rotated, [0, 0, -1]), 0);
  return true;
}
