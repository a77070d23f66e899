import type { ComparedPrompt } from '../../protocol/compare';
import { readPrompt, type Prompt } from '../prompt';
import { checkedNotices } from './comparable';
import type { Two } from './two';

/**
 * The tokens that both are run on: text is read by the tokenizer of A, or of B where A has none; cut to the shorter context.
 * @throws InputError for checkpoints that cannot be compared, and as `readPrompt`
 */
export async function comparedPrompt(
  { a, b }: Two,
  { text, ids, maxTokens = Infinity }: Omit<ComparedPrompt, 'a' | 'b'>,
): Promise<Prompt & { ids: number[] }> {
  const notices = await checkedNotices(a.checkpoint, b.checkpoint);
  const reader = a.checkpoint.tokenizer ? a.checkpoint : b.checkpoint;
  const { nCtx } = (reader === a.checkpoint ? b : a).checkpoint.description;
  const prompt = readPrompt(reader, { text, ids, maxTokens: Math.min(maxTokens, nCtx) });
  return { ...prompt, ids: prompt.tokens.map(({ id }) => id), notices: [...prompt.notices, ...notices] };
}
