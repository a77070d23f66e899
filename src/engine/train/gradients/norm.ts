import type { Value } from '../../graph/builder';
import { axisOf, scalar, sumTo, type Forward, type Operator, type Operators } from './types';

/** Axes that the norm is over, and sizes of its inputs. */
function normAxes({ inputs, shape, int }: Forward): number[] {
  const rank = shape(inputs[0]!).length;
  const first = axisOf(int('axis', -1), rank);
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

/** Sizes of mean and 1 / std. */
function statistics(node: Forward): number[] {
  const axes = new Set(normAxes(node));
  return node.shape(node.inputs[0]!).map((size, axis) => (axes.has(axis) ? 1 : size));
}

/**
 * y = x̂ gain + bias with x̂ = (x − mean) / √(var + ε): dx = (dx̂ − mean(dx̂) − x̂ mean(dx̂ x̂)) / √(var + ε), dx̂ = dy gain. Mean
 * and variance are computed again: they are small beside what reads them.
 */
const layerNormalization: Operator = {
  shapes: (node) => [node.shape(node.inputs[0]!), statistics(node), statistics(node)],
  gradients: (node, dys) => {
    if (!dys[0] || dys[1] || dys[2])
      throw new Error('LayerNormalization: its mean and deviation have no gradient here');
    const { g, inputs, shape } = node;
    const [x, gain, bias] = inputs;
    const dy = dys[0];
    const whole = shape(x!);
    const mean = (of: Value): Value => g.op('ReduceMean', [of, g.ints(normAxes(node))], { keepdims: 1 });
    const op = (type: string, a: Value, b: Value): Value => g.op(type, [a, b]);
    const centred = op('Sub', x!, mean(x!));
    const variance = mean(op('Mul', centred, centred));
    const epsilon = scalar(node, node.float('epsilon', 1e-5), x!);
    const inverse = g.op('Reciprocal', [g.op('Sqrt', [op('Add', variance, epsilon)])]);
    const normed = op('Mul', centred, inverse);
    const dNormed = op('Mul', dy, gain!);
    const along = op('Mul', normed, mean(op('Mul', dNormed, normed)));
    const dx = op('Mul', inverse, op('Sub', op('Sub', dNormed, mean(dNormed)), along));
    return [
      dx,
      sumTo(g, op('Mul', dy, normed), whole, shape(gain!)),
      bias ? sumTo(g, dy, whole, shape(bias)) : undefined,
    ];
  },
};

export const normOperators: Operators = { LayerNormalization: layerNormalization };
