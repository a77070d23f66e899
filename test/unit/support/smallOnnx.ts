/** Small ONNX models written field by field, right or wrong, and runs of them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { InferenceSession, type Tensor } from 'onnxruntime-node';
import {
  AttributeProto_AttributeType as Type,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../../src/engine/graph/onnx_pb';
import type { Graph } from '../../../src/engine/graph/transformer';
import { readOnnx } from '../../../src/engine/onnx/read';
import type { OnnxGraph } from '../../../src/engine/onnx/types';
import { tempFolder, writeFile } from './files';

export { DataType };

type AttributeValue = number | number[] | string | TensorProto | GraphProto | { float: number } | { refers: Type };

export function node(
  opType: string,
  input: string[],
  output: string[],
  attributes: Record<string, AttributeValue> = {},
  domain = '',
): NodeProto {
  const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
  return create(NodeProtoSchema, { opType, input, output, attribute, domain, name: `node_${output[0]}` });
}

function attributeOf(name: string, value: AttributeValue): AttributeProto {
  const init = (): MessageInitShape<typeof AttributeProtoSchema> => {
    if (typeof value === 'number') return { type: Type.INT, i: BigInt(value) };
    if (typeof value === 'string') return { type: Type.STRING, s: Buffer.from(value) };
    if (Array.isArray(value)) return { type: Type.INTS, ints: value.map(BigInt) };
    if ('float' in value) return { type: Type.FLOAT, f: value.float };
    if ('refers' in value) return { type: value.refers, refAttrName: name };
    return value.$typeName === 'onnx.GraphProto' ? { type: Type.GRAPH, g: value } : { type: Type.TENSOR, t: value };
  };
  return create(AttributeProtoSchema, { name, ...init() });
}

const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

export const floats = (name: string, values: ArrayLike<number>, dims: number[] = [values.length]): TensorProto =>
  create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: DataType.FLOAT,
    rawData: bytesOf(Float32Array.from(values)),
  });

export const ints = (name: string, values: number[], dims: number[] = [values.length]): TensorProto =>
  create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: DataType.INT64, int64Data: values.map(BigInt) });

/** Data in another file, as the entries say, which may lie. */
export const external = (
  name: string,
  dims: (number | bigint)[],
  entries: Record<string, string | number>,
  dataType = DataType.FLOAT,
): TensorProto =>
  create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType,
    dataLocation: DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => ({ key, value: String(value) })),
  });

/** Dims that are absent: of any size. */
export function info(name: string, dims?: (number | string)[], elemType: number = DataType.FLOAT): ValueInfoProto {
  const dim = dims?.map((size) => ({
    value:
      typeof size === 'number'
        ? { case: 'dimValue' as const, value: BigInt(size) }
        : { case: 'dimParam' as const, value: size },
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, ...(dim && { shape: { dim } }) } } },
  });
}

export interface SmallModel {
  node: NodeProto[];
  initializer?: TensorProto[];
  input?: ValueInfoProto[];
  output: ValueInfoProto[];
  irVersion?: number;
  opset?: number;
  functions?: FunctionProto[];
  /** Beside ONNX's own and Microsoft's. */
  domains?: string[];
}

export function modelBytes({
  irVersion = 8,
  opset = 17,
  functions = [],
  domains = [],
  ...graph
}: SmallModel): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(irVersion),
      opsetImport: [
        { domain: '', version: BigInt(opset) },
        ...['com.microsoft', ...domains].map((domain) => ({ domain, version: 1n })),
      ],
      graph: { name: 'small', ...graph },
      functions,
    }),
  );
}

/** Outputs by name; a cut graph is fed and answers by the names that were asked for. */
export async function runOnnx(
  model: string | Graph,
  feeds: Record<string, Tensor>,
): Promise<Record<string, { dims: readonly number[]; data: number[] }>> {
  const options: InferenceSession.SessionOptions = {
    logSeverityLevel: 4,
    // without any optimisation, ONNX Runtime 1.30 does not load float16 models on a CPU
    graphOptimizationLevel: 'basic',
    intraOpNumThreads: 1,
  };
  const session =
    typeof model === 'string'
      ? await InferenceSession.create(model, options)
      : await InferenceSession.create(model.bytes, {
          ...options,
          extra: { session: { model_external_initializers_file_folder_path: model.folder } },
        });
  const called = (name: string): string => (typeof model === 'string' ? name : (model.calls?.get(name) ?? name));
  const own = Object.fromEntries(session.inputNames.map((name) => [name, feeds[called(name)]!]));
  const outputs = await session.run(own);
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dims, data }]) => [
      called(name),
      { dims, data: Array.from(data as ArrayLike<number | bigint>, Number) },
    ]),
  );
}

/** Writes a model into a new folder, unless a file is given. */
export const writeModel = (model: SmallModel, file = join(tempFolder(), 'model.onnx')): string =>
  writeFile(file, modelBytes(model));

export const opened = (model: SmallModel): Promise<OnnxGraph> => readOnnx(writeModel(model));

/** y = x + w */
export const adding = (w: TensorProto): SmallModel => ({
  node: [node('Add', ['x', w.name], ['y'])],
  initializer: [w],
  input: [info('x', ['n'])],
  output: [info('y')],
});

/** Attributes of an `If` whose branches make `o`. */
export function branches(yes: NodeProto[], no: NodeProto[]): Record<string, GraphProto> {
  const graph = (name: string, of: NodeProto[]): GraphProto =>
    create(GraphProtoSchema, { name, node: of, output: [info('o')] });
  return { then_branch: graph('yes', yes), else_branch: graph('no', no) };
}

/** One sentence of an InputError that names the file. */
export async function assertRefused(attempt: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(attempt, (cause: Error) => {
    assert.equal(cause.name, 'InputError', cause.stack);
    assert.match(cause.message, message);
    assert.match(cause.message, /\.onnx|circuitscope-/, 'the file is named');
    return true;
  });
}
