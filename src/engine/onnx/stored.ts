/** A constant of a foreign graph as a stored tensor: the initializer that it is, or how it follows from one. */
import * as l10n from '@vscode/l10n';
import type { Derivation, StoredTensor } from '../checkpoint/checkpoint';
import type { NodeProto } from '../graph/onnx_pb';
import { intOf, intsOf } from './attributes';
import type { Flow } from './follow';

/** A constant by the name that it gets among the tensors. */
export interface Resolved {
  name: string;
  tensor: StoredTensor;
}
type Step = Derivation['steps'][number];

const FLOATS = ['F32', 'F16', 'BF16'];
const QUANTISED = ['I8', 'U8'];

/** @returns the tensor, or a clause that says why it is none that can be read in place */
export function resolveConstant(flow: Flow, value: string): Resolved | string {
  const stored = flow.graph.tensors.get(value);
  if (stored)
    return FLOATS.includes(stored.dtype)
      ? { name: value, tensor: stored }
      : l10n.t('{0} has the type {1}, which is no float', value, stored.dtype);
  const node = flow.graph.producer(value);
  if (!node) return l10n.t('{0} is not stored in the file', value);
  if (node.opType === 'Cast' || node.opType === 'Identity') return resolveConstant(flow, node.input[0]!);
  if (node.opType === 'DequantizeLinear') return dequantized(flow, node);
  const step = STEPS[node.opType];
  if (!step) return l10n.t('{0} is computed by {1}', value, node.opType);
  const from = resolveConstant(flow, node.input[0]!);
  if (typeof from === 'string') return from;
  const done = step(flow, node, from.tensor.shape, value);
  if (!done) return l10n.t('{0} is computed by a form of {1} that is not known', value, node.opType);
  return { name: value, tensor: derive(from.tensor, done) };
}

/** A tensor that follows from another by one more step. */
export function derive(tensor: StoredTensor, step: Step): StoredTensor {
  const { stored = { dtype: tensor.dtype, shape: tensor.shape }, steps = [] } = tensor.derived ?? {};
  return { ...tensor, shape: shapeAfter(tensor.shape, step), derived: { stored, steps: [...steps, step] } };
}

function shapeAfter(shape: number[], step: Step): number[] {
  switch (step.op) {
    case 'transpose':
      return step.perm.map((axis) => shape[axis]!);
    case 'reshape':
      return step.dims;
    case 'slice':
      return shape.with(step.axis, step.to - step.from);
    case 'take':
      return shape.with(step.axis, step.indices.length);
    case 'scale':
    case 'dequantize':
      return shape;
  }
}

type StepOf = (flow: Flow, node: NodeProto, shape: number[], output: string) => Step | undefined;

const sameNumbers = (flow: Flow, node: NodeProto, shape: number[]): Step | undefined => {
  const dims = reshaped(flow, node, shape);
  return dims && { op: 'reshape', dims };
};

const STEPS: Record<string, StepOf> = {
  Transpose: (_, node, shape) => ({
    op: 'transpose',
    perm: intsOf(node, 'perm') ?? [...shape.keys()].reverse(),
  }),
  Reshape: sameNumbers,
  Squeeze: (_, __, shape) => ({ op: 'reshape', dims: shape.filter((size) => size !== 1) }),
  Slice: (flow, node, shape) => {
    const ints = (input: number, name: string): number[] | undefined =>
      intsOf(node, name) ?? (node.input[input] ? flow.graph.constant(node.input[input])?.values : undefined);
    const [starts, ends, axes, steps] = [
      ints(1, 'starts'),
      ints(2, 'ends'),
      ints(3, 'axes') ?? [0],
      ints(4, '') ?? [1],
    ];
    if (starts?.length !== 1 || ends?.length !== 1 || axes.length !== 1 || steps[0] !== 1) return undefined;
    const axis = (axes[0]! + shape.length) % shape.length;
    const size = shape[axis]!;
    const within = (at: number): number => Math.min(size, Math.max(0, at < 0 ? at + size : at));
    return { op: 'slice', axis, from: within(starts[0]!), to: within(ends[0]!) };
  },
  Split: (flow, node, shape, output) => {
    const axis = (intOf(node, 'axis', 0) + shape.length) % shape.length;
    const n = node.output.length;
    const given = intsOf(node, 'split') ?? (node.input[1] ? flow.graph.constant(node.input[1])?.values : undefined);
    const sizes = given ?? new Array<number>(n).fill(shape[axis]! / n);
    const from = sizes.slice(0, node.output.indexOf(output)).reduce((a, b) => a + b, 0);
    return { op: 'slice', axis, from, to: from + sizes[node.output.indexOf(output)]! };
  },
};

