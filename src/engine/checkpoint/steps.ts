/** The checkpoints of one training, side by side in a folder: `step1000`, `step2000`, … */
import * as l10n from '@vscode/l10n';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { TrainingStep, TrainingSteps } from '../../protocol/compare';
import { InputError, oneLine } from './errors';
import { checkpointAt } from './find';

/** `step1000`, `step_1000`, `checkpoint-1000`, `global_step1000`, `pythia-70m-step1000`, `epoch=0-step=1000`. */
const STEP = /^(?:.*[-_=.])?(?:step|checkpoint|ckpt|iter|iteration)[-_=]?(\d{1,15})$/i;
/** Sentences about folders; more are counted only. */
const MAX_NOTICES = 5;

/** The training step that a folder's name tells. */
export function stepOf(name: string): number | undefined {
  const digits = STEP.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Whether two folders lie side by side and are both named like steps. */
export const areStepsOfOne = (one: string, other: string): boolean =>
  dirname(resolve(one)) === dirname(resolve(other)) &&
  [one, other].every((path) => stepOf(basename(resolve(path))) !== undefined);

/**
 * The checkpoints of a training, by step.
 * @param folder with folders named like steps; or one of these (or a file in it): then its neighbours are listed
 * @throws InputError when there is none
 */
export async function trainingSteps({ folder }: { folder: string }): Promise<TrainingSteps> {
  const given = await folderOf(folder);
  const isStep = stepOf(basename(given)) !== undefined && (await checkpointAt(given)) !== undefined;
  const holder = isStep ? dirname(given) : given;
  const { steps, notices } = await stepsIn(holder);
  if (steps.length === 0)
    throw new InputError(
      [
        l10n.t(
          '{0} has no checkpoints of training steps: folders such as step1000 or checkpoint-1000 were expected.',
          holder,
        ),
        ...notices,
      ].join(' '),
    );
  const current = steps.findIndex(({ name }) => isStep && name === basename(given));
  return { folder: holder, steps, ...(current >= 0 && { current }), notices };
}

/** @throws InputError */
async function folderOf(path: string): Promise<string> {
  const absolute = resolve(path);
  const stats = await stat(absolute).catch(() => undefined);
  if (!stats)
    throw new InputError(l10n.t('{0} does not exist; a folder of training checkpoints was expected.', absolute));
  return stats.isDirectory() ? absolute : dirname(absolute);
}

async function stepsIn(folder: string): Promise<{ steps: TrainingStep[]; notices: string[] }> {
  const names = await readdir(folder).catch(() => {
    throw new InputError(l10n.t('{0} cannot be read; a folder of training checkpoints was expected.', folder));
  });
  const steps: TrainingStep[] = [];
  const left: string[] = [];
  for (const name of names.sort()) {
    const step = stepOf(name);
    const path = join(folder, name);
    if (step === undefined || !(await isFolder(path))) continue;
    const checkpoint = await checkpointAt(path);
    const twin = steps.find((other) => other.step === step);
    if (!checkpoint)
      left.push(l10n.t('{0} is left out: it is no checkpoint (config.json and .safetensors were expected).', name));
    else if (twin) left.push(l10n.t('{0} is left out: {1} is the same step.', name, twin.name));
    else steps.push({ step, name, path: checkpoint.path });
  }
  steps.sort((a, b) => a.step - b.step);
  const more = left.length - MAX_NOTICES;
  const notices = more > 0 ? [...left.slice(0, MAX_NOTICES), l10n.t('{0} more folders are left out.', more)] : left;
  return { steps, notices: notices.map(oneLine) };
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() === true;
