/** A `.safetensors` file as a list of tensors, and its bytes in pieces. Only what is asked for is read. */
import * as l10n from '@vscode/l10n';
import { open, readdir, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { TensorFile } from '../../protocol/tensors';
import type { StoredTensor } from '../checkpoint/checkpoint';
import { InputError, oneLine, systemReason } from '../checkpoint/errors';
import { readJsonObject } from '../checkpoint/json';
import { readWholeHeader, type SafetensorsFile } from '../checkpoint/safetensors';
import { DECODED, type Decoder, decoderOf, type Numbers } from './decode';

/** Headers that were read last, with when and how large their files were. */
const headers = new Map<string, { version: string; file: SafetensorsFile }>();
const KEPT = 4;

/** The header, read again only when the file has changed. @throws InputError */
async function headerOf(path: string): Promise<SafetensorsFile> {
  const version = await stat(path).then(
    ({ mtimeMs, size, ino }) => [mtimeMs, size, ino].join(),
    () => '',
  );
  const known = headers.get(path);
  headers.delete(path);
  const file = known?.version === version && version !== '' ? known.file : await readWholeHeader(path);
  headers.set(path, { version, file });
  for (const oldest of headers.keys()) if (headers.size > KEPT) headers.delete(oldest);
  return file;
}

/** Reads the header, and the names of what lies beside the file. @throws InputError */
export async function readTensorFile(path: string): Promise<TensorFile> {
  const { tensors, ...about } = await headerOf(path);
  const names = await readdir(dirname(path)).catch((): string[] => []);
  const { metadata, fileBytes, headerBytes } = about;
  return {
    tensors: [...tensors].map(([name, { dtype, shape, length, offset }]) => ({
      ...{ name, dtype, shape, offset },
      bytes: length,
    })),
    ...{ metadata, fileBytes, headerBytes },
    hasConfig: names.includes('config.json'),
    shards: await shardsOf(path, names),
  };
}

/** The files of an index beside the file that names it. */
async function shardsOf(path: string, names: readonly string[]): Promise<string[]> {
  for (const index of names.filter((name) => name.endsWith('.safetensors.index.json'))) {
    const read = await readJsonObject(join(dirname(path), index)).catch(() => undefined);
    const map = read?.['weight_map'];
    if (typeof map !== 'object' || map === null) continue;
    const shards = new Set(Object.values(map).filter((shard): shard is string => typeof shard === 'string'));
    // only what lies here: an index may name anything
    if (shards.has(basename(path))) return [...shards].filter((shard) => names.includes(shard)).sort();
  }
  return [];
}

/** A tensor whose values can be read. */
export interface OpenTensor {
  name: string;
  shape: number[];
  count: number;
  integer: boolean;
  /** Of one element. */
  elementBytes: number;
  /** Values `from` to `from + count` in the order of the file. @throws InputError when the file ends before them */
  read(from: number, count: number): Promise<Numbers>;
}

/**
 * Opens the file while `task` runs.
 * @throws InputError when there is no such tensor, or its dtype cannot be decoded
 */
export async function withTensor<T>(path: string, name: string, task: (tensor: OpenTensor) => Promise<T>): Promise<T> {
  const stored = (await headerOf(path)).tensors.get(name);
  if (!stored) throw new InputError(l10n.t('{0} has no tensor {1}.', path, name));
  const decoder = decoderOf(stored.dtype);
  if (!decoder) {
    throw new InputError(
      l10n.t(
        '{0}: the values of tensor {1} are not known: its dtype is {2}, one of {3} was expected.',
        path,
        name,
        oneLine(stored.dtype),
        DECODED.join(', '),
      ),
    );
  }
  const cannot = (cause: unknown): never => {
    throw new InputError(l10n.t('{0} cannot be read: {1}.', path, systemReason(cause)));
  };
  const handle = await open(stored.file, 'r').catch(cannot);
  try {
    return await task(openTensor(handle, path, name, stored, decoder));
  } finally {
    await handle.close();
  }
}

function openTensor(
  handle: FileHandle,
  path: string,
  name: string,
  { shape, offset, length }: StoredTensor,
  { bytes: elementBytes, integer, decode }: Decoder,
): OpenTensor {
  return {
    ...{ name, shape, integer, elementBytes },
    count: length / elementBytes,
    read: async (from, count) => {
      const bytes = new Uint8Array(count * elementBytes);
      const start = offset + from * elementBytes;
      for (let done = 0; done < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
        if (bytesRead === 0)
          throw new InputError(l10n.t('{0} ended at byte {1} while it was read.', path, start + done));
        done += bytesRead;
      }
      return decode(bytes);
    },
  };
}
