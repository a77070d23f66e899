/** A sweep as jobs of the Slurm scheduler: an array of shards in `shard-i` of the folder, then their merge in the folder itself. */
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../../checkpoint/errors';

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
 * Writes `sweep.sbatch`, `merge.sbatch` and `submit.sh` to the folder. A shard that is stopped or requeued goes on where it was.
 * @returns the path of submit.sh
 */
export async function writeSlurmJobs({ sweep, merge, shards, folder, out }: SlurmJobs): Promise<string> {
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS)
    throw new InputError(`--shards: found ${shards}, a whole number from 1 to ${MAX_SHARDS} was expected.`);
  await mkdir(out, { recursive: true }).catch((cause: unknown) => {
    throw new InputError(`${out} cannot be made: ${(cause as Error).message}.`);
  });
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
    // saved before the time is over; the job can then be submitted again
    '#SBATCH --signal=B:TERM@60',
    '# Add what your cluster wants: partition, time, memory, --cpus-per-task, --gres=gpu:1.',
    'set -euo pipefail',
    `cd ${quoted(folder)}`,
    `exec ${command(sweep)} --shard "$SLURM_ARRAY_TASK_ID/${shards}" --out ${quoted(path('shard-'))}"$SLURM_ARRAY_TASK_ID"`,
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
    `sbatch --dependency="afterok:\${job%%;*}" "$@" ${quoted(path('merge.sbatch'))}`,
  ]);
  return path('submit.sh');
}

/** An executable script; it appears whole. */
async function write(file: string, lines: string[]): Promise<void> {
  await writeFile(`${file}.tmp`, `${lines.join('\n')}\n`);
  await chmod(`${file}.tmp`, 0o755);
  await rename(`${file}.tmp`, file);
}
