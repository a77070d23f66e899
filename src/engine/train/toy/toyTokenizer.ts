/** The byte-level BPE tokenizer of a toy model: trained on its corpus, or that of the folder where training goes on. */
import * as l10n from '@vscode/l10n';
import { join } from 'node:path';
import type { Corpus } from '../../../protocol/latents/corpus';
import type { PromptTokenizer } from '../../checkpoint/checkpoint';
import { InputError } from '../../checkpoint/errors';
import { readJsonObject } from '../../checkpoint/json';
import { createTokenizer } from '../../checkpoint/tokenizer';
import { documents } from '../../mlsae/corpus/documents';
import type { CorpusFile } from '../../mlsae/corpus/files';
import type { Steps } from '../../runtime/types';
import { END_OF_TEXT, tokenizerConfig } from '../bpe/files';
import { textEncoder, type BpeModel } from '../bpe/encode';
import { trainBpe } from '../bpe/train';

export interface ToyTokenizer {
  /** tokenizer.json and tokenizer_config.json. */
  json: Record<string, unknown>;
  config: Record<string, unknown>;
  tokenizer: PromptTokenizer;
  /** The ids of long texts; the names of special tokens are text there. */
  encode: (text: string) => number[];
  /** Stands before every document. */
  bosId: number;
  /** Ids are below this. */
  vocab: number;
}

/** Characters that the vocabulary is learnt from. */
const CHARACTERS = 100_000_000;

/** @throws InputError for a tokenizer.json that is not of a toy model */
export function toyTokenizer(json: Record<string, unknown>, context: number, file = 'tokenizer.json'): ToyTokenizer {
  const model = json['model'] as BpeModel;
  const bosId = model.vocab[END_OF_TEXT];
  if (bosId === undefined)
    throw new InputError(l10n.t('{0} has no token {1}, which begins every document.', file, END_OF_TEXT));
  const config = tokenizerConfig(context);
  const tokenizer = createTokenizer(json, config, file);
  const encode = textEncoder(model, (word) => tokenizer.encode(word).map(({ id }) => id));
  return { json, config, tokenizer, encode, bosId, vocab: Object.keys(model.vocab).length };
}

/** That of a training that goes on. */
export async function storedTokenizer(dir: string, context: number): Promise<ToyTokenizer> {
  const file = join(dir, 'tokenizer.json');
  return toyTokenizer(await readJsonObject(file), context, file);
}

/** One of at most `vocab` entries, learnt from the beginning of the corpus. */
export async function trainedTokenizer(
  corpus: Corpus,
  files: CorpusFile[],
  { vocab, context }: { vocab: number; context: number },
  steps: Steps,
): Promise<ToyTokenizer> {
  const { json } = await trainBpe(beginning(corpus, files), vocab, steps);
  return toyTokenizer(json, context);
}

async function* beginning(corpus: Corpus, files: CorpusFile[]): AsyncGenerator<string> {
  let characters = 0;
  for await (const { text } of documents(files, corpus)) {
    yield text;
    characters += text.length;
    if (characters >= CHARACTERS) return;
  }
}
