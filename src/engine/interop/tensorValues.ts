/** Values of a stored tensor: for files of activations. Weights are never read this way. */
import * as l10n from '@vscode/l10n';
import { open } from 'node:fs/promises';
import type { StoredTensor } from '../checkpoint/checkpoint';
import { InputError } from '../checkpoint/errors';

type Decode = (bytes: DataView, count: number) => Float32Array | Float64Array;

const DECODE: Record<string, Decode> = {
  F32: (view, count) => Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true)),
  F64: (view, count) => Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * i, true)),
  F16: (view, count) => Float32Array.from({ length: count }, (_, i) => halfToNumber(view.getUint16(2 * i, true))),
  BF16: (view, count) => {
    const bits = Uint32Array.from({ length: count }, (_, i) => view.getUint16(2 * i, true) << 16);
    return new Float32Array(bits.buffer);
  },
};

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** Whether the values of a tensor can be read: it is of a kind of float. */
export const isFloat = ({ dtype }: StoredTensor): boolean => Object.hasOwn(DECODE, dtype);

/** @throws InputError when the file ends before the tensor does */
export async function tensorValues(name: string, tensor: StoredTensor): Promise<Float32Array | Float64Array> {
  const { file, offset, length, dtype, shape } = tensor;
  const bytes = Buffer.alloc(length);
  const handle = await open(file, 'r');
  try {
    for (let done = 0; done < length;) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new InputError(l10n.t('{0} ended in tensor {1} while it was read.', file, name));
      done += bytesRead;
    }
  } finally {
    await handle.close();
  }
  const count = shape.reduce((product, size) => product * size, 1);
  return DECODE[dtype]!(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), count);
}
