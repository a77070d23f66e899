/** Changes to an ONNX model after which it may well load and run: what comes out is another matter. Each says what it did. */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as Type,
  AttributeProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../../src/engine/graph/onnx_pb';
import { shortList } from './onnxValues';
import type { Random } from './random';

/** Bytes of an element. */
const SIZES: Partial<Record<number, number>> = {
  [DataType.FLOAT]: 4,
  [DataType.FLOAT16]: 2,
  [DataType.INT64]: 8,
  [DataType.INT32]: 4,
  [DataType.INT8]: 1,
  [DataType.UINT8]: 1,
  [DataType.BOOL]: 1,
  [DataType.DOUBLE]: 8,
};
/** Of the same number of inputs, and mostly of the same types. */
const SIBLINGS = [
  ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'MatMul', 'PRelu'],
  [
    'Identity',
    'Neg',
    'Relu',
    'Sqrt',
    'Exp',
    'Erf',
    'Tanh',
    'Sigmoid',
    'Softmax',
    'LogSoftmax',
    'Reciprocal',
    'Flatten',
  ],
  ['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceProd', 'ReduceL2'],
  ['Where', 'Gemm', 'Sum'],
  ['Reshape', 'Expand', 'Tile'],
];

/** Empty sizes, and what operators read as sizes, axes and indices. */
const SMALL = [0n, 1n, 2n, 3n, -1n, -2n, 4n, 5n, 100n, -100n];

/** Its data has the size that its dims say. */
function resize(random: Random, tensor: TensorProto): string {
  const size = SIZES[tensor.dataType];
  if (size === undefined || tensor.rawData.length === 0) return integers(random, tensor);
  const at = random.below(tensor.dims.length);
  const to = random.pick([0n, 1n, 2n, 3n, 7n, 64n, (tensor.dims[at] ?? 1n) + 1n]);
  tensor.dims = tensor.dims.map((dim, i) => (i === at ? to : dim));
  const count = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
  const data = new Uint8Array(size * Math.min(count, 1e6));
  for (let i = 0; i < data.length; i++) data[i] = tensor.rawData[i % tensor.rawData.length]!;
  tensor.rawData = data;
  return `dims [${shortList(tensor.dims)}], with data`;
}

/** Sizes, axes and indices in a tensor. */
function integers(random: Random, tensor: TensorProto): string {
  if (tensor.dataType !== DataType.INT64) return 'nothing';
  const data = Buffer.from(tensor.rawData);
  const stored = tensor.rawData.length > 0 ? data.length / 8 : tensor.int64Data.length;
  if (stored === 0) return 'nothing';
  const at = random.below(stored);
  const value = random.pick(SMALL);
  if (tensor.int64Data.length > 0) tensor.int64Data[at] = value;
  else data.writeBigInt64LE(value, 8 * at);
  tensor.rawData = data;
  return `[${at}] = ${value}`;
}

function extremes(random: Random, tensor: TensorProto): string {
  if (tensor.dataType !== DataType.FLOAT || tensor.rawData.length < 4) return integers(random, tensor);
  const value = random.pick([NaN, Infinity, -Infinity, 0, 1e38, -1e38, 1e-45]);
  const data = Buffer.from(tensor.rawData);
  const every = random.pick([1, 1, 7, 1000]);
  for (let at = 0; at + 4 <= data.length; at += 4 * every) data.writeFloatLE(value, at);
  tensor.rawData = data;
  return `${value} in every ${every}. number`;
}

/** Values that are there before the node runs. */
function earlier(model: ModelProto, node: NodeProto): string[] {
  const { node: nodes, input, initializer } = model.graph!;
  const before = nodes.slice(0, nodes.indexOf(node)).flatMap(({ output }) => output);
  return [...before, ...before, ...input.map(({ name }) => name), ...initializer.map(({ name }) => name)];
}

type NodeChange = (random: Random, node: NodeProto, model: ModelProto) => string;

const NODE_CHANGES: NodeChange[] = [
  (random, node, model) => {
    const at = random.below(node.input.length);
    node.input[at] = random.pick([...earlier(model, node), '']);
    return `input ${at} = ${node.input[at]}`;
  },
  (random, node) => {
    const family = SIBLINGS.find((each) => each.includes(node.opType)) ?? [node.opType];
    node.opType = random.pick(family);
    return `is ${node.opType}`;
  },
  (random, node) => {
    const numbers = node.attribute.filter(({ type }) => type === Type.INT || type === Type.INTS);
    if (numbers.length === 0) return 'nothing';
    const attribute = random.pick(numbers);
    if (attribute.type === Type.INT) attribute.i = random.pick([...SMALL, attribute.i + 1n, attribute.i - 1n]);
    else attribute.ints = random.some(attribute.ints, attribute.ints.length);
    return `${attribute.name} = ${attribute.type === Type.INT ? attribute.i : shortList(attribute.ints)}`;
  },
  (random, node, model) => {
    const nodes = model.graph!.node;
    const between = `between.${nodes.length}`;
    const opType = random.pick([...SIBLINGS[1]!, 'Cast', 'Transpose', 'Squeeze', 'Shape', 'NonZero']);
    const attribute =
      opType === 'Cast' ? [create(AttributeProtoSchema, { name: 'to', type: Type.INT, i: random.pick(SMALL) })] : [];
    const at = random.below(node.input.length);
    const input = [node.input[at] ?? ''];
    nodes.splice(nodes.indexOf(node), 0, create(NodeProtoSchema, { opType, input, output: [between], attribute }));
    node.input[at] = between;
    return `input ${at} through ${opType}`;
  },
];

/** A few bytes that ask for a lot. */
const HUNGRY: NodeChange = (random, node, model) => {
  const nodes = model.graph!.node;
  const [size, made] = [`size.${nodes.length}`, `made.${nodes.length}`];
  const sizes = Array.from({ length: random.between(1, 3) }, () => BigInt(2 ** random.pick([1, 5, 13, 20, 32, 45])));
  const dims = [BigInt(sizes.length)];
  const t = create(TensorProtoSchema, { dataType: DataType.INT64, dims, int64Data: sizes });
  const attribute = [create(AttributeProtoSchema, { name: 'value', type: Type.TENSOR, t })];
  const at = random.below(node.input.length);
  const opType = random.pick(['ConstantOfShape', 'Expand', 'Tile', 'Reshape']);
  const input = opType === 'ConstantOfShape' ? [size] : [node.input[at] ?? '', size];
  nodes.splice(
    nodes.indexOf(node),
    0,
    create(NodeProtoSchema, { opType: 'Constant', output: [size], attribute }),
    create(NodeProtoSchema, { opType, input, output: [made] }),
  );
  node.input[at] = made;
  return `input ${at} from ${opType} of ${shortList(sizes)}`;
};

const TENSOR_CHANGES = [resize, resize, integers, extremes];

export function mutatePlausibly(random: Random, model: ModelProto): string {
  const { node, initializer } = model.graph!;
  const constants = node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? []));
  const tensors = random.chance(0.5) && constants.length > 0 ? constants : initializer;
  if (tensors.length > 0 && random.chance(0.45)) {
    const tensor = random.pick(tensors);
    return `tensor ${tensor.name.slice(0, 80)}: ${random.pick(TENSOR_CHANGES)(random, tensor)}`;
  }
  if (node.length === 0) return 'nothing';
  const chosen = random.pick(node);
  const name = `${chosen.opType} ${chosen.output[0]?.slice(0, 80)}`;
  return `node ${name}: ${(random.chance(0.1) ? HUNGRY : random.pick(NODE_CHANGES))(random, chosen, model)}`;
}
