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
export type Attribute = number | string | number[] | { float: number };
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
const OPSET = 20;
/** ONNX Runtime's own operators that we use. */
const CONTRIB_OPS = new Set(['FusedMatMul', 'MatMulIntegerToFloat']);
const CONTRIB = 'com.microsoft';
const IR_VERSION = 9n;

/** Lists of whole numbers that were attributes until an opset, and are inputs since. */
const WERE_ATTRIBUTES: Record<string, { name: string; until: number }> = {
  ReduceSum: { name: 'axes', until: 13 },
  Squeeze: { name: 'axes', until: 13 },
  Unsqueeze: { name: 'axes', until: 13 },
  Split: { name: 'split', until: 13 },
  ReduceMean: { name: 'axes', until: 18 },
  ReduceLogSumExp: { name: 'axes', until: 18 },
};

/**
 * Builds an ONNX graph. Everything may be emitted freely: `build` keeps only the nodes, weights and inputs that the
 * wanted outputs need, because ONNX Runtime itself prunes nothing.
 */
export class GraphBuilder {
  readonly nodes: NodeProto[] = [];
  protected readonly stored = new Map<Value, TensorProto>();
  protected readonly fed = new Map<Value, ValueInfoProto>();
  private readonly aliases = new Set<NodeProto>();
  private readonly constants = new Map<string, Value>();
  private readonly lists = new Map<Value, number[]>();
  private counter = 0;

  /** @param opset version of ONNX's operators; their attributes are written as it has them, from 11 on */
  constructor(readonly opset = OPSET) {}

  fresh(hint: string): Value {
    return `${hint}_${this.counter++}`;
  }

  input(name: Value, dtype: DataType, dims: Dim[]): Value {
    this.fed.set(name, valueInfo(name, dtype, dims));
    return name;
  }

  /** An operator with one output. */
  op(opType: string, inputs: Value[], attributes: Record<string, Attribute> = {}): Value {
    return this.ops(opType, inputs, 1, attributes)[0]!;
  }

  /** An operator with several outputs. An empty input name is an omitted input. */
  ops(opType: string, inputs: Value[], outputs: number, attributes: Record<string, Attribute> = {}): Value[] {
    const names = Array.from({ length: outputs }, () => this.fresh(opType));
    this.node(opType, inputs, names, attributes);
    return names;
  }

  /** An operator whose outputs have names. */
  node(
    opType: string,
    inputs: Value[],
    outputs: Value[],
    attributes: Record<string, Attribute> = {},
    domain = '',
  ): void {
    const list = this.lists.get(inputs[1] ?? '');
    const old = WERE_ATTRIBUTES[opType];
    const asAttribute = list && old && this.opset < old.until ? { [old.name]: list } : undefined;
    this.nodes.push(
      create(NodeProtoSchema, {
        opType,
        domain: CONTRIB_OPS.has(opType) ? CONTRIB : domain,
        name: outputs[0],
        input: asAttribute ? inputs.slice(0, 1) : inputs,
        output: outputs,
        attribute: Object.entries({ ...attributes, ...asAttribute }).map(([name, value]) => attribute(name, value)),
      }),
    );
  }

  /** Gives `value` a second, public name. In what `build` makes, the first is gone: as an operator this would be a copy. */
  alias(value: Value, name: string): Value {
    const node = create(NodeProtoSchema, { opType: 'Identity', name, input: [value], output: [name] });
    this.nodes.push(node);
    this.aliases.add(node);
    return name;
  }

