/** Changes to attributes of ONNX nodes. */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as Type,
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  type AttributeProto,
  type NodeProto,
} from '../../src/engine/graph/onnx_pb';
import { INTEGERS, NAMES, shortList } from './onnxValues';
import type { Random } from './random';

/** Those that the engine or ONNX Runtime look at. */
const KEYS = [
  ...[
    'axis',
    'axes',
    'perm',
    'to',
    'epsilon',
    'num_heads',
    'kv_num_heads',
    'q_num_heads',
    'scale',
    'is_causal',
    'transA',
  ],
  ...[
    'transB',
    'alpha',
    'beta',
    'value',
    'value_int',
    'value_floats',
    'keepdims',
    'allowzero',
    'then_branch',
    'else_branch',
  ],
  ...[
    'body',
    'split',
    'num_outputs',
    'equation',
    'interleaved',
    'rotary_embedding_dim',
    'do_rotary',
    'unidirectional',
    'upper',
  ],
  ...['qkv_hidden_sizes', 'qk_matmul_output_mode', 'softcap', 'block_size', 'start', 'end', 'starts', 'ends', 'k'],
];
const FLOATS = [0, -0, 1, -1, 0.5, NaN, Infinity, -Infinity, 1e-45, 3e38, 1e-5];
const TEXTS = [
  '',
  'bij,bjk->bik',
  '...ij,...jk->...ik',
  'i->ii',
  '->',
  'ij,jk',
  'a'.repeat(3000),
  'linear',
  '(',
  'ijijij->',
];

type Change = (random: Random, attribute: AttributeProto) => void;

const CHANGES: Change[] = [
  (random, attribute) => {
    attribute.type = Type.INT;
    attribute.i = random.pick(INTEGERS);
  },
  (random, attribute) => {
    attribute.type = Type.INTS;
    attribute.ints = Array.from({ length: random.pick([0, 1, 2, 4, 5, 300]) }, () => random.pick(INTEGERS));
  },
  (random, attribute) => {
    attribute.ints = random.pick([[...attribute.ints].reverse(), attribute.ints.slice(1), [0n, ...attribute.ints]]);
  },
  (random, attribute) => {
    attribute.type = Type.FLOAT;
    attribute.f = random.pick(FLOATS);
  },
  (random, attribute) => {
    attribute.type = Type.STRING;
    attribute.s = Buffer.from(random.pick(TEXTS));
  },
  (random, attribute) => {
    attribute.type = random.between(0, 15);
  },
  (random, attribute) => {
    attribute.refAttrName = random.pick(NAMES);
  },
  (random, attribute) => {
    attribute.type = Type.GRAPH;
    attribute.g = nested(random.pick([1, 2, 40, 300]));
  },
  (_, attribute) => {
    attribute.t = undefined;
  },
];

/** Graphs within graphs. */
function nested(depth: number): NonNullable<AttributeProto['g']> {
  let graph = create(GraphProtoSchema, { name: 'innermost' });
  for (let i = 1; i < depth; i++) {
    const attribute = [create(AttributeProtoSchema, { name: 'body', type: Type.GRAPH, g: graph })];
    graph = create(GraphProtoSchema, { node: [create(NodeProtoSchema, { opType: 'Loop', output: ['o'], attribute })] });
  }
  return graph;
}

export function mutateAttribute(random: Random, node: NodeProto): string {
  const added = node.attribute.length === 0 || random.chance(0.3);
  const attribute = added ? create(AttributeProtoSchema, { name: random.pick(KEYS) }) : random.pick(node.attribute);
  if (added) node.attribute.push(attribute);
  random.pick(CHANGES)(random, attribute);
  const { name, type, i, f, ints, s, g } = attribute;
  const value =
    type === Type.INT ? i : type === Type.FLOAT ? f : type === Type.INTS ? `[${shortList(ints)}]` : s.length;
  return `${name} of type ${type}: ${g ? 'a graph' : value}`;
}
