import type { StoredTensor } from '../checkpoint/checkpoint';
import {
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  type TensorProto,
} from '../graph/onnx_pb';
import type { Numbers } from './operators';
import { readAt } from './positional';

/** How an element of raw data (little endian) is read. */
const RAW: Record<number, [bytes: number, read: (view: DataView, at: number) => number]> = {
  [DataType.FLOAT]: [4, (v, at) => v.getFloat32(at, true)],
  [DataType.DOUBLE]: [8, (v, at) => v.getFloat64(at, true)],
  [DataType.FLOAT16]: [2, (v, at) => fromHalf(v.getUint16(at, true))],
  [DataType.BFLOAT16]: [2, (v, at) => fromBrain(v.getUint16(at, true))],
  [DataType.INT8]: [1, (v, at) => v.getInt8(at)],
  [DataType.UINT8]: [1, (v, at) => v.getUint8(at)],
  [DataType.BOOL]: [1, (v, at) => v.getUint8(at)],
  [DataType.INT16]: [2, (v, at) => v.getInt16(at, true)],
  [DataType.UINT16]: [2, (v, at) => v.getUint16(at, true)],
  [DataType.INT32]: [4, (v, at) => v.getInt32(at, true)],
  [DataType.UINT32]: [4, (v, at) => v.getUint32(at, true)],
  [DataType.INT64]: [8, (v, at) => Number(v.getBigInt64(at, true))],
  [DataType.UINT64]: [8, (v, at) => Number(v.getBigUint64(at, true))],
};

/** Element types whose numbers have fractions. */
export const FLOATS = new Set<number>([DataType.FLOAT, DataType.DOUBLE, DataType.FLOAT16, DataType.BFLOAT16]);

/**
 * The numbers of a small tensor.
 * @param stored where they lie when they are not in the tensor
 * @returns undefined for strings, complex numbers and elements of less than a byte
 */
export function numbersOf(tensor: TensorProto, stored: StoredTensor | undefined): Numbers | undefined {
  const raw = Object.hasOwn(RAW, tensor.dataType) ? RAW[tensor.dataType] : undefined;
  if (!raw) return undefined;
  const dims = tensor.dims.map(Number);
  const float = FLOATS.has(tensor.dataType);
  const made = (values: number[]): Numbers => ({ dims, values, float });
  if (tensor.dataLocation === DataLocation.EXTERNAL) {
    return stored && made(fromBytes(readAt(stored.file, stored.offset, stored.length), raw));
  }
  if (tensor.rawData.length > 0) return made(fromBytes(tensor.rawData, raw));
  if (tensor.dataType === DataType.FLOAT16) return made(tensor.int32Data.map(fromHalf));
  if (tensor.dataType === DataType.BFLOAT16) return made(tensor.int32Data.map(fromBrain));
  const { floatData, doubleData, int32Data, int64Data, uint64Data } = tensor;
  return made([...floatData, ...doubleData, ...int32Data, ...int64Data.map(Number), ...uint64Data.map(Number)]);
}

function fromBytes(bytes: Uint8Array, [size, read]: [number, (view: DataView, at: number) => number]): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => read(view, i * size));
}

/** IEEE 754 binary16. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** bfloat16: the upper half of a float32. */
function fromBrain(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, (bits & 0xffff) << 16);
  return view.getFloat32(0);
}
