/**
 * The logit of one token after one position as a sum of terms (Framework, “Path expansion”). Attention-only models without norms:
 * every path by itself. All others: what each part wrote, through the frozen final norm (TransformerLens's `logit_attrs`). Positions
 * that are added to queries and keys, or turn them, are in the patterns alone and have no term.
 */
import * as l10n from '@vscode/l10n';
import type { PathTerm } from '../../protocol/circuits/paths';
import type { ModelDescription } from '../checkpoint/description';
import { InputError } from '../checkpoint/errors';
import type { CircuitAnalysis } from '../circuitHandlers';
import { checkPatternMemory } from '../memory';
import { readPrompt } from '../prompt';
import { chooseToken } from '../token';
import { attribution, attributionHooks } from './attribution';
import { pathExpansion, pathHooks } from './pathExpansion';
import { lastRow } from './rows';
import { unembedColumn } from './unembedColumn';

/** Whether everything but the patterns is linear, so that paths are terms. */
const isLinear = (d: ModelDescription): boolean => d.norm.kind === 'none' && d.layers.every(({ mlp }) => !mlp);

/** @throws InputError for a position outside the prompt, or a text that is not one token */
export const paths: CircuitAnalysis<'paths'> = async (model, { text, ids, position: at, token: choice }, steps) => {
  const { checkpoint, runner } = model;
  const d = checkpoint.description;
  const prompt = readPrompt(checkpoint, { text, ids });
  const position = readPosition(at, prompt.tokens.length);
  // before the run: a mistake should not cost one
  const chosen = choice && chooseToken(checkpoint, choice);
  const n = position + 1;
  checkPatternMemory(n, d.nLayers * d.nHeads);
  await steps.step(l10n.t('Running {0} tokens', n));
  const linear = isLinear(d);
  const { hooks } = await runner.run(
    {
      // what comes after the position changes nothing there
      ids: prompt.tokens.slice(0, n).map(({ id }) => id),
      hooks: [...(linear ? pathHooks(d) : attributionHooks(d)), 'logits'],
      unembedFrom: position,
    },
    steps,
  );
  const logits = lastRow(hooks, 'logits');
  const token = chosen ?? chooseToken(checkpoint, { id: largest(logits) });
  const column = await unembedColumn(model, token.id);
  const { terms, notices } = linear
    ? await pathExpansion(model, hooks, column.direction, steps)
    : { terms: await attribution(model, hooks, column, steps), notices: [] };
  if (column.bias !== undefined) terms.push({ name: 'b_U', kind: 'bias', value: column.bias });
  return {
    tokens: prompt.tokens,
    position,
    token,
    logit: logits[token.id]!,
    sum: terms.reduce((sum, { value }) => sum + value, 0),
    form: linear ? 'paths' : 'frozen',
    terms: terms.sort(byStrength),
    notices: [...prompt.notices, ...notices],
  };
};

const byStrength = (a: PathTerm, b: PathTerm): number => Math.abs(b.value) - Math.abs(a.value);

function readPosition(position: number | undefined, length: number): number {
  if (position === undefined) return length - 1;
  if (Number.isInteger(position) && position >= 0 && position < length) return position;
  throw new InputError(l10n.t('Position {0} is not in the prompt: expected 0–{1}.', String(position), length - 1));
}

function largest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
