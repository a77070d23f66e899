import * as l10n from '@vscode/l10n';
import type { Token } from '../protocol/analysis';
import type { Checkpoint, PromptTokenizer } from './checkpoint/checkpoint';
import { InputError } from './checkpoint/errors';

export interface PromptInput {
  /** Exactly one of `text` and `ids`. */
  text?: string;
  ids?: number[];
  /** Longest prompt, beside the context of the model. */
  maxTokens?: number;
}

export interface Prompt {
  /** At least one. */
  tokens: Token[];
  notices: string[];
  /** Before the cut; of a very long text, those that were counted. */
  totalTokens: number;
}

const count = (n: number): string => n.toLocaleString('en-US');

/** A token's text, `#id` for a checkpoint without a tokenizer. */
export const tokenTextOf =
  ({ tokenizer }: Checkpoint) =>
  (id: number): string =>
    tokenizer?.tokenText(id) ?? `#${id}`;

/** Ids as tokens; their ranges are those in the concatenation of their texts, as if that were the prompt. */
function tokensOfIds(checkpoint: Checkpoint, ids: number[]): Token[] {
  const textOf = tokenTextOf(checkpoint);
  let end = 0;
  return ids.map((id) => {
    const text = textOf(id);
    const start = end;
    end += text.length;
    return { id, text, start, end };
  });
}

export function checkIds({ name, description: { dVocab } }: Checkpoint, ids: number[]): void {
  // its index: a broken tokenizer gives no id at all for some text
  const bad = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= dVocab);
  if (bad >= 0)
    throw new InputError(
      l10n.t(
        'Token id {0} is not in the vocabulary of {1}: expected 0–{2}.',
        String(ids[bad] ?? l10n.t('(none)')),
        name,
        dVocab - 1,
      ),
    );
}

/** Texts up to this length are always tokenized whole. */
const WHOLE_TEXT = 100_000;
const CHARACTERS_PER_TOKEN = 64;

/**
 * The tokens of a text. Of a text that is far too long only the beginning is tokenized: `whole` is false then, and at
 * least twice `limit` tokens are given, so that the first `limit` do not feel where the text was cut.
 */
function encodeText(tokenizer: PromptTokenizer, text: string, limit: number): { tokens: Token[]; whole: boolean } {
  const enough = Math.max(WHOLE_TEXT, CHARACTERS_PER_TOKEN * limit);
  if (text.length > enough) {
    const tokens = tokenizer.encode(text.slice(0, enough));
    if (tokens.length >= 2 * limit) return { tokens, whole: false };
  }
  return { tokens: text ? tokenizer.encode(text) : [], whole: true };
}

function encode(
  checkpoint: Checkpoint,
  { text, ids }: PromptInput,
  limit: number,
): { tokens: Token[]; whole: boolean } {
  if ((text === undefined) === (ids === undefined))
    throw new InputError(l10n.t('Expected either a text or token ids.'));
  if (ids) {
    checkIds(checkpoint, ids);
    return { tokens: tokensOfIds(checkpoint, ids), whole: true };
  }
  if (!checkpoint.tokenizer)
    throw new InputError(l10n.t('{0} has no tokenizer: give token ids instead of text.', checkpoint.name));
  return encodeText(checkpoint.tokenizer, text!, limit);
}

/**
 * The tokens of a prompt, cut to what the model can take.
 * @throws InputError for an empty prompt, text without a tokenizer, or ids outside the vocabulary
 */
export function readPrompt(checkpoint: Checkpoint, input: PromptInput): Prompt {
  const { nCtx } = checkpoint.description;
  const limit = Math.min(nCtx, input.maxTokens ?? nCtx);
  const { tokens, whole } = encode(checkpoint, input, limit);
  const totalTokens = tokens.length;
  if (totalTokens === 0) throw new InputError(l10n.t('The prompt is empty.'));
  const kept = tokens.slice(0, limit);
  checkIds(
    checkpoint,
    kept.map(({ id }) => id),
  );
  if (totalTokens <= limit) return { tokens: kept, notices: [], totalTokens };
  const total = whole ? count(totalTokens) : l10n.t('more than {0}', count(totalTokens));
  const reason = limit === nCtx ? l10n.t('context length of the model') : 'maxTokens';
  const notice = l10n.t('The prompt has {0} tokens; the first {1} are shown ({2}).', total, count(limit), reason);
  return { tokens: kept, notices: [notice], totalTokens };
}
