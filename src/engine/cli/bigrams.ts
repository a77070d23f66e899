import type { Command } from 'commander';
import { bigrams } from '../circuits/bigrams';
import type { CheckpointOptions } from './open';
import { checkpointCommand, noSteps, wholeNumber, withModel } from './open';
import { note, printJson, table, visible } from './print';

interface BigramOptions extends CheckpointOptions {
  token?: string;
  top?: string;
  foldNorm?: boolean;
}

/** `circuitscope bigrams`: the direct path W_E W_U. */
export const bigramsCommand = (root: Command): void => {
  const description = 'list bigrams: what the direct path W_E W_U alone predicts';
  checkpointCommand(root, 'bigrams', description, '{token, bigrams: [{source, output, logit, logProb}], …}')
    .option('--token <text>', 'only what follows this token: a text that is one token, or #id')
    .option('--top <K>', 'how many (default: 20)')
    .option('--no-fold-norm', 'leave the final norm’s gain out of the weights')
    .action(run);
};

async function run(path: string, options: BigramOptions): Promise<void> {
  const { token, foldNorm } = options;
  const top = wholeNumber('--top', options.top);
  await withModel(path, options, async (model) => {
    const result = await bigrams(model, { token, top, foldNorm }, noSteps);
    result.notices.forEach(note);
    if (options.json) return printJson(result);
    const rows = result.bigrams.map(({ source, output, logit, logProb }) => [
      visible(source.text),
      visible(output.text),
      logit.toFixed(3),
      logProb.toFixed(4),
    ]);
    process.stdout.write(`${table([['token', 'next', 'logit', 'log p'], ...rows], [2, 3])}\n`);
  });
}
