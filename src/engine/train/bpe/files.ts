/** A byte-level BPE tokenizer in the files that `@huggingface/tokenizers` and transformers read. */
import { characterOf } from '../../checkpoint/tokenBytes';
import type { Merges } from './merges';

/** Stands before every document. */
export const END_OF_TEXT = '<|endoftext|>';
/** Entries of the smallest vocabulary: the bytes and END_OF_TEXT. */
export const SMALLEST = 257;

type Json = Record<string, unknown>;

export interface TokenizerFiles {
  /** tokenizer.json */
  json: Json;
  /** tokenizer_config.json */
  config: Json;
  /** Of the vocabulary: ids are below this. */
  entries: number;
}

/** special_tokens_map.json */
export const specialTokens = { bos_token: END_OF_TEXT, eos_token: END_OF_TEXT, unk_token: END_OF_TEXT };

/** tokenizer_config.json. @param context tokens that the model reads at once */
export const tokenizerConfig = (context?: number): Json => ({
  add_prefix_space: false,
  ...specialTokens,
  clean_up_tokenization_spaces: false,
  ...(context !== undefined && { model_max_length: context }),
  tokenizer_class: 'GPT2TokenizerFast',
});

/** END_OF_TEXT is entry 0; the bytes follow in the order of their characters, then the tokens as they were learnt. */
export function tokenizerFiles({ tokens, pairs }: Merges): TokenizerFiles {
  const spelt = tokens.map((bytes) => Array.from(bytes, (byte) => characterOf(byte.charCodeAt(0))).join(''));
  const entries = [END_OF_TEXT, ...spelt.slice(0, 256).sort(), ...spelt.slice(256)];
  const vocab = Object.fromEntries(entries.map((token, id) => [token, id]));
  const merges = pairs.map(([left, right]) => `${spelt[left]!} ${spelt[right]!}`);
  const byteLevel = { type: 'ByteLevel', trim_offsets: true, use_regex: true };
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [
      {
        id: 0,
        content: END_OF_TEXT,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      },
    ],
    normalizer: null,
    pre_tokenizer: { ...byteLevel, add_prefix_space: false },
    post_processor: null,
    decoder: { ...byteLevel, add_prefix_space: true },
    model: { type: 'BPE', dropout: null, unk_token: null, ...PLAIN, vocab, merges },
  };
  return { json, config: tokenizerConfig(), entries: entries.length };
}

const PLAIN = { continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false };
