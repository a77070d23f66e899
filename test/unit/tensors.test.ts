import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Steps } from '../../src/engine/runtime/types';
import { DECODED } from '../../src/engine/tensors/decode';
import { readTensorFile } from '../../src/engine/tensors/file';
import { MOST, tensorHeatmap } from '../../src/engine/tensors/heatmap';
import { tensorSummary } from '../../src/engine/tensors/summary';
import type { TensorHeatmap, TensorHeatmapParams, TensorSummary, TensorWindow } from '../../src/protocol/tensors';
import { gaussian, safetensorsBytes, tempFolder, toBF16, toF16, writeFile, writeTensors } from './support/files';

const steps: Steps = { step: async () => undefined };
const folder = tempFolder();
const file = join(folder, 'x.safetensors');
const summaryOf = (name: string): Promise<TensorSummary> => tensorSummary({ path: file, name, all: false }, steps);
const mapOf = (name: string, more: Partial<TensorHeatmapParams> = {}): Promise<TensorHeatmap> =>
  tensorHeatmap({ path: file, name, index: [], blocks: 'first', ...more }, steps);

/** Sign, exponent and fraction of a value that the format holds exactly, by float64 arithmetic. */
function toBits(value: number, fraction: number, bias: number, total: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 2 ** (total - 1) : 0;
  const size = Math.abs(value);
  if (size === 0) return sign;
  const power = Math.max(1 - bias, Math.floor(Math.log2(size)));
  const units = size / 2 ** (power - fraction);
  assert.ok(Number.isInteger(units), `${value} is not in the format`);
  return sign + units + (power + bias - 1) * 2 ** fraction;
}
/** Values of every power of two, with every fraction of few bits, smallest and largest among them. */
const floats = (powers: [number, number], fraction: number, bias: number): number[] => {
  const values = [0, 2 ** (1 - bias - fraction)];
  for (let power = powers[0]; power <= powers[1]; power++)
    for (let i = 0; i < 2 ** fraction; i++) values.push((1 + i / 2 ** fraction) * 2 ** power);
  return values.flatMap((v) => [v, -v]);
};

const e4m3 = floats([-6, 7], 3, 7).concat([256, 288, 320, 352, 384, 416, 448, -448]);
const e5m2 = floats([-14, 15], 2, 15);
const short = [...gaussian(500, 3, 2)];
/** dtype → values that it holds exactly, and their bytes by an encoder that is not the engine's. */
const ENCODED: Record<string, [values: (number | bigint)[], bytes: ArrayBufferView]> = {
  F64: [short, Float64Array.from(short)],
  F32: [short.map(Math.fround), Float32Array.from(short)],
  F16: [floats([-14, 15], 3, 15), Uint16Array.from(floats([-14, 15], 3, 15), toF16)],
  BF16: [floats([-100, 100], 2, 15), Uint16Array.from(floats([-100, 100], 2, 15), toBF16)],
  F8_E4M3: [e4m3, Uint8Array.from(e4m3, (v) => toBits(v, 3, 7, 8))],
  F8_E5M2: [e5m2, Uint8Array.from(e5m2, (v) => toBits(v, 2, 15, 8))],
  I64: [[-(2n ** 53n), -5n, 0n, 7n, 2n ** 40n + 1n], BigInt64Array.of(-(2n ** 53n), -5n, 0n, 7n, 2n ** 40n + 1n)],
  U64: [[0n, 1n, 2n ** 53n, 2n ** 63n], BigUint64Array.of(0n, 1n, 2n ** 53n, 2n ** 63n)],
  I32: [[-(2 ** 31), -1, 0, 2 ** 31 - 1], Int32Array.of(-(2 ** 31), -1, 0, 2 ** 31 - 1)],
  U32: [[0, 1, 2 ** 32 - 1], Uint32Array.of(0, 1, 2 ** 32 - 1)],
  I16: [[-32768, -2, 32767], Int16Array.of(-32768, -2, 32767)],
  U16: [[0, 40000, 65535], Uint16Array.of(0, 40000, 65535)],
  I8: [[-128, -1, 127], Int8Array.of(-128, -1, 127)],
  U8: [[0, 200, 255], Uint8Array.of(0, 200, 255)],
  // whatever is not 0 is true
  BOOL: [[0, 1, 1, 0], Uint8Array.of(0, 1, 2, 0)],
};

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

