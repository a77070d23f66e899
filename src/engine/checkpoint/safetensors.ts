/** The safetensors format: 8 bytes header length (little endian), a JSON header, tensor data. Only the header is read. */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { StoredTensor } from './checkpoint';
import { InputError, shown, systemReason } from './errors';
import { duplicateKey } from './json';
import { statFile } from './regularFile';

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

/** Bits of one element. */
const DTYPE_BITS: Record<string, number> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
};

/**
 * The tensors of a safetensors file, by name. Every entry is checked: known dtype, shape, size, place inside the file,
 * no overlap.
 * @throws InputError naming file and tensor.
 */
export const readSafetensors = (path: string): Promise<Map<string, StoredTensor>> =>
  withHeader(path, (entries, place) => checkEntries(entries, place));

/** What a safetensors file says of itself: `__metadata__`, texts only. @throws InputError naming the file */
export const readMetadata = (path: string): Promise<Record<string, string>> => withHeader(path, textsOf);

export interface SafetensorsFile {
  tensors: Map<string, StoredTensor>;
  metadata: Record<string, string>;
  fileBytes: number;
  /** Length field and header. */
  headerBytes: number;
}

/** All that a header says. A dtype may be one that nobody knows: its bytes are not compared with the shape. @throws InputError naming file and tensor */
export const readWholeHeader = (path: string): Promise<SafetensorsFile> =>
  withHeader(path, (entries, place) => ({
    tensors: checkEntries(entries, { ...place, anyDtype: true }),
    metadata: textsOf(entries),
    fileBytes: place.dataStart + place.dataBytes,
    headerBytes: place.dataStart,
  }));

const textsOf = ({ __metadata__: metadata }: { __metadata__?: object }): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata ?? {}).filter(([, value]) => typeof value === 'string'));

async function withHeader<T>(path: string, read: (entries: { __metadata__?: object }, place: Place) => T): Promise<T> {
  const cannot = (cause: unknown): never => {
    throw cause instanceof InputError
      ? cause
      : new InputError(l10n.t('{0} cannot be read: {1}.', path, systemReason(cause)));
  };
  await statFile(path, l10n.t('a .safetensors file')).catch(cannot);
  const file = await realpath(path).catch(cannot);
  const handle = await open(file, 'r').catch(cannot);
  try {
    const { size } = await handle.stat();
    const header = await readHeader(handle, path, size);
    return read(header.entries, { path, file, dataStart: header.end, dataBytes: size - header.end });
  } finally {
    await handle.close();
  }
}

async function readBytes(handle: FileHandle, path: string, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, position + done);
    if (bytesRead === 0)
      throw new InputError(l10n.t('{0} ended at byte {1} while it was read.', path, position + done));
    done += bytesRead;
  }
  return buffer;
}

async function readHeader(
  handle: FileHandle,
  path: string,
  fileBytes: number,
): Promise<{ entries: object; end: number }> {
  if (fileBytes < 8) {
    throw new InputError(
      l10n.t('{0} is not a safetensors file: it has {1} bytes, at least 8 were expected.', path, fileBytes),
    );
  }
  const stored = (await readBytes(handle, path, 0, 8)).readBigUInt64LE(0);
  const length = Number(stored);
  if (length > MAX_HEADER_BYTES) {
    throw new InputError(
      l10n.t(
        '{0} is not a safetensors file: its header length is {1} bytes, at most {2} were expected.',
        path,
        String(stored),
        MAX_HEADER_BYTES,
      ),
    );
  }
  if (length > fileBytes - 8) {
    throw new InputError(
      l10n.t(
        '{0} is truncated: its header is {1} bytes long, but only {2} bytes follow the length.',
        path,
        length,
        fileBytes - 8,
      ),
    );
  }
  const text = (await readBytes(handle, path, 8, length)).toString('utf8');
  return { entries: parseHeader(text, path), end: 8 + length };
}

function parseHeader(text: string, path: string): object {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new InputError(l10n.t('{0} is not a safetensors file: its header is not JSON.', path));
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new InputError(l10n.t('{0} is not a safetensors file: its header is not a JSON object.', path));
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) throw new InputError(l10n.t('{0} names tensor {1} twice in its header.', path, twice));
  return header;
}

interface Place {
  /** As the person knows it, for messages. */
  path: string;
  file: string;
  dataStart: number;
  dataBytes: number;
  /** Also dtypes whose size is not known. */
  anyDtype?: boolean;
}

function checkEntries(header: object, place: Place): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name !== '__metadata__') tensors.set(name, checkEntry(name, entry, place));
  }
  checkOverlaps(tensors, place.path);
  return tensors;
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isSizes = (value: unknown): value is number[] => Array.isArray(value) && value.every(isSize);

