/** Element types and numbers of axes of values, as far as operators tell them. */
import { TensorProto_DataType as DataType, type NodeProto, type ValueInfoProto } from '../../graph/onnx_pb';
import { attributeOf, entryOf, intOf, intsOf } from '../attributes';
import type { OnnxGraph } from '../types';

export interface Facts {
  /** Undefined when it is not known. */
  type?: DataType | undefined;
  rank?: number | undefined;
  /** Sizes where an initializer, input or value_info says them; −1 where it does not. */
  dims?: number[] | undefined;
}

type Types = (node: NodeProto, input: (index: number) => DataType | undefined) => (DataType | undefined)[];
const all = (type: DataType | undefined): (DataType | undefined)[] => [type];
const always =
  (...types: DataType[]): Types =>
  () =>
    types;
const { BOOL, FLOAT, INT32, INT64, UINT8 } = DataType;
const toType: Types = (node) => all(intOf(node, 'to'));
const ofInput =
  (index: number): Types =>
  (_, input) =>
    all(input(index));

/** Types of outputs that are not their first input's; the last stands for all further outputs. */
const TYPES: Record<string, Types> = {
  Cast: toType,
  CastLike: ofInput(1),
  Constant: (node) => {
    const tensor = attributeOf(node, 'value')?.t;
    if (tensor) return all(tensor.dataType);
    return all(['value_int', 'value_ints'].some((name) => attributeOf(node, name)) ? INT64 : FLOAT);
  },
  ConstantOfShape: (node) => all(attributeOf(node, 'value')?.t?.dataType ?? FLOAT),
  DequantizeLinear: ofInput(1),
  QuantizeLinear: ofInput(2),
  DynamicQuantizeLinear: always(UINT8, FLOAT, UINT8),
  GatherBlockQuantized: ofInput(2),
  OneHot: ofInput(2),
  TopK: (_, input) => [input(0), INT64],
  Where: ofInput(1),
  EyeLike: (node, input) => all(intOf(node, 'dtype') ?? input(0)),
  ...Object.fromEntries(
    ['If', 'Loop', 'Scan', 'QLinearMatMul', 'Bernoulli'].map((type) => [type, () => all(undefined)]),
  ),
  ...Object.fromEntries(['MatMulInteger', 'ConvInteger'].map((type) => [type, always(INT32)])),
  ...Object.fromEntries(['Shape', 'Size', 'NonZero', 'ArgMax', 'ArgMin'].map((type) => [type, always(INT64)])),
  ...Object.fromEntries(
    ['Equal', 'Less', 'Greater', 'LessOrEqual', 'GreaterOrEqual', 'Not', 'And', 'Or', 'Xor', 'IsNaN', 'IsInf'].map(
      (type) => [type, always(BOOL)],
    ),
  ),
};

type Rank = (node: NodeProto, of: Ranks) => number | undefined;
interface Ranks {
  rank(index: number): number | undefined;
  /** Elements of an input that is a shape or a list of axes. */
  length(index: number): number | undefined;
}

const first: Rank = (_, { rank }) => rank(0);
const widest: Rank = (node, { rank }) => {
  const ranks = node.input.filter((name) => name !== '').map((_, index) => rank(index));
  return ranks.includes(undefined) ? undefined : Math.max(...(ranks as number[]));
};
const changed =
  (sign: 1 | -1): Rank =>
  (node, { rank, length }) => {
    const before = rank(0);
    const axes = intsOf(node, 'axes')?.length ?? length(1);
    return before === undefined || axes === undefined ? undefined : before + sign * axes;
  };
const reduced: Rank = (node, of) => (intOf(node, 'keepdims', 1) ? of.rank(0) : changed(-1)(node, of));
const sized =
  (index: number): Rank =>
  (_, { length }) =>
    length(index);

const RANKS: Record<string, Rank> = {
  ...Object.fromEntries(
    ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Where', 'Max', 'Min', 'MatMul', 'Sum', 'And', 'Or'].map((t) => [t, widest]),
  ),
  ...Object.fromEntries(['Equal', 'Less', 'Greater', 'LessOrEqual', 'GreaterOrEqual'].map((type) => [type, widest])),
  ...Object.fromEntries(
    ['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceL2'].map((type) => [type, reduced]),
  ),
  Reshape: sized(1),
  ConstantOfShape: sized(0),
  Transpose: (node, { rank }) => intsOf(node, 'perm')?.length ?? rank(0),
  Unsqueeze: changed(1),
  Squeeze: changed(-1),
  Shape: () => 1,
  Range: () => 1,
  Gemm: () => 2,
  Flatten: () => 2,
  Gather: (_, { rank }) => {
    const [data, indices] = [rank(0), rank(1)];
    return data === undefined || indices === undefined ? undefined : data + indices - 1;
  },
  Expand: (_, { rank, length }) => {
    const [own, other] = [rank(0), length(1)];
    return own === undefined || other === undefined ? undefined : Math.max(own, other);
  },
};

/** Other operators whose output may have another number of axes than their first input. */
const UNKNOWN = new Set([
  'If',
  'Loop',
  'Scan',
  'Einsum',
  'GatherND',
  'OneHot',
  'Compress',
  'Constant',
  'NonZero',
  'Size',
  'Det',
]);

/** Facts of every value of a graph. */
export function factsOf(graph: OnnxGraph): Map<string, Facts> {
  const facts = new Map<string, Facts>();
  const whole = graph.model.graph;
  if (!whole) return facts;
  for (const info of [...whole.valueInfo, ...whole.output, ...whole.input]) facts.set(info.name, saidBy(info));
  for (const { name, dataType, dims } of whole.initializer)
    facts.set(name, { type: dataType, rank: dims.length, dims: dims.map(Number) });
  const length = (value = ''): number | undefined => {
    const known = graph.constant(value);
    if (known) return known.values.length;
    const node = graph.producer(value);
    if (node?.opType === 'Concat') {
      const parts = node.input.map((name) => graph.constant(name)?.values.length ?? partLength(graph.producer(name)));
      return parts.includes(undefined) ? undefined : parts.reduce<number>((sum, part) => sum + part!, 0);
    }
    return facts.get(value)?.dims?.[0] ?? (node?.opType === 'Shape' ? facts.get(node.input[0] ?? '')?.rank : undefined);
  };
  for (const node of whole.node) {
    const of = (index: number): Facts => facts.get(node.input[index] ?? '') ?? {};
    const rank = (index: number): number | undefined => of(index).rank;
    const types = (entryOf(TYPES, node.opType) ?? ofInput(0))(node, (index) => of(index).type);
    const ruled = UNKNOWN.has(node.opType)
      ? undefined
      : (entryOf(RANKS, node.opType) ?? first)(node, { rank, length: (index) => length(node.input[index]) });
    node.output.forEach((name, index) => {
      const known = facts.get(name);
      const type = known?.type ?? types[index] ?? types.at(-1);
      facts.set(name, { ...known, type, rank: known?.rank ?? ruled ?? graph.constant(name)?.dims.length });
    });
  }
  return facts;
}

/** Single sizes that are joined to a shape. */
const partLength = (node: NodeProto | undefined): number | undefined => (node?.opType === 'Unsqueeze' ? 1 : undefined);

function saidBy({ type }: ValueInfoProto): Facts {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  if (!tensor) return {};
  const dims = tensor.shape?.dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : -1));
  return { type: tensor.elemType === DataType.UNDEFINED ? undefined : tensor.elemType, rank: dims?.length, dims };
}
