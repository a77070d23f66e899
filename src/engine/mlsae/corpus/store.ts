/**
 * A sweep's folder: `sweep.json` says what was swept and how far, and names the safetensors file with the arrays that belong to
 * it. That file is written first and `sweep.json` then replaced, so that the folder is whole whenever the process is killed.
 */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredTensor } from '../../checkpoint/checkpoint';
import { InputError } from '../../checkpoint/errors';
import { readJsonObject } from '../../checkpoint/json';
import { readSafetensors, writeSafetensors } from '../../checkpoint/safetensors';
import type { TensorData } from '../../checkpoint/safetensors';
import { makeFolder, writable } from './folder';
import type { Identity } from './identity';
import { wrongField } from './recordFields';
import type { Cursor } from './sequences';

export const RECORD = 'sweep.json';
/** Names of the corpus' files, one a line. */
const FILES = 'sweep.files.txt';
const DONE = 'sweep.safetensors';
const PARTIAL = /^sweep\.(\d+\.)?safetensors/;
const LEFT = /^sweep\..*\.tmp$/;
const VERSION = 1;

/** What `sweep.json` holds. */
export interface SweepRecord {
  version: number;
  identity: Identity;
  shard: { index: number; count: number } | null;
  /** What was asked for, for people. */
  globs: string[];
  layers: number[];
  nLatents: number;
  complete: boolean;
  cursor: Cursor | null;
  /** Sums in multiples of 2^-40. */
  scalars: string[];
  notices: string[];
  /** File with the arrays. */
  tensors: string;
  /** The process that writes here; null when it is done. */
  writer: string | null;
}

export type SweepArrays = Record<string, TensorData>;

/** @returns undefined when there is no sweep in the folder */
export async function readRecord(dir: string): Promise<SweepRecord | undefined> {
  const file = join(dir, RECORD);
  if (!(await readdir(dir).catch(() => [] as string[])).includes(RECORD)) return undefined;
  const record = (await readJsonObject(file)) as unknown as SweepRecord;
  if (record.version !== VERSION)
    throw new InputError(
      l10n.t('{0} is of version {1}; version {2} was expected.', file, String(record.version), VERSION),
    );
  const wrong = wrongField(record) ?? (PARTIAL.test(record.tensors) ? undefined : 'tensors');
  if (wrong) throw new InputError(l10n.t('{0} is not what a sweep writes: {1} is missing or wrong.', file, wrong));
  return record;
}

/** Writes a sweep's folder. */
export class SweepWriter {
  private readonly id = randomBytes(8).toString('hex');
  private saves = 0;
  /** What the folder has if nobody else writes there. */
  private mine = '';

  constructor(private readonly dir: string) {}

  /** @throws InputError when the folder cannot be made or written */
  begin(files: string[]): Promise<void> {
    return writable(this.dir, () => this.prepare(files));
  }

  private async prepare(files: string[]): Promise<void> {
    await makeFolder(this.dir);
    // of a process that was killed
    for (const name of await readdir(this.dir)) if (LEFT.test(name)) await rm(join(this.dir, name), { force: true });
    await this.replace(FILES, files.map((name) => `${name}\n`).join(''));
    const before = await readRecord(this.dir);
    this.mine = stateOf(before);
    this.saves = Number(/\d+/.exec(before?.tensors ?? '')?.[0] ?? 0);
  }

  /** @throws InputError when another process writes here too */
  async save(record: Omit<SweepRecord, 'version' | 'tensors' | 'writer'>, arrays: SweepArrays): Promise<void> {
    if (stateOf(await readRecord(this.dir)) !== this.mine)
      throw new InputError(l10n.t('Another sweep writes to {0}: one at a time was expected.', this.dir));
    const tensors = record.complete ? DONE : `sweep.${++this.saves}.safetensors`;
    await writeSafetensors(join(this.dir, tensors), arrays);
    const writer = record.complete ? null : this.id;
    await this.replace(RECORD, `${JSON.stringify({ version: VERSION, ...record, tensors, writer }, null, 1)}\n`);
    this.mine = stateOf({ tensors, writer });
    const old = (await readdir(this.dir)).filter((name) => PARTIAL.test(name) && name !== tensors);
    for (const name of old) await rm(join(this.dir, name), { force: true });
  }

  private async replace(name: string, text: string): Promise<void> {
    const temporary = join(this.dir, `${name}.${this.id}.tmp`);
    await writeFile(temporary, text);
    await rename(temporary, join(this.dir, name));
  }
}

/** Of what a folder has: another one after every save. */
const stateOf = (record?: Pick<SweepRecord, 'tensors' | 'writer'>): string =>
  record ? `${record.tensors} of ${record.writer}` : 'nothing';

/** Names of the corpus' files. */
export const readFiles = async (dir: string): Promise<string[]> =>
  (await readFile(join(dir, FILES), 'utf8').catch(() => '')).split('\n');

/** Reads arrays that a sweep wrote. */
export class StoredArrays {
  private constructor(
    readonly path: string,
    private readonly tensors: Map<string, StoredTensor>,
  ) {}

  static async open(dir: string, { tensors }: Pick<SweepRecord, 'tensors'>): Promise<StoredArrays> {
    const path = join(dir, tensors);
    return new StoredArrays(path, await readSafetensors(path));
  }

  shape(name: string): number[] {
    return this.tensors.get(name)?.shape ?? [];
  }

  /** All of a tensor, or its numbers `from` to before `to`. @throws InputError when it is missing or of another shape */
  async read(name: string, shape: number[], part?: { from: number; to: number }): Promise<TensorData['data']> {
    const tensor = this.tensors.get(name);
    if (!tensor || tensor.shape.join() !== shape.join())
      throw new InputError(
        l10n.t(
          '{0}: tensor {1} of shape {2} was expected, found {3}.',
          this.path,
          name,
          shape.join(' × '),
          tensor?.shape.join(' × ') ?? l10n.t('none'),
        ),
      );
    const size = shape.reduce((product, n) => product * n, 1);
    const { from, to } = part ?? { from: 0, to: size };
    const itemBytes = tensor.length / Math.max(1, size);
    const bytes = new Uint8Array((to - from) * itemBytes);
    const handle = await open(tensor.file, 'r');
    try {
      for (let at = 0; at < bytes.length;) {
        const { bytesRead } = await handle.read(
          bytes,
          at,
          Math.min(1 << 28, bytes.length - at),
          tensor.offset + from * itemBytes + at,
        );
        if (bytesRead === 0) throw new InputError(l10n.t('{0} is truncated.', this.path));
        at += bytesRead;
      }
    } finally {
      await handle.close();
    }
    return typed(bytes.buffer, tensor.dtype, this.path, name);
  }
}

function typed(buffer: ArrayBuffer, dtype: string, path: string, name: string): TensorData['data'] {
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return new Float64Array(buffer);
    case 'I32':
      return new Int32Array(buffer);
    case 'I64':
      return new BigInt64Array(buffer);
    default:
      throw new InputError(
        l10n.t('{0}: tensor {1} has dtype {2}; F32, F64, I32 or I64 was expected.', path, name, dtype),
      );
  }
}
