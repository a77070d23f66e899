/** Attention of opset 23 and later in plain operators. */
import { DataType, type Value } from '../../graph/builder';
import type { NodeProto } from '../../graph/onnx_pb';
import { floatOf, intOf } from '../attributes';
import { attend, causalMask, joinHeads, splitHeads } from './attend';
import { givenScale } from './contribAttention';
import type { Emitter } from './emitter';

/** Attention(q, k, v, attn_mask, past_key, past_value, nonpad_kv_seqlen). The past is empty. */
export function standardAttention(e: Emitter, node: NodeProto): boolean {
  const [query, key, value, mask] = [e.in(0), e.in(1), e.in(2), e.in(3)];
  if (!query || !key || !value || e.isRead(3)) return false;
  const heads = intOf(node, 'q_num_heads', 0);
  const kvHeads = intOf(node, 'kv_num_heads', heads);
  const joined = heads > 0 && e.rankOf(query) !== 4;
  const split = (x: Value, n: number): Value => (joined ? splitHeads(e, x, n) : x);
  const [q, k, v] = [split(query, heads), split(key, kvHeads), split(value, kvHeads)];
  const group = joined ? heads / kvHeads : groupOf(e, query, key);
  if (typeof group === 'number' && !(Number.isInteger(group) && group >= 1)) return false;
  const isSelector = mask !== undefined && e.typeOf(mask) === DataType.BOOL;
  const out = attend(e, {
    ...{ q, k, v, group, scale: givenScale(node), softcap: floatOf(node, 'softcap', 0) },
    biases: mask && !isSelector ? [mask] : [],
    allowed: [
      ...(mask && isSelector ? [mask] : []),
      ...(intOf(node, 'is_causal', 0) ? causalMask(e, q, k) : []),
      ...nonPadding(e, k),
    ],
  });
  e.put(joined ? joinHeads(e, out) : out, 0);
  e.put(k, 1);
  e.put(v, 2);
  return true;
}

/** Sources before the number that is given for each batch. `[batch, 1, 1, source]` */
function nonPadding(e: Emitter, k: Value): Value[] {
  const lengths = e.in(6);
  if (!lengths) return [];
  return [e.op('Less', [e.range(e.size(k, 2)), e.reshape(lengths, [-1, 1, 1, 1])])];
}

/** Query heads of one key/value head of 4-axis inputs. */
function groupOf(e: Emitter, query: Value, key: Value): number | Value {
  const [heads, kvHeads] = [e.sizeOf(query, 1), e.sizeOf(key, 1)];
  if (heads > 0 && kvHeads > 0) return heads / kvHeads;
  const count = (x: Value): Value => e.slice(e.op('Shape', [x]), 0, 1, 2);
  return e.op('Div', [count(query), count(key)]);
}
