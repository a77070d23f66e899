/** Operators that choose elements by their indices: gradients are added up where an element was chosen more than once. */
import { axisOf, zerosLike, type Forward, type Operator, type Operators } from './types';

/** The axis, and the shape with all chosen indices along it. */
function gathered({ inputs, shape, int }: Forward): {
  axis: number;
  before: number[];
  after: number[];
  index: number[];
} {
  const [from, index] = [shape(inputs[0]!), shape(inputs[1]!)];
  const axis = axisOf(int('axis', 0), from.length);
  return { axis, before: from.slice(0, axis), after: from.slice(axis + 1), index };
}

const gather: Operator = {
  shapes: (node) => {
    const { before, after, index } = gathered(node);
    return [[...before, ...index, ...after]];
  },
  gradients: (node, [dy]) => {
    const { g, inputs } = node;
    const { axis, before, after, index } = gathered(node);
    const n = index.reduce((a, b) => a * b, 1);
    const shape = [...before, n, ...after];
    // the sum is made by one thread in order, so that it comes out the same each time; ScatterND's is not
    const along = g.op('Reshape', [inputs[1]!, g.ints([...before.map(() => 1), n, ...after.map(() => 1)])]);
    const indices = g.op('Expand', [along, g.ints(shape)]);
    const updates = g.op('Reshape', [dy!, g.ints(shape)]);
    return [g.op('ScatterElements', [zerosLike(node, inputs[0]!), indices, updates], { axis, reduction: 'add' })];
  },
};

const gatherElements: Operator = {
  shapes: ({ inputs, shape }) => [shape(inputs[1]!)],
  gradients: (node, [dy]) => {
    const { g, inputs, shape, int } = node;
    const axis = axisOf(int('axis', 0), shape(inputs[0]!).length);
    return [g.op('ScatterElements', [zerosLike(node, inputs[0]!), inputs[1]!, dy!], { axis, reduction: 'add' })];
  },
};

export const gatherOperators: Operators = { Gather: gather, GatherElements: gatherElements };
