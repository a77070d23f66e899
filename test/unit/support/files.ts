/** Checkpoint files that tests write themselves: safetensors of any dtype, hostile headers, configs, tokenizers. */
import { mkdtempSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** The repository's root; tests run from there or are bundled to out/unit. */
export const ROOT = resolve(__dirname, '../..');
export const SAMPLES = join(ROOT, 'samples');
export const REFERENCE = join(ROOT, 'test/fixtures/reference');

/** A new folder that goes away with the suite (test/harness/mocha.mjs). */
export const tempFolder = (): string => mkdtempSync(join(tmpdir(), 'circuitscope-'));

/** Writes a file (objects as JSON) and the folders above it. */
export function writeFile(file: string, content: string | Uint8Array | object): string {
  mkdirSync(dirname(file), { recursive: true });
  const isData = typeof content === 'string' || content instanceof Uint8Array;
  writeFileSync(file, isData ? content : JSON.stringify(content));
  return file;
}

export type TestDtype = 'F32' | 'F16' | 'BF16' | 'F64' | 'I64' | 'BOOL';

export interface TestTensor {
  shape: number[];
  data: ArrayLike<number>;
  /** Default F32. */
  dtype?: TestDtype;
}

/** Nearest half, ties to even. */
export function toF16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const x = Math.abs(value);
  if (Number.isNaN(x)) return 0x7e00;
  if (x >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, x === 0 ? -14 : Math.floor(Math.log2(x)));
  const scaled = roundEven(x / 2 ** (exponent - 10));
  // Counting units in the last place from the exponent's base carries over into the next exponent by itself.
  return sign | (scaled + ((exponent + 14) << 10));
}

export function fromF16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}

/** Nearest bfloat16, ties to even. */
export function toBF16(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0]!;
  return Number.isNaN(value) ? 0x7fc0 : ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

export const fromBF16 = (bits: number): number => new Float32Array(new Uint32Array([bits << 16]).buffer)[0]!;

function roundEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}

const ENCODE: Record<TestDtype, (data: ArrayLike<number>) => ArrayBufferView> = {
  F32: (d) => Float32Array.from(d),
  F64: (d) => Float64Array.from(d),
  F16: (d) => Uint16Array.from(d, toF16),
  BF16: (d) => Uint16Array.from(d, toBF16),
  BOOL: (d) => Uint8Array.from(d),
  I64: (d) => BigInt64Array.from(Array.from(d), (v) => BigInt(v)),
};

/** What a tensor of `dtype` holds after these values were stored in it. */
export function rounded(data: ArrayLike<number>, dtype: TestDtype = 'F32'): Float64Array {
  if (dtype === 'F16') return Float64Array.from(data, (v) => fromF16(toF16(v)));
  if (dtype === 'BF16') return Float64Array.from(data, (v) => fromBF16(toBF16(v)));
  return dtype === 'F32' ? Float64Array.from(data, Math.fround) : Float64Array.from(data);
}

/** A safetensors file's bytes from a header (any JSON, also wrong; or raw text) and the data after it. */
export function safetensorsBytes(header: object | string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

/** Writes a correct safetensors file. */
export function writeTensors(file: string, tensors: Record<string, TestTensor>): string {
  const header: Record<string, object> = { __metadata__: { format: 'pt' } };
  const parts: Buffer[] = [];
  let end = 0;
  for (const [name, { shape, data, dtype = 'F32' }] of Object.entries(tensors)) {
    const view = ENCODE[dtype](data);
    const begin = end;
    end += view.byteLength;
    header[name] = { dtype, shape, data_offsets: [begin, end] };
    parts.push(Buffer.from(view.buffer, view.byteOffset, view.byteLength));
  }
  return writeFile(file, safetensorsBytes(header, Buffer.concat(parts)));
}

/** Reads F32, F64, F16, BF16, I32 and I64 tensors of a small, trusted safetensors file. */
export function readTensors(file: string): Record<string, { shape: number[]; data: Float64Array }> {
  const bytes = readFileSync(file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const read: Record<string, (at: number) => number> = {
    F32: (at) => bytes.readFloatLE(at),
    F64: (at) => bytes.readDoubleLE(at),
    I32: (at) => bytes.readInt32LE(at),
    I64: (at) => Number(bytes.readBigInt64LE(at)),
    F16: (at) => fromF16(bytes.readUInt16LE(at)),
    BF16: (at) => fromBF16(bytes.readUInt16LE(at)),
  };
  const out: Record<string, { shape: number[]; data: Float64Array }> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const size = Number(/\d+/.exec(entry.dtype)![0]) / 8;
    const [begin, end] = entry.data_offsets;
    const data = Float64Array.from({ length: (end - begin) / size }, (_, i) =>
      read[entry.dtype]!(start + begin + i * size),
    );
    out[name] = { shape: entry.shape, data };
  }
  return out;
}

/** Seeded Gaussian values (mulberry32, Box–Muller). */
export function gaussian(length: number, seed: number, scale = 1): Float64Array {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float64Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return scale * radius * Math.cos(2 * Math.PI * uniform());
  });
}

/** A tensor of seeded Gaussian values. */
export const randomTensor = (shape: number[], seed: number, scale = 1, dtype: TestDtype = 'F32'): TestTensor => ({
  shape,
  dtype,
  data: gaussian(
    shape.reduce((a, b) => a * b, 1),
    seed,
    scale,
  ),
});
