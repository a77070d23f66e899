import type { Command } from 'commander';
import type { TokenChoice } from '../../protocol/circuits/behaviour';
import type { Paths } from '../../protocol/circuits/paths';
import { paths } from '../circuits/paths';
import type { CheckpointOptions, PromptOptions } from './open';
import { checkpointCommand, noSteps, promptInput, wholeNumber, withModel, withPrompt } from './open';
import { note, printJson, table, visible } from './print';

interface PathsOptions extends CheckpointOptions, PromptOptions {
  position?: string;
  token?: string;
}

/** Terms of the table; --json gives all. */
const SHOWN = 25;

/** `circuitscope paths`: a logit as the sum of its terms. */
export const pathsCommand = (root: Command): void => {
  const description = 'write the logit of a token as the sum of its terms: paths, heads, MLPs, biases';
  const command = checkpointCommand(
    root,
    'paths',
    description,
    '{position, token, logit, sum, terms: [{name, kind, value}]}',
  );
  withPrompt(command)
    .option('--position <P>', 'whose next token, from 0 (default: the last position)')
    .option('--token <text|id>', 'one token; digits, also #digits, are an id (default: the top prediction)')
    .action(run);
};

async function run(path: string, options: PathsOptions): Promise<void> {
  const input = await promptInput(options);
  const position = wholeNumber('--position', options.position);
  const token = options.token === undefined ? undefined : tokenChoice(options.token);
  await withModel(path, options, async (model) => {
    const result = await paths(model, { ...input, position, token }, noSteps);
    result.notices.forEach(note);
    if (options.json) printJson(asJson(result));
    else process.stdout.write(asText(result));
  });
}

/** Tokens without a text are shown as `#12`. */
function tokenChoice(text: string): TokenChoice {
  const [, id] = /^#?(\d{1,15})$/.exec(text) ?? [];
  return id === undefined ? { text } : { id: Number(id) };
}

const asJson = ({ position, token, logit, sum, form, terms }: Paths): object => ({
  position,
  token,
  logit,
  sum,
  form,
  terms: terms.map(({ name, kind, value }) => ({ name, kind, value })),
});

function asText({ tokens, position, token, logit, sum, terms }: Paths): string {
  const rows = terms.slice(0, SHOWN).map(({ name, kind, value, bySource }) => {
    const best = bySource && strongest(bySource);
    const from = best === undefined ? '' : `${best} ${visible(tokens[best]!.text)}`;
    return [name, kind, value.toFixed(4), from];
  });
  const left = terms.slice(SHOWN);
  if (left.length)
    rows.push([`${left.length} more`, '', left.reduce((total, { value }) => total + value, 0).toFixed(4), '']);
  const end = `logit of ${visible(token.text)} after position ${position}: ${logit.toFixed(4)}; the terms add up to ${sum.toFixed(4)}`;
  return `${table([['term', 'kind', 'value', 'most from'], ...rows], [2])}\n${end}\n`;
}

function strongest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (Math.abs(values[i]!) > Math.abs(values[best]!)) best = i;
  return best;
}
