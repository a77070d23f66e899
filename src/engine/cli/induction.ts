import type { Command } from 'commander';
import { headName } from '../../protocol/checkpoint';
import { inductionCircuits } from '../circuits/induction';
import { scoreParams, withScoreOptions } from './heads';
import type { ScoreOptions } from './heads';
import { checkpointCommand, noSteps, wholeNumber, withModel } from './open';
import { note, printJson } from './print';

/** `circuitscope induction`: induction circuits, with reasons. */
export const inductionCommand = (root: Command): void => {
  const description = 'find induction circuits: pairs of a previous-token head and an induction head, and why';
  const command = checkpointCommand(
    root,
    'induction',
    description,
    '{pairs: [{previous, induction, score, …}], notices}',
  );
  withScoreOptions(command).option('--top <K>', 'pairs that are printed (default: 5)').action(induction);
};

async function induction(path: string, options: ScoreOptions & { top?: string }): Promise<void> {
  const params = { ...scoreParams(options), top: wholeNumber('--top', options.top) ?? 5 };
  await withModel(path, options, async (model) => {
    const found = await inductionCircuits(model, params, noSteps);
    if (options.json) return printJson(found);
    found.notices.forEach(note);
    for (const { previous, induction: second, score, reasons } of found.pairs) {
      const lines = reasons.map(({ text, value }) => `  ${value.toFixed(3).padStart(6)}  ${text}`);
      process.stdout.write(`${headName(previous)} → ${headName(second)}  ${score.toFixed(3)}\n${lines.join('\n')}\n`);
    }
  });
}
