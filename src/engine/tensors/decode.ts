/** Bytes of a safetensors file as numbers: every dtype whose elements are whole bytes and one real number. */

/** Numbers of some bytes, in the file's order; the bytes begin at a multiple of 8 of their buffer. */
export type Numbers = Float64Array | Float32Array | Int32Array | Uint32Array | Int16Array | Uint16Array;

export interface Decoder {
  /** Of one element. */
  bytes: 1 | 2 | 4 | 8;
  integer: boolean;
  decode: (bytes: Uint8Array) => Numbers;
}

/** Sign, exponent and fraction as IEEE 754 has them. `special`: what an exponent of ones means. */
interface Format {
  exponent: number;
  fraction: number;
  bias: number;
  /** `ieee`: infinities and NaN; `fn`: no infinity, NaN only where all bits are ones (E4M3 of OCP). */
  special: 'ieee' | 'fn';
}

function valueOf(bits: number, { exponent, fraction, bias, special }: Format): number {
  const sign = (bits >> (exponent + fraction)) & 1 ? -1 : 1;
  const power = (bits >> fraction) & (2 ** exponent - 1);
  const rest = bits & (2 ** fraction - 1);
  if (power === 2 ** exponent - 1) {
    if (special === 'ieee') return rest === 0 ? sign * Infinity : NaN;
    if (rest === 2 ** fraction - 1) return NaN;
  }
  if (power === 0) return sign * rest * 2 ** (1 - bias - fraction);
  return sign * (1 + rest / 2 ** fraction) * 2 ** (power - bias);
}

/** Few bits: every value once, looked up. Made when it is first needed. */
function lookedUp(bytes: 1 | 2, format: Format): Decoder {
  let table: Float32Array | undefined;
  return {
    bytes,
    integer: false,
    decode: (data) => {
      const values = (table ??= Float32Array.from({ length: 2 ** (8 * bytes) }, (_, bits) => valueOf(bits, format)));
      const codes = bytes === 1 ? data : new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
      const out = new Float32Array(codes.length);
      for (let i = 0; i < codes.length; i++) out[i] = values[codes[i]!]!;
      return out;
    },
  };
}

type Words = new (buffer: ArrayBufferLike, offset: number, length: number) => Numbers;

/** Elements that JavaScript has an array of. */
const seen = (bytes: 2 | 4 | 8, integer: boolean, Of: Words): Decoder => ({
  bytes,
  integer,
  decode: (data) => new Of(data.buffer, data.byteOffset, data.length / bytes),
});

/** 64-bit integers to the nearest float64. */
const long = (high: 'getInt32' | 'getUint32'): Decoder => ({
  bytes: 8,
  integer: true,
  decode: (data) => {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    const word = (at: number): number => view[high](at, true) * 2 ** 32 + view.getUint32(at - 4, true);
    return Float64Array.from({ length: data.length / 8 }, (_, i) => word(8 * i + 4));
  },
});

const byte = (decode: Decoder['decode']): Decoder => ({ bytes: 1, integer: true, decode });

const decoders: Record<string, Decoder> = {
  F64: seen(8, false, Float64Array),
  F32: seen(4, false, Float32Array),
  F16: lookedUp(2, { exponent: 5, fraction: 10, bias: 15, special: 'ieee' }),
  BF16: lookedUp(2, { exponent: 8, fraction: 7, bias: 127, special: 'ieee' }),
  F8_E4M3: lookedUp(1, { exponent: 4, fraction: 3, bias: 7, special: 'fn' }),
  F8_E5M2: lookedUp(1, { exponent: 5, fraction: 2, bias: 15, special: 'ieee' }),
  I64: long('getInt32'),
  U64: long('getUint32'),
  I32: seen(4, true, Int32Array),
  U32: seen(4, true, Uint32Array),
  I16: seen(2, true, Int16Array),
  U16: seen(2, true, Uint16Array),
  I8: byte((data) => Int16Array.from(new Int8Array(data.buffer, data.byteOffset, data.length))),
  U8: byte((data) => Uint16Array.from(data)),
  BOOL: byte((data) => Uint16Array.from(data, (value) => (value === 0 ? 0 : 1))),
};

export const DECODED = Object.keys(decoders);

/** undefined: a dtype that is not known, or whose elements are no single numbers of whole bytes. */
export const decoderOf = (dtype: string): Decoder | undefined =>
  Object.hasOwn(decoders, dtype) ? decoders[dtype] : undefined;
