/** Writes `.onnx` files of any dialect: plain protobuf nodes, nothing shared with the engine's own graphs but the schema. */
import { create, toBinary } from '@bufbuild/protobuf';
import { openSync, closeSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../../../src/engine/graph/onnx_pb';
import { toF16, writeFile } from '../files';

export { DataType };

/** Inside the `.onnx`, in one file beside it, or in a file for each. */
export type Placement = 'inside' | 'one' | 'each';
export type Attributes = Record<string, number | string | number[] | { float: number }>;
export const MICROSOFT = 'com.microsoft';

/** Tensors of more bytes than this go into external files. */
const EXTERNAL = 1024;

type Data = Float32Array | Uint16Array | Int8Array | Uint8Array | Int32Array | BigInt64Array;

export class OnnxWriter {
  private readonly nodes: NodeProto[] = [];
  private readonly initializers = new Map<string, TensorProto>();
  private readonly inputs: ValueInfoProto[] = [];
  private readonly outputs: ValueInfoProto[] = [];
  private readonly domains = new Set<string>();
  private counter = 0;

  /** @param half floats are float16 */
  constructor(
    readonly opset: number,
    readonly half = false,
  ) {}

  /** Names say nothing. */
  private fresh(prefix: string): string {
    return `${prefix}${this.counter++}`;
  }

  get floatType(): DataType {
    return this.half ? DataType.FLOAT16 : DataType.FLOAT;
  }

  input(name: string, dtype: DataType, dims: (number | string)[]): string {
    this.inputs.push(valueInfo(name, dtype, dims));
    return name;
  }

  /** Gives `value` a public name. */
  output(value: string, name: string, dtype: DataType, dims: (number | string)[]): void {
    this.outputs.push(valueInfo(name, dtype, dims));
    this.nodes.push(create(NodeProtoSchema, { opType: 'Identity', input: [value], output: [name] }));
  }

  op(opType: string, input: string[], attributes: Attributes = {}, domain = ''): string {
    return this.ops(opType, input, 1, attributes, domain)[0]!;
  }

  ops(opType: string, input: string[], outputs: number, attributes: Attributes = {}, domain = ''): string[] {
    this.domains.add(domain);
    const output = Array.from({ length: outputs }, () => this.fresh('v'));
    const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
    this.nodes.push(create(NodeProtoSchema, { opType, domain, name: this.fresh('n'), input, output, attribute }));
    return output;
  }

  tensor(dtype: DataType, dims: number[], data: Data): string {
    const name = this.fresh('w');
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.initializers.set(name, create(TensorProtoSchema, { name, dataType: dtype, dims: dims.map(BigInt), rawData }));
    return name;
  }

  /** In the model's own precision. */
  floats(values: ArrayLike<number>, dims: number[] = []): string {
    if (this.half) return this.tensor(DataType.FLOAT16, dims, Uint16Array.from(values, toF16));
    return this.tensor(DataType.FLOAT, dims, Float32Array.from(values));
  }

  ints(values: number[], dims: number[] = [values.length]): string {
    return this.tensor(DataType.INT64, dims, BigInt64Array.from(values, BigInt));
  }

  /** Axes are an input since opset 13 (Squeeze, Unsqueeze, ReduceSum) or 18 (ReduceMean). */
  withAxes(opType: string, x: string, axes: number[], attributes: Attributes = {}): string {
    const asInput = this.opset >= (opType === 'ReduceMean' ? 18 : 13);
    return asInput ? this.op(opType, [x, this.ints(axes)], attributes) : this.op(opType, [x], { ...attributes, axes });
  }

  split(x: string, sizes: number[], axis: number): string[] {
    if (this.opset >= 13) return this.ops('Split', [x, this.ints(sizes)], sizes.length, { axis });
    return this.ops('Split', [x], sizes.length, { axis, split: sizes });
  }

  slice(x: string, start: string | number, end: string | number, axis: number): string {
    const value = (at: string | number): string => (typeof at === 'number' ? this.ints([at]) : at);
    return this.op('Slice', [x, value(start), value(end), this.ints([axis])]);
  }

  /** @param merged everything is done in both branches of an If @returns the file */
  save(file: string, placement: Placement, merged = false): string {
    const opsets = { '': this.opset, ...(this.domains.has(MICROSOFT) && { [MICROSOFT]: 1 }) };
    const graph = create(GraphProtoSchema, {
      name: 'main_graph',
      node: merged ? [this.branches()] : this.nodes,
      initializer: [...this.initializers.values()],
      input: this.inputs,
      output: this.outputs,
    });
    return writeModel(file, modelOf(graph, opsets), placement);
  }

  /** The nodes as the branches of an If; weights and inputs stay outside. */
  private branches(): NodeProto {
    const condition = this.input('use_cache_branch', DataType.BOOL, [1]);
    const branch = create(GraphProtoSchema, { name: 'branch', node: this.nodes, output: this.outputs });
    return create(NodeProtoSchema, {
      opType: 'If',
      input: [condition],
      output: this.outputs.map(({ name }) => name),
      attribute: ['then_branch', 'else_branch'].map((name) =>
        create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: branch }),
      ),
    });
  }
}

export function modelOf(graph: GraphProto, opsets: Record<string, number>): ModelProto {
  const opset = opsets['']!;
  return create(ModelProtoSchema, {
    irVersion: opset >= 23 ? 11n : 8n,
    producerName: 'test',
    opsetImport: Object.entries(opsets).map(([domain, version]) =>
      create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
    ),
    graph,
  });
}

/** Writes a model; with `one` or `each` its large tensors go into files beside it. */
export function writeModel(file: string, model: ModelProto, placement: Placement): string {
  if (placement !== 'inside') externalize(file, model, placement);
  return writeFile(file, toBinary(ModelProtoSchema, model));
}

function externalize(file: string, model: ModelProto, placement: 'one' | 'each'): void {
  writeFile(join(dirname(file), '.keep'), '');
  const shared = `${basename(file)}_data`;
  const out = placement === 'one' ? openSync(join(dirname(file), shared), 'w') : undefined;
  let offset = 0;
  for (const tensor of model.graph!.initializer) {
    const { rawData } = tensor;
    if (rawData.length <= EXTERNAL) continue;
    if (out === undefined) {
      // as torch.onnx does it: a file named after the tensor, and nothing but the location
      const location = tensor.name.replace(/[^\w.-]/g, '_');
      writeFile(join(dirname(file), location), rawData);
      point(tensor, { location });
    } else {
      writeSync(out, rawData, 0, rawData.length, offset);
      point(tensor, { location: shared, offset: String(offset), length: String(rawData.length) });
      offset += rawData.length + ((4 - (rawData.length % 4)) % 4);
    }
  }
  if (out !== undefined) closeSync(out);
}

function point(tensor: TensorProto, entries: Record<string, string>): void {
  tensor.rawData = new Uint8Array();
  tensor.dataLocation = DataLocation.EXTERNAL;
  tensor.externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
}

function valueInfo(name: string, elemType: DataType, dims: (number | string)[]): ValueInfoProto {
  const dim = dims.map((d) =>
    typeof d === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(d) } }
      : { value: { case: 'dimParam' as const, value: d } },
  );
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
  });
}

function attributeOf(name: string, value: Attributes[string]): AttributeProto {
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  if (Array.isArray(value))
    return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
  if (typeof value === 'object')
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
}
