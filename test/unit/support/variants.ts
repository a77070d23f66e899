/**
 * Every architecture with its options, in odd sizes: no two dimensions of a model are equal where they may differ, so that
 * swapped axes show.
 */
import type { TestTensor } from './files';
import type { Config } from './naive/pass';
import type { Variant } from './randomCheckpoint';

type Shapes = Record<string, number[]>;
type Options = Omit<Variant, 'name' | 'config' | 'shapes'>;

const bools = (shape: number[]): TestTensor => ({
  dtype: 'BOOL',
  shape,
  data: new Uint8Array(shape.reduce((a, b) => a * b, 1)).fill(1),
});
const perLayer = (n: number, names: (layer: number) => Shapes): Shapes =>
  Object.assign({}, ...Array.from({ length: n }, (_, l) => names(l))) as Shapes;
const num = (config: Config, key: string, otherwise?: number): number => (config[key] ?? otherwise) as number;

function gpt2(name: string, more: Config, options: Options & { prefix?: string } = {}): Variant {
  const { prefix = 'transformer.', ...rest } = options;
  const config = { model_type: 'gpt2', n_embd: 30, n_head: 5, n_layer: 2, n_positions: 13, vocab_size: 23, ...more };
  const d = config.n_embd;
  const inner = num(config, 'n_inner', 4 * d);
  const shapes: Shapes = {
    'wte.weight': [config.vocab_size, d],
    'wpe.weight': [config.n_positions, d],
    ...perLayer(config.n_layer, (l) => ({
      [`h.${l}.ln_1.weight`]: [d],
      [`h.${l}.ln_1.bias`]: [d],
      [`h.${l}.attn.c_attn.weight`]: [d, 3 * d],
      [`h.${l}.attn.c_attn.bias`]: [3 * d],
      [`h.${l}.attn.c_proj.weight`]: [d, d],
      [`h.${l}.attn.c_proj.bias`]: [d],
      [`h.${l}.ln_2.weight`]: [d],
      [`h.${l}.ln_2.bias`]: [d],
      [`h.${l}.mlp.c_fc.weight`]: [d, inner],
      [`h.${l}.mlp.c_fc.bias`]: [inner],
      [`h.${l}.mlp.c_proj.weight`]: [inner, d],
      [`h.${l}.mlp.c_proj.bias`]: [d],
    })),
    'ln_f.weight': [d],
    'ln_f.bias': [d],
  };
  const prefixed = Object.fromEntries(Object.entries(shapes).map(([tensor, shape]) => [prefix + tensor, shape]));
  if (more.tie_word_embeddings === false) prefixed['lm_head.weight'] = [config.vocab_size, d];
  return { name: `gpt2: ${name}`, config, shapes: prefixed, ...rest };
}

function neox(name: string, more: Config, options: Options = {}): Variant {
  const config: Config = {
    model_type: 'gpt_neox',
    hidden_size: 40,
    num_attention_heads: 5,
    num_hidden_layers: 2,
    intermediate_size: 51,
    max_position_embeddings: 17,
    vocab_size: 29,
    ...more,
  };
  const [d, inner, vocab] = [num(config, 'hidden_size'), num(config, 'intermediate_size'), num(config, 'vocab_size')];
  const biases = config.attention_bias !== false;
  const shapes: Shapes = {
    'gpt_neox.embed_in.weight': [vocab, d],
    ...perLayer(num(config, 'num_hidden_layers'), (l) => {
      const layer = `gpt_neox.layers.${l}`;
      return {
        [`${layer}.input_layernorm.weight`]: [d],
        [`${layer}.input_layernorm.bias`]: [d],
        [`${layer}.post_attention_layernorm.weight`]: [d],
        [`${layer}.post_attention_layernorm.bias`]: [d],
        [`${layer}.attention.query_key_value.weight`]: [3 * d, d],
        [`${layer}.attention.dense.weight`]: [d, d],
        ...(biases && {
          [`${layer}.attention.query_key_value.bias`]: [3 * d],
          [`${layer}.attention.dense.bias`]: [d],
        }),
        [`${layer}.mlp.dense_h_to_4h.weight`]: [inner, d],
        [`${layer}.mlp.dense_h_to_4h.bias`]: [inner],
        [`${layer}.mlp.dense_4h_to_h.weight`]: [d, inner],
        [`${layer}.mlp.dense_4h_to_h.bias`]: [d],
      };
    }),
    'gpt_neox.final_layer_norm.weight': [d],
    'gpt_neox.final_layer_norm.bias': [d],
    ...(config.tie_word_embeddings !== true && { 'embed_out.weight': [vocab, d] }),
  };
  return { name: `gpt_neox: ${name}`, config, shapes, ...options };
}

interface LlamaKind {
  type: 'llama' | 'mistral' | 'qwen2';
  defaultKvHeads?: number;
}

