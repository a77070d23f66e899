/**
 * A training's folder: `training.json` says what is trained and how far, and names the safetensors file with all that the next
 * step depends on. That file and the result are written first and `training.json` is replaced last, so that the folder is whole
 * whenever the process is killed.
 */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TrainingKind, TrainingRecord } from '../../protocol/training';
import { InputError } from '../checkpoint/errors';
import { readJsonObject } from '../checkpoint/json';
import { writeSafetensors, type TensorData } from '../checkpoint/safetensors';
import { makeFolder, otherFolder, writable } from '../mlsae/corpus/folder';
import { shownNotice } from '../mlsae/corpus/savedNotices';
import { StoredArrays } from '../mlsae/corpus/store';
import { wordOf } from './identityWords';

export const RECORD = 'training.json';
const STATE = /^training\.\d+\.safetensors$/;
const VERSION = 1;

/** All that a result depends on, by what people call it: `batch size`. No absolute path. */
export type Identity = Record<string, string | number | boolean | null>;

/** In the header of a result's tensors: the step after which they were saved. */
export const stepMetadata = (step: number): { step: string } => ({ step: String(step) });

/** What `training.json` holds. */
export interface StoredTraining extends Omit<TrainingRecord, 'dir' | 'last'> {
  version: number;
  identity: Identity;
  /** What the job keeps beside its arrays, as JSON. */
  place: unknown;
  /** File with the arrays; null before the first save. */
  state: string | null;
  /** The process that writes here; null when it is done. */
  writer: string | null;
}

export type Arrays = Record<string, TensorData>;

/** A file of the result: tensors (safetensors) or text. */
export type ResultFile = { tensors: Arrays } | { text: string };

/**
 * Files of the result, by name in the folder. Those in a folder of theirs (`step100/config.json`) appear together or not at all,
 * and are written once.
 */
export type ResultFiles = Record<string, ResultFile>;

const text = (value: unknown): boolean => typeof value === 'string';
const flag = (value: unknown): boolean => typeof value === 'boolean';
const count = (value: unknown): boolean => typeof value === 'number' && value >= 0;
const object = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

const FIELDS: Record<Exclude<keyof StoredTraining, 'version' | 'place'>, (value: unknown) => boolean> = {
  kind: (value) => value === 'mlsae' || value === 'toy',
  identity: object,
  params: object,
  step: count,
  totalSteps: count,
  tokens: count,
  seconds: count,
  complete: flag,
  notices: (value) => Array.isArray(value) && value.every(text),
  history: (value) => Array.isArray(value) && value.every(object),
  state: (value) => value === null || (typeof value === 'string' && STATE.test(value)),
  writer: (value) => value === null || text(value),
};

/** @returns undefined when there is no training in the folder */
export async function storedTraining(dir: string): Promise<StoredTraining | undefined> {
  const file = join(dir, RECORD);
  if (!(await readdir(dir).catch(() => [] as string[])).includes(RECORD)) return undefined;
  const record = (await readJsonObject(file)) as unknown as StoredTraining;
  if (record.version !== VERSION)
    throw new InputError(
      l10n.t('{0} is of version {1}; version {2} was expected.', file, String(record.version), VERSION),
    );
  const wrong = (Object.keys(FIELDS) as (keyof typeof FIELDS)[]).find((name) => !FIELDS[name](record[name]));
  if (wrong) throw new InputError(l10n.t('{0} is not what a training writes: {1} is missing or wrong.', file, wrong));
  return record;
}

/** Before the first step. */
const NOTHING = { step: 0, tokens: 0, loss: NaN, lr: 0, tokensPerSecond: 0 };
const NOTHING_OF_MLSAE = { fvu: [], l0: 0, deadFraction: 0, auxLoss: 0 };

/** A training's folder as the person sees it. @throws InputError when there is none */
export async function readTraining({ dir }: { dir: string }): Promise<TrainingRecord> {
  const stored = await storedTraining(dir);
  if (!stored) throw new InputError(l10n.t('{0} has no training: {1} was expected.', dir, RECORD));
  const { kind, step, totalSteps, tokens, seconds, complete, notices, params, history } = stored;
  const shown = notices.map(shownNotice);
  const last = history.at(-1) ?? { ...NOTHING, ...(kind === 'mlsae' && NOTHING_OF_MLSAE) };
  return { dir, kind, step, totalSteps, tokens, seconds, complete, notices: shown, params, history, last };
}

/** One process' hold on a training's folder. */
export class TrainingFolder {
  private readonly id = randomBytes(8).toString('hex');
  private hasBegun = false;

