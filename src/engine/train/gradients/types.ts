import { DataType, type GraphBuilder, type Value } from '../../graph/builder';

/** A node of the forward graph, as the rules see it. Shapes are known: what is trained has no dimension that is open. */
export interface Forward {
  g: GraphBuilder;
  opType: string;
  inputs: Value[];
  outputs: Value[];
  shape(value: Value): number[];
  dtype(value: Value): DataType;
  /** The numbers of an input that is a constant list; undefined when the input is left out. */
  list(input: number): number[] | undefined;
  /** Attributes. */
  int(name: string, otherwise: number): number;
  ints(name: string): number[] | undefined;
  float(name: string, otherwise: number): number;
  string(name: string, otherwise: string): string;
  /** What made a value; undefined for inputs and constants. */
  producer(value: Value): Forward | undefined;
}

export interface Operator {
  /** Shape of each output. */
  shapes(node: Forward): number[][];
  /** Element type of the outputs; by default that of the first input. */
  dtype?(node: Forward): DataType;
  /**
   * Emits what the inputs' gradients are. Gradients that nobody needs may be emitted: `build` drops them.
   * @param dys gradients of the outputs; undefined where the loss does not depend on one
   * @returns undefined for an input without gradient (indices, axes). Absent: the result is piecewise constant.
   */
  gradients?(node: Forward, dys: (Value | undefined)[]): (Value | undefined)[];
}

export type Operators = Record<string, Operator>;

export const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** A number of the element type that `like` has. */
export function scalar({ g, dtype }: Forward, value: number, like: Value): Value {
  return dtype(like) === DataType.DOUBLE ? g.doubles([value]) : g.floats([value]);
}

/** An axis, counted from the front. */
export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Numpy's rule. @throws Error when the shapes do not go together */
export function broadcast(...shapes: number[][]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const size = sizes.find((each) => each !== 1) ?? 1;
    if (sizes.some((each) => each !== 1 && each !== size))
      throw new Error(`shapes ${shapes.map((shape) => `[${shape.join()}]`).join(' and ')} do not broadcast`);
    return size;
  });
}

/** Sums a gradient of shape `from` over what was broadcast, so that it has shape `to`. */
export function sumTo(g: GraphBuilder, dy: Value, from: number[], to: number[]): Value {
  const added = from.length - to.length;
  const axes = from.flatMap((size, axis) => (axis < added || (to[axis - added] === 1 && size !== 1) ? [axis] : []));
  const sum = axes.length === 0 ? dy : g.op('ReduceSum', [dy, g.ints(axes)], { keepdims: 1 });
  return added === 0 ? sum : g.op('Reshape', [sum, g.ints(to)]);
}

/** Zeros of an input's shape and element type. */
export const zerosLike = (node: Forward, value: Value): Value =>
  node.g.op('Expand', [scalar(node, 0, value), node.g.ints(node.shape(value))]);
