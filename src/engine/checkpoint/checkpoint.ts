import type { Token } from '../../protocol/analysis';
import type { Foreign } from '../onnx/types';
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
  /** Absent: the bytes are the tensor. */
  derived?: Derivation;
}

/** How a tensor of a foreign graph follows from what is stored; `dtype` and `shape` of the tensor are those after the last step. */
export interface Derivation {
  stored: Pick<StoredTensor, 'dtype' | 'shape'>;
  steps: (
    | { op: 'transpose'; perm: number[] }
    | { op: 'reshape'; dims: number[] }
    | { op: 'slice'; axis: number; from: number; to: number }
    | { op: 'take'; axis: number; indices: number[] }
    | { op: 'scale'; by: number }
    /** (x − zeroPoint) · scale; these have one number, or one for each index of `axis`. */
    | { op: 'dequantize'; axis: number; scale: StoredTensor; zeroPoint?: StoredTensor }
  )[];
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
  /** A `.onnx` file of others: its graph is what runs. Where its weights were not found the description's name tensors that are not there. */
  foreign?: Foreign;
}
