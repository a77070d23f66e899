/** What is mutated: small checkpoints of every architecture, autoencoders of every format, tokenizers of every model. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { attnOnly, gpt2, llama, LLAMA, MISTRAL, neox, QWEN2 } from '../unit/support/families';
import { ROOT } from '../unit/support/files';
import { writeRandomCheckpoint, type Variant } from '../unit/support/randomCheckpoint';
import { SAE_VARIANTS, writeRandomSae } from '../unit/support/randomSae';
import { variants } from '../unit/support/variants';
import { readFiles, type Files } from './files';
import type { Random } from './random';

const lazily = <T>(make: () => T): (() => T) => {
  let value: T | undefined;
  return () => (value ??= make());
};

const filesOf = (variant: Variant): Files => readFiles(writeRandomCheckpoint(variant).folder);

/** Checkpoints with every option of every architecture. */
export const checkpoints: (() => Files)[] = variants.map((variant) => lazily(() => filesOf(variant)));

/** A correct checkpoint of unusual size: one token, one dimension, one layer more or less … */
export function unusual(random: Random): Files {
  const size = (...sizes: number[]): number => random.pick(sizes);
  const [heads, dHead] = [size(1, 1, 2, 3, 7), size(2, 2, 4, 6, 16)];
  const [width, layers, context, vocabulary] = [
    heads * dHead,
    size(1, 2, 5),
    size(1, 2, 3, 64, 1000),
    size(1, 2, 3, 17, 300),
  ];
  const options = { dtype: random.pick(['F32', 'F16', 'BF16'] as const), embedding: size(1, 1, 0, 1e-30, 1e15, 1e38) };
  const common = {
    hidden_size: width,
    num_attention_heads: heads,
    num_hidden_layers: layers,
    intermediate_size: size(1, 2, 9),
    max_position_embeddings: context,
    vocab_size: vocabulary,
  };
  const relatives = {
    ...common,
    num_key_value_heads: size(1, heads),
    head_dim: dHead,
    sliding_window: size(1, 2, 1e6),
  };
  const makers: (() => Variant)[] = [
    () => {
      const sizes = { n_embd: width, n_head: heads, n_layer: layers, n_positions: context, vocab_size: vocabulary };
      return gpt2('unusual', { ...sizes, n_inner: size(1, 2, 9) }, options);
    },
    () => neox('unusual', { ...common, rotary_pct: 1, use_parallel_residual: random.chance(0.5) }, options),
    () => llama(random.pick([LLAMA, MISTRAL, QWEN2]), 'unusual', relatives, options),
    () => {
      const kinds = { positional_embedding_type: random.pick(['standard', 'shortformer', 'rotary']) };
      const sizes = { n_layers: size(0, 1, 2, 5), d_model: size(1, 2, 20), n_heads: heads, d_head: dHead };
      const more = { n_ctx: context, d_vocab: vocabulary, normalization_type: random.pick([null, 'LN', 'LNPre']) };
      return attnOnly('unusual', { ...sizes, ...more, ...kinds }, options);
    },
  ];
  return filesOf(random.pick(makers)());
}

/** A model and the width of its residual stream, for autoencoders beside it. */
export const saeModel = lazily(() => ({
  folder: writeRandomCheckpoint(gpt2('of the autoencoders', {})).folder,
  nInputs: 30,
}));

export interface SaeSeed {
  files: Files;
  /** Relative to the files' folder; empty: itself. */
  folder: string;
  tunedLens?: string;
}

export const saes: (() => SaeSeed)[] = SAE_VARIANTS.map((variant) =>
  lazily(() => {
    const { folder, tunedLens } = writeRandomSae(variant, { nInputs: saeModel().nInputs, nLatents: 40 });
    const root = variant.format === 'sparsify' ? dirname(folder) : folder;
    return {
      files: readFiles(root),
      folder: relative(root, folder),
      ...(tunedLens !== undefined && { tunedLens: relative(root, tunedLens) }),
    };
  }),
);

const sample = (name: string, file: string): Buffer => readFileSync(join(ROOT, 'samples', name, file));

/** Beside a tiny model that takes all of its tokens. */
const withModel = (vocabulary: number, tokenizer: Record<string, Buffer>): (() => Files) =>
  lazily(() => {
    const model = attnOnly('of a tokenizer', { d_vocab: vocabulary, d_model: 8, n_layers: 1, n_ctx: 64 });
    return new Map([...filesOf(model), ...Object.entries(tokenizer)]);
  });

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const special = (id: number, content: string): object => ({
  ...{ id, content, special: true, single_word: false },
  ...{ lstrip: false, rstrip: false, normalized: false },
});
const PIECES = ['t', 'h', 'e', 'c', 'a', 's', 'o', 'n', 'm', '.', 'the', 'cat', 'at', 'sat'];

function wordPiece(): Buffer {
  const names = ['[UNK]', '[CLS]', '[SEP]', ...PIECES, ...PIECES.map((piece) => `##${piece}`)];
  return json({
    version: '1.0',
    added_tokens: names.slice(0, 3).map((name, id) => special(id, name)),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', sep: ['[SEP]', 2], cls: ['[CLS]', 1] },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      ...{ type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
      vocab: Object.fromEntries(names.map((name, id) => [name, id])),
    },
  });
}

function unigram(): Buffer {
  const scored = [...PIECES, ...PIECES.map((piece) => `▁${piece}`), '▁'].map((piece, i) => [piece, -1 - i / 10]);
  return json({
    version: '1.0',
    added_tokens: [special(0, '<unk>')],
    normalizer: { type: 'Precompiled', precompiled_charsmap: '' },
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    post_processor: null,
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    model: { type: 'Unigram', unk_id: 0, vocab: [['<unk>', 0], ...scored], byte_fallback: false },
  });
}

const sentencePiece = {
  'tokenizer.json': sample('stories260K', 'tokenizer.json'),
  'tokenizer_config.json': sample('stories260K', 'tokenizer_config.json'),
};

export const tokenizers: (() => Files)[] = [
  withModel(512, sentencePiece),
  withModel(64, { 'tokenizer.json': wordPiece(), 'tokenizer_config.json': json({ tokenizer_class: 'BertTokenizer' }) }),
  withModel(64, { 'tokenizer.json': unigram() }),
  withModel(4096, {
    'tokenizer.json': sample('attn-only-2l', 'tokenizer.json'),
    'tokenizer_config.json': sample('attn-only-2l', 'tokenizer_config.json'),
  }),
];
