import type { Command } from 'commander';
import type { AblationSide } from '../../protocol/circuits/behaviour';
import { ablate } from '../circuits/ablate';
import type { CheckpointOptions, PromptOptions } from './open';
import { checkpointCommand, headList, noSteps, promptInput, withModel, withPrompt } from './open';
import { note, printJson, table, visible } from './print';

type AblateOptions = CheckpointOptions & PromptOptions & { heads: string; mean?: boolean };

/** `circuitscope ablate`: loss and predictions without some heads. */
export const ablateCommand = (root: Command): void => {
  const description = 'loss and predictions of a prompt without some heads';
  withPrompt(checkpointCommand(root, 'ablate', description, '{tokens, heads, mean, before, after}, losses in nats'))
    .requiredOption('--heads <heads>', 'what is taken away: L0H1,L1H4')
    .option('--mean', 'put the mean of the head’s output over the prompt in its place, not zero')
    .action(runAblate);
};

async function runAblate(path: string, options: AblateOptions): Promise<void> {
  const input = await promptInput(options);
  await withModel(path, options, async (model) => {
    const heads = headList('--heads', options.heads, model);
    const result = await ablate(model, { ...input, heads, mean: options.mean === true }, noSteps);
    const { before, after, tokens } = result;
    result.notices.forEach(note);
    // NaN becomes null
    const side = (s: AblationSide): object => ({ ...s, tokenLoss: Array.from(s.tokenLoss) });
    if (options.json) return printJson({ ...result, before: side(before), after: side(after) });
    const number = (value: number): string => (Number.isNaN(value) ? '' : value.toFixed(3));
    const top = ({ predictions }: AblationSide, pos: number): string[] => {
      const first = predictions[pos]?.[0];
      return first ? [visible(first.text), first.p.toFixed(3)] : ['', ''];
    };
    const rows = tokens.map(({ text }, pos) => [
      `${pos}`,
      visible(text),
      number(before.tokenLoss[pos]!),
      number(after.tokenLoss[pos]!),
      ...top(before, pos),
      ...top(after, pos),
    ]);
    const head = ['pos', 'token', 'loss', 'ablated', 'next', 'p', 'ablated', 'p'];
    // nothing predicts the first token
    const means = tokens.length > 1 ? `mean loss ${number(before.loss)} → ${number(after.loss)} nats\n` : '';
    process.stdout.write(`${table([head, ...rows], [0, 2, 3, 5, 7])}\n${means}`);
  });
}
