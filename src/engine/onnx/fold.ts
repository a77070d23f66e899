/** Numbers of values that are constant: small initializers, Constant nodes, and simple arithmetic on such. */
import type { StoredTensor } from '../checkpoint/checkpoint';
import type { GraphProto, NodeProto, TensorProto } from '../graph/onnx_pb';
import { numbersOf } from './numbers';
import { MAX_RANK, MAX_VALUES, operators, type Numbers, type Operator } from './operators';
import type { Constant } from './types';

/** Of operators above each other; shape arithmetic has some ten. */
const MAX_DEPTH = 200;
/** Numbers that are computed for a graph at most, so that a hostile one cannot keep us busy. */
const MAX_WORK = 1 << 22;

/** Answers `OnnxGraph.constant`. Large initializers are read from their files when they are asked for and have few enough elements. */
export function constants(
  graph: GraphProto,
  tensors: ReadonlyMap<string, StoredTensor>,
  producer: (value: string) => NodeProto | undefined,
): (value: string) => Constant | undefined {
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const shapes = staticShapes(graph);
  const known = new Map<string, Numbers | undefined>();
  let work = 0;

  const fold = (value: string, depth: number): Numbers | undefined => {
    if (known.has(value)) return known.get(value);
    if (depth > MAX_DEPTH || work > MAX_WORK) return undefined;
    const numbers = compute(value, depth);
    work += 1 + (numbers?.values.length ?? 0);
    known.set(value, numbers);
    return numbers;
  };

  const ofTensor = (tensor: TensorProto, value: string): Numbers | undefined =>
    tensor.dims.length <= MAX_RANK && tensor.dims.reduce((product, size) => product * Number(size), 1) <= MAX_VALUES
      ? numbersOf(tensor, tensors.get(value))
      : undefined;

  const compute = (value: string, depth: number): Numbers | undefined => {
    const initializer = initializers.get(value);
    if (initializer) return ofTensor(initializer, value);
    const node = producer(value);
    if (!node || node.output[0] !== value || (node.domain !== '' && node.domain !== 'ai.onnx')) return undefined;
    if (node.opType === 'Constant') return ofConstant(node, (tensor) => ofTensor(tensor, value));
    const operator = Object.hasOwn(operators, node.opType) ? operators[node.opType] : undefined;
    if (!operator) return undefined;
    const first = node.input[0] ?? '';
    if (SHAPE_ONLY.has(node.opType))
      return operator({ inputs: [], node, shape: shapes.get(first) ?? fold(first, depth + 1)?.dims });
    const inputs = node.input.map((name) => (name === '' ? null : fold(name, depth + 1)));
    return evaluate(operator, node, inputs);
  };

  return (value) => fold(value, 0);
}

/** Operators that do not look at the numbers of their input. */
const SHAPE_ONLY = new Set(['Shape', 'Size']);

function evaluate(operator: Operator, node: NodeProto, inputs: (Numbers | null | undefined)[]): Numbers | undefined {
  if (inputs.includes(undefined)) return undefined;
  const result = operator({ inputs: inputs.map((input) => input ?? undefined), node });
  return result && result.values.length <= MAX_VALUES && result.dims.length <= MAX_RANK ? result : undefined;
}

/** Dims of initializers and of inputs that have fixed ones. */
function staticShapes(graph: GraphProto): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const { name, type } of graph.input) {
    const dims = type?.value.case === 'tensorType' ? type.value.value.shape?.dim : undefined;
    const sizes = dims?.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : -1));
    if (sizes?.every((size) => size > 0)) shapes.set(name, sizes);
  }
  for (const { name, dims } of graph.initializer) shapes.set(name, dims.map(Number));
  return shapes;
}

function ofConstant(
  { attribute }: NodeProto,
  ofTensor: (tensor: TensorProto) => Numbers | undefined,
): Numbers | undefined {
  for (const { name, t, f, i, floats, ints } of attribute) {
    if (name === 'value' && t) return ofTensor(t);
    if (name === 'value_float') return { dims: [], values: [f], float: true };
    if (name === 'value_int') return { dims: [], values: [Number(i)], float: false };
    if (name === 'value_floats' && floats.length <= MAX_VALUES)
      return { dims: [floats.length], values: [...floats], float: true };
    if (name === 'value_ints' && ints.length <= MAX_VALUES)
      return { dims: [ints.length], values: ints.map(Number), float: false };
  }
  return undefined;
}
