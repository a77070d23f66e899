/** The stored tensors of each architecture, by config, in small odd sizes. */
import type { Config } from './naive/pass';
import type { Variant } from './randomCheckpoint';

type Shapes = Record<string, number[]>;
type Options = Omit<Variant, 'name' | 'config' | 'shapes'>;

const perLayer = (n: number, names: (layer: number) => Shapes): Shapes =>
  Object.assign({}, ...Array.from({ length: n }, (_, l) => names(l))) as Shapes;
const num = (config: Config, key: string, otherwise?: number): number => (config[key] ?? otherwise) as number;

export function gpt2(name: string, more: Config, options: Options & { prefix?: string } = {}): Variant {
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

export function neox(name: string, more: Config, options: Options = {}): Variant {
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

export interface LlamaKind {
  type: 'llama' | 'mistral' | 'qwen2';
  defaultKvHeads?: number;
}

export function llama({ type, defaultKvHeads }: LlamaKind, name: string, more: Config, options: Options = {}): Variant {
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

export const LLAMA: LlamaKind = { type: 'llama' };
export const MISTRAL: LlamaKind = { type: 'mistral', defaultKvHeads: 8 };
export const QWEN2: LlamaKind = { type: 'qwen2', defaultKvHeads: 32 };

export function attnOnly(name: string, more: Config, options: Options & { biases?: boolean } = {}): Variant {
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
