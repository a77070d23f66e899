import { dirname, relative, sep } from 'node:path';
import type { Checkpoint, StoredTensor } from '../checkpoint/checkpoint';
import type { WeightRef } from '../checkpoint/description';
import { DataType, type GraphBuilder, type Value } from './builder';

const STORED: Record<string, DataType> = {
  F32: DataType.FLOAT,
  F16: DataType.FLOAT16,
  BF16: DataType.BFLOAT16,
};

/** The tensors of a checkpoint (or autoencoder) as external initializers: no byte of them passes through the JavaScript heap. */
export class Weights {
  /** Folder that all locations are relative to; ONNX Runtime refuses to read outside it. */
  readonly folder: string;

  constructor(private readonly of: Pick<Checkpoint, 'tensors'>) {
    this.folder = commonFolder([...new Set([...of.tensors.values()].map((t) => t.file))]);
  }

  /** As stored (F16 and BF16 stay so). `dims` may regroup the stored shape, as the bytes stay the same. */
  stored(g: GraphBuilder, ref: WeightRef, dims: number[] = ref.shape): { value: Value; dtype: DataType } {
    const tensor = this.tensor(ref);
    const dtype = STORED[tensor.dtype]!;
    const location = relative(this.folder, tensor.file).split(sep).join('/');
    const name = dims === ref.shape ? ref.tensor : `${ref.tensor}[${dims.join()}]`;
    return { value: g.external(name, dtype, dims, { location, offset: tensor.offset, length: tensor.length }), dtype };
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
    if (!tensor) throw new Error(`${ref.tensor} was not checked when the checkpoint was opened`);
    return tensor;
  }
}

function commonFolder(files: string[]): string {
  let folder = dirname(files[0] ?? '/');
  while (files.some((file) => !file.startsWith(folder.endsWith(sep) ? folder : folder + sep))) {
    const parent = dirname(folder);
    if (parent === folder) break;
    folder = parent;
  }
  return folder;
}
