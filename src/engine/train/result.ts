/** What a training saved last, to look at while it goes on. */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import { constants, copyFile, link, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingResult } from '../../protocol/training';
import { InputError } from '../checkpoint/errors';
import { readMetadata } from '../checkpoint/safetensors';
import { makeFolder, writable } from '../mlsae/corpus/folder';
import { RECORD, storedTraining, type StoredTraining } from './store';

const WEIGHTS = 'model.safetensors';
const FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', WEIGHTS];

/**
 * A complete training's own folder, else `step500` in it: names of the same files there (the training never writes into a file
 * that is there, it puts another in its place), so that it costs no space before the next save.
 * @throws InputError when there is no training in the folder, or nothing saved
 */
export async function trainingResult({ dir }: { dir: string }): Promise<TrainingResult> {
  const stored = await storedTraining(dir);
  const names = stored ? await readdir(dir) : [];
  if (!stored || !names.includes(WEIGHTS))
    throw new InputError(
      l10n.t('{0} has no result of a training yet: {1} was expected.', dir, stored ? WEIGHTS : RECORD),
    );
  if (stored.complete) return { folder: dir, step: stored.step };
  const files = FILES.filter((name) => names.includes(name));
  return writable(dir, () => keep(dir, files, stored));
}

async function keep(dir: string, files: string[], stored: StoredTraining): Promise<TrainingResult> {
  const temporary = join(dir, `kept.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await makeFolder(temporary);
    for (const name of files) await sameFile(join(dir, name), join(temporary, name));
    // the weights themselves say their step: the record is written after them
    const step = stepOf(await readMetadata(join(temporary, WEIGHTS))) ?? stored.step;
    const folder = join(dir, `step${step}`);
    // kept before, or by the training itself
    const isThere = async (): Promise<boolean> => (await readdir(folder).catch(() => [] as string[])).includes(WEIGHTS);
    if (!(await isThere()))
      await rename(temporary, folder).catch(async (error: unknown) => {
        if (!(await isThere())) throw error;
      });
    return { folder, step };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const stepOf = ({ step }: Record<string, string>): number | undefined =>
  step !== undefined && /^\d{1,15}$/.test(step) ? Number(step) : undefined;

/** Another name of a file; a copy where the file system has no such. */
const sameFile = (from: string, to: string): Promise<void> =>
  link(from, to).catch(() => copyFile(from, to, constants.COPYFILE_FICLONE));
