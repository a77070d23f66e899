/** Changes to an ONNX model that know its parts. Each says what it did. */
import { create } from '@bufbuild/protobuf';
import {
  FunctionProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../src/engine/graph/onnx_pb';
import { mutateAttribute } from './onnxAttributes';
import { mutateTensor, values } from './onnxTensors';
import { INTEGERS, NAMES, shortList } from './onnxValues';
import type { Random } from './random';

type Change = (random: Random, model: ModelProto) => string;

const graphOf = (model: ModelProto): GraphProto => model.graph!;

function someTensor(random: Random, model: ModelProto): TensorProto | undefined {
  const { initializer, node } = graphOf(model);
  const constants = node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? []));
  const all = random.chance(0.8) || constants.length === 0 ? initializer : constants;
  return all.length > 0 ? random.pick(all) : undefined;
}

const someNode = (random: Random, model: ModelProto): NodeProto | undefined =>
  graphOf(model).node.length > 0 ? random.pick(graphOf(model).node) : undefined;

const OPERATORS = [
  ...['Add', 'Sub', 'Mul', 'Div', 'MatMul', 'Gemm', 'Softmax', 'Identity', 'Cast', 'Reshape', 'Transpose', 'Slice'],
  ...[
    'Concat',
    'Split',
    'Gather',
    'Shape',
    'Squeeze',
    'Unsqueeze',
    'Expand',
    'Tile',
    'Where',
    'ConstantOfShape',
    'Range',
  ],
  ...['If', 'Loop', 'Scan', 'Attention', 'RotaryEmbedding', 'LayerNormalization', 'RMSNormalization', 'TopK', 'Resize'],
  ...[
    'MultiHeadAttention',
    'GroupQueryAttention',
    'SkipLayerNormalization',
    'DequantizeLinear',
    'Einsum',
    'Pad',
    'Nope',
  ],
  ...[
    'Constant',
    'Trilu',
    'ScatterND',
    'NonZero',
    'RandomNormal',
    'Upsample',
    'SequenceConstruct',
    'StringNormalizer',
    '',
  ],
];
const DOMAINS = [
  '',
  'ai.onnx',
  'com.microsoft',
  'ai.onnx.ml',
  'ai.onnx.training',
  'org.nowhere',
  'pkg.mine',
  'x'.repeat(2000),
];

const nodeChanges: ((random: Random, node: NodeProto, model: ModelProto) => string)[] = [
  (random, node) => ((node.opType = random.pick(OPERATORS)), `is ${node.opType}`),
  (random, node) => ((node.domain = random.pick(DOMAINS)), `of ${node.domain.slice(0, 40)}`),
  (random, node, model) => {
    const at = random.below(node.input.length + 1);
    node.input[at] = random.pick(values(model));
    return `input ${at} = ${node.input[at]}`;
  },
  (random, node, model) => {
    const at = random.below(node.output.length + 1);
    node.output[at] = random.pick(values(model));
    return `output ${at} = ${node.output[at]}`;
  },
  (random, node) => {
    const lists = [
      node.input.slice(1),
      [...node.input].reverse(),
      [...node.input, ...node.input],
      [],
      ['', ...node.input],
    ];
    node.input = random.pick(lists);
    return `inputs ${shortList(node.input)}`;
  },
  (_, node) => ((node.output = node.output.slice(1)), 'an output less'),
  (random, node) => `attribute ${mutateAttribute(random, node)}`,
  (random, node) => `attribute ${mutateAttribute(random, node)}`,
  (random, node) => {
    node.attribute.splice(random.below(node.attribute.length + 1), 1);
    return 'an attribute less';
  },
];

function mutateInfo(random: Random, info: ValueInfoProto): string {
  const type = info.type?.value;
  if (random.chance(0.15) || type?.case !== 'tensorType') {
    info.type = undefined;
    return 'has no type';
  }
  if (random.chance(0.25)) {
    type.value.elemType = random.between(-1, 24);
    return `has element type ${type.value.elemType}`;
  }
  const dims = type.value.shape?.dim ?? [];
  if (random.chance(0.2) || dims.length === 0) {
    type.value.shape = undefined;
    return 'has no shape';
  }
  const at = random.below(dims.length);
  if (random.chance(0.3)) {
    dims.splice(at, random.below(2), dims[at]!);
    return `has ${dims.length} dimensions`;
  }
  const value = random.pick(INTEGERS);
  dims[at]!.value = random.chance(0.7) ? { case: 'dimValue', value } : { case: 'dimParam', value: random.pick(NAMES) };
  return `has dimension ${at} ${String(dims[at]!.value.value)}`;
}

