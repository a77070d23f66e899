/** Changes to tensors of an ONNX model, and the names that its values have. */
import { create } from '@bufbuild/protobuf';
import { StringStringEntryProtoSchema, type ModelProto, type TensorProto } from '../../src/engine/graph/onnx_pb';
import { BIG, INTEGERS, NAMES, shortList } from './onnxValues';
import type { Random } from './random';

/** Names of all values, those of the graph's end as well. */
export function values(model: ModelProto): string[] {
  const { node, input, initializer } = model.graph!;
  const named = [...input, ...initializer].map(({ name }) => name);
  return [...named, ...node.flatMap(({ output }) => output), ...NAMES];
}

function otherDims(random: Random, dims: bigint[]): bigint[] {
  const at = random.below(dims.length + 1);
  const product = dims.reduce((a, b) => a * b, 1n);
  return random.pick([
    [...dims].reverse(),
    [product],
    [],
    [1n, ...dims],
    [...dims, 1n],
    dims.slice(1),
    [...dims.slice(0, at), 0n, ...dims.slice(at + 1)],
    dims.map((size, i) => (i === at ? random.pick(BIG) : size)),
    dims.map((size, i) => (i === at ? size + 1n : size)),
    dims.map((size, i) => (i === at ? size - 1n : size)),
    [2n ** 32n, 2n ** 32n],
    [0n, 2n ** 62n],
    Array.from({ length: 1000 }, () => 1n),
  ]);
}

const CHANGES: ((random: Random, tensor: TensorProto, model: ModelProto) => string)[] = [
  (random, tensor) => {
    tensor.dims = otherDims(random, tensor.dims);
    return `dims [${shortList(tensor.dims)}]`;
  },
  (random, tensor) => {
    tensor.dataType = random.pick([...Array.from({ length: 26 }, (_, i) => i), 99, 2 ** 31 - 1]);
    return `data type ${tensor.dataType}`;
  },
  (random, tensor) => {
    const { length } = tensor.rawData;
    const size = random.pick([0, length - 1, length - 4, Math.floor(length / 2), length + 1, length * 2]);
    const data = new Uint8Array(Math.max(0, size));
    data.set(tensor.rawData.subarray(0, data.length));
    tensor.rawData = data;
    return `${data.length} bytes of raw data`;
  },
  (random, tensor) => {
    const value = random.pick([0, 0xff, 0x7f, 0x80]);
    tensor.rawData = new Uint8Array(tensor.rawData.length).fill(value);
    return `raw data of bytes ${value}`;
  },
  (random, tensor) => {
    tensor.floatData = Array.from({ length: random.pick([1, 4, 1000]) }, () => random.pick([NaN, Infinity, 0, 1e38]));
    if (random.chance(0.5)) tensor.rawData = new Uint8Array();
    return `${tensor.floatData.length} floats`;
  },
  (random, tensor) => {
    const integers = Array.from({ length: random.pick([1, 2, 1000]) }, () => random.pick(INTEGERS));
    tensor.int64Data = integers;
    tensor.rawData = new Uint8Array();
    return `integers ${shortList(integers)}`;
  },
  (random, tensor, model) => {
    tensor.name = random.pick(values(model));
    return `called ${tensor.name}`;
  },
  (random, tensor) => {
    tensor.dataLocation = random.pick([0, 1, 2] as number[]);
    if (random.chance(0.7)) tensor.rawData = new Uint8Array();
    const entry = (key: string, value: string): void => {
      tensor.externalData = tensor.externalData.filter((each) => each.key !== key || random.chance(0.1));
      tensor.externalData.push(create(StringStringEntryProtoSchema, { key, value }));
    };
    for (const key of random.some(['location', 'offset', 'length', 'checksum'], random.between(1, 3)))
      entry(key, random.pick(key === 'location' ? LOCATIONS : SIZES));
    return `external: ${tensor.externalData.map(({ key, value }) => `${key} ${value.slice(0, 40)}`).join(', ')}`;
  },
  (random, tensor) => {
    tensor.segment = {
      $typeName: 'onnx.TensorProto.Segment',
      begin: random.pick(INTEGERS),
      end: random.pick(INTEGERS),
    };
    return 'in segments';
  },
];

const LOCATIONS = [
  ...['', '.', '..', '/', '/etc/passwd', '../../../etc/passwd', '/dev/zero', 'weights.bin', 'model.onnx', 'gone.bin'],
  ...[
    'a\u0000b',
    './model.onnx',
    'x/../model.onnx',
    'C:\\x',
    '\\\\host\\share',
    'link',
    'folder',
    'pipe',
    'http://x/y',
  ],
  'n'.repeat(5000),
];
const SIZES = [
  '0',
  '1',
  '-1',
  '4',
  '1e3',
  '0x10',
  'NaN',
  '',
  ' 4',
  '4096',
  '9223372036854775807',
  '18446744073709551616',
  '9'.repeat(400),
];

/** Changes one thing of a tensor. */
export const mutateTensor = (random: Random, tensor: TensorProto, model: ModelProto): string =>
  random.pick(CHANGES)(random, tensor, model);
