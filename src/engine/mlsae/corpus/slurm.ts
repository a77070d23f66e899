/** A sweep as jobs of the Slurm scheduler: an array of shards in `shard-i` of the folder, then their merge in the folder itself. */
import * as l10n from '@vscode/l10n';
import { chmod, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../../checkpoint/errors';
import { makeFolder, otherFolder, writable } from './folder';
import { readRecord } from './store';

export interface SlurmJobs {
  /** Command line of one shard without `--shard` and `--out`. */
  sweep: string[];
  /** Command line of the merge without folders. */
  merge: string[];
  shards: number;
  /** Where the sweep's globs are looked for. Absolute. */
  folder: string;
  /** Absolute. */
  out: string;
}

const MAX_SHARDS = 10_000;

export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
const command = (words: string[]): string => words.map(quoted).join(' ');

/**
 * After a shard was begun in the background: a shard whose time is nearly over saves itself, and its job goes back to the queue.
 * Slurm itself sends TERM to all processes of a job.
 */
const UNTIL_DONE = [
  'shard=$!',
  'signalled=',
  'is_late=',
  `trap 'signalled=1; is_late=1; kill -TERM "$shard" || true' USR1`,
  'trap signalled=1 TERM',
  'status=0',
  'wait "$shard" || status=$?',
  '# a signal ends the waiting before the shard has saved itself',
  'while [[ $signalled ]]; do',
  '  signalled=',
  '  status=0',
  '  wait "$shard" || status=$?',
  'done',
  'if [[ $is_late && $status == 143 ]]; then',
  '  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"',
  'fi',
  'exit "$status"',
];

/**
 * Writes `sweep.sbatch`, `merge.sbatch` and `submit.sh` to the folder. A shard that is stopped or requeued goes on where it was.
 * @returns the path of submit.sh
 * @throws InputError when the folder has a sweep or cannot be written
 */
export async function writeSlurmJobs(jobs: SlurmJobs): Promise<string> {
  const { shards, out } = jobs;
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS)
    throw new InputError(l10n.t('--shards: found {0}, a whole number from 1 to {1} was expected.', shards, MAX_SHARDS));
  if (await readRecord(out)) throw new InputError(l10n.t('{0} has a sweep already: {1}', out, otherFolder()));
  return writable(out, () => writeScripts(jobs));
}

async function writeScripts({ sweep, merge, shards, folder, out }: SlurmJobs): Promise<string> {
  await makeFolder(out);
  const path = (name: string): string => resolve(join(out, name));
  // in a log's name % begins a placeholder
  const log = (name: string): string => `"${path('').replaceAll('%', '%%')}/${name}"`;
  const each = Array.from({ length: shards }, (_, index) => path(`shard-${index}`));
  const head = (name: string): string[] => ['#!/bin/bash', `#SBATCH --job-name=${name}`, '#SBATCH --requeue'];
  await write(path('sweep.sbatch'), [
    ...head('circuitscope-sweep'),
    `#SBATCH --array=0-${shards - 1}`,
    `#SBATCH --output=${log('sweep-%a.log')}`,
    '#SBATCH --open-mode=append',
    // a minute before the time is over; not TERM, which a job that is cancelled gets too
    '#SBATCH --signal=B:USR1@60',
    '# Add what your cluster wants: partition, time, memory, --cpus-per-task, --gres=gpu:1.',
    'set -euo pipefail',
    `cd ${quoted(folder)}`,
    `${command(sweep)} --shard "$SLURM_ARRAY_TASK_ID/${shards}" --out ${quoted(path('shard-'))}"$SLURM_ARRAY_TASK_ID" &`,
    ...UNTIL_DONE,
  ]);
  await write(path('merge.sbatch'), [
    ...head('circuitscope-merge'),
    `#SBATCH --output=${log('merge.log')}`,
    'set -euo pipefail',
    `exec ${command(merge)} ${each.map(quoted).join(' ')} --out ${quoted(resolve(out))}`,
  ]);
  await write(path('submit.sh'), [
    '#!/bin/bash',
    'set -euo pipefail',
    `job=$(sbatch --parsable "$@" ${quoted(path('sweep.sbatch'))})`,
    `sbatch --dependency="afterok:\${job%%;*}" --kill-on-invalid-dep=yes "$@" ${quoted(path('merge.sbatch'))}`,
  ]);
  return path('submit.sh');
}

/** An executable script; it appears whole. */
async function write(file: string, lines: string[]): Promise<void> {
  await writeFile(`${file}.tmp`, `${lines.join('\n')}\n`);
  await chmod(`${file}.tmp`, 0o755);
  await rename(`${file}.tmp`, file);
}