/** A function that calls itself, or the next one, or what is there as an operator. */
function addFunction(random: Random, model: ModelProto): string {
  const node = someNode(random, model);
  const name = random.chance(0.5) && node ? node.opType : 'Mine';
  const domain = node?.domain ?? '';
  const calls = random.pick([name, 'Mine', 'Identity', 'Softmax']);
  const body = create(NodeProtoSchema, { opType: calls, domain, input: ['x'], output: ['y'] });
  const count = random.pick([1, 1, 2, 30]);
  for (let i = 0; i < count; i++)
    model.functions.push(
      create(FunctionProtoSchema, {
        ...{ name: i === 0 ? name : `${name}${i}`, domain, input: ['x'], output: ['y'] },
        node: count > 2 ? [twice(body, `${name}${i + 1}`), twice(body, `${name}${i + 1}`)] : [body],
        opsetImport: model.opsetImport,
      }),
    );
  return `${count} functions from ${name}, which calls ${calls}`;
}

const twice = (node: NodeProto, opType: string): NodeProto => create(NodeProtoSchema, { ...node, opType });

const modelChanges: Change[] = [
  (random, model) => {
    const version = random.pick(INTEGERS);
    const domain = random.pick(DOMAINS);
    const found = model.opsetImport[0];
    if (found && random.chance(0.6)) found.version = random.chance(0.5) ? BigInt(random.between(1, 26)) : version;
    else if (random.chance(0.5)) model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain, version }));
    else model.opsetImport = [];
    return `opsets ${model.opsetImport.map((each) => `${each.domain.slice(0, 20)} ${each.version}`).join(', ')}`;
  },
  (random, model) => ((model.irVersion = random.pick([...INTEGERS, 3n, 4n, 8n])), `IR version ${model.irVersion}`),
  addFunction,
  (random, model) => {
    const { input, output, valueInfo } = graphOf(model);
    const list = random.pick([input, input, input, output, valueInfo].filter((each) => each.length > 0));
    const info = list && random.pick(list);
    return info ? `${info.name} ${mutateInfo(random, info)}` : 'nothing';
  },
  (random, model) => {
    const { input, output } = graphOf(model);
    const list = random.pick([input, output]);
    const name = random.pick(values(model));
    const how = random.below(3);
    if (how === 0) list.splice(random.below(list.length + 1), 1);
    else if (how === 1) list.push(create(ValueInfoProtoSchema, { name }));
    else if (list[0]) random.pick(list).name = name;
    return `${list === input ? 'inputs' : 'outputs'} ${shortList(list.map((each) => each.name))}`;
  },
  (random, model) => {
    const { node } = graphOf(model);
    const at = random.below(node.length);
    const how = random.below(5);
    if (how === 0) node.splice(at, random.pick([1, 1, 5, node.length]));
    else if (how === 1) node.splice(at, 0, node[random.below(node.length)]!);
    else if (how === 2) node.reverse();
    else if (how === 3) node.splice(random.below(node.length), 0, ...node.splice(at, 1));
    else node.push(...node.slice(at).map((each) => create(NodeProtoSchema, each)));
    return `${node.length} nodes, ${['fewer', 'one twice', 'backwards', 'one moved', 'some twice'][how]}`;
  },
  (random, model) => {
    const { initializer } = graphOf(model);
    const at = random.below(initializer.length + 1);
    if (random.chance(0.5)) initializer.splice(at, 1);
    else if (initializer.length > 0) initializer.push(random.pick(initializer));
    return `${initializer.length} initializers`;
  },
  (random, model) => {
    if (random.chance(0.3)) model.graph = undefined;
    else if (random.chance(0.5)) graphOf(model).initializer = [];
    else graphOf(model).node = [];
    return 'a part is empty';
  },
];

/** Changes one thing of a model. */
export function mutateModel(random: Random, model: ModelProto): string {
  if (!model.graph) return 'nothing';
  const how = random.below(10);
  if (how < 3) {
    const tensor = someTensor(random, model);
    const name = tensor?.name ?? '';
    return tensor ? `tensor ${name.slice(0, 80)}: ${mutateTensor(random, tensor, model)}` : 'nothing';
  }
  if (how < 7) {
    const node = someNode(random, model);
    const name = `${node?.opType} ${node?.output[0]?.slice(0, 80)}`;
    return node ? `node ${name}: ${random.pick(nodeChanges)(random, node, model)}` : 'nothing';
  }
  return random.pick(modelChanges)(random, model);
}
