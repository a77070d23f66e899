import type { Command } from 'commander';
import { headName } from '../../protocol/checkpoint';
import type { HeadScore } from '../../protocol/circuits';
import { headScores } from '../circuits/headScores';
import type { CheckpointOptions } from './open';
import { checkpointCommand, noSteps, tokenIds, wholeNumber, withModel } from './open';
import { note, printJson, table } from './print';

export interface RandomOptions extends CheckpointOptions {
  length?: string;
  batch?: string;
  seed?: string;
  foldNorm?: boolean;
}

export interface ScoreOptions extends RandomOptions {
  ids?: string;
}

/** Adds the options that say on which sequences, and with which weights, heads are scored. */
export const withScoreOptions = (command: Command): Command =>
  withRandomOptions(command).option('--ids <ids>', 'this sequence BOS + R + R instead of random ones: 0,5,9,5,9');

/** The same without `--ids`: always random sequences. */
export const withRandomOptions = (command: Command): Command =>
  command
    .option('--length <T>', 'random tokens that are said twice: BOS + R + R (default: 50, or half of the context)')
    .option('--batch <B>', 'sequences (default: 4)')
    .option('--seed <N>', 'of the random tokens (default: 0)')
    .option('--no-fold-norm', 'leave the norms’ gains out of the weights');

export const randomParams = ({ length, batch, seed, foldNorm }: RandomOptions): Parameters<typeof headScores>[1] => ({
  length: wholeNumber('--length', length),
  batch: wholeNumber('--batch', batch),
  seed: wholeNumber('--seed', seed),
  foldNorm,
});

export const scoreParams = ({ ids, ...options }: ScoreOptions): Parameters<typeof headScores>[1] => ({
  ...randomParams(options),
  ids: ids === undefined ? undefined : tokenIds(ids),
});

export const scoreColumns: [keyof HeadScore, string][] = [
  ['previousToken', 'previous'],
  ['duplicateToken', 'duplicate'],
  ['induction', 'induction'],
  ['firstToken', 'first'],
  ['entropy', 'entropy'],
  ['ovCopying', 'OV copying'],
  ['qkMatching', 'QK matching'],
];

/** `circuitscope heads`: every head's scores. */
export const headsCommand = (root: Command): void => {
  const description =
    'score heads: previous token, duplicate token, induction, first token, entropy, copying, matching';
  const command = checkpointCommand(root, 'heads', description, 'an array of {layer, head, previousToken, …}');
  withScoreOptions(command).action(heads);
};

async function heads(path: string, options: ScoreOptions): Promise<void> {
  const params = scoreParams(options);
  await withModel(path, options, async (model) => {
    const scores = await headScores(model, params, noSteps);
    scores.notices.forEach(note);
    if (options.json) return printJson(scores.heads);
    const rows = scores.heads.map((score) => [
      headName(score),
      ...scoreColumns.map(([name]) => score[name].toFixed(3)),
    ]);
    const right = scoreColumns.map((_, i) => i + 1);
    process.stdout.write(`${table([['head', ...scoreColumns.map(([, label]) => label)], ...rows], right)}\n`);
  });
}