function llama({ type, defaultKvHeads }: LlamaKind, name: string, more: Config, options: Options = {}): Variant {
  const config: Config = {
    model_type: type,
    hidden_size: 30,
    num_attention_heads: 6,
    num_key_value_heads: 2,
    head_dim: 8,
    num_hidden_layers: 2,
    intermediate_size: 37,
    max_position_embeddings: 19,
    vocab_size: 31,
    ...more,
  };
  const [d, inner, vocab] = [num(config, 'hidden_size'), num(config, 'intermediate_size'), num(config, 'vocab_size')];
  const heads = num(config, 'num_attention_heads');
  const dHead = num(config, 'head_dim', d / heads);
  const kvHeads =
    config.num_key_value_heads === null ? heads : num(config, 'num_key_value_heads', defaultKvHeads ?? heads);
  const [wide, narrow] = [heads * dHead, kvHeads * dHead];
  const attnBias = config.attention_bias === true;
  const mlpBias = config.mlp_bias === true;
  const linear = (tensor: string, nOut: number, nIn: number, bias: boolean): Shapes => ({
    [`${tensor}.weight`]: [nOut, nIn],
    ...(bias && { [`${tensor}.bias`]: [nOut] }),
  });
  const shapes: Shapes = {
    'model.embed_tokens.weight': [vocab, d],
    ...perLayer(num(config, 'num_hidden_layers'), (l) => {
      const layer = `model.layers.${l}`;
      return {
        [`${layer}.input_layernorm.weight`]: [d],
        [`${layer}.post_attention_layernorm.weight`]: [d],
        ...linear(`${layer}.self_attn.q_proj`, wide, d, attnBias || type === 'qwen2'),
        ...linear(`${layer}.self_attn.k_proj`, narrow, d, attnBias || type === 'qwen2'),
        ...linear(`${layer}.self_attn.v_proj`, narrow, d, attnBias || type === 'qwen2'),
        ...linear(`${layer}.self_attn.o_proj`, d, wide, attnBias),
        ...linear(`${layer}.mlp.gate_proj`, inner, d, mlpBias),
        ...linear(`${layer}.mlp.up_proj`, inner, d, mlpBias),
        ...linear(`${layer}.mlp.down_proj`, d, inner, mlpBias),
      };
    }),
    'model.norm.weight': [d],
    ...(config.tie_word_embeddings !== true && { 'lm_head.weight': [vocab, d] }),
  };
  return { name: `${type}: ${name}`, config, shapes, ...options };
}

const LLAMA: LlamaKind = { type: 'llama' };
const MISTRAL: LlamaKind = { type: 'mistral', defaultKvHeads: 8 };
const QWEN2: LlamaKind = { type: 'qwen2', defaultKvHeads: 32 };

function attnOnly(name: string, more: Config, options: Options & { biases?: boolean } = {}): Variant {
  const { biases, ...rest } = options;
  const config: Config = {
    model_type: 'attn_only',
    n_layers: 2,
    d_model: 20,
    n_heads: 3,
    d_head: 8,
    n_ctx: 15,
    d_vocab: 27,
    normalization_type: null,
    positional_embedding_type: 'standard',
    ...more,
  };
  const [d, heads, dHead, vocab] = ['d_model', 'n_heads', 'd_head', 'd_vocab'].map((key) => num(config, key)) as [
    number,
    number,
    number,
    number,
  ];
  const { normalization_type = 'LN' } = config;
  const norm = (tensor: string): Shapes =>
    normalization_type === 'LN' ? { [`${tensor}.w`]: [d], [`${tensor}.b`]: [d] } : {};
  const shapes: Shapes = {
    'embed.W_E': [vocab, d],
    ...(config.positional_embedding_type !== 'rotary' && { 'pos_embed.W_pos': [num(config, 'n_ctx'), d] }),
    ...perLayer(num(config, 'n_layers'), (l) => ({
      ...norm(`blocks.${l}.ln1`),
      [`blocks.${l}.attn.W_Q`]: [heads, d, dHead],
      [`blocks.${l}.attn.W_K`]: [heads, d, dHead],
      [`blocks.${l}.attn.W_V`]: [heads, d, dHead],
      [`blocks.${l}.attn.W_O`]: [heads, dHead, d],
      ...(biases && {
        [`blocks.${l}.attn.b_Q`]: [heads, dHead],
        [`blocks.${l}.attn.b_K`]: [heads, dHead],
        [`blocks.${l}.attn.b_V`]: [heads, dHead],
        [`blocks.${l}.attn.b_O`]: [d],
      }),
    })),
    ...norm('ln_final'),
    'unembed.W_U': [d, vocab],
    ...(biases && { 'unembed.b_U': [vocab] }),
  };
  return { name: `attn_only: ${name}`, config, shapes, ...rest };
}

/** BF16 matrices with F32 norms, as some trainers store them. */
const mixed = (tensor: string): 'F32' | 'BF16' => (/norm/.test(tensor) ? 'F32' : 'BF16');
const frequencies: TestTensor = { dtype: 'F32', shape: [4], data: [1, 0.1, 0.01, 0.001] };
const LLAMA3 = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 300 };

export const variants: Variant[] = [
  gpt2('transformer. prefix, tied', {}),
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
