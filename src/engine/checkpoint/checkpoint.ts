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
}

/** A checkpoint whose files were read and checked; no weight is loaded yet. */
export interface Checkpoint {
  path: string;
  name: string;
  description: ModelDescription;
  tensors: ReadonlyMap<string, StoredTensor>;
  tokenizer?: PromptTokenizer;
  /** Parameters and bytes of the tensors that the description uses (a tied matrix once). */
  nParams: number;
  bytes: number;
  /** Most frequent first. */
  dtypes: string[];
  notices: string[];
}
