import * as l10n from '@vscode/l10n';
import type { TokenRef } from '../../protocol/circuits/headCircuit';
import type { Checkpoint } from '../checkpoint/checkpoint';
import { InputError } from '../checkpoint/errors';
import { tokenTextOf } from '../prompt';
import { chooseToken } from '../token';

/** How many entries a table may have. */
const MAX_TOP = 500;

/** Tokens by id, with their texts. */
export class TokenTable {
  private readonly textOf: (id: number) => string;

  constructor(private readonly checkpoint: Checkpoint) {
    this.textOf = tokenTextOf(checkpoint);
  }

  token(id: number): TokenRef {
    return { id, text: this.textOf(id) };
  }

  /**
   * @param wanted an id, `#id`, or a text that is exactly one token; digits are an id where there is no tokenizer
   * @throws InputError when it names no token of the vocabulary
   */
  find(wanted: number | string): TokenRef {
    const id = typeof wanted === 'number' ? wanted : this.idOf(wanted);
    return chooseToken(this.checkpoint, id === undefined ? { text: String(wanted) } : { id });
  }

  private idOf(text: string): number | undefined {
    const [, sign, digits] = /^(#?)(\d+)$/.exec(text) ?? [];
    return digits !== undefined && (sign || !this.checkpoint.tokenizer) ? Number(digits) : undefined;
  }
}

/** @throws InputError unless it is a whole number from 1 to 500 */
export function checkTop(top: number): number {
  if (!Number.isInteger(top) || top < 1 || top > MAX_TOP)
    throw new InputError(l10n.t('Between 1 and {0} entries can be listed, not {1}.', MAX_TOP, String(top)));
  return top;
}
