/** Nodes, constants and inputs that are added to a foreign graph. */
import { DataType, GraphBuilder, type Attribute, type Dim, type ExternalData, type Value } from '../graph/builder';
import type { TensorProto, ValueInfoProto } from '../graph/onnx_pb';

/** A GraphBuilder for the graph of another, whose names are taken and whose opset decides how operators look. */
export class Suffix extends GraphBuilder {
  private added = 0;
  /** Names in the graph of those inputs whose own names were taken. */
  private readonly renamed = new Map<string, string>();

  /** @param opset version of the graph's ONNX operators */
  constructor(
    private readonly taken: Set<string>,
    opset: number,
  ) {
    super(opset);
  }

  get initializers(): TensorProto[] {
    return [...this.stored.values()];
  }

  get inputs(): ValueInfoProto[] {
    return [...this.fed.values()];
  }

  /** A name that the graph does not have. */
  override fresh(hint: string): Value {
    let name = `circuitscope.${hint}`;
    while (this.taken.has(name)) name = `circuitscope.${hint}.${this.added++}`;
    this.taken.add(name);
    return name;
  }

  /** A new input of the graph, or the one that was added by this name. */
  override input(name: string, dtype: DataType, dims: Dim[]): Value {
    const known = this.renamed.get(name);
    if (known !== undefined) return known;
    const own = this.fresh(name);
    this.renamed.set(name, own);
    return super.input(own, dtype, dims);
  }

  /** Inputs of the graph with the names that `input` was given. */
  givenNames(): [Value, string][] {
    return [...this.renamed].map(([name, own]) => [own, name]);
  }

  override op(opType: string, inputs: Value[], attributes: Record<string, Attribute> = {}, domain = ''): Value {
    const output = this.fresh(opType);
    this.node(opType, inputs, [output], attributes, domain);
    return output;
  }

  override alias(value: Value, name: string): Value {
    return super.alias(value, this.fresh(name));
  }

  override external(name: Value, dtype: DataType, dims: number[], data: ExternalData): Value {
    return super.external(`circuitscope.${name}`, dtype, dims, data);
  }

  toFloat(value: string): Value {
    return this.op('Cast', [value], { to: DataType.FLOAT });
  }

  transpose(value: string, perm: number[]): Value {
    return this.op('Transpose', [value], { perm });
  }

  /** A size of 0 is kept, one of −1 follows from the others. */
  reshape(value: string, dims: number[]): Value {
    return this.op('Reshape', [value, this.ints(dims)]);
  }
}
