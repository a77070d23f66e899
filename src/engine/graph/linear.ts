import type { Activation, Linear, Mlp, ModelDescription, NormWeights } from '../checkpoint/description';
import { float, type GraphBuilder, type Value } from './builder';
import type { WeightSource } from './weights';

/** Zeros that a matrix is padded with, behind its own inputs and outputs. */
interface Padding {
  in: number;
  out: number;
}

/** y = x W (+ b) for `[pos, in]` x and a matrix (not `heads`) layout. */
export function linear(
  g: GraphBuilder,
  w: WeightSource,
  x: Value,
  l: Linear,
  padding: Padding = { in: 0, out: 0 },
): Value {
  const pad = (value: Value, behind: number[]): Value =>
    behind.every((n) => n === 0) ? value : g.op('Pad', [value, g.ints([...behind.map(() => 0), ...behind])]);
  const [rows, columns] = l.layout === 'out-in' ? [padding.out, padding.in] : [padding.in, padding.out];
  const inputs = [x, pad(w.float(g, l.weight, l.weight.shape), [rows, columns])];
  if (l.bias) inputs.push(pad(w.float(g, l.bias), [padding.out]));
  return g.op('Gemm', inputs, { transB: l.layout === 'out-in' ? 1 : 0 });
}

/**
 * LayerNorm or RMSNorm over the last axis.
 * @returns the normed value and TransformerLens's hook_scale, sqrt(var + eps) or sqrt(mean(x²) + eps) `[pos, 1]`
 */
export function norm(
  g: GraphBuilder,
  w: WeightSource,
  d: ModelDescription,
  x: Value,
  weights: NormWeights | undefined,
): { y: Value; scale?: Value } {
  if (!weights || d.norm.kind === 'none') return { y: x };
  const { weight, bias } = weights;
  if (d.norm.kind === 'layer') {
    const gain = weight ? w.float(g, weight) : g.floats(new Array<number>(d.dModel).fill(1), [d.dModel]);
    const inputs = bias ? [x, gain, w.float(g, bias)] : [x, gain];
    const [y, , inverse] = g.ops('LayerNormalization', inputs, 3, { axis: -1, epsilon: float(d.norm.eps) });
    return { y: y!, scale: g.op('Reciprocal', [inverse!]) };
  }
  const meanSquare = g.op('ReduceMean', [g.op('Mul', [x, x]), g.ints([-1])], { keepdims: 1 });
  const scale = g.op('Sqrt', [g.op('Add', [meanSquare, g.floats([d.norm.eps])])]);
  const normed = g.op('Div', [x, scale]);
  return { y: weight ? g.op('Mul', [normed, w.float(g, weight)]) : normed, scale };
}

const activations: Record<Activation, (g: GraphBuilder, x: Value) => Value> = {
  gelu: (g, x) => g.op('Gelu', [x], { approximate: 'none' }),
  gelu_new: (g, x) => g.op('Gelu', [x], { approximate: 'tanh' }),
  silu: (g, x) => g.op('Mul', [x, g.op('Sigmoid', [x])]),
  relu: (g, x) => g.op('Relu', [x]),
};

export interface MlpValues {
  /** Before the activation (of the gate, where there is one). `[pos, d_mlp]` */
  pre: Value;
  /** The branch beside the gate. */
  preLinear?: Value;
  post: Value;
  /** `[pos, d_model]` */
  out: Value;
}

/** Of one way of a core's first cache: what lies so far apart is in the same set. */
const WAY_BYTES = 4096;
/** A line of the cache, in floats. */
const LINE = 16;

/**
 * Zeros behind `n` floats, so that rows of them do not all begin in the same set of the cache: a product reads a dozen rows at
 * once, and with GPT-2 small's 3,072 took 1.5 times as long (measured). The numbers are the same.
 */
const paddingOf = (n: number): number => ((4 * n) % WAY_BYTES === 0 ? LINE : 0);

/** @param isPadded weights that are stored are padded while the session loads, where that makes products faster */
export function mlp(g: GraphBuilder, w: WeightSource, x: Value, m: Mlp, isPadded = false): MlpValues {
  const dMlp = m.in.weight.shape[m.in.layout === 'out-in' ? 0 : 1]!;
  const zeros = isPadded ? paddingOf(dMlp) : 0;
  const into = { in: 0, out: zeros };
  const inner = linear(g, w, x, m.in, into);
  const pre = m.gate ? linear(g, w, x, m.gate, into) : inner;
  const active = activations[m.act](g, pre);
  const post = m.gate ? g.op('Mul', [active, inner]) : active;
  const out = linear(g, w, post, m.out, { in: zeros, out: 0 });
  const own = (value: Value): Value =>
    zeros === 0 ? value : g.op('Slice', [value, g.ints([0]), g.ints([dMlp]), g.ints([1])]);
  return { pre: own(pre), preLinear: m.gate && own(inner), post: own(post), out };
}
