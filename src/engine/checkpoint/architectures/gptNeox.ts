/** GPT-NeoX and Pythia. Names and defaults: `transformers` GPTNeoXConfig, GPTNeoXForCausalLM. */
import type { ModelDescription } from '../description';
import { HEADS, LAYERS, activation, headSize, layerNorm, layersOf, linear, prefixOf, tied, weight } from './common';
import type { Architecture } from './common';
import { rotary } from './rope';

export const gptNeox: Architecture = (config, has): ModelDescription => {
  const nLayers = config.int('num_hidden_layers', 44, LAYERS);
  const nHeads = config.int('num_attention_heads', 64, HEADS);
  const dModel = config.int('hidden_size', 6144);
  const dMlp = config.int('intermediate_size', 24576);
  const nCtx = config.int('max_position_embeddings', 2048);
  const dVocab = config.int('vocab_size', 50432);
  const dHead = headSize(config, 'num_attention_heads', dModel, nHeads);
  const bias = config.bool('attention_bias', true);
  const act = activation(config, 'hidden_act', 'gelu');

  const base = prefixOf(has, 'embed_in.weight', 'gpt_neox.', '');
  const W_E = weight(`${base}embed_in.weight`, dVocab, dModel);
  return {
    architecture: 'gpt_neox',
    nLayers,
    nHeads,
    nKeyValueHeads: nHeads,
    dModel,
    dHead,
    dMlp,
    nCtx,
    dVocab,
    norm: { kind: 'layer', eps: config.number('layer_norm_eps', 1e-5) },
    parallel: config.bool('use_parallel_residual', true),
    positions: rotary(config, dHead, nCtx, { theta: 'rotary_emb_base', fraction: 'rotary_pct', defaultFraction: 0.25 }),
    W_E,
    layers: layersOf(nLayers, (l) => {
      const block = `${base}layers.${l}`;
      return {
        ln1: layerNorm(`${block}.input_layernorm`, dModel),
        qkv: {
          kind: 'fused',
          linear: linear(`${block}.attention.query_key_value`, dModel, 3 * dModel, bias),
          order: 'head-qkv',
        },
        out: linear(`${block}.attention.dense`, dModel, dModel, bias),
        ln2: layerNorm(`${block}.post_attention_layernorm`, dModel),
        mlp: {
          act,
          in: linear(`${block}.mlp.dense_h_to_4h`, dModel, dMlp, true),
          out: linear(`${block}.mlp.dense_4h_to_h`, dMlp, dModel, true),
        },
        attnScale: Math.sqrt(dHead),
      };
    }),
    lnFinal: layerNorm(`${base}final_layer_norm`, dModel),
    unembed: config.bool('tie_word_embeddings', false) ? tied(W_E) : linear('embed_out', dModel, dVocab, false),
    notices: [],
  };
};
