/** GPT-2. Names and defaults: `transformers` GPT2Config, GPT2LMHeadModel. */
import type { Linear, ModelDescription } from '../description';
import { HEADS, LAYERS, activation, headSize, layerNorm, layersOf, linear, prefixOf, tied, weight } from './common';
import type { Architecture } from './common';

/** Conv1D: `[in, out]`. */
const conv1d = (name: string, inputs: number, outputs: number): Linear => ({
  weight: weight(`${name}.weight`, inputs, outputs),
  layout: 'in-out',
  bias: weight(`${name}.bias`, outputs),
});

export const gpt2: Architecture = (config, has): ModelDescription => {
  const nLayers = config.int(['n_layer', 'num_hidden_layers'], 12, LAYERS);
  const nHeads = config.int(['n_head', 'num_attention_heads'], 12, HEADS);
  const dModel = config.int(['n_embd', 'hidden_size'], 768);
  const nCtx = config.int(['n_positions', 'max_position_embeddings'], 1024);
  const dVocab = config.int('vocab_size', 50257);
  const dMlp = config.optionalInt('n_inner') ?? 4 * dModel;
  const dHead = headSize(config, 'n_head', dModel, nHeads);
  const scale = config.bool('scale_attn_weights', true) ? Math.sqrt(dHead) : 1;
  const byLayer = config.bool('scale_attn_by_inverse_layer_idx', false);
  const act = activation(config, 'activation_function', 'gelu_new');

  const base = prefixOf(has, 'wte.weight', 'transformer.', '');
  const W_E = weight(`${base}wte.weight`, dVocab, dModel);
  return {
    architecture: 'gpt2',
    nLayers,
    nHeads,
    nKeyValueHeads: nHeads,
    dModel,
    dHead,
    dMlp,
    nCtx,
    dVocab,
    norm: { kind: 'layer', eps: config.number('layer_norm_epsilon', 1e-5) },
    parallel: false,
    positions: { kind: 'standard', W_pos: weight(`${base}wpe.weight`, nCtx, dModel) },
    W_E,
    layers: layersOf(nLayers, (l) => {
      const block = `${base}h.${l}`;
      return {
        ln1: layerNorm(`${block}.ln_1`, dModel),
        qkv: { kind: 'fused', linear: conv1d(`${block}.attn.c_attn`, dModel, 3 * dModel), order: 'qkv-head' },
        out: conv1d(`${block}.attn.c_proj`, dModel, dModel),
        ln2: layerNorm(`${block}.ln_2`, dModel),
        mlp: {
          act,
          in: conv1d(`${block}.mlp.c_fc`, dModel, dMlp),
          out: conv1d(`${block}.mlp.c_proj`, dMlp, dModel),
        },
        attnScale: byLayer ? scale * (l + 1) : scale,
      };
    }),
    lnFinal: layerNorm(`${base}ln_f`, dModel),
    unembed: config.bool('tie_word_embeddings', true) ? tied(W_E) : linear('lm_head', dModel, dVocab, false),
    notices: [],
  };
};