/** One file with a tensor of every dtype, called as it, after a byte that puts the others off their alignment. */
function writeEvery(): void {
  const header: Record<string, object> = { __metadata__: { format: 'pt', about: 'every dtype' } };
  const parts: Uint8Array[] = [Uint8Array.of(1)];
  header['odd'] = { dtype: 'U8', shape: [1], data_offsets: [0, 1] };
  let end = 1;
  for (const [dtype, [values, bytes]] of Object.entries(ENCODED)) {
    header[dtype] = { dtype, shape: [values.length], data_offsets: [end, (end += bytes.byteLength)] };
    parts.push(bytesOf(bytes));
  }
  writeFile(file, safetensorsBytes(header, Buffer.concat(parts)));
}

interface Expected {
  min: number;
  max: number;
  mean: number;
  std: number;
}

function naive(values: number[]): Expected {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const std = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
  return { min: Math.min(...values), max: Math.max(...values), mean, std };
}

/** Rounding of float64 sums, relative to the largest value. */
function assertClose(actual: number, expected: number, scale: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-12 * scale, `${actual}, expected ${expected}`);
}

describe('tensors of a file', () => {
  it('are read as their dtype says', async () => {
    writeEvery();
    assert.deepEqual(Object.keys(ENCODED).sort(), [...DECODED].sort());
    for (const [dtype, [stored]] of Object.entries(ENCODED)) {
      const values = stored.map(Number);
      const { max, min } = naive(values);
      for (const [i, value] of values.entries()) {
        const window: TensorWindow = { row: 0, rows: 1, column: i, columns: 1 };
        if (i % 37 === 0 || value === max || value === min)
          assert.equal((await mapOf(dtype, { window })).values[0], value, `${dtype}[${i}]`);
      }
      const summary = await summaryOf(dtype);
      const expected = naive(values);
      const scale = Math.max(Math.abs(max), Math.abs(min));
      assert.deepEqual(
        [summary.min, summary.max, summary.zeros],
        [min, max, values.filter((v) => v === 0).length],
        dtype,
      );
      assertClose(summary.mean, expected.mean, scale);
      assertClose(summary.std, expected.std, scale);
      assert.equal(summary.rounded, dtype === 'U64', dtype);
    }
  });

  it('of 8 bits have the values of the specification', async () => {
    const names = { F8_E4M3: [0x01, 0x08, 0x7e, 0x7f, 0xff], F8_E5M2: [0x01, 0x3c, 0x7b, 0x7c, 0x7d, 0xfc] };
    const expected = {
      F8_E4M3: [2 ** -9, 2 ** -6, 448, NaN, NaN],
      F8_E5M2: [2 ** -16, 1, 57344, Infinity, NaN, -Infinity],
    };
    for (const dtype of ['F8_E4M3', 'F8_E5M2'] as const) {
      const codes = names[dtype];
      const header = { w: { dtype, shape: [codes.length], data_offsets: [0, codes.length] } };
      writeFile(file, safetensorsBytes(header, Uint8Array.from(codes)));
      assert.deepEqual([...(await mapOf('w')).values], expected[dtype]);
    }
  });

  it('list what the header says, with metadata, config and the other shards', async () => {
    writeEvery();
    writeFile(join(folder, 'config.json'), {});
    writeFile(join(folder, 'y.safetensors'), 'not looked at');
    writeFile(join(folder, 'model.safetensors.index.json'), {
      weight_map: { a: 'x.safetensors', b: 'y.safetensors', c: '../z.safetensors', d: 'gone.safetensors', e: 3 },
    });
    const read = await readTensorFile(file);
    assert.deepEqual(read.metadata, { format: 'pt', about: 'every dtype' });
    assert.deepEqual(read.shards, ['x.safetensors', 'y.safetensors']);
    assert.equal(read.hasConfig, true);
    const { bytes, ...f64 } = read.tensors[1]!;
    assert.deepEqual([f64, bytes], [{ name: 'F64', dtype: 'F64', shape: [500], offset: read.headerBytes + 1 }, 4000]);
    const other = join(tempFolder(), 'alone.safetensors');
    writeTensors(other, { a: { shape: [1], data: [1] } });
    const alone = await readTensorFile(other);
    assert.deepEqual([alone.hasConfig, alone.shards], [false, []]);
  });

  it('count zeros, NaN and infinities, and leave them out of the rest', async () => {
    const data = [1, NaN, 0, Infinity, -0, -3, -Infinity, NaN];
    writeTensors(file, {
      w: { shape: [2, 4], data },
      none: { shape: [2], data: [NaN, Infinity] },
      empty: { shape: [0, 4], data: [] },
    });
    const { histogram, ...numbers } = await summaryOf('w');
    const { mean, std } = naive([1, 0, 0, -3]);
    assert.deepEqual(numbers, {
      count: 8,
      read: 8,
      min: -3,
      max: 1,
      mean,
      std,
      zeros: 2,
      nan: 2,
      infinite: 2,
      rounded: false,
    });
    assert.equal(
      histogram.counts.reduce((a, b) => a + b),
      4,
    );
    assert.deepEqual([...(await mapOf('w')).values], data);
    const none = await summaryOf('none');
    assert.deepEqual([none.min, none.mean, none.std, none.nan, none.histogram.counts.length], [NaN, NaN, NaN, 1, 0]);
    assert.equal((await summaryOf('empty')).count, 0);
    assert.equal((await mapOf('empty')).values.length, 0);
  });

  it('of more than one piece have the statistics of all', async () => {
    const [ones, more] = [2 ** 21, 2 ** 20];
    const data = new Uint8Array(ones + more).fill(1, 0, ones).fill(201, ones);
    const header = { w: { dtype: 'U8', shape: [data.length], data_offsets: [0, data.length] } };
    writeFile(file, safetensorsBytes(header, data));
    const { mean, std, histogram } = await summaryOf('w');
    assertClose(mean, (ones + 201 * more) / data.length, 201);
    assertClose(std, 200 * Math.sqrt((ones * more) / data.length ** 2), 201);
    assert.deepEqual([histogram.counts[0], histogram.counts[63]], [ones, more]);
  });

  it('have a histogram of 64 bins, or one for each integer', async () => {
    const data = gaussian(5000, 7);
    writeTensors(file, {
      w: { shape: [5000], data: data, dtype: 'F64' },
      ids: { shape: [5], data: [3, 5, 5, 4, 3], dtype: 'I64' },
      far: { shape: [3], data: [0, 64, 640], dtype: 'I64' },
      same: { shape: [3], data: [2.5, 2.5, 2.5] },
      wide: { shape: [3], data: [-1.7e308, 1.7e308, 0], dtype: 'F64' },
    });
    const { histogram, min, max } = await summaryOf('w');
    const counts = new Array<number>(64).fill(0);
    for (const value of data) counts[Math.min(63, Math.floor((64 * (value - min)) / (max - min)))]!++;
    assert.deepEqual([...histogram.counts], counts);
    assert.deepEqual([histogram.from, histogram.to], [min, max]);
    const ids = (await summaryOf('ids')).histogram;
    assert.deepEqual([[...ids.counts], ids.from, ids.to], [[2, 1, 2], 3, 6]);
    const far = [...(await summaryOf('far')).histogram.counts];
    assert.deepEqual([far.length, far[0], far[6], far[63]], [64, 1, 1, 1]);
    assert.deepEqual([...(await summaryOf('same')).histogram.counts], [3]);
    const wide = [...(await summaryOf('wide')).histogram.counts];
    assert.deepEqual([wide[0], wide[32], wide[63]], [1, 1, 1], 'the range is more than float64 holds');
  });

  it('have a matrix at every index of the dimensions before, and parts of it', async () => {
    const shape = [2, 3, 4, 5];
    const data = gaussian(120, 11);
    writeTensors(file, { w: { shape, data, dtype: 'F64' } });
    const at = (a: number, b: number, row: number, column: number): number =>
      data[((a * 3 + b) * 4 + row) * 5 + column]!;
    const { values, ...map } = await mapOf('w', { index: [1, 2], window: { row: 1, rows: 2, column: 2, columns: 3 } });
    assert.deepEqual(
      [...values],
      [1, 2].flatMap((row) => [2, 3, 4].map((column) => at(1, 2, row, column))),
    );
    assert.deepEqual([map.rows, map.columns, map.whole], [2, 3, { rows: 4, columns: 5 }]);
    for (const index of [[], [2, 0], [0, -1], [0.5, 0], [0, 0, 0]])
      await assert.rejects(mapOf('w', { index }), /has no matrix at index/);
    for (const window of [
      { row: 0, rows: 5, column: 0, columns: 1 },
      { row: 0, rows: 0, column: 0, columns: 1 },
      { row: -1, rows: 1, column: 0, columns: 1 },
      { row: 0, rows: 1, column: 4.5, columns: 0.5 },
    ])
      await assert.rejects(mapOf('w', { index: [0, 0], window }), /is not a part of them/);
  });

  it('larger than the grid are shown by first values or means of blocks', async () => {
    const [rows, columns] = [1100, 700];
    const data = gaussian(rows * columns, 13);
    writeTensors(file, {
      w: { shape: [rows, columns], data, dtype: 'F64' },
      v: { shape: [rows * columns], data, dtype: 'F64' },
    });
    const part: TensorWindow = { row: 3, rows: 1030, column: 5, columns: 690 };
    for (const window of [undefined, part]) {
      const { row, column, ...size } = window ?? { row: 0, rows, column: 0, columns };
      const first = await mapOf('w', { ...(window && { window }) });
      const mean = await mapOf('w', { blocks: 'mean', ...(window && { window }) });
      assert.deepEqual(
        [first.rowStep, first.columnStep, first.rows, first.columns],
        [3, 2, Math.ceil(size.rows / 3), size.columns / 2],
      );
      assert.ok(first.rows <= MOST && first.columns <= MOST);
      for (let i = 0; i < first.rows; i += 7)
        for (let j = 0; j < first.columns; j += 3) {
          const block: number[] = [];
          for (let r = 3 * i; r < Math.min(size.rows, 3 * i + 3); r++)
            for (let c = 2 * j; c < 2 * j + 2; c++) block.push(data[(row + r) * columns + column + c]!);
          assert.equal(first.values[i * first.columns + j], block[0]);
          assertClose(mean.values[i * first.columns + j]!, naive(block).mean, 5);
        }
    }
    const strip = await mapOf('v');
    assert.deepEqual([strip.rows, strip.columns, strip.whole], [1, 512, { rows: 1, columns: rows * columns }]);
    assert.equal(strip.values[400], data[400 * strip.columnStep]);
    const means = await mapOf('v', { blocks: 'mean' });
    assertClose(means.values[400]!, naive([...data.subarray(400 * 1504, 401 * 1504)]).mean, 5);
  });

  it('are read in the same way once the file is another', async () => {
    writeTensors(file, { w: { shape: [2], data: [1, 2] } });
    assert.equal((await summaryOf('w')).max, 2);
    writeTensors(file, { other: { shape: [3], data: [1, 2, 9] } });
    assert.equal((await summaryOf('other')).max, 9);
    await assert.rejects(summaryOf('w'), /x\.safetensors has no tensor w\.$/);
  });
});
