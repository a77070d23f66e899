import type { Value } from '../../graph/builder';
import { axisOf, type Forward, type Operator, type Operators } from './types';

const axis = ({ inputs, shape, int }: Forward): number => axisOf(int('axis', -1), shape(inputs[0]!).length);

const sumOver = (node: Forward, x: Value): Value =>
  node.g.op('ReduceSum', [x, node.g.ints([axis(node)])], { keepdims: 1 });

const shapes: Operator['shapes'] = ({ inputs, shape }) => [shape(inputs[0]!)];

/** dx = y (dy − Σ y dy). */
const softmax: Operator = {
  shapes,
  gradients: (node, [dy]) => {
    const { g, outputs } = node;
    const y = outputs[0]!;
    const product = g.op('Mul', [y, dy!]);
    return [g.op('Sub', [product, g.op('Mul', [y, sumOver(node, product)])])];
  },
};

/**
 * dx = dy − exp(y) Σ dy. Of a gradient that is zeros but for what was scattered into them (cross-entropy), only that is summed
 * and added: the largest matrix of a language model is then written twice instead of five times.
 */
const logSoftmax: Operator = {
  shapes,
  gradients: (node, [dy]) => {
    const { g, outputs, producer } = node;
    const less = (total: Value): Value => g.op('Mul', [g.op('Exp', [outputs[0]!]), g.op('Neg', [total])]);
    const scattered = producer(dy!);
    if (scattered?.opType !== 'ScatterElements' || scattered.int('axis', 0) !== axis(node))
      return [g.op('Add', [dy!, less(sumOver(node, dy!))])];
    const [, indices, updates] = scattered.inputs;
    const added = { axis: axis(node), reduction: 'add' };
    return [g.op('ScatterElements', [less(sumOver(node, updates!)), indices!, updates!], added)];
  },
};

export const softmaxOperators: Operators = { Softmax: softmax, LogSoftmax: logSoftmax };
