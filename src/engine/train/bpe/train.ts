/** Trains a byte-level BPE tokenizer on texts. */
import * as l10n from '@vscode/l10n';
import type { Steps } from '../../runtime/types';
import { InputError } from '../../checkpoint/errors';
import { learnMerges } from './merges';
import { SMALLEST, tokenizerFiles, type TokenizerFiles } from './files';
import { WordCounts } from './words';

export type { TokenizerFiles } from './files';

/**
 * A tokenizer of `size` entries: `<|endoftext|>` (id 0), the 256 bytes, and what most often stands together. Fewer (`entries`)
 * when nothing more occurs twice. The same for the same texts, on every machine.
 * @param texts read once; of texts without end only the frequent words are kept in memory
 * @throws InputError for a size that does not hold the bytes
 */
export async function trainBpe(
  texts: AsyncIterable<string> | Iterable<string>,
  size: number,
  steps: Steps,
): Promise<TokenizerFiles> {
  if (!Number.isInteger(size) || size < SMALLEST)
    throw new InputError(
      l10n.t(
        'vocab is {0}, a whole number from {1} (the bytes and <|endoftext|>) was expected.',
        String(size),
        SMALLEST,
      ),
    );
  const words = new WordCounts();
  let characters = 0;
  let due = 0;
  for await (const text of texts) {
    words.add(text);
    characters += text.length;
    if (performance.now() < due) continue;
    due = performance.now() + 200;
    await steps.step(l10n.t('Counting words: {0} million characters', (characters / 1e6).toFixed(1)));
  }
  return tokenizerFiles(await learnMerges(words.counts, size - SMALLEST, steps));
}
