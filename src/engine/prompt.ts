import type { Token } from '../protocol/analysis';
import type { Checkpoint } from './checkpoint/checkpoint';
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
  /** Before the cut. */
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

function checkIds({ name, description: { dVocab } }: Checkpoint, ids: number[]): void {
  const bad = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= dVocab);
  if (bad !== undefined)
    throw new InputError(`Token id ${bad} is not in the vocabulary of ${name}: expected 0–${dVocab - 1}.`);
}

function encode(checkpoint: Checkpoint, { text, ids }: PromptInput): Token[] {
  if ((text === undefined) === (ids === undefined)) throw new InputError('Expected either a text or token ids.');
  if (ids) {
    checkIds(checkpoint, ids);
    return tokensOfIds(checkpoint, ids);
  }
  if (!checkpoint.tokenizer)
    throw new InputError(`${checkpoint.name} has no tokenizer: give token ids instead of text.`);
  const tokens = text ? checkpoint.tokenizer.encode(text) : [];
  checkIds(
    checkpoint,
    tokens.map(({ id }) => id),
  );
  return tokens;
}

/**
 * The tokens of a prompt, cut to what the model can take.
 * @throws InputError for an empty prompt, text without a tokenizer, or ids outside the vocabulary
 */
export function readPrompt(checkpoint: Checkpoint, input: PromptInput): Prompt {
  const tokens = encode(checkpoint, input);
  if (tokens.length === 0) throw new InputError('The prompt is empty.');
  const { nCtx } = checkpoint.description;
  const limit = Math.min(nCtx, input.maxTokens ?? nCtx);
  if (tokens.length <= limit) return { tokens, notices: [], totalTokens: tokens.length };
  const reason = limit === nCtx ? 'context length of the model' : 'maxTokens';
  const notice = `The prompt has ${count(tokens.length)} tokens; the first ${count(limit)} are shown (${reason}).`;
  return { tokens: tokens.slice(0, limit), notices: [notice], totalTokens: tokens.length };
}
