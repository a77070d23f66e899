/** Attention in plain operators. */
import { DataType, type Value } from '../../graph/builder';
import type { Emitter } from './emitter';

export interface Attending {
  /** `[batch, head, destination, d_head]` */
  q: Value;
  /** `[batch, key/value head, source, d_head]` */
  k: Value;
  v: Value;
  /** Query heads of one key/value head; a value `[1]` where the graph does not say how many. */
  group: number | Value;
  /** Of scores; 1/√d_head when undefined. */
  scale?: number | undefined;
  /** scores become cap · tanh(scores / cap). */
  softcap?: number | undefined;
  /** Added to the scores, after the cap; broadcast against `[batch, head, destination, source]`. */
  biases: Value[];
  /** Where these are false, scores become −∞. */
  allowed: Value[];
  /** A further score, of a source that is no token: `[batch or 1, head, destination or 1, 1]`. */
  sink?: Value | undefined;
}

/** @returns pattern · v, `[batch, head, destination, d_head]` */
export function attend(e: Emitter, { q, k, v, group, scale, softcap, biases, allowed, sink }: Attending): Value {
  const type = e.typeOf(e.in(0)!);
  const repeated = (x: Value): Value => (group === 1 ? x : repeatHeads(e, x, group));
  const scaled =
    scale === undefined ? e.op('Div', [q, rootOfWidth(e, q, type)]) : e.op('Mul', [q, e.number(scale, type)]);
  let scores = e.op('MatMul', [scaled, e.transpose(repeated(k), [0, 1, 3, 2])]);
  if (softcap) {
    const cap = e.number(softcap, type);
    scores = e.op('Mul', [e.op('Tanh', [e.op('Div', [scores, cap])]), cap]);
  }
  for (const bias of biases) scores = e.op('Add', [scores, bias]);
  for (const mask of allowed) scores = e.op('Where', [mask, scores, e.number(-Infinity, type)]);
  const pattern = sink === undefined ? e.op('Softmax', [scores], { axis: -1 }) : besideSink(e, scores, sink);
  return e.op('MatMul', [pattern, repeated(v)]);
}

/** Weights of the tokens alone, in the presence of a sink. */
function besideSink(e: Emitter, scores: Value, sink: Value): Value {
  const shape = e.op('Shape', [scores]);
  const column = e.op('Expand', [sink, e.concat([e.slice(shape, 0, 0, 3), e.ints([1])], 0)]);
  const all = e.op('Softmax', [e.concat([scores, column], -1)], { axis: -1 });
  return e.slice(all, 3, 0, -1);
}

/** Key/value head j serves the heads j · group … (j + 1) · group − 1. */
export function repeatHeads(e: Emitter, x: Value, group: number | Value): Value {
  const shape = e.op('Shape', [x]);
  const one = e.ints([1, 1]);
  const times = typeof group === 'number' ? e.ints([1, 1, group, 1, 1]) : e.concat([one, group, one], 0);
  const tiled = e.op('Expand', [e.unsqueeze(x, 2), times]);
  return e.op('Reshape', [tiled, e.concat([e.slice(shape, 0, 0, 1), e.ints([-1]), e.slice(shape, 0, 2)], 0)]);
}

function rootOfWidth(e: Emitter, q: Value, type: DataType): Value {
  return e.op('Sqrt', [e.cast(e.size(q, 3), type)]);
}

/** True where a destination sees a source: none after it, and with a window the `window` last ones. `[destination, source]` */
export function causalMask(e: Emitter, q: Value, k: Value, window = 0): Value[] {
  const destination = e.unsqueeze(e.range(e.size(q, 2)), 1);
  const source = e.unsqueeze(e.range(e.size(k, 2)), 0);
  const allowed = [e.op('Less', [source, e.op('Add', [destination, e.ints([1], [])])])];
  if (window > 0) allowed.push(e.op('Less', [e.op('Sub', [destination, e.ints([window], [])]), source]));
  return allowed;
}

/** `[batch, position, head · d]` → `[batch, head, position, d]` */
export function splitHeads(e: Emitter, x: Value, heads: number): Value {
  return e.transpose(e.reshape(x, [0, 0, heads, -1]), [0, 2, 1, 3]);
}

/** `[batch, head, position, d]` → `[batch, position, head · d]` */
export function joinHeads(e: Emitter, x: Value): Value {
  return e.reshape(e.transpose(x, [0, 2, 1, 3]), [0, 0, -1]);
}

/**
 * A mask of ONNX Runtime's own attentions as a bias: 0 where it is 1, `hidden` where it is 0. Its forms are `[batch, source]`,
 * `[batch, destination, source]` and the number of sources that are seen, `[batch]`.
 * @returns undefined for another form
 */
export function paddingBias(e: Emitter, mask: Value, k: Value, hidden: number): Value | undefined {
  const rank = e.rankOf(mask) ?? 2;
  const type = e.typeOf(e.in(0)!);
  if (rank < 1 || rank > 3) return undefined;
  let seen: Value;
  if (rank === 1) {
    const source = e.unsqueeze(e.range(e.size(k, 2)), 0);
    seen = e.cast(e.op('Less', [source, e.unsqueeze(e.cast(mask, DataType.INT64), 1)]), type);
  } else {
    seen = e.cast(mask, type);
  }
  const whole = rank === 3 ? e.unsqueeze(seen, 1) : e.unsqueeze(e.unsqueeze(seen, 1), 2);
  return e.op('Mul', [e.op('Sub', [e.number(1, type), whole]), e.number(hidden, type)]);
}
