/** SAELens's format (github.com/jbloomAus/SAELens), before and since version 6: what it was trained on moved to `metadata`. */
import * as l10n from '@vscode/l10n';
import type { Config } from '../../checkpoint/config';
import type { Activate } from '../sae';
import type { SaeDescription, SaeFormatReader } from './reader';
import { residualLayer } from './residualLayer';

const ARCHITECTURES = ['standard', 'topk', 'jumprelu', 'gated'];
const HOOK = ['hook_name', 'hook_point'];

export const saelens: SaeFormatReader = {
  format: 'saelens',
  config: 'cfg.json',
  weights: 'sae_weights.safetensors',
  keys: [],
  width: 'd_in',
  transformer: (config) => metadata(config).optionalString('model_name'),
  describe: ({ config }) => {
    const [nInputs, nLatents] = [config.int('d_in'), config.int('d_sae')];
    const activate = activation(config, nLatents);
    const bDec = { tensor: 'b_dec', shape: [nInputs] };
    refuseScaling(config);
    return {
      nInputs,
      widthFrom: 'd_in',
      nLatents,
      activate,
      encoder: { weight: { tensor: 'W_enc', shape: [nInputs, nLatents] }, layout: 'input-latent' },
      decoder: { weight: { tensor: 'W_dec', shape: [nLatents, nInputs] }, layout: 'latent-input' },
      ...(config.bool('apply_b_dec_to_input', true) && { bPre: bDec }),
      ...(activate.kind !== 'gated' && { bEnc: { tensor: 'b_enc', shape: [nLatents] } }),
      bDec,
      ...layer(config),
      ...normalization(config),
    };
  },
};

/** Where hook_name and model_name are: `metadata` since version 6, `meta` in its first releases, the top before. */
function metadata(config: Config): Config {
  const nested = config.optionalObject(['metadata', 'meta']);
  return nested && !config.has(HOOK) ? nested : config;
}

function layer(config: Config): Pick<SaeDescription, 'layers' | 'layersFrom'> {
  const of = metadata(config);
  const hook = of.optionalString(HOOK);
  const layersFrom = `${config.file}: ${of === config ? '' : 'metadata.'}hook_name`;
  return { layersFrom, layers: hook === undefined ? undefined : [residualLayer(hook, layersFrom)] };
}

function activation(config: Config, nLatents: number): Activate {
  const architecture = config.string('architecture', 'standard');
  if (!ARCHITECTURES.includes(architecture))
    throw config.error('architecture', l10n.t('one of {0}', ARCHITECTURES.join(', ')));
  const vector = (tensor: string): { tensor: string; shape: number[] } => ({ tensor, shape: [nLatents] });
  const key = ['activation_fn', 'activation_fn_str'];
  // TopK was an activation function of the standard architecture once
  const fn = config.string(key, architecture === 'topk' ? 'topk' : 'relu');
  if (fn !== 'relu' && !(fn === 'topk' && ['standard', 'topk'].includes(architecture))) {
    throw config.error(key, architecture === 'standard' ? l10n.t('"relu" or "topk"') : '"relu"');
  }
  if (architecture === 'jumprelu') return { kind: 'jumprelu', threshold: vector('threshold') };
  if (architecture === 'gated') {
    return { kind: 'gated', rMag: vector('r_mag'), bGate: vector('b_gate'), bMag: vector('b_mag') };
  }
  if (architecture === 'standard' && fn === 'relu') return { kind: 'relu' };
  const holder = config.has('k') ? config : (config.optionalObject('activation_fn_kwargs') ?? config);
  return { kind: 'topk', k: holder.int('k', undefined, { max: nLatents }) };
}

/** Factors on activations that the files would have to be folded by first. */
function refuseScaling(config: Config): void {
  for (const flag of ['finetuning_scaling_factor', 'rescale_acts_by_decoder_norm']) {
    if (config.bool(flag, false)) throw config.error(flag, l10n.t('false (fold the factors into the weights first)'));
  }
}

function normalization(config: Config): Pick<SaeDescription, 'standardize' | 'notices'> {
  const key = 'normalize_activations';
  switch (normalizationName(config)) {
    case 'none':
      return { standardize: false, notices: [] };
    case 'layer_norm':
      return { standardize: true, notices: [] };
    case 'expected_average_only_in':
      return {
        standardize: false,
        notices: [
          l10n.t(
            '{0}: {1} is expected_average_only_in, and its factor is not in the files: none is applied, so activations are right only if the factor was folded into the weights.',
            config.file,
            key,
          ),
        ],
      };
    default:
      throw config.error(key, l10n.t('none, layer_norm or expected_average_only_in'));
  }
}

/** A boolean in the oldest files. */
function normalizationName(config: Config): string {
  const key = 'normalize_activations';
  if (config.isBool(key)) return config.bool(key) ? 'expected_average_only_in' : 'none';
  return config.string(key, 'none');
}
