/** Sums and means over axes. */
import type { Value } from '../../graph/builder';
import { axisOf, product, scalar, type Forward, type Operator, type Operators } from './types';

/** The axes that are reduced; all of them when none is named. */
function axesOf({ inputs, shape, list }: Forward): number[] {
  const from = shape(inputs[0]!);
  const named = list(1);
  return named?.length ? named.map((axis) => axisOf(axis, from.length)) : from.map((_, axis) => axis);
}

function reduced(node: Forward, keepdims = node.int('keepdims', 1)): number[] {
  const axes = new Set(axesOf(node));
  return node.shape(node.inputs[0]!).flatMap((size, axis) => (axes.has(axis) ? (keepdims ? [1] : []) : [size]));
}

/** Elements that each result is made of. */
const count = ({ inputs, outputs, shape }: Forward): number => product(shape(inputs[0]!)) / product(shape(outputs[0]!));

/** A gradient of the result, so that it broadcasts against the input. */
const kept = (node: Forward, dy: Value): Value =>
  node.int('keepdims', 1) ? dy : node.g.op('Reshape', [dy, node.g.ints(reduced(node, 1))]);

const reduction = (gradient: (node: Forward, x: Value, dy: Value) => Value): Operator => ({
  shapes: (node) => [reduced(node)],
  gradients: (node, [dy]) => [gradient(node, node.inputs[0]!, kept(node, dy!))],
});

const expanded = ({ g, shape }: Forward, x: Value, dy: Value): Value => g.op('Expand', [dy, g.ints(shape(x))]);

export const reduceOperators: Operators = {
  ReduceSum: reduction(expanded),
  ReduceMean: reduction((node, x, dy) => expanded(node, x, node.g.op('Div', [dy, scalar(node, count(node), x)]))),
  ReduceSumSquare: reduction((node, x, dy) => node.g.op('Mul', [x, node.g.op('Mul', [dy, scalar(node, 2, x)])])),
};
