/** ONNX Runtime's GroupQueryAttention in plain operators. */
import { float, type Value } from '../../graph/builder';
import type { NodeProto } from '../../graph/onnx_pb';
import { floatOf, intOf } from '../attributes';
import { attend, causalMask, joinHeads, splitHeads } from './attend';
import { givenScale } from './contribAttention';
import type { Emitter } from './emitter';
import { rotate } from './rotary';

/** Its inputs by what they are. */
const INPUT = { query: 0, key: 1, value: 2, cos: 7, sin: 8, positions: 9, bias: 10, sink: 11, qNorm: 14, kNorm: 15 };
/** Of qk_norm_epsilon. */
const EPSILON = 1e-6;

/** The past is empty: tokens are the only sources, and positions count from 0. */
export function groupQueryAttention(e: Emitter, node: NodeProto): boolean {
  const heads = intOf(node, 'num_heads', 0);
  const kvHeads = intOf(node, 'kv_num_heads', 0);
  if (!e.in(INPUT.query) || heads < 1 || kvHeads < 1 || heads % kvHeads !== 0 || e.isRead(3)) return false;
  const [q0, k0, v] = parts(e, heads, kvHeads);
  const epsilon = floatOf(node, 'qk_norm_epsilon', EPSILON);
  const [qNormed, kNormed] = [normed(e, q0, e.in(INPUT.qNorm), epsilon), normed(e, k0, e.in(INPUT.kNorm), epsilon)];
  const turn = rotation(e, node, q0);
  const [q, k] = [turn(qNormed), turn(kNormed)];
  const out = attend(e, {
    ...{
      q,
      k,
      v,
      group: heads / kvHeads,
      scale: givenScale(node),
      softcap: floatOf(node, 'softcap', 0),
      sink: sinkOf(e, node),
    },
    biases: e.in(INPUT.bias) ? [e.in(INPUT.bias)!] : [],
    allowed: intOf(node, 'causal', 1) ? causalMask(e, q, k, intOf(node, 'local_window_size', -1)) : [],
  });
  e.put(joinHeads(e, out), 0);
  e.put(k, 1);
  e.put(v, 2);
  return true;
}

/** q, k and v as `[batch, head, position, d]`; without a key, the query has all three. */
function parts(e: Emitter, heads: number, kvHeads: number): [Value, Value, Value] {
  const [query, key, value] = [e.in(INPUT.query)!, e.in(INPUT.key), e.in(INPUT.value)];
  if (key && value) return [splitHeads(e, query, heads), splitHeads(e, key, kvHeads), splitHeads(e, value, kvHeads)];
  const all = splitHeads(e, query, heads + 2 * kvHeads);
  return [e.slice(all, 1, 0, heads), e.slice(all, 1, heads, heads + kvHeads), e.slice(all, 1, heads + kvHeads)];
}

/** Root-mean-square norm of every head's vectors. */
function normed(e: Emitter, x: Value, weight: Value | undefined, epsilon: number): Value {
  return weight ? e.op('SimplifiedLayerNormalization', [x, weight], { axis: -1, epsilon: float(epsilon) }) : x;
}

function rotation(e: Emitter, node: NodeProto, q: Value): (x: Value) => Value {
  const [cos, sin] = [e.in(INPUT.cos), e.in(INPUT.sin)];
  if (!intOf(node, 'do_rotary', 0) || !cos || !sin) return (x) => x;
  // of position ids, only the first is read for a prompt: the others follow it
  const given = e.in(INPUT.positions);
  const first = given && e.gather(e.reshape(given, [-1]), 0, 0);
  const positions = e.plus(e.range(e.size(q, 2)), first);
  const table = (cache: Value): Value => e.op('Gather', [cache, positions], { axis: 0 });
  const [c, s] = [table(cos), table(sin)];
  const width = 2 * e.sizeOf(cos, 1);
  const interleaved = intOf(node, 'rotary_interleaved', 0) !== 0;
  return (x) => rotate(e, x, c, s, Math.max(width, 0), interleaved);
}

/** A sink's score for each head; a smooth softmax has one of 0. */
function sinkOf(e: Emitter, node: NodeProto): Value | undefined {
  const sink = e.in(INPUT.sink);
  if (sink) return e.reshape(sink, [1, -1, 1, 1]);
  return intOf(node, 'smooth_softmax', 0) > 0
    ? e.reshape(e.number(0, e.typeOf(e.in(INPUT.query)!)), [1, 1, 1, 1])
    : undefined;
}
