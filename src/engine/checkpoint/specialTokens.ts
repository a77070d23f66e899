/** Which tokens stand for no text of their own. */
import type { Checkpoint, PromptTokenizer } from './checkpoint';
import type { Config } from './config';

/** What begins a sequence, and all special tokens, by config.json and by what the tokenizer says and does. */
export function specialTokens(
  config: Config | undefined,
  tokenizer: PromptTokenizer | undefined,
  dVocab: number,
): Pick<Checkpoint, 'bosId' | 'specialIds'> {
  const known = (keys: string[]): number[] =>
    keys.flatMap((key) => config?.tokenIds(key) ?? []).filter((id) => id < dVocab);
  const first = tokenizer?.encode('a')[0];
  const bosId = known(['bos_token_id'])[0] ?? (first?.special && first.id < dVocab ? first.id : undefined);
  const ids = known(['bos_token_id', 'eos_token_id', 'pad_token_id']);
  const specialIds = new Set([...ids, ...(tokenizer?.specialIds ?? []), ...(bosId === undefined ? [] : [bosId])]);
  return { specialIds, ...(bosId !== undefined && { bosId }) };
}
