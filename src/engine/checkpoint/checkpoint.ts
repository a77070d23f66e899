import type { Token } from '../../protocol/analysis';
import type { ModelDescription } from './description';

export type FloatDtype = 'F32' | 'F16' | 'BF16';

/** Where a tensor's bytes lie; they are never read into the JavaScript heap. */
export interface StoredTensor {
  /** Absolute, symlinks resolved. */
  file: string;
  /** safetensors dtype; a tensor that the description uses is a `FloatDtype`. */
  dtype: string;
  shape: number[];
  /** Bytes from the start of the file. */
  offset: number;
  length: number;
}

export interface PromptTokenizer {
  /** Tokens with their ranges, special tokens that the tokenizer adds included. */
  encode(text: string): Token[];
  /** What a token stands for: its text, or its bytes (`\xf0`) when it is not whole characters, or a special token's name. */
  tokenText(id: number): string;
  /** Ids of tokens that stand for no text of their own: BOS, EOS, padding … */
  readonly specialIds?: ReadonlySet<number>;
}

/** A checkpoint whose files were read and checked; no weight is loaded yet. */
export interface Checkpoint {
  path: string;
  name: string;
  description: ModelDescription;
  tensors: ReadonlyMap<string, StoredTensor>;
  tokenizer?: PromptTokenizer;
  /** What begins a sequence, by config.json or by what the tokenizer puts before every text. */
  bosId?: number;
  /** BOS, EOS, padding and the tokenizer's special tokens, as far as they are known. */
  specialIds?: ReadonlySet<number>;
  /** Parameters and bytes of the tensors that the description uses (a tied matrix once). */
  nParams: number;
  bytes: number;
  /** Most frequent first. */
  dtypes: string[];
  notices: string[];
}
