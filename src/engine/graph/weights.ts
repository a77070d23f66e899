import { dirname, relative, sep } from 'node:path';
import type { Checkpoint, Derivation, StoredTensor } from '../checkpoint/checkpoint';
import type { WeightRef } from '../checkpoint/description';
import { InputError } from '../checkpoint/errors';
import { DataType, type GraphBuilder, type Value } from './builder';

const STORED: Record<string, DataType> = {
  F32: DataType.FLOAT,
  F16: DataType.FLOAT16,
  BF16: DataType.BFLOAT16,
  I8: DataType.INT8,
  U8: DataType.UINT8,
};

/** Where a graph's weights come from: files (`Weights`), or the graph's inputs where they are trained. */
export interface WeightSource {
  /** As stored. `dims` may regroup the stored shape. */
  stored(g: GraphBuilder, ref: WeightRef, dims?: number[]): { value: Value; dtype: DataType };
  float(g: GraphBuilder, ref: WeightRef, dims?: number[]): Value;
}

/** The tensors of a checkpoint (or autoencoder) as external initializers: no byte of them passes through the JavaScript heap. */
export class Weights implements WeightSource {
  /** Folder that all locations are relative to; ONNX Runtime refuses to read outside it. */
  readonly folder: string;

  constructor(
    private readonly of: Pick<Checkpoint, 'tensors' | 'foreign'>,
    folder?: string,
  ) {
    this.folder = folder ?? commonFolder([...new Set([...of.tensors.values()].map((t) => t.file))]);
  }

  /** As stored (F16 and BF16 stay so). `dims` may regroup the stored shape, as the bytes stay the same. */
  stored(g: GraphBuilder, ref: WeightRef, dims: number[] = ref.shape): { value: Value; dtype: DataType } {
    const tensor = this.tensor(ref);
    const dtype = STORED[tensor.dtype]!;
    const name = dims === ref.shape ? ref.tensor : `${ref.tensor}[${dims.join()}]`;
    if (!tensor.derived) return { value: this.external(g, name, tensor, dims), dtype };
    const value = this.derived(g, name, tensor, tensor.derived);
    return { value: dims === ref.shape ? value : g.op('Reshape', [value, g.ints(dims)]), dtype };
  }

  private external(g: GraphBuilder, name: string, tensor: StoredTensor, dims: number[]): Value {
    const location = relative(this.folder, tensor.file).split(sep).join('/');
    return g.external(name, STORED[tensor.dtype]!, dims, { location, offset: tensor.offset, length: tensor.length });
  }

  /** The steps from what is stored to the tensor. */
  private derived(g: GraphBuilder, name: string, tensor: StoredTensor, { stored, steps }: Derivation): Value {
    let value = this.external(g, `${name}:stored`, { ...tensor, dtype: stored.dtype }, stored.shape);
    for (const step of steps) {
      if (step.op === 'transpose') value = g.op('Transpose', [value], { perm: step.perm });
      else if (step.op === 'reshape') value = g.op('Reshape', [value, g.ints(step.dims)]);
      else if (step.op === 'take') value = g.op('Gather', [value, g.ints(step.indices)], { axis: step.axis });
      else if (step.op === 'slice')
        value = g.op('Slice', [value, g.ints([step.from]), g.ints([step.to]), g.ints([step.axis])]);
      else if (step.op === 'scale') {
        const floats = g.op('Cast', [value], { to: DataType.FLOAT });
        value = g.op('Cast', [g.op('Mul', [floats, g.floats([step.by])])], { to: STORED[tensor.dtype]! });
      } else {
        const parts = [step.scale, ...(step.zeroPoint ? [step.zeroPoint] : [])];
        const inputs = parts.map((part, i) => this.external(g, `${name}:${i}`, part, part.shape));
        value = g.op('DequantizeLinear', [value, ...inputs], { axis: step.axis });
      }
    }
    return value;
  }

  /** As float32; the cast is folded when the session is created. */
  float(g: GraphBuilder, ref: WeightRef, dims?: number[]): Value {
    const { value, dtype } = this.stored(g, ref, dims);
    return dtype === DataType.FLOAT ? value : g.op('Cast', [value], { to: DataType.FLOAT });
  }

  /** Bytes that a weight takes as float32. */
  static floatBytes(ref: WeightRef | undefined): number {
    return ref ? 4 * ref.shape.reduce((a, b) => a * b, 1) : 0;
  }

  private tensor(ref: WeightRef): StoredTensor {
    const tensor = this.of.tensors.get(ref.tensor);
    const missing = this.of.foreign?.missing.weights;
    if (!tensor && missing !== undefined) throw new InputError(missing);
    if (!tensor) throw new Error(`${ref.tensor} was not checked when the checkpoint was opened`);
    return tensor;
  }
}

/** The deepest folder that all of the files lie below. */
export function commonFolder(files: string[]): string {
  let folder = dirname(files[0] ?? '/');
  while (files.some((file) => !file.startsWith(folder.endsWith(sep) ? folder : folder + sep))) {
    const parent = dirname(folder);
    if (parent === folder) break;
    folder = parent;
  }
  return folder;
}
