// Damaged files, and how little is read of large ones.
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../src/engine/checkpoint/errors';
import { CancelledError } from '../../src/engine/errors';
import type { Steps } from '../../src/engine/runtime/types';
import { readTensorFile } from '../../src/engine/tensors/file';
import { tensorHeatmap } from '../../src/engine/tensors/heatmap';
import { AT_ONCE, SAMPLE, tensorSummary } from '../../src/engine/tensors/summary';
import type { TensorHeatmap, TensorSummary } from '../../src/protocol/tensors';
import { gaussian, safetensorsBytes, tempFolder, writeFile, writeTensors } from './support/files';

const steps: Steps = { step: async () => undefined };
const folder = tempFolder();
const file = join(folder, 'x.safetensors');
const summaryOf = (name: string, path = file): Promise<TensorSummary> =>
  tensorSummary({ path, name, all: false }, steps);
const mapOf = (name: string, path = file): Promise<TensorHeatmap> =>
  tensorHeatmap({ path, name, index: [], blocks: 'first' }, steps);
const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

/** Bytes that `work` reads through file handles. */
async function bytesRead(work: () => Promise<unknown>): Promise<number> {
  const handle = await open(__filename);
  const prototype = Object.getPrototypeOf(handle) as { read: (...args: unknown[]) => Promise<{ bytesRead: number }> };
  await handle.close();
  const { read } = prototype;
  let total = 0;
  prototype.read = async function (this: FileHandle, ...args) {
    const result = await read.apply(this, args);
    total += result.bytesRead;
    return result;
  };
  try {
    await work();
  } finally {
    prototype.read = read;
  }
  return total;
}

describe('damaged files', () => {
  it('are told in one sentence that names them', async () => {
    const refuses = (content: Uint8Array, expected: RegExp): Promise<void> =>
      assert.rejects(readTensorFile(writeFile(file, content)), (error: unknown) => {
        assert.ok(error instanceof InputError && error.message.startsWith(file), String(error));
        assert.match(error.message, expected);
        return true;
      });
    await refuses(new Uint8Array(), /it has 0 bytes, at least 8 were expected\.$/);
    await refuses(safetensorsBytes('{"a":1}').subarray(0, 12), /is truncated: its header is 7 bytes long/);
    await refuses(
      safetensorsBytes({ w: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } }),
      /tensor w ends at byte/,
    );
    const huge = { dtype: 'F32', shape: [2 ** 50, 2 ** 50], data_offsets: [0, 16] };
    await refuses(safetensorsBytes({ w: huge }, new Uint8Array(16)), /tensor w has 16 bytes of data/);
    const overlapping = {
      a: { dtype: 'U8', shape: [4], data_offsets: [0, 4] },
      b: { dtype: 'X', shape: [], data_offsets: [2, 5] },
    };
    await refuses(safetensorsBytes(overlapping, new Uint8Array(5)), /overlap/);
  });

  it('without tensors are empty lists', async () => {
    const { tensors, headerBytes } = await readTensorFile(writeFile(file, safetensorsBytes('{}')));
    assert.deepEqual([tensors, headerBytes], [[], 10]);
  });

  it('show a dtype that is not known, and say so when its values are asked for', async () => {
    const header = {
      w: { dtype: 'F33', shape: [2], data_offsets: [0, 9] },
      f4: { dtype: 'F4', shape: [4], data_offsets: [9, 11] },
    };
    const { tensors } = await readTensorFile(writeFile(file, safetensorsBytes(header, new Uint8Array(11))));
    assert.deepEqual(tensors.map(({ dtype, bytes }) => [dtype, bytes]), [['F33', 9], ['F4', 2]]); // prettier-ignore
    await assert.rejects(summaryOf('w'), /the values of tensor w are not known: its dtype is F33, one of .*BF16/);
    await assert.rejects(mapOf('f4'), InputError);
    await assert.rejects(summaryOf('constructor'), /has no tensor constructor/);
  });

  it('that end while they are read are told', async () => {
    writeTensors(file, { w: { shape: [1000], data: gaussian(1000, 1) } });
    const cut: Steps = { step: async () => truncateSync(file, 2000) };
    await assert.rejects(
      tensorSummary({ path: file, name: 'w', all: false }, cut),
      /ended at byte 2000 while it was read/,
    );
  });
});

describe('a file of 10 GB', () => {
  const big = join(folder, 'big.safetensors');
  const columns = 4096;
  // only other systems leave out what was never written
  const rows = process.platform === 'win32' ? 61_000 : 610_000;
  const count = rows * columns;
  const small = Float32Array.of(1, 2, 3);

  before(() => {
    const header = {
      big: { dtype: 'F32', shape: [rows, columns], data_offsets: [12, 12 + 4 * count] },
      small: { dtype: 'F32', shape: [3], data_offsets: [0, 12] },
      vector: { dtype: 'U8', shape: [1e8], data_offsets: [12 + 4 * count, 12 + 4 * count + 1e8] },
    };
    const bytes = safetensorsBytes(header, bytesOf(small));
    writeFile(big, bytes);
    const handle = openSync(big, 'r+');
    ftruncateSync(handle, bytes.length + 4 * count + 1e8);
    // the last value of the large tensor
    writeSync(handle, bytesOf(Float32Array.of(-7)), 0, 4, bytes.length + 4 * count - 4);
    closeSync(handle);
  });
  after(() => rmSync(big));

  it('is opened by its header alone', async () => {
    let headerBytes = 0;
    const read = await bytesRead(async () => {
      const about = await readTensorFile(big);
      assert.ok(about.fileBytes > 4 * count);
      headerBytes = about.headerBytes;
    });
    assert.equal(read, headerBytes);
  });

  it('gives a small tensor for few bytes', async () => {
    assert.equal(await bytesRead(async () => assert.equal((await summaryOf('small', big)).max, 3)), 24, 'twice');
    assert.equal(await bytesRead(() => mapOf('small', big)), 12);
  });

  it('gives a sample of a large one, from its first to its last value', async () => {
    const read = await bytesRead(async () => {
      const summary = await summaryOf('big', big);
      const { pieces, values } = SAMPLE;
      assert.deepEqual([summary.count, summary.read, summary.zeros], [count, pieces * values, pieces * values - 1]);
      assert.equal(summary.min, -7);
    });
    assert.equal(read, 2 * 4 * SAMPLE.pieces * SAMPLE.values);
    assert.ok(SAMPLE.pieces * SAMPLE.values < AT_ONCE);
  });

  it('gives a picture for as many rows as it has, of long rows for single values', async () => {
    const read = await bytesRead(async () => assert.equal((await mapOf('big', big)).rows, 512));
    assert.equal(read, 512 * 4 * columns);
    const long = await bytesRead(async () => assert.equal((await mapOf('vector', big)).columns, 512));
    assert.equal(long, 512);
  });

  it('reads all of it in pieces, with progress, until it is cancelled', async () => {
    const seen: (number | undefined)[] = [];
    const stopping: Steps = {
      step: async (_message, fraction) => {
        if (seen.push(fraction) === 4) throw new CancelledError();
      },
    };
    const asked = tensorSummary({ path: big, name: 'big', all: true }, stopping);
    await assert.rejects(asked, CancelledError);
    assert.equal(seen[0], 0);
    assert.ok(
      seen.every((fraction, i) => i === 0 || fraction! > seen[i - 1]!),
      seen.join(),
    );
    const mean = tensorHeatmap(
      { path: big, name: 'big', index: [], blocks: 'mean' },
      {
        step: () => Promise.reject(new CancelledError()),
      },
    );
    await assert.rejects(mean, CancelledError);
  });
});
