import type { Activation, Linear, Mlp, ModelDescription, NormWeights } from '../checkpoint/description';
import { float, type GraphBuilder, type Value } from './builder';
import type { WeightSource } from './weights';

/** y = x W (+ b) for `[pos, in]` x and a matrix (not `heads`) layout. */
export function linear(g: GraphBuilder, w: WeightSource, x: Value, l: Linear): Value {
  const inputs = [x, w.float(g, l.weight, l.weight.shape)];
  if (l.bias) inputs.push(w.float(g, l.bias));
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

export function mlp(g: GraphBuilder, w: WeightSource, x: Value, m: Mlp): MlpValues {
  const inner = linear(g, w, x, m.in);
  const pre = m.gate ? linear(g, w, x, m.gate) : inner;
  const active = activations[m.act](g, pre);
  const post = m.gate ? g.op('Mul', [active, inner]) : active;
  return { pre, preLinear: m.gate && inner, post, out: linear(g, w, post, m.out) };
}
