/** Operators that move elements. */
import type { Value } from '../../graph/builder';
import {
  axisOf,
  broadcast,
  product,
  scalar,
  sumTo,
  zerosLike,
  type Forward,
  type Operator,
  type Operators,
} from './types';

/** The gradient in the shape of the input. */
const reshaped: Operator['gradients'] = ({ g, inputs, shape }, [dy]) => [
  g.op('Reshape', [dy!, g.ints(shape(inputs[0]!))]),
];

/** ONNX's Reshape: 0 keeps a size, −1 is what is left. */
function reshape({ inputs, list, shape }: Forward): number[] {
  const from = shape(inputs[0]!);
  const sizes = list(1)!.map((size, axis) => (size === 0 ? from[axis]! : size));
  const known = product(sizes.filter((size) => size !== -1));
  return sizes.map((size) => (size === -1 ? product(from) / known : size));
}

function unsqueeze({ inputs, list, shape }: Forward): number[] {
  const [from, axes] = [shape(inputs[0]!), list(1)!];
  const rank = from.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank)));
  const rest = [...from];
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!));
}

function squeeze({ inputs, list, shape }: Forward): number[] {
  const from = shape(inputs[0]!);
  const axes = list(1)?.map((axis) => axisOf(axis, from.length));
  return from.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1));
}

const permOf = (node: Forward): number[] =>
  node.ints('perm') ?? node.shape(node.inputs[0]!).map((_, axis, all) => all.length - 1 - axis);

/** Sizes along the axis of a Split's outputs. */
function splitSizes(node: Forward): { axis: number; sizes: number[]; from: number[] } {
  const from = node.shape(node.inputs[0]!);
  const axis = axisOf(node.int('axis', 0), from.length);
  const each = Math.ceil(from[axis]! / node.outputs.length);
  const sizes = node.list(1) ?? node.outputs.map((_, i) => Math.min(each, from[axis]! - i * each));
  return { axis, sizes, from };
}

const withSize = (shape: number[], axis: number, size: number): number[] => shape.with(axis, size);

/** A Slice's range on each axis that it cuts. */
interface Cut {
  axis: number;
  start: number;
  /** Taken elements. */
  size: number;
  step: number;
}

function cuts({ inputs, list, shape, opType }: Forward): Cut[] {
  const from = shape(inputs[0]!);
  const [starts, ends] = [list(1)!, list(2)!];
  const axes = list(3) ?? starts.map((_, i) => i);
  return axes.map((given, i) => {
    const axis = axisOf(given, from.length);
    const n = from[axis]!;
    const step = list(4)?.[i] ?? 1;
    if (step < 1) throw new Error(`${opType} backwards has no gradient here`);
    const clamp = (at: number): number => Math.min(n, Math.max(0, at < 0 ? at + n : at));
    const start = clamp(starts[i]!);
    return { axis, start, size: Math.max(0, Math.ceil((clamp(ends[i]!) - start) / step)), step };
  });
}

/** Puts a Slice's gradient among zeros, one axis after another. */
function unslice(node: Forward, dy: Value): Value {
  const { g, inputs, outputs, shape } = node;
  const sizes = [...shape(outputs[0]!)];
  const zero = scalar(node, 0, inputs[0]!);
  let value = dy;
  for (const { axis, start, size, step } of cuts(node)) {
    const n = shape(inputs[0]!)[axis]!;
    const pad = (before: number, after: number): void => {
      const pads = sizes.map(() => 0);
      value = g.op('Pad', [value, g.ints([...pads.with(axis, before), ...pads.with(axis, after)]), zero]);
      sizes[axis] = sizes[axis]! + before + after;
    };
    if (step > 1) {
      // each element gets step − 1 zeros behind it
      const spread = [...sizes.slice(0, axis + 1), 1, ...sizes.slice(axis + 1)];
      const pads = spread.map(() => 0);
      const apart = g.op('Reshape', [value, g.ints(spread)]);
      const filled = g.op('Pad', [apart, g.ints([...pads, ...pads.with(axis + 1, step - 1)]), zero]);
      sizes[axis] = size * step;
      value = g.op('Reshape', [filled, g.ints(sizes)]);
    }
    if (start > 0 || start + sizes[axis]! !== n) pad(start, n - start - sizes[axis]!);
  }
  return value;
}

export const shapeOperators: Operators = {
  Reshape: { shapes: (node) => [reshape(node)], gradients: reshaped },
  Unsqueeze: { shapes: (node) => [unsqueeze(node)], gradients: reshaped },
  Squeeze: { shapes: (node) => [squeeze(node)], gradients: reshaped },
  Transpose: {
    shapes: (node) => [permOf(node).map((axis) => node.shape(node.inputs[0]!)[axis]!)],
    gradients: (node, [dy]) => {
      const perm = permOf(node);
      return [node.g.op('Transpose', [dy!], { perm: perm.map((_, axis) => perm.indexOf(axis)) })];
    },
  },
  Concat: {
    shapes: ({ inputs, shape, int }) => {
      const shapes = inputs.map(shape);
      const axis = axisOf(int('axis', 0), shapes[0]!.length);
      const size = shapes.reduce((sum, each) => sum + each[axis]!, 0);
      return [withSize(shapes[0]!, axis, size)];
    },
    gradients: ({ g, inputs, shape, int }, [dy]) => {
      const axis = axisOf(int('axis', 0), shape(inputs[0]!).length);
      if (inputs.length === 1) return [dy];
      return g.ops('Split', [dy!, g.ints(inputs.map((each) => shape(each)[axis]!))], inputs.length, { axis });
    },
  },
  Split: {
    shapes: (node) => {
      const { axis, sizes, from } = splitSizes(node);
      return sizes.map((size) => withSize(from, axis, size));
    },
    gradients: (node, dys) => {
      const parts = node.outputs.map((output, i) => dys[i] ?? zerosLike(node, output));
      return [node.g.op('Concat', parts, { axis: splitSizes(node).axis })];
    },
  },
  Slice: {
    shapes: (node) => [
      cuts(node).reduce((shape, { axis, size }) => withSize(shape, axis, size), node.shape(node.inputs[0]!)),
    ],
    gradients: (node, [dy]) => [unslice(node, dy!)],
  },
  Expand: {
    shapes: ({ inputs, list, shape }) => [broadcast(shape(inputs[0]!), list(1)!)],
    gradients: ({ g, inputs, outputs, shape }, [dy]) => [sumTo(g, dy!, shape(outputs[0]!), shape(inputs[0]!))],
  },
};
