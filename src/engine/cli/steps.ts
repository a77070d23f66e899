import type { Command } from 'commander';
import { trainingSteps } from '../checkpoint/steps';
import { note, printJson, table } from './print';

/** `circuitscope steps`: the checkpoints of a training, by step. */
export const stepsCommand = (root: Command): void => {
  root
    .command('steps')
    .description('list the checkpoints of a training that lie in one folder, by step')
    .argument('<folder>', 'folder with step1000, checkpoint-1000, … in it, or one of these')
    .option('--json', 'print JSON to stdout: {folder, steps: [{step, name, path}], …}')
    .action(steps);
};

async function steps(folder: string, { json }: { json?: boolean }): Promise<void> {
  const found = await trainingSteps({ folder });
  found.notices.forEach(note);
  if (json) return printJson(found);
  const rows = found.steps.map(({ step, path }, i) => [i === found.current ? '*' : '', `${step}`, path]);
  process.stdout.write(`${table([['', 'step', 'path'], ...rows], [1])}\n`);
}
