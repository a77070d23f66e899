/** Llama and its relatives. Names and defaults: `transformers` LlamaConfig, MistralConfig, Qwen2Config and their models. */
import * as l10n from '@vscode/l10n';
import type { Config } from '../config';
import type { ModelDescription, NormWeights } from '../description';
import { HEADS, LAYERS, activation, headSize, layersOf, linear, prefixOf, tied, weight } from './common';
import type { Architecture } from './common';
import { rotary } from './rope';

/** In what the relatives differ. */
interface Variant {
  architecture: string;
  dVocab: number;
  dMlp: number;
  nCtx: number;
  /** Absent: as many as heads. */
  nKeyValueHeads?: number;
  qkvBias(config: Config): boolean;
  outBias(config: Config): boolean;
  mlpBias(config: Config): boolean;
  /** Sliding window of each layer; undefined: none. */
  windows(config: Config, nLayers: number): (number | undefined)[];
}

const never = (): boolean => false;
const noWindows = (): undefined[] => [];
const attentionBias = (config: Config): boolean => config.bool('attention_bias', false);
/** Absent: 4096. Null: none. */
const slidingWindow = (config: Config): number | undefined =>
  config.has('sliding_window') ? config.optionalInt('sliding_window') : 4096;

const family =
  (variant: Variant): Architecture =>
  (config, has): ModelDescription => {
    const nLayers = config.int('num_hidden_layers', 32, LAYERS);
    const nHeads = config.int('num_attention_heads', 32, HEADS);
    const dModel = config.int('hidden_size', 4096);
    const dMlp = config.int('intermediate_size', variant.dMlp);
    const nCtx = config.int('max_position_embeddings', variant.nCtx);
    const dVocab = config.int('vocab_size', variant.dVocab);
    const dHead = config.optionalInt('head_dim') ?? headSize(config, 'num_attention_heads', dModel, nHeads);
    const nKeyValueHeads = keyValueHeads(config, variant, nHeads);
    const act = activation(config, 'hidden_act', 'silu');
    const qkvBias = variant.qkvBias(config);
    const outBias = variant.outBias(config);
    const mlpBias = variant.mlpBias(config);
    const windows = variant.windows(config, nLayers);

    const base = prefixOf(has, 'embed_tokens.weight', 'model.', '');
    const W_E = weight(`${base}embed_tokens.weight`, dVocab, dModel);
    const rmsNorm = (name: string): NormWeights => ({ weight: weight(`${name}.weight`, dModel) });
    return {
      architecture: variant.architecture,
      nLayers,
      nHeads,
      nKeyValueHeads,
      dModel,
      dHead,
      dMlp,
      nCtx,
      dVocab,
      norm: { kind: 'rms', eps: config.number('rms_norm_eps', 1e-6) },
      parallel: false,
      positions: rotary(config, dHead, nCtx, {
        theta: 'rope_theta',
        fraction: 'partial_rotary_factor',
        defaultFraction: 1,
      }),
      W_E,
      layers: layersOf(nLayers, (l) => {
        const attn = `${base}layers.${l}.self_attn`;
        const mlp = `${base}layers.${l}.mlp`;
        return {
          ln1: rmsNorm(`${base}layers.${l}.input_layernorm`),
          qkv: {
            kind: 'separate',
            q: linear(`${attn}.q_proj`, dModel, nHeads * dHead, qkvBias),
            k: linear(`${attn}.k_proj`, dModel, nKeyValueHeads * dHead, qkvBias),
            v: linear(`${attn}.v_proj`, dModel, nKeyValueHeads * dHead, qkvBias),
          },
          out: linear(`${attn}.o_proj`, nHeads * dHead, dModel, outBias),
          ln2: rmsNorm(`${base}layers.${l}.post_attention_layernorm`),
          mlp: {
            act,
            gate: linear(`${mlp}.gate_proj`, dModel, dMlp, mlpBias),
            in: linear(`${mlp}.up_proj`, dModel, dMlp, mlpBias),
            out: linear(`${mlp}.down_proj`, dMlp, dModel, mlpBias),
          },
          attnScale: Math.sqrt(dHead),
          ...(windows[l] !== undefined && { window: windows[l] }),
        };
      }),
      lnFinal: rmsNorm(`${base}norm`),
      unembed: config.bool('tie_word_embeddings', false) ? tied(W_E) : linear('lm_head', dModel, dVocab, false),
      notices: [],
    };
  };

/** Absent: the class's default. Null: as many as heads. */
function keyValueHeads(config: Config, variant: Variant, nHeads: number): number {
  const key = 'num_key_value_heads';
  const count = config.optionalInt(key, HEADS) ?? (config.has(key) ? nHeads : (variant.nKeyValueHeads ?? nHeads));
  if (nHeads % count !== 0)
    throw config.error(key, l10n.t('a divisor of num_attention_heads {0} (here it is {1})', nHeads, count));
  return count;
}

/** Qwen2: `layer_types` when there, else a window from layer `max_window_layers` on, and only if `use_sliding_window`. */
function qwen2Windows(config: Config, nLayers: number): (number | undefined)[] {
  const window = config.bool('use_sliding_window', false) ? slidingWindow(config) : undefined;
  const from = config.int('max_window_layers', 28, { min: 0 });
  const types = config.optionalStrings('layer_types');
  if (types && types.length !== nLayers) throw config.error('layer_types', l10n.t('an array of {0} strings', nLayers));
  const slides = (l: number): boolean => (types ? types[l] === 'sliding_attention' : l >= from);
  return layersOf(nLayers, (l) => (slides(l) ? window : undefined));
}

export const llama = family({
  architecture: 'llama',
  dVocab: 32000,
  dMlp: 11008,
  nCtx: 2048,
  qkvBias: attentionBias,
  outBias: attentionBias,
  mlpBias: (config) => config.bool('mlp_bias', false),
  windows: noWindows,
});

export const mistral = family({
  architecture: 'mistral',
  dVocab: 32000,
  dMlp: 14336,
  nCtx: 4096 * 32,
  nKeyValueHeads: 8,
  qkvBias: never,
  outBias: never,
  mlpBias: never,
  windows: (config, nLayers) => layersOf(nLayers, () => slidingWindow(config)),
});

export const qwen2 = family({
  architecture: 'qwen2',
  dVocab: 151936,
  dMlp: 22016,
  nCtx: 32768,
  nKeyValueHeads: 32,
  qkvBias: () => true,
  outBias: never,
  mlpBias: never,
  windows: qwen2Windows,
});
