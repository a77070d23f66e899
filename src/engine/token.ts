import * as l10n from '@vscode/l10n';
import type { TokenChoice } from '../protocol/circuits/behaviour';
import type { Checkpoint } from './checkpoint/checkpoint';
import { InputError } from './checkpoint/errors';
import { checkIds, tokenTextOf } from './prompt';

/**
 * The token that was chosen, by its id or by a text that is exactly one token.
 * @throws InputError for a text of more or fewer tokens, text without a tokenizer, or an id outside the vocabulary
 */
export function chooseToken(checkpoint: Checkpoint, { text, id }: TokenChoice): { id: number; text: string } {
  if ((text === undefined) === (id === undefined))
    throw new InputError(l10n.t('Expected a token by either its text or its id.'));
  const chosen = id ?? idOfText(checkpoint, text!);
  checkIds(checkpoint, [chosen]);
  return { id: chosen, text: tokenTextOf(checkpoint)(chosen) };
}

function idOfText({ tokenizer, name }: Checkpoint, text: string): number {
  if (!tokenizer) throw new InputError(l10n.t('{0} has no tokenizer: give a token’s id instead of its text.', name));
  const tokens = tokenizer.encode(text).filter(({ special }) => !special);
  if (tokens.length === 1) return tokens[0]!.id;
  const parts = tokens.map((token) => `“${token.text}”`).join(', ');
  throw new InputError(
    parts === ''
      ? l10n.t('“{0}” is {1} tokens of {2}: expected exactly one.', text, 0, name)
      : l10n.t('“{0}” is {1} tokens of {2} ({3}): expected exactly one.', text, tokens.length, name, parts),
  );
}
