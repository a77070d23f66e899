import { createHash } from 'node:crypto';
import type { Corpus } from '../../protocol/latents/corpus';
import type { CorpusFile } from '../mlsae/corpus/files';
import type { Identity } from './store';

/** What of a corpus a result depends on; its files by their names and sizes. */
export function corpusIdentity({ field, maxTokens }: Corpus, files: CorpusFile[]): Identity {
  const names = createHash('sha256');
  for (const { name, bytes } of files) names.update(`${name}\n${bytes}\n`);
  return {
    'number of files': files.length,
    'size of the corpus': files.reduce((sum, { bytes }) => sum + bytes, 0),
    corpus: names.digest('hex').slice(0, 16),
    field: field ?? 'text',
    'maximum of tokens': maxTokens ?? null,
  };
}
