/** ONNX operators that shape arithmetic and scales are made of, on few numbers. */
import type { AttributeProto, NodeProto } from '../graph/onnx_pb';
import { FLOATS, numbersOf } from './numbers';
import type { Constant } from './types';

/** Elements of a constant at most. */
export const MAX_VALUES = 4096;
/** More axes than anything has. */
export const MAX_RANK = 16;

/** Whole numbers are divided as such. */
export interface Numbers extends Constant {
  float: boolean;
}

export interface Call {
  /** Omitted inputs are undefined. */
  inputs: (Numbers | undefined)[];
  node: NodeProto;
  /** Of the first input, when it is known without its numbers. */
  shape?: number[] | undefined;
}

/** Returns undefined for what it cannot do. */
export type Operator = (call: Call) => Numbers | undefined;

const product = (dims: number[]): number => dims.reduce((a, b) => a * b, 1);
const attribute = (node: NodeProto, name: string): AttributeProto | undefined =>
  node.attribute.find((a) => a.name === name);
const int = (node: NodeProto, name: string): number | undefined => {
  const found = attribute(node, name);
  return found && Number(found.i);
};
/** A list that older opsets have as attribute and newer ones as input. */
const list = ({ node, inputs }: Call, name: string, index: number): number[] | undefined =>
  attribute(node, name)?.ints.map(Number) ?? inputs[index]?.values;
const whole = (values: number[]): Numbers => ({ dims: [values.length], values, float: false });
const fromEnd = (at: number, size: number): number => (at < 0 ? at + size : at);

/** Index of the element of an array of `dims` that stands at `index` of the array that it is broadcast to. */
function broadcastIndex(index: number[], dims: number[]): number {
  const skipped = index.length - dims.length;
  return dims.reduce((flat, size, axis) => flat * size + (size === 1 ? 0 : index[skipped + axis]!), 0);
}

const flatIndex = (index: number[], dims: number[]): number =>
  dims.reduce((flat, size, axis) => flat * size + index[axis]!, 0);

function broadcastDims(all: number[][]): number[] | undefined {
  const rank = Math.max(...all.map((dims) => dims.length));
  const dims: number[] = [];
  for (let axis = -rank; axis < 0; axis++) {
    const sizes = new Set(all.map((d) => (d.length >= -axis ? d.at(axis)! : 1)));
    sizes.delete(1);
    if (sizes.size > 1) return undefined;
    dims.push([...sizes][0] ?? 1);
  }
  return product(dims) <= MAX_VALUES ? dims : undefined;
}

function elementwise(
  call: Call,
  arity: 1 | 2 | 3,
  compute: (...values: number[]) => number,
  float?: boolean,
): Numbers | undefined {
  const inputs = call.inputs.filter((input) => input !== undefined);
  if (inputs.length !== arity) return undefined;
  const dims = broadcastDims(inputs.map((input) => input.dims));
  if (!dims) return undefined;
  const isFloat = float ?? inputs.at(-1)!.float;
  const values = mapIndex(dims, (index) => {
    const value = compute(...inputs.map((input) => input.values[broadcastIndex(index, input.dims)]!));
    return isFloat ? Math.fround(value) : value + 0; // no −0
  });
  return { dims, values, float: isFloat };
}

const mapIndex = (dims: number[], value: (index: number[]) => number): number[] =>
  Array.from({ length: product(dims) }, (_, flat) => value(unravel(flat, dims)));

function unravel(flat: number, dims: number[]): number[] {
  const index = new Array<number>(dims.length);
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    index[axis] = flat % dims[axis]!;
    flat = Math.floor(flat / dims[axis]!);
  }
  return index;
}

/** The array whose element at `index` is that of `x` at `from(index)`. */
function picked(x: Numbers, dims: number[], from: (index: number[]) => number[]): Numbers | undefined {
  if (product(dims) > MAX_VALUES) return undefined;
  const values: number[] = [];
  for (let flat = 0; flat < product(dims); flat++) {
    const index = from(unravel(flat, dims));
    if (index.some((at, axis) => !(at >= 0 && at < x.dims[axis]!))) return undefined;
    values.push(x.values[flatIndex(index, x.dims)]!);
  }
  return { dims, values, float: x.float };
}

function cast(call: Call): Numbers | undefined {
  const to = int(call.node, 'to') ?? 0;
  const [x] = call.inputs;
  if (!x) return undefined;
  const float = FLOATS.has(to);
  const convert = to === BOOL ? (v: number) => Number(v !== 0) : float ? Math.fround : (v: number) => Math.trunc(v) + 0;
  return { dims: x.dims, values: x.values.map((v) => convert(v)), float };
}
const BOOL = 9;

function unsqueeze(call: Call): Numbers | undefined {
  const [x] = call.inputs;
  const axes = list(call, 'axes', 1);
  if (!x || !axes || axes.length > MAX_RANK) return undefined;
  const rank = x.dims.length + axes.length;
  const added = new Set(axes.map((axis) => fromEnd(axis, rank)));
  const rest = [...x.dims];
  return { ...x, dims: Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!)) };
}

function squeeze(call: Call): Numbers | undefined {
  const [x] = call.inputs;
  if (!x) return undefined;
  const axes = list(call, 'axes', 1)?.map((axis) => fromEnd(axis, x.dims.length));
  return { ...x, dims: x.dims.filter((size, axis) => size !== 1 || (axes && !axes.includes(axis))) };
}

