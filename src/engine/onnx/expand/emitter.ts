/** Emits the nodes that stand in the place of one. */
import { create } from '@bufbuild/protobuf';
import { DataType, GraphBuilder, type Value } from '../../graph/builder';
import { TensorProtoSchema, type NodeProto, type TensorProto } from '../../graph/onnx_pb';
import type { OnnxGraph } from '../types';
import type { Facts } from './facts';

/** Of an index that stands for the end of any axis. */
const END = Number.MAX_SAFE_INTEGER;

export class Emitter extends GraphBuilder {
  private made = 0;

  constructor(
    readonly graph: OnnxGraph,
    private readonly facts: ReadonlyMap<string, Facts>,
    private readonly origin: NodeProto,
    private readonly taken: Set<string>,
    opset: number,
  ) {
    super(opset);
  }

  get initializers(): TensorProto[] {
    return [...this.stored.values()];
  }

  /** A name after the node that is expanded. */
  override fresh(hint: string): Value {
    const base = this.origin.output.find((name) => name !== '') ?? 'expanded';
    let name: string;
    do name = `${base}/${hint}.${this.made++}`;
    while (this.taken.has(name));
    this.taken.add(name);
    return name;
  }

  /** An input that is given. */
  in(index: number): Value | undefined {
    return this.origin.input[index] || undefined;
  }

  has(output: number): boolean {
    return (this.origin.output[output] ?? '') !== '';
  }

  /** Whether a node reads an output; those that are the whole graph's alone may be dropped. */
  isRead(output: number): boolean {
    return this.has(output) && this.graph.consumers(this.origin.output[output]!).length > 0;
  }

  /** Makes `value` an output of the node. */
  put(value: Value, index: number): void {
    const name = this.origin.output[index] ?? '';
    if (name === '') return;
    if (!this.nodes.some(({ output }) => output.includes(value))) return this.node('Identity', [value], [name]);
    const renamed = (each: string): string => (each === value ? name : each);
    for (const node of this.nodes) [node.input, node.output] = [node.input.map(renamed), node.output.map(renamed)];
  }

  typeOf(value: Value): DataType {
    return this.facts.get(value)?.type ?? DataType.FLOAT;
  }

  rankOf(value: Value): number | undefined {
    return this.facts.get(value)?.rank;
  }

  /** −1 where it is not known. */
  sizeOf(value: Value, axis: number): number {
    return this.facts.get(value)?.dims?.at(axis) ?? -1;
  }

  /** Sizes that a file says may be any; those that no graph has are refused when it is loaded. */
  override ints(values: number[], dims?: number[]): Value {
    const most = Number.MAX_SAFE_INTEGER;
    return super.ints(
      values.map((value) => Math.max(-most, Math.min(most, Math.trunc(value) || 0))),
      dims,
    );
  }

  /** A number of a float type. */
  number(value: number, type: DataType): Value {
    if (type === DataType.FLOAT) return this.floats([value]);
    const name = this.fresh('const');
    const data =
      type === DataType.DOUBLE
        ? { doubleData: [value] }
        : { int32Data: [type === DataType.FLOAT16 ? halfBits(value) : floatBits(value) >>> 16] };
    this.stored.set(name, create(TensorProtoSchema, { name, dataType: type, ...data }));
    return name;
  }

  /** A size of 0 is kept, one of −1 follows from the others. */
  reshape(value: Value, dims: number[]): Value {
    return this.op('Reshape', [value, this.ints(dims)]);
  }

  transpose(value: Value, perm: number[]): Value {
    return this.op('Transpose', [value], { perm });
  }

  unsqueeze(value: Value, axis: number): Value {
    return this.op('Unsqueeze', [value, this.ints([axis])]);
  }

  concat(values: Value[], axis: number): Value {
    return this.op('Concat', values, { axis });
  }

  gather(value: Value, index: number | number[], axis: number): Value {
    return this.op('Gather', [value, typeof index === 'number' ? this.ints([index], []) : this.ints(index)], { axis });
  }

  slice(value: Value, axis: number, from: number, to = END, step = 1): Value {
    return this.op('Slice', [value, this.ints([from]), this.ints([to]), this.ints([axis]), this.ints([step])]);
  }

  /** A size, as a scalar. */
  size(value: Value, axis: number): Value {
    return this.gather(this.op('Shape', [value]), axis, 0);
  }

  /** 0 … length − 1. */
  range(length: Value): Value {
    return this.op('Range', [this.ints([0], []), length, this.ints([1], [])]);
  }

  cast(value: Value, to: DataType): Value {
    return this.op('Cast', [value], { to });
  }

  /** value + other, when there is another. */
  plus(value: Value, other: Value | undefined): Value {
    return other === undefined ? value : this.op('Add', [value, other]);
  }
}

const words = new Uint32Array(1);
const floats = new Float32Array(words.buffer);

/** The bits of a float32; >>> 16 those of a bfloat16, cut. */
function floatBits(value: number): number {
  floats[0] = value;
  return words[0]!;
}

/** The bits of the nearest float16. */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundEven(size / 2 ** -24);
  const exponent = Math.min(15, Math.floor(Math.log2(size)));
  // a mantissa that rounds up to 2 carries into the exponent
  return sign + ((exponent + 14) << 10) + roundEven(size / 2 ** (exponent - 10));
}

function roundEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