function reshaped(flow: Flow, node: NodeProto, shape: number[]): number[] | undefined {
  const wanted = node.input[1] ? flow.graph.constant(node.input[1])?.values : undefined;
  if (!wanted) return undefined;
  const kept = wanted.map((size, i) => (size === 0 ? shape[i]! : size));
  const known = kept.filter((size) => size !== -1).reduce((a, b) => a * b, 1);
  return kept.map((size) => (size === -1 ? shape.reduce((a, b) => a * b, 1) / known : size));
}

/** A table whose rows are dequantised after they were taken, by one scale. */
export function dequantizedRows(flow: Flow, node: NodeProto, table: string): Resolved | string {
  return flow.sizeOf(node.input[1]!) === 1
    ? dequantized(flow, node, table)
    : l10n.t('the rows of {0} are dequantised by several scales', table);
}

/** DequantizeLinear. */
function dequantized(flow: Flow, node: NodeProto, x = node.input[0]!): Resolved | string {
  const [, scale, zeroPoint] = node.input;
  if (intOf(node, 'block_size', 0) !== 0) return l10n.t('{0} is dequantised in blocks', String(node.output[0]));
  const found = dequantizedBy(flow, x, { scale: scale!, ...(zeroPoint && { zeroPoint }) }, intOf(node, 'axis', 1));
  return typeof found === 'string' ? found : { ...found, name: node.output[0]! };
}

/** (x − zero point) · scale, of the whole tensor or by index of an axis. */
export function dequantizedBy(
  flow: Flow,
  x: string,
  { scale, zeroPoint }: { scale: string; zeroPoint?: string },
  of: number,
): Resolved | string {
  const stored = flow.graph.tensors.get(x);
  const scales = scalar(flow.graph.tensors.get(scale));
  const zeros = zeroPoint === undefined ? undefined : scalar(flow.graph.tensors.get(zeroPoint));
  if (!stored || !scales || (zeroPoint !== undefined && !zeros))
    return l10n.t('what {0} is dequantised with is not stored in the file', x);
  if (!QUANTISED.includes(stored.dtype))
    return l10n.t('{0} has the type {1}; int8 or uint8 was expected', x, stored.dtype);
  if (!FLOATS.includes(scales.dtype))
    return l10n.t('the scales {0} have the type {1}, which is no float', scale, scales.dtype);
  const axis = (of + stored.shape.length) % stored.shape.length;
  const sizes = [scales, zeros ?? scales].map(({ shape }) => shape.join());
  if (sizes[0] !== sizes[1] || ![[], [stored.shape[axis]]].some((shape) => shape.join() === sizes[0]))
    return l10n.t(
      '{0} of shape [{1}] is dequantised by scales of shape [{2}]',
      x,
      stored.shape.join(', '),
      scales.shape.join(', '),
    );
  const derived = { stored: { dtype: stored.dtype, shape: stored.shape }, steps: [] };
  const step: Step = { op: 'dequantize', axis, scale: scales, ...(zeros && { zeroPoint: zeros }) };
  return { name: `${x}[dequantized]`, tensor: derive({ ...stored, dtype: scales.dtype, derived }, step) };
}

/** One number is a scalar, however it is stored. */
const scalar = (tensor: StoredTensor | undefined): StoredTensor | undefined =>
  tensor && tensor.shape.every((size) => size === 1) ? { ...tensor, shape: [] } : tensor;