function concat({ inputs, node }: Call): Numbers | undefined {
  const parts = inputs.filter((input) => input !== undefined);
  const [first] = parts;
  if (!first || parts.some(({ dims }) => dims.length !== first.dims.length)) return undefined;
  const axis = fromEnd(int(node, 'axis') ?? 0, first.dims.length);
  if (parts.some(({ dims }) => dims.some((size, a) => a !== axis && size !== first.dims[a]))) return undefined;
  const outer = product(first.dims.slice(0, axis));
  const values: number[] = [];
  for (let row = 0; row < outer; row++) {
    for (const part of parts) {
      const run = part.values.length / outer;
      values.push(...part.values.slice(row * run, (row + 1) * run));
    }
    if (values.length > MAX_VALUES) return undefined;
  }
  const size = parts.reduce((sum, { dims }) => sum + dims[axis]!, 0);
  return { dims: first.dims.map((s, a) => (a === axis ? size : s)), values, float: first.float };
}

function gather({ inputs: [x, indices], node }: Call): Numbers | undefined {
  if (!x || !indices) return undefined;
  const axis = fromEnd(int(node, 'axis') ?? 0, x.dims.length);
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  return picked(x, dims, (index) => {
    const at = indices.values[flatIndex(index.slice(axis, axis + indices.dims.length), indices.dims)]!;
    return [...index.slice(0, axis), fromEnd(at, x.dims[axis]!), ...index.slice(axis + indices.dims.length)];
  });
}

function slice(call: Call): Numbers | undefined {
  const [x] = call.inputs;
  const starts = list(call, 'starts', 1);
  const ends = list(call, 'ends', 2);
  if (!x || !starts || !ends) return undefined;
  const axes = list(call, 'axes', 3) ?? starts.map((_, axis) => axis);
  const steps = call.inputs[4]?.values ?? starts.map(() => 1);
  const dims = [...x.dims];
  const from = x.dims.map(() => 0);
  const by = x.dims.map(() => 1);
  for (const [i, given] of axes.entries()) {
    const axis = fromEnd(given, x.dims.length);
    const size = x.dims[axis];
    const step = steps[i];
    if (size === undefined || !step) return undefined;
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    const clamp = (at: number): number => Math.min(high, Math.max(low, fromEnd(at, size)));
    from[axis] = step > 0 ? clamp(starts[i]!) : Math.min(high, Math.max(0, fromEnd(starts[i]!, size)));
    by[axis] = step;
    dims[axis] = Math.max(0, Math.ceil((clamp(ends[i]!) - from[axis]) / step));
  }
  return picked(x, dims, (index) => index.map((at, axis) => from[axis]! + at * by[axis]!));
}

function reshape({ inputs: [x, to], node }: Call): Numbers | undefined {
  if (!x || !to) return undefined;
  const keepsZero = !int(node, 'allowzero');
  const dims = to.values.map((size, axis) => (size === 0 && keepsZero ? (x.dims[axis] ?? 0) : size));
  const known = product(dims.filter((size) => size !== -1));
  const filled = dims.map((size) => (size === -1 ? x.values.length / known : size));
  return product(filled) === x.values.length ? { ...x, dims: filled } : undefined;
}

function shapeOf({ shape, node }: Call): Numbers | undefined {
  return shape && whole(shape.slice(int(node, 'start') ?? 0, int(node, 'end')));
}

function constantOfShape({ inputs: [shape], node }: Call): Numbers | undefined {
  const tensor = attribute(node, 'value')?.t;
  const fill = tensor ? numbersOf(tensor, undefined) : { values: [0], float: true };
  if (!shape || !fill || shape.values.some((size) => size < 0) || !(product(shape.values) <= MAX_VALUES))
    return undefined;
  return {
    dims: shape.values,
    values: new Array<number>(product(shape.values)).fill(fill.values[0]!),
    float: fill.float,
  };
}

function expand({ inputs: [x, shape] }: Call): Numbers | undefined {
  if (!x || !shape) return undefined;
  const dims = broadcastDims([x.dims, shape.values]);
  return dims && { dims, values: mapIndex(dims, (index) => x.values[broadcastIndex(index, x.dims)]!), float: x.float };
}

function range({ inputs: [start, limit, step] }: Call): Numbers | undefined {
  if (!start || !limit || !step?.values[0]) return undefined;
  const [first, by] = [start.values[0]!, step.values[0]];
  const length = Math.max(0, Math.ceil((limit.values[0]! - first) / by));
  if (!(length <= MAX_VALUES)) return undefined;
  return { dims: [length], values: Array.from({ length }, (_, i) => first + i * by), float: start.float };
}

const binary =
  (compute: (a: number, b: number, float: boolean) => number): Operator =>
  (call) =>
    elementwise(call, 2, (a, b) => compute(a!, b!, call.inputs[0]!.float));
const unary =
  (compute: (x: number) => number): Operator =>
  (call) =>
    elementwise(call, 1, (x) => compute(x!));
const compare =
  (compute: (a: number, b: number) => boolean): Operator =>
  (call) =>
    elementwise(call, 2, (a, b) => Number(compute(a!, b!)), false);

/** By type, of ONNX's own domain. */
export const operators: Record<string, Operator> = {
  Identity: ({ inputs: [x] }) => x,
  Cast: cast,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Concat: concat,
  Gather: gather,
  Slice: slice,
  Reshape: reshape,
  Shape: shapeOf,
  Size: ({ shape }) => shape && { dims: [], values: [product(shape)], float: false },
  ConstantOfShape: constantOfShape,
  Expand: expand,
  Range: range,
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b, float) => (float ? a / b : Math.trunc(a / b))),
  Pow: binary((a, b) => a ** b),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Equal: compare((a, b) => a === b),
  Greater: compare((a, b) => a > b),
  Less: compare((a, b) => a < b),
  Not: (call) => elementwise(call, 1, (x) => Number(!x), false),
  Where: (call) => elementwise(call, 3, (condition, a, b) => (condition ? a! : b!)),
};
