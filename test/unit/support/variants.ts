/** Every architecture with its options. No two dimensions are equal where they may differ, so that swapped axes show. */
import { attnOnly, gpt2, llama, LLAMA, MISTRAL, neox, QWEN2 } from './families';
import type { TestTensor } from './files';
import type { Variant } from './randomCheckpoint';

const bools = (shape: number[]): TestTensor => ({
  dtype: 'BOOL',
  shape,
  data: new Uint8Array(shape.reduce((a, b) => a * b, 1)).fill(1),
});
/** BF16 matrices with F32 norms, as some trainers store them. */
const mixed = (tensor: string): 'F32' | 'BF16' => (/norm/.test(tensor) ? 'F32' : 'BF16');
const frequencies: TestTensor = { dtype: 'F32', shape: [4], data: [1, 0.1, 0.01, 0.001] };
const LLAMA3 = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 300 };

/** Rows of MLPs of this width are 4 KiB apart: packed weights are padded. */
const PADDED = 1024;

export const variants: Variant[] = [
  gpt2('transformer. prefix, tied', {}),
  gpt2('an MLP that is padded', { n_inner: PADDED }),
  neox('an MLP that is padded', { intermediate_size: PADDED }),
  llama(LLAMA, 'an MLP that is padded', { intermediate_size: PADDED }),
  gpt2(
    'no prefix, masks stored, F16',
    { n_inner: 37 },
    {
      prefix: '',
      dtype: 'F16',
      // an odd number of bytes: nothing after it is aligned
      extras: {
        'h.0.attn.bias': bools([1, 1, 13, 13]),
        'h.0.attn.masked_bias': { shape: [], data: [-10000] },
        'h.1.attn.bias': bools([1, 1, 13, 13]),
      },
    },
  ),
  gpt2('no prefix, lm_head, sharded BF16', { tie_word_embeddings: false }, { prefix: '', dtype: 'BF16', shards: 3 }),
  gpt2('scores over layer, gelu, eps', {
    scale_attn_by_inverse_layer_idx: true,
    activation_function: 'gelu',
    layer_norm_epsilon: 0.1,
  }),
  gpt2(
    'unscaled, relu, eps of the default, one token',
    { scale_attn_weights: false, activation_function: 'relu' },
    {
      embedding: 0.003,
      nTokens: 1,
    },
  ),

  neox('parallel, defaults', {}, { embedding: 0.003 }),
  neox(
    'parallel, all dimensions rotary, tied, F16',
    { rotary_pct: 1, rotary_emb_base: 100, tie_word_embeddings: true },
    {
      dtype: 'F16',
    },
  ),
  neox(
    'sequential, rotary quarter, buffers, sharded',
    { use_parallel_residual: false, rotary_pct: 0.25 },
    {
      shards: 2,
      extras: {
        'gpt_neox.layers.0.attention.bias': bools([1, 1, 17, 17]),
        'gpt_neox.layers.0.attention.masked_bias': { shape: [], data: [-1e9] },
        'gpt_neox.layers.0.attention.rotary_emb.inv_freq': frequencies,
      },
    },
  ),
  neox(
    'sequential, no attention biases, rotary half, linear scaling, gelu_new, eps, BF16',
    {
      use_parallel_residual: false,
      attention_bias: false,
      rotary_pct: 0.5,
      rope_scaling: { type: 'linear', factor: 3 },
      hidden_act: 'gelu_new',
      layer_norm_eps: 0.1,
    },
    { dtype: 'BF16' },
  ),

  llama(LLAMA, 'grouped queries, head_dim given, untied', {}),
  llama(
    LLAMA,
    'defaults: no head_dim, key/value heads, eps',
    {
      head_dim: undefined,
      num_key_value_heads: undefined,
      hidden_size: 36,
    },
    { embedding: 0.001 },
  ),
  llama(
    LLAMA,
    'one key/value head, tied, theta, buffers, F16',
    {
      num_key_value_heads: 1,
      tie_word_embeddings: true,
      rope_theta: 100,
    },
    { dtype: 'F16', extras: { 'model.layers.0.self_attn.rotary_emb.inv_freq': frequencies } },
  ),
  llama(
    LLAMA,
    'linear scaling, eps, sharded BF16',
    {
      rope_scaling: { type: 'linear', factor: 4 },
      rms_norm_eps: 0.1,
    },
    { dtype: 'BF16', shards: 4 },
  ),
  llama(
    LLAMA,
    'llama3 scaling, biases everywhere',
    {
      rope_scaling: { rope_type: 'llama3', ...LLAMA3 },
      attention_bias: true,
      mlp_bias: true,
      // wavelengths on both sides of and between the two bounds
      rope_theta: 2000,
    },
    { nTokens: 19 },
  ),
  llama(
    LLAMA,
    'gelu, null scaling, mixed dtypes',
    { hidden_act: 'gelu', rope_scaling: null, head_dim: null, hidden_size: 24 },
    {
      dtype: mixed,
    },
  ),

  llama(MISTRAL, 'window of 3', { sliding_window: 3 }),
  llama(MISTRAL, 'window of 1, tied, BF16', { sliding_window: 1, tie_word_embeddings: true }, { dtype: 'BF16' }),
  llama(MISTRAL, 'no window, default key/value heads', {
    sliding_window: null,
    num_attention_heads: 16,
    num_key_value_heads: undefined,
    head_dim: 4,
  }),
  llama(MISTRAL, 'null key/value heads, rope_parameters', {
    num_key_value_heads: null,
    rope_parameters: { rope_type: 'linear', factor: 2, rope_theta: 500 },
  }),

  llama(QWEN2, 'window switched off', {
    sliding_window: 3,
    max_window_layers: 0,
    head_dim: undefined,
    hidden_size: 36,
  }),
  llama(
    QWEN2,
    'window from layer 1 on, tied, sharded F16',
    {
      use_sliding_window: true,
      sliding_window: 3,
      max_window_layers: 1,
      tie_word_embeddings: true,
    },
    { dtype: 'F16', shards: 2 },
  ),
  llama(QWEN2, 'window by layer_types', {
    use_sliding_window: true,
    sliding_window: 2,
    layer_types: ['sliding_attention', 'full_attention'],
  }),
  llama(QWEN2, 'default key/value heads', {
    num_attention_heads: 64,
    num_key_value_heads: undefined,
    head_dim: 2,
    num_hidden_layers: 1,
  }),

  ...['standard', 'shortformer', 'rotary'].flatMap((positional_embedding_type) =>
    [null, 'LN', 'LNPre'].map((normalization_type, i) =>
      attnOnly(
        `${positional_embedding_type}, norm ${normalization_type}`,
        { positional_embedding_type, normalization_type },
        {
          dtype: (['F32', 'F16', 'BF16'] as const)[i]!,
        },
      ),
    ),
  ),
  ...['standard', 'shortformer', 'rotary'].map((positional_embedding_type) =>
    attnOnly(`no layers, ${positional_embedding_type}`, { n_layers: 0, positional_embedding_type }),
  ),
  attnOnly('no layers, LN, eps', { n_layers: 0, normalization_type: 'LN', eps: 0.1 }),
  attnOnly('one layer, partly rotary, base', {
    n_layers: 1,
    positional_embedding_type: 'rotary',
    rotary_dim: 4,
    rotary_base: 50,
  }),
  attnOnly('no scale, defaults: LN, standard', {
    normalization_type: undefined,
    positional_embedding_type: undefined,
    use_attn_scale: false,
  }),
  attnOnly('biases stored', { positional_embedding_type: 'shortformer', normalization_type: 'LN' }, { biases: true }),
  attnOnly(
    'scale given, LNPre, eps of the default',
    { attn_scale: 5, normalization_type: 'LNPre' },
    { embedding: 0.003 },
  ),
];
