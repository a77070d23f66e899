/** Rotary positions in the config keys of `transformers`, old (`rope_theta`, `rope_scaling`) and new (`rope_parameters`). */
import * as l10n from '@vscode/l10n';
import type { Config } from '../config';
import type { RopeScaling, Rotary } from '../description';

/** `transformers`' RotaryEmbeddingConfigMixin.default_theta. */
const DEFAULT_THETA = 10_000;

interface RopeKeys {
  /** Key of the base outside `rope_parameters`. */
  theta: string;
  /** Key of the rotated fraction outside `rope_parameters`, and its default. */
  fraction: string;
  defaultFraction: number;
}

/** @param nCtx max_position_embeddings */
export function rotary(config: Config, dHead: number, nCtx: number, keys: RopeKeys): Rotary {
  const fractionIn = { min: 0, max: 1 };
  // `transformers`: a rope_scaling that says anything wins over rope_parameters, whose values win over the old keys.
  const old = config.optionalObject('rope_scaling');
  const rope = old && old.keys().length > 0 ? old : config.optionalObject('rope_parameters');
  const theta = rope?.optionalNumber('rope_theta') ?? config.number(keys.theta, DEFAULT_THETA);
  const fraction =
    rope?.optionalNumber('partial_rotary_factor', fractionIn) ??
    config.number(keys.fraction, keys.defaultFraction, fractionIn);
  const dims = Math.trunc(dHead * fraction);
  if (dims < 2 || dims % 2 !== 0) {
    const source = rope?.has('partial_rotary_factor') ? rope : config;
    throw source.error(
      source === config ? keys.fraction : 'partial_rotary_factor',
      l10n.t('a fraction of the head size {0} that gives an even number of rotated dimensions', dHead),
    );
  }
  const scaled = rope && ropeScaling(rope, config, nCtx);
  return { kind: 'rotary', dims, theta, ...(scaled && { scaling: scaled }) };
}

function ropeScaling(rope: Config, config: Config, nCtx: number): RopeScaling | undefined {
  const typeKeys = ['rope_type', 'type'];
  const factor = { min: 1, max: 1e6 };
  const kinds: Record<string, () => RopeScaling | undefined> = {
    default: () => undefined,
    linear: () => ({ kind: 'linear', factor: rope.number('factor', undefined, factor) }),
    llama3: () => ({
      kind: 'llama3',
      factor: rope.number('factor', undefined, factor),
      lowFreqFactor: rope.number('low_freq_factor'),
      highFreqFactor: rope.number('high_freq_factor'),
      originalContext:
        config.optionalInt('original_max_position_embeddings') ??
        rope.optionalInt('original_max_position_embeddings') ??
        nCtx,
    }),
  };
  const type = rope.optionalString(typeKeys) ?? 'default';
  const perLayer = rope.has(['full_attention', 'sliding_attention']);
  if (!Object.hasOwn(kinds, type) || perLayer) {
    throw rope.error(typeKeys, l10n.t('one of {0} for all layers', Object.keys(kinds).join(', ')));
  }
  const scaling = kinds[type]!();
  if (scaling?.kind === 'llama3' && scaling.highFreqFactor <= scaling.lowFreqFactor) {
    throw rope.error('high_freq_factor', l10n.t('a number greater than low_freq_factor {0}', scaling.lowFreqFactor));
  }
  return scaling;
}
