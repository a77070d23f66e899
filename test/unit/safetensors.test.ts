import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../src/engine/checkpoint/errors';
import { readSafetensors, writeSafetensors } from '../../src/engine/checkpoint/safetensors';
import {
  fromBF16,
  fromF16,
  readTensors,
  safetensorsBytes,
  tempFolder,
  toBF16,
  toF16,
  writeFile,
} from './support/files';
import { writeTensors } from './support/files';

const entry = (shape: unknown, offsets: unknown, dtype: unknown = 'F32'): object => ({
  dtype,
  shape,
  data_offsets: offsets,
});

describe('reading safetensors', () => {
  const folder = tempFolder();
  const file = join(folder, 'x.safetensors');
  const refuses = (content: Uint8Array, ...expected: (string | RegExp)[]): Promise<void> =>
    assert.rejects(readSafetensors(writeFile(file, content)), (error: unknown) => {
      assert.ok(error instanceof InputError, String(error));
      assert.ok(error.message.startsWith(file), error.message);
      for (const part of expected) assert.match(error.message, new RegExp(part));
      return true;
    });
  /** A file whose only entry `w` is wrong. */
  const refusesEntry = (w: unknown, data: number, ...expected: (string | RegExp)[]): Promise<void> =>
    refuses(safetensorsBytes({ w }, new Uint8Array(data)), 'tensor w', ...expected);

  it('gives name, dtype, shape and place of every tensor', async () => {
    writeTensors(file, {
      a: { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] },
      half: { shape: [2], data: [0.5, -2], dtype: 'F16' },
      empty: { shape: [0, 4], data: [] },
      scalar: { shape: [], data: [7], dtype: 'BF16' },
    });
    const tensors = await readSafetensors(file);
    assert.deepEqual([...tensors.keys()], ['a', 'half', 'empty', 'scalar']);
    const a = tensors.get('a')!;
    const bytes = readFileSync(file);
    assert.deepEqual({ dtype: a.dtype, shape: a.shape, length: a.length }, { dtype: 'F32', shape: [2, 3], length: 24 });
    assert.equal(bytes.readFloatLE(a.offset + 20), 6);
    assert.equal(bytes.readUInt16LE(tensors.get('half')!.offset), 0x3800);
    assert.equal(tensors.get('scalar')!.length, 2);
  });

  it('resolves symlinks, as in the cache of Hugging Face', async () => {
    const link = join(folder, 'link.safetensors');
    writeTensors(file, { a: { shape: [1], data: [1] } });
    symlinkSync(file, link);
    assert.equal((await readSafetensors(link)).get('a')!.file, realpathSync(file));
  });

  it('refuses a file that is not there or is a folder', async () => {
    await assert.rejects(
      readSafetensors(join(folder, 'none.safetensors')),
      /none\.safetensors cannot be read: no such file/,
    );
    await assert.rejects(readSafetensors(folder), InputError);
  });
  it('refuses a file shorter than its length field', () => refuses(new Uint8Array(7), '7 bytes, at least 8'));
  it('refuses an absurd header length', () =>
    refuses(Buffer.from('ffffffffffffff7f', 'hex'), /header length is 9223372036854775807/, 'at most 100000000'));
  it('refuses a header that is longer than the file', () =>
    refuses(safetensorsBytes('{"a":1}').subarray(0, 12), 'truncated: its header is 7 bytes long, but only 4'));
  it('refuses a header that is not JSON', () => refuses(safetensorsBytes('{"a":'), 'header is not JSON'));
  it('refuses a header that is not an object', () => refuses(safetensorsBytes('[1]'), 'not a JSON object'));
  it('refuses an entry that is not an object', () => refusesEntry(3, 0, 'is 3, an object was expected'));
  it('refuses an unknown dtype', () => refusesEntry(entry([1], [0, 4], 'F33'), 4, 'dtype "F33", one of .*BF16'));
  it('refuses a dtype that is a key of every object', () =>
    refusesEntry(entry([1], [0, 4], 'constructor'), 4, 'dtype "constructor"'));
  it('refuses a negative size', () => refusesEntry(entry([-1, -1], [0, 4]), 4, 'shape \\[-1,-1\\], .*non-negative'));
  it('refuses a fractional size', () => refusesEntry(entry([0.5, 2], [0, 4]), 4, 'shape'));
  it('refuses a shape that is not an array', () => refusesEntry(entry('1', [0, 4]), 4, 'shape "1"'));
  it('refuses offsets that are not two integers', async () => {
    await refusesEntry(entry([1], [0]), 4, 'data_offsets \\[0\\], two');
    await refusesEntry(entry([1], [-4, 0]), 4, 'data_offsets');
    await refusesEntry(entry([1], undefined), 4, 'data_offsets nothing');
  });
  it('refuses offsets in the wrong order', () => refusesEntry(entry([1], [4, 0]), 4, 'first must not be greater'));
  it('refuses a size that does not fit the shape', () =>
    refusesEntry(entry([2, 2], [0, 12]), 12, '12 bytes of data, 16 were expected for F32 of shape \\[2,2\\]'));
  it('refuses a shape whose product overflows', () =>
    refusesEntry(entry([2 ** 32, 2 ** 32], [0, 0]), 0, '0 bytes of data, '));
  it('refuses data beyond the end of the file', () =>
    refusesEntry(entry([4], [0, 16]), 15, 'ends at byte \\d+, but the file has \\d+ bytes: it is truncated'));
  it('refuses overlapping tensors', () =>
    refuses(
      safetensorsBytes({ b: entry([2], [4, 12]), a: entry([2], [0, 8]) }, new Uint8Array(12)),
      'tensors a and b overlap',
    ));
  it('refuses a name that is there twice', () => {
    const one = JSON.stringify(entry([1], [0, 4]));
    const two = JSON.stringify(entry([1], [4, 8]));
    return refuses(safetensorsBytes(`{"w":${one},"\\u0077":${two}}`, new Uint8Array(8)), 'names tensor w twice');
  });
  it('finds the second one behind a name with a quote', () => {
    const same = JSON.stringify(entry([0], [0, 0]));
    return refuses(safetensorsBytes(`{"\\"":${same},"w":${same},"w":${same}}`), 'names tensor w twice');
  });
  it('finds the second one behind a very long name', () => {
    const same = JSON.stringify(entry([0], [0, 0]));
    return refuses(
      safetensorsBytes(`{"${'\\\\n'.repeat(4e6)}":${same},"w":${same} , "w" :${same}}`),
      'names tensor w twice',
    );
  });
  it('reads names with quotes and backslashes', async () => {
    const names = ['w', '"w":', '\\', '\\"', '{"w":'];
    writeFileSync(file, safetensorsBytes(Object.fromEntries(names.map((name) => [name, entry([0], [0, 0])]))));
    assert.deepEqual([...(await readSafetensors(file)).keys()], names);
  });
  it('does not mistake keys inside entries and metadata for tensors', async () => {
    const header = { __metadata__: { a: '{"a":1}', b: '"' }, a: entry([1], [0, 4]), __proto__x: entry([0], [4, 4]) };
    writeFileSync(file, safetensorsBytes(header, new Uint8Array(4)));
    assert.deepEqual([...(await readSafetensors(file)).keys()], ['a', '__proto__x']);
  });
});