  external(name: Value, dtype: DataType, dims: number[], data: ExternalData): Value {
    if (!this.stored.has(name)) {
      const entries = { location: data.location, offset: String(data.offset), length: String(data.length) };
      this.stored.set(
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

  /** Numbers that were computed, as they lie in memory. */
  raw(hint: string, dtype: DataType, dims: number[], data: ArrayBufferView): Value {
    const name = this.fresh(hint);
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.stored.set(name, create(TensorProtoSchema, { name, dataType: dtype, dims: dims.map(BigInt), rawData }));
    return name;
  }

  floats(values: number[], dims: number[] = []): Value {
    return this.constant(`f:${dims}:${values}`, {
      dataType: DataType.FLOAT,
      dims: dims.map(BigInt),
      floatData: values,
    });
  }

  doubles(values: number[], dims: number[] = []): Value {
    return this.constant(`d:${dims}:${values}`, {
      dataType: DataType.DOUBLE,
      dims: dims.map(BigInt),
      doubleData: values,
    });
  }

  ints(values: number[], dims: number[] = [values.length]): Value {
    const int64Data = values.map(BigInt);
    const name = this.constant(`i:${dims}:${values}`, { dataType: DataType.INT64, dims: dims.map(BigInt), int64Data });
    this.lists.set(name, values);
    return name;
  }

  private constant(
    key: string,
    data: Pick<TensorProto, 'dataType' | 'dims'> & Partial<Pick<TensorProto, 'floatData' | 'doubleData' | 'int64Data'>>,
  ): Value {
    let name = this.constants.get(key);
    if (name === undefined) {
      name = this.fresh('const');
      this.constants.set(key, name);
      this.stored.set(name, create(TensorProtoSchema, { name, ...data }));
    }
    return name;
  }

  /** What is known of an input, a weight or a constant (of a list of whole numbers also these); undefined for other values. */
  given(value: Value): { dtype: DataType; dims: Dim[]; list?: number[] } | undefined {
    const stored = this.stored.get(value);
    const list = this.lists.get(value);
    if (stored) return { dtype: stored.dataType, dims: stored.dims.map(Number), ...(list && { list }) };
    const type = this.fed.get(value)?.type?.value;
    if (type?.case !== 'tensorType') return undefined;
    const dims = type.value.shape?.dim.map((dim) =>
      dim.value.case === 'dimParam' ? dim.value.value : Number(dim.value.value),
    );
    return { dtype: type.value.elemType, dims: dims ?? [] };
  }

  /** Nodes whose values have the names that aliases give them. What has a public name already keeps it, and is copied. */
  private named(nodes: NodeProto[], outputs: ReadonlySet<Value>): NodeProto[] {
    const made = new Set(nodes.flatMap((node) => (this.aliases.has(node) ? [] : node.output)));
    const names = new Map<Value, Value>();
    const rest = nodes.filter((node) => {
      const value = node.input[0]!;
      if (!this.aliases.has(node) || !made.has(value) || outputs.has(value) || names.has(value)) return true;
      names.set(value, node.output[0]!);
      return false;
    });
    return rest.map((node) => renamed(node, names));
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
      opsetImport: [
        create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(this.opset) }),
        create(OperatorSetIdProtoSchema, { domain: CONTRIB, version: 1n }),
      ],
      graph: create(GraphProtoSchema, {
        name: 'circuitscope',
        node: this.named(nodes.reverse(), new Set(outputs.map((o) => o.name))),
        initializer: kept(this.stored),
        input: kept(this.fed),
        output: outputs.map((o) => valueInfo(o.name, o.dtype)),
      }),
    });
    return { bytes: toBinary(ModelProtoSchema, model), inputs: kept(this.fed).map((v) => v.name) };
  }
}

const renamed = (node: NodeProto, names: ReadonlyMap<Value, Value>): NodeProto => {
  const of = (value: Value): Value => names.get(value) ?? value;
  const { opType, domain, name, attribute } = node;
  return create(NodeProtoSchema, {
    opType,
    domain,
    name,
    attribute,
    input: node.input.map(of),
    output: node.output.map(of),
  });
};

export function valueInfo(name: string, dtype: DataType, dims?: Dim[]): ValueInfoProto {
  const dim = dims?.map((d) => ({
    value:
      typeof d === 'number' ? { case: 'dimValue' as const, value: BigInt(d) } : { case: 'dimParam' as const, value: d },
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: dtype, shape: dim && { dim } } } },
  });
}

export function attribute(name: string, value: Attribute): AttributeProto {
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