function checkEntry(name: string, entry: unknown, { path, file, dataStart, dataBytes, anyDtype }: Place): StoredTensor {
  const fail = (problem: string): never => {
    throw new InputError(l10n.t('{0}: tensor {1} {2}.', path, name, problem));
  };
  if (typeof entry !== 'object' || entry === null) return fail(l10n.t('is {0}, an object was expected', shown(entry)));
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  const bits = typeof dtype === 'string' && Object.hasOwn(DTYPE_BITS, dtype) ? DTYPE_BITS[dtype] : undefined;
  if (typeof dtype !== 'string' || (bits === undefined && !anyDtype)) {
    return fail(l10n.t('has dtype {0}, one of {1} was expected', shown(dtype), Object.keys(DTYPE_BITS).join(', ')));
  }
  if (!isSizes(shape))
    return fail(l10n.t('has shape {0}, an array of non-negative integers was expected', shown(shape)));
  if (!isSizes(offsets) || offsets.length !== 2) {
    return fail(l10n.t('has data_offsets {0}, two non-negative integers were expected', shown(offsets)));
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end)
    return fail(l10n.t('has data_offsets {0}, the first must not be greater than the second', shown(offsets)));
  const expected = bits === undefined ? end - begin : (shape.reduce((product, size) => product * size, 1) * bits) / 8;
  if (expected !== end - begin) {
    return fail(
      l10n.t(
        'has {0} bytes of data, {1} were expected for {2} of shape {3}',
        end - begin,
        expected,
        dtype,
        shown(shape),
      ),
    );
  }
  if (end > dataBytes) {
    return fail(
      l10n.t('ends at byte {0}, but the file has {1} bytes: it is truncated', dataStart + end, dataStart + dataBytes),
    );
  }
  return { file, dtype, shape, offset: dataStart + begin, length: end - begin };
}

function checkOverlaps(tensors: Map<string, StoredTensor>, path: string): void {
  const byOffset = [...tensors].filter(([, t]) => t.length > 0).sort(([, a], [, b]) => a.offset - b.offset);
  for (let i = 1; i < byOffset.length; i++) {
    const [before, a] = byOffset[i - 1]!;
    const [name, b] = byOffset[i]!;
    if (a.offset + a.length > b.offset) {
      throw new InputError(
        l10n.t('{0}: tensors {1} and {2} overlap; each was expected to have its own bytes.', path, before, name),
      );
    }
  }
}

/** Bytes written at once. */
const CHUNK = 8 << 20;

/** A tensor to write; its dtype is that of its array. */
export interface TensorData {
  shape: number[];
  data: Float32Array | Float64Array | Int32Array | BigInt64Array;
}

const dtypeOf = (data: TensorData['data']): string => {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Float64Array) return 'F64';
  return data instanceof Int32Array ? 'I32' : 'I64';
};

/**
 * Writes F32, F64, I32 or I64 tensors. The file appears whole or not at all: it is written under another name and then renamed.
 * @param metadata texts about the file, in its header
 * @throws InputError when a shape does not fit its data.
 */
export async function writeSafetensors(
  file: string,
  tensors: Record<string, TensorData>,
  metadata: Record<string, string> = {},
): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  const header = headerOf(tensors, metadata);
  const handle = await open(temporary, 'wx').catch((cause: unknown) => {
    throw new InputError(l10n.t('{0} cannot be written: {1}.', file, systemReason(cause)));
  });
  try {
    try {
      await handle.writeFile(header);
      for (const { data } of Object.values(tensors)) {
        for (let at = 0; at < data.byteLength; at += CHUNK) {
          const length = Math.min(CHUNK, data.byteLength - at);
          await handle.writeFile(new Uint8Array(data.buffer, data.byteOffset + at, length));
        }
      }
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new InputError(l10n.t('{0} cannot be written: {1}.', file, systemReason(cause)));
  }
}

/** Length and JSON header, padded with spaces so that the data begins at a multiple of 8. */
function headerOf(tensors: Record<string, TensorData>, metadata: Record<string, string>): Buffer {
  const entries: [string, object][] = [['__metadata__', { format: 'pt', ...metadata }]];
  let end = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (shape.reduce((product, size) => product * size, 1) !== data.length) {
      throw new InputError(
        l10n.t('Tensor {0} has {1} values, which is not what shape {2} holds.', name, data.length, shown(shape)),
      );
    }
    entries.push([name, { dtype: dtypeOf(data), shape, data_offsets: [end, (end += data.byteLength)] }]);
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8), 0);
  json.copy(header, 8);
  return header;
}
