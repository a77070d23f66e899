import type { Command } from 'commander';
import type { Importance } from '../../protocol/circuits/paths';
import { plural } from '../../protocol/tokens';
import { importance } from '../circuits/importance';
import type { CheckpointOptions, PromptOptions } from './open';
import { checkpointCommand, noSteps, promptInput, withModel, withPrompt } from './open';
import { note, printJson, table } from './print';

/** Terms of the table; --json gives all. */
const SHOWN = 25;

/** `circuitscope importance`: loss with parts of the sum over paths. */
export const importanceCommand = (root: Command): void => {
  const description = 'measure the loss with only paths through at most n heads, and without each head or virtual head';
  const json = '{loss, orders: [{n, loss}], terms: [{name, kind, effect}]}';
  withPrompt(checkpointCommand(root, 'importance', description, json)).action(run);
};

async function run(path: string, options: CheckpointOptions & PromptOptions): Promise<void> {
  const input = await promptInput(options);
  await withModel(path, options, async (model) => {
    const result = await importance(model, input, noSteps);
    result.notices.forEach(note);
    if (options.json) printJson(asJson(result));
    else process.stdout.write(asText(result));
  });
}

const asJson = ({ loss, orders, terms, notices }: Importance): object => ({
  loss,
  orders,
  terms: terms.map(({ name, kind, effect }) => ({ name, kind, effect })),
  notices,
});

function asText({ tokens, loss, orders, terms }: Importance): string {
  const byOrder = orders.map(({ n, loss: kept }) => [`${n}`, kept.toFixed(4)]);
  const byTerm = terms.slice(0, SHOWN).map(({ name, kind, effect }) => [name, kind, effect.toFixed(4)]);
  return [
    table([['heads', 'loss'], ...byOrder], [0, 1]),
    table([['term', 'kind', 'loss without it − loss'], ...byTerm], [2]),
    `loss of the model: ${loss.toFixed(4)} nats over ${plural(tokens.length - 1, 'token')}\n`,
  ].join('\n\n');
}
