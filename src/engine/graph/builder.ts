import { create, toBinary } from '@bufbuild/protobuf';
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
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './onnx_pb';

export { DataType };

/** Name of a value in the graph. */
export type Value = string;
/** Numbers that are not whole are floats, whole ones ints; wrap a whole float in `float()`. */
type Attribute = number | string | number[] | { float: number };
export const float = (value: number): { float: number } => ({ float: value });

/** A dimension: a size, or the name of one that is known when the graph runs. */
export type Dim = number | string;

/** Where an initializer's bytes lie, relative to the session's external data folder. */
export interface ExternalData {
  location: string;
  offset: number;
  length: number;
}

/** LayerNormalization is of opset 17, Gelu of 20. */
const OPSET = 20n;
const IR_VERSION = 9n;

/**
 * Builds an ONNX graph. Everything may be emitted freely: `build` keeps only the nodes, weights and inputs that the
 * wanted outputs need, because ONNX Runtime itself prunes nothing.
 */
export class GraphBuilder {
  private readonly nodes: NodeProto[] = [];
  private readonly initializers = new Map<Value, TensorProto>();
  private readonly inputs = new Map<Value, ValueInfoProto>();
  private readonly constants = new Map<string, Value>();
  private counter = 0;

  private fresh(hint: string): Value {
    return `${hint}_${this.counter++}`;
  }

  input(name: Value, dtype: DataType, dims: Dim[]): Value {
    this.inputs.set(name, valueInfo(name, dtype, dims));
    return name;
  }

  /** An operator with one output. */
  op(opType: string, inputs: Value[], attributes: Record<string, Attribute> = {}): Value {
    return this.ops(opType, inputs, 1, attributes)[0]!;
  }

  /** An operator with several outputs. An empty input name is an omitted input. */
  ops(opType: string, inputs: Value[], outputs: number, attributes: Record<string, Attribute> = {}): Value[] {
    const names = Array.from({ length: outputs }, () => this.fresh(opType));
    this.nodes.push(
      create(NodeProtoSchema, {
        opType,
        name: names[0],
        input: inputs,
        output: names,
        attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      }),
    );
    return names;
  }

  /** Gives `value` a second, public name. */
  alias(value: Value, name: string): Value {
    this.nodes.push(create(NodeProtoSchema, { opType: 'Identity', name, input: [value], output: [name] }));
    return name;
  }

  external(name: Value, dtype: DataType, dims: number[], data: ExternalData): Value {
    if (!this.initializers.has(name)) {
      const entries = { location: data.location, offset: String(data.offset), length: String(data.length) };
      this.initializers.set(
        name,
        create(TensorProtoSchema, {
          name,
          dataType: dtype,
          dims: dims.map(BigInt),
          dataLocation: DataLocation.EXTERNAL,
          externalData: Object.entries(entries).map(([key, value]) =>
            create(StringStringEntryProtoSchema, { key, value }),
          ),
        }),
      );
    }
    return name;
  }

  floats(values: number[], dims: number[] = []): Value {
    return this.constant(`f:${dims}:${values}`, {
      dataType: DataType.FLOAT,
      dims: dims.map(BigInt),
      floatData: values,
    });
  }

  ints(values: number[], dims: number[] = [values.length]): Value {
    const int64Data = values.map(BigInt);
    return this.constant(`i:${dims}:${values}`, { dataType: DataType.INT64, dims: dims.map(BigInt), int64Data });
  }

  private constant(
    key: string,
    data: { dataType: DataType; dims: bigint[]; floatData?: number[]; int64Data?: bigint[] },
  ): Value {
    let name = this.constants.get(key);
    if (name === undefined) {
      name = this.fresh('const');
      this.constants.set(key, name);
      this.initializers.set(name, create(TensorProtoSchema, { name, ...data }));
    }
    return name;
  }

  /**
   * The model, cut down to what `outputs` need.
   * @returns its bytes and the names of the inputs that are left
   */
  build(outputs: { name: Value; dtype: DataType }[]): { bytes: Uint8Array; inputs: string[] } {
    const needed = new Set(outputs.map((o) => o.name));
    const nodes: NodeProto[] = [];
    for (const node of this.nodes.toReversed()) {
      if (!node.output.some((name) => needed.has(name))) continue;
      node.input.forEach((name) => needed.add(name));
      nodes.push(node);
    }
    const kept = <T>(map: Map<Value, T>): T[] =>
      [...map].filter(([name]) => needed.has(name)).map(([, value]) => value);
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'circuitscope',
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: OPSET })],
      graph: create(GraphProtoSchema, {
        name: 'circuitscope',
        node: nodes.reverse(),
        initializer: kept(this.initializers),
        input: kept(this.inputs),
        output: outputs.map((o) => valueInfo(o.name, o.dtype)),
      }),
    });
    return { bytes: toBinary(ModelProtoSchema, model), inputs: kept(this.inputs).map((v) => v.name) };
  }
}

function valueInfo(name: string, dtype: DataType, dims?: Dim[]): ValueInfoProto {
  const dim = dims?.map((d) => ({
    value:
      typeof d === 'number' ? { case: 'dimValue' as const, value: BigInt(d) } : { case: 'dimParam' as const, value: d },
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: dtype, shape: dim && { dim } } } },
  });
}

function attribute(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  if (Array.isArray(value))
    return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
  if (typeof value === 'object')
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  return Number.isInteger(value)
    ? create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) })
    : create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value });
}
