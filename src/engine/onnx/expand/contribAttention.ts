/** ONNX Runtime's Attention and MultiHeadAttention in plain operators. */
import type { Value } from '../../graph/builder';
import type { NodeProto } from '../../graph/onnx_pb';
import { attributeOf, floatOf, intOf, intsOf } from '../attributes';
import { attend, causalMask, joinHeads, paddingBias, splitHeads } from './attend';
import type { Emitter } from './emitter';

/** What its kernels put in the place of scores that padding hides. */
const HIDDEN = -10000;

/** A scale that is given; 0 stands for none. */
export const givenScale = (node: NodeProto): number | undefined => floatOf(node, 'scale', 0) || undefined;

/** q, k and v as `[batch, head, position, d]`. */
type Parts = [q: Value, k: Value, v: Value];

/**
 * Attention(x, weights, bias, mask_index, past, attention_bias): projects x, then attends. The past is empty.
 * @returns false for a form that is not known
 */
export function contribAttention(e: Emitter, node: NodeProto): boolean {
  const heads = intOf(node, 'num_heads', 0);
  const [x, weights] = [e.in(0), e.in(1)];
  if (!x || !weights || heads < 1 || intOf(node, 'do_rotary', 0) || intOf(node, 'past_present_share_buffer', 0))
    return false;
  const projected = e.plus(e.op('MatMul', [x, weights]), e.in(2));
  const [q, k, v] = splitProjection(e, projected, intsOf(node, 'qkv_hidden_sizes'), heads);
  if (!put(e, node, [q, k, v], { mask: e.in(3), bias: e.in(5) })) return false;
  if (e.has(1)) e.put(e.concat([e.unsqueeze(k, 0), e.unsqueeze(v, 0)], 0), 1);
  return true;
}

/** Columns are `[3, head, d]`, or of the sizes that are given. */
function splitProjection(e: Emitter, projected: Value, sizes: number[] | undefined, heads: number): Parts {
  if (!sizes || sizes.every((size) => size === sizes[0])) {
    const split = e.reshape(projected, [0, 0, 3, heads, -1]);
    return [0, 1, 2].map((part) => e.transpose(e.gather(split, part, 2), [0, 2, 1, 3])) as Parts;
  }
  const [a = 0, b = 0] = sizes;
  const columns = [e.slice(projected, 2, 0, a), e.slice(projected, 2, a, a + b), e.slice(projected, 2, a + b)];
  return columns.map((part) => splitHeads(e, part, heads)) as Parts;
}

/** MultiHeadAttention(query, key, value, bias, key_padding_mask, attention_bias, past …). The past is empty. */
export function multiHeadAttention(e: Emitter, node: NodeProto): boolean {
  const heads = intOf(node, 'num_heads', 0);
  if (heads < 1 || e.in(8) || e.in(9) || e.isRead(3)) return false;
  const parts = multiHeadParts(e, heads);
  if (!parts || !put(e, node, parts, { mask: e.in(4), bias: e.in(5) })) return false;
  e.put(parts[1], 1);
  e.put(parts[2], 2);
  return true;
}

function multiHeadParts(e: Emitter, heads: number): Parts | undefined {
  const [query, key, value] = [e.in(0), e.in(1), e.in(2)];
  if (!query) return undefined;
  const bias = e.in(3) && e.reshape(e.in(3)!, [3, -1]);
  const biased = (x: Value, part: number): Value => e.plus(x, bias && e.gather(bias, part, 0));
  const split = (x: Value, part: number): Value => splitHeads(e, biased(x, part), heads);
  /** Of `[batch, position, head, n, d]`. */
  const packed = (x: Value, index: number, part: number): Value =>
    split(e.reshape(e.gather(x, index, 3), [0, 0, -1]), part);
  if (!key) return [packed(query, 0, 0), packed(query, 1, 1), packed(query, 2, 2)];
  if (!value) return [split(query, 0), packed(key, 0, 1), packed(key, 1, 2)];
  // keys and values of another sequence come as they are multiplied
  if (e.rankOf(key) === 4) return bias ? undefined : [split(query, 0), key, value];
  return [split(query, 0), split(key, 1), split(value, 2)];
}

/** Attends and puts the output. */
function put(
  e: Emitter,
  node: NodeProto,
  [q, k, v]: Parts,
  given: { mask?: Value | undefined; bias?: Value | undefined },
): boolean {
  const hidden = attributeOf(node, 'mask_filter_value')?.f ?? HIDDEN;
  const padding = given.mask && paddingBias(e, given.mask, k, hidden);
  if (given.mask && !padding) return false;
  const biases = [padding, given.bias].filter((each) => each !== undefined);
  const allowed = intOf(node, 'unidirectional', 0) ? causalMask(e, q, k) : [];
  e.put(joinHeads(e, attend(e, { q, k, v, group: 1, scale: givenScale(node), biases, allowed })), 0);
  return true;
}