  private constructor(
    readonly dir: string,
    /** What was saved here before. */
    readonly before: StoredTraining | undefined,
  ) {}

  /**
   * @param results names of files that a training writes beside its record
   * @throws InputError when the folder has another training, or results of something else
   */
  static async open(
    dir: string,
    { kind, identity, results }: { kind: TrainingKind; identity: Identity; results: string[] },
  ): Promise<TrainingFolder> {
    const before = await storedTraining(dir);
    const other = before && (before.kind === kind ? difference(before.identity, identity) : l10n.t('of another kind'));
    if (other) throw new InputError(l10n.t('{0} has a training {1}: {2}', dir, other, otherFolder()));
    const names = before ? [] : await readdir(dir).catch(() => [] as string[]);
    const taken = results.find((name) => names.includes(name));
    if (taken)
      throw new InputError(l10n.t('{0} has a {1} that is not of a training: give another folder.', dir, taken));
    return new TrainingFolder(dir, before);
  }

  /** The arrays that were saved with `before`. */
  async arrays(): Promise<StoredArrays | undefined> {
    return this.before?.state ? StoredArrays.open(this.dir, { tensors: this.before.state }) : undefined;
  }

  /** Makes the folder, and takes it: a process that still writes here stops. @throws InputError when it cannot be written */
  begin(record: Omit<StoredTraining, 'version' | 'writer' | 'state'>): Promise<void> {
    return writable(this.dir, async () => {
      await makeFolder(this.dir);
      // of a process that was killed
      for (const name of await readdir(this.dir))
        if (name.endsWith('.tmp')) await rm(join(this.dir, name), { force: true, recursive: true });
      await this.put({ ...record, state: this.before?.state ?? null });
      this.hasBegun = true;
    });
  }

  /** @throws InputError when another process writes here too */
  save(
    record: Omit<StoredTraining, 'version' | 'writer' | 'state'>,
    arrays: Arrays,
    files: ResultFiles,
  ): Promise<void> {
    return writable(this.dir, async () => {
      if (this.hasBegun && (await storedTraining(this.dir))?.writer !== this.id)
        throw new InputError(l10n.t('Another training writes to {0}: one at a time was expected.', this.dir));
      const state = `training.${record.step}.safetensors`;
      await writeSafetensors(join(this.dir, state), arrays);
      await this.writeResult(files, record.step);
      await this.put({ ...record, state });
      const old = (await readdir(this.dir)).filter((name) => STATE.test(name) && name !== state);
      for (const name of old) await rm(join(this.dir, name), { force: true });
    });
  }

  private put(record: Omit<StoredTraining, 'version' | 'writer'>): Promise<void> {
    const writer = record.complete ? null : this.id;
    return this.replace(RECORD, `${JSON.stringify({ version: VERSION, ...record, writer }, null, 1)}\n`);
  }

  private async writeResult(files: ResultFiles, step: number): Promise<void> {
    const folders = new Set(Object.keys(files).map(dirname));
    for (const folder of folders) {
      const own = Object.entries(files).filter(([name]) => dirname(name) === folder);
      if (folder === '.') for (const [name, file] of own) await this.writeFile(name, file, step);
      else await this.writeFolder(folder, own, step);
    }
  }

  private async writeFolder(folder: string, files: [string, ResultFile][], step: number): Promise<void> {
    const temporary = `${folder}.${this.id}.tmp`;
    await makeFolder(join(this.dir, temporary));
    for (const [name, file] of files) await this.writeFile(join(temporary, name.slice(folder.length + 1)), file, step);
    // of an earlier run, which was killed behind this step's save
    await rm(join(this.dir, folder), { force: true, recursive: true });
    await rename(join(this.dir, temporary), join(this.dir, folder));
  }

  private writeFile(name: string, file: ResultFile, step: number): Promise<void> {
    if ('tensors' in file) return writeSafetensors(join(this.dir, name), file.tensors, stepMetadata(step));
    return this.replace(name, file.text);
  }

  private async replace(name: string, content: string): Promise<void> {
    const temporary = join(this.dir, `${name}.${this.id}.tmp`);
    await writeFile(temporary, content);
    await rename(temporary, join(this.dir, name));
  }
}

/** The first thing that is not the same: `with another batch size (512, not 256)`. */
function difference(before: Identity, now: Identity): string | undefined {
  const name = [...new Set([...Object.keys(now), ...Object.keys(before)])].find((key) => before[key] !== now[key]);
  const none = (): string => l10n.t('none');
  return name && l10n.t('with another {0} ({1}, not {2})', wordOf(name), before[name] ?? none(), now[name] ?? none());
}
