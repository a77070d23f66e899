/**
 * The toy models of "A Mathematical Framework for Transformer Circuits", in TransformerLens's parameter names and config
 * keys (HookedTransformerConfig).
 */
import * as l10n from '@vscode/l10n';
import type { Config } from '../config';
import type { Layer, Linear, ModelDescription, NormWeights, Positions, WeightRef } from '../description';
import { HEADS, LAYERS, headSize, layersOf, weight } from './common';
import type { Architecture, HasTensor } from './common';

/** A setting that would change the result and that these models do not have. */
const FIXED: [string, boolean | string][] = [
  ['attn_only', true],
  ['attention_dir', 'causal'],
  ['final_rms', false],
  ['use_local_attn', false],
  ['rotary_adjacent_pairs', false],
];

const NORMS = { LN: 'layer', LNPre: 'layer' } as const;

export const attnOnly: Architecture = (config, has): ModelDescription => {
  for (const [key, value] of FIXED) {
    const found = typeof value === 'boolean' ? config.bool(key, value) : config.string(key, value);
    if (found !== value) throw config.error(key, JSON.stringify(value));
  }
  const nLayers = config.int('n_layers', undefined, { ...LAYERS, min: 0 });
  const dModel = config.int('d_model');
  const nCtx = config.int('n_ctx');
  const dVocab = config.int('d_vocab');
  const dVocabOut = outputVocabulary(config, dVocab);
  // A model without layers has no heads to describe; the counts are then only formal.
  const nHeads = config.int('n_heads', nLayers === 0 ? 1 : undefined, HEADS);
  const dHead = config.optionalInt('d_head') ?? headSize(config, 'n_heads', dModel, nHeads);
  const norm = config.has('normalization_type') ? config.optionalString('normalization_type') : 'LN';
  if (norm !== undefined && !Object.hasOwn(NORMS, norm))
    throw config.error('normalization_type', l10n.t('null, LN or LNPre'));

  const normed = (name: string): NormWeights =>
    norm === 'LN' ? { weight: weight(`${name}.w`, dModel), bias: weight(`${name}.b`, dModel) } : {};
  const scale = attnScale(config, dHead);
  const b_U = optional(has, weight('unembed.b_U', dVocabOut));
  return {
    architecture: 'attn_only',
    nLayers,
    nHeads,
    nKeyValueHeads: nHeads,
    dModel,
    dHead,
    dMlp: 0,
    nCtx,
    dVocab,
    norm: { kind: norm === undefined ? 'none' : 'layer', eps: config.number('eps', 1e-5) },
    parallel: false,
    positions: positions(config, dModel, dHead, nCtx),
    W_E: weight('embed.W_E', dVocab, dModel),
    layers: layersOf(nLayers, (l): Layer => {
      const qkv = (which: string): Linear =>
        heads(has, `blocks.${l}.attn`, which, [nHeads, dModel, dHead], [nHeads, dHead]);
      return {
        ...(norm !== undefined && { ln1: normed(`blocks.${l}.ln1`) }),
        qkv: { kind: 'separate', q: qkv('Q'), k: qkv('K'), v: qkv('V') },
        out: heads(has, `blocks.${l}.attn`, 'O', [nHeads, dHead, dModel], [dModel]),
        attnScale: scale,
      };
    }),
    ...(norm !== undefined && { lnFinal: normed('ln_final') }),
    unembed: { weight: weight('unembed.W_U', dModel, dVocabOut), layout: 'in-out', ...(b_U && { bias: b_U }) },
    notices: [],
  };
};

const optional = (has: HasTensor, ref: WeightRef): WeightRef | undefined => (has(ref.tensor) ? ref : undefined);

/** `W_x` and, where the checkpoint has it, `b_x`. */
function heads(has: HasTensor, attn: string, which: string, shape: number[], biasShape: number[]): Linear {
  const bias = optional(has, weight(`${attn}.b_${which}`, ...biasShape));
  return { weight: weight(`${attn}.W_${which}`, ...shape), layout: 'heads', ...(bias && { bias }) };
}

/** TransformerLens's -1 stands for d_vocab. */
function outputVocabulary(config: Config, dVocab: number): number {
  const size = config.optionalInt('d_vocab_out', { min: -1 }) ?? dVocab;
  if (size === 0) throw config.error('d_vocab_out', l10n.t('a positive integer'));
  return size === -1 ? dVocab : size;
}

/** TransformerLens's -1 stands for sqrt(d_head). */
function attnScale(config: Config, dHead: number): number {
  const scale = config.optionalNumber('attn_scale', { min: -1, max: 1e6 }) ?? -1;
  if (scale <= 0 && scale !== -1) throw config.error('attn_scale', l10n.t('a positive number, or -1 for sqrt(d_head)'));
  if (!config.bool('use_attn_scale', true)) return 1;
  return scale === -1 ? Math.sqrt(dHead) : scale;
}

function positions(config: Config, dModel: number, dHead: number, nCtx: number): Positions {
  const key = 'positional_embedding_type';
  const W_pos = weight('pos_embed.W_pos', nCtx, dModel);
  const kind = config.string(key, 'standard');
  if (kind === 'standard' || kind === 'shortformer') return { kind, W_pos };
  if (kind !== 'rotary') throw config.error(key, l10n.t('standard, shortformer or rotary'));
  const dims = config.optionalInt('rotary_dim', { min: 2, max: dHead }) ?? dHead;
  if (dims % 2 !== 0) throw config.error('rotary_dim', l10n.t('an even number up to d_head {0}', dHead));
  return { kind, dims, theta: config.number('rotary_base', 10_000) };
}