describe('writing safetensors', () => {
  const folder = tempFolder();
  const file = join(folder, 'out.safetensors');

  it('writes what is read back, data at a multiple of 8', async () => {
    const tensors = {
      'blocks.0.attn.hook_pattern': { shape: [2, 2], data: Float32Array.of(1, 0, 0.25, 0.75) },
      empty: { shape: [0], data: new Float32Array() },
      // a view into a larger buffer
      logits: { shape: [2], data: new Float32Array([9, 1, 2, 9]).subarray(1, 3) },
    };
    await writeSafetensors(file, tensors);
    const back = readTensors(file);
    assert.deepEqual(Object.keys(back), Object.keys(tensors));
    assert.deepEqual([...back['blocks.0.attn.hook_pattern']!.data], [1, 0, 0.25, 0.75]);
    assert.deepEqual([...back.logits!.data], [1, 2]);
    const places = await readSafetensors(file);
    assert.equal(places.get('blocks.0.attn.hook_pattern')!.offset % 8, 0);
    assert.deepEqual(readdirSync(folder), ['out.safetensors']);
  });

  it('writes F64 and I64', async () => {
    const integers = [0n, -1n, 2n ** 53n - 1n];
    await writeSafetensors(file, {
      integers: { shape: [3], data: BigInt64Array.from(integers) },
      doubles: { shape: [1, 2], data: Float64Array.of(0.1, -1e300) },
    });
    const places = await readSafetensors(file);
    assert.deepEqual([places.get('integers')!.dtype, places.get('doubles')!.dtype], ['I64', 'F64']);
    assert.deepEqual(places.get('doubles')!.shape, [1, 2]);
    const bytes = readFileSync(file);
    const { offset } = places.get('integers')!;
    integers.forEach((value, i) => assert.equal(bytes.readBigInt64LE(offset + 8 * i), value));
    assert.equal(bytes.readDoubleLE(places.get('doubles')!.offset), 0.1);
    assert.equal(bytes.readDoubleLE(places.get('doubles')!.offset + 8), -1e300);
  });

  it('pads headers of every length', async () => {
    for (let length = 1; length <= 8; length++) {
      const name = 'x'.repeat(length);
      await writeSafetensors(file, { [name]: { shape: [1], data: Float32Array.of(length) } });
      assert.equal((await readSafetensors(file)).get(name)!.offset % 8, 0);
      assert.equal(readTensors(file)[name]!.data[0], length);
    }
  });

  it('writes arrays larger than one chunk', async () => {
    const data = Float32Array.from({ length: 5 << 20 }, (_, i) => i);
    await writeSafetensors(file, { big: { shape: [data.length], data } });
    const { offset, length } = (await readSafetensors(file)).get('big')!;
    const bytes = readFileSync(file);
    assert.equal(bytes.length, offset + length);
    assert.equal(bytes.readFloatLE(bytes.length - 4), data.length - 1);
  });

  it('leaves the old file alone and nothing behind when it fails', async () => {
    writeFileSync(file, 'old');
    await assert.rejects(
      writeSafetensors(file, { a: { shape: [3], data: new Float32Array(2) } }),
      /a has 2 values.*\[3\]/,
    );
    await assert.rejects(writeSafetensors(join(folder, 'none', 'x'), {}), /cannot be written: no such file/);
    mkdirSync(join(folder, 'taken'));
    await assert.rejects(writeSafetensors(join(folder, 'taken'), {}), /taken cannot be written/);
    assert.equal(readFileSync(file, 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder), ['out.safetensors', 'taken']);
  });
});

describe('half precision of the test files', () => {
  it('rounds to the nearest, ties to even', () => {
    for (const [value, bits] of [
      [1, 0x3c00],
      [-2, 0xc000],
      [65504, 0x7bff],
      [2 ** -24, 1],
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [0.99999, 0x3c00],
    ] as const) {
      assert.equal(toF16(value), bits);
    }
    for (let bits = 0; bits < 0x7c00; bits += 7) assert.equal(toF16(fromF16(bits)), bits);
    assert.equal(toBF16(1), 0x3f80);
    assert.equal(toBF16(-1 - 2 ** -8), 0xbf80);
    assert.equal(toBF16(-1 - 3 * 2 ** -8), 0xbf82);
    assert.equal(fromBF16(0xc040), -3);
  });
});
