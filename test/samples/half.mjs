// Checkpoints in half precision.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** Writes a .safetensors file of F32 tensors as F16: half the size. @throws Error for another type, and numbers too large for it */
export function halve(from, to) {
  const bytes = readFileSync(from);
  const start = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, start).toString());
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__');
  const halves = [];
  let offset = 0;
  for (const [name, tensor] of tensors) {
    if (tensor.dtype !== 'F32') throw new Error(`${from}: ${name} is ${tensor.dtype}, F32 was expected`);
    const [begin, end] = tensor.data_offsets;
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + start + begin, bytes.byteOffset + start + end));
    const half = Uint16Array.from(values, halfBits);
    if (half.some((bits) => (bits & 0x7c00) === 0x7c00)) throw new Error(`${from}: ${name} has numbers that F16 has not`);
    halves.push(Buffer.from(half.buffer));
    header[name] = { dtype: 'F16', shape: tensor.shape, data_offsets: [offset, (offset += 2 * half.length)] };
  }
  const text = JSON.stringify({ __metadata__: { format: 'pt' }, ...header });
  const padded = Buffer.from(text.padEnd(Math.ceil((text.length + 8) / 64) * 64 - 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(padded.length));
  writeFileSync(`${to}.part`, Buffer.concat([size, padded, ...halves]));
  renameSync(`${to}.part`, to);
}

/** The nearest half-precision number, of two as near the even one, as its bits. */
export function halfBits(value) {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (!(size < 65520)) return sign | (Number.isNaN(size) ? 0x7e00 : 0x7c00);
  // numbers below the smallest normal one are as far apart as those just above it
  const exponent = Math.max(-14, size === 0 ? -14 : Math.floor(Math.log2(size)));
  return sign + (exponent + 14) * 1024 + even(size / 2 ** (exponent - 10));
}

function even(value) {
  const whole = Math.floor(value);
  const rest = value - whole;
  return rest > 0.5 || (rest === 0.5 && whole % 2 === 1) ? whole + 1 : whole;
}
