/** The paper's formats (github.com/tim-lawson/mlsae): the autoencoder alone, and with its transformer (`-tfm`). */
import * as l10n from '@vscode/l10n';
import type { Config } from '../../checkpoint/config';
import { InputError } from '../../checkpoint/errors';
import type { SaeDescription, SaeFiles, SaeFormatReader } from './reader';

const ENCODER = 'autoencoder.encoder.weight';

/** One dictionary for all layers: MLSAE's state dict and the arguments of its constructor. */
export const mlsae: SaeFormatReader = {
  format: 'mlsae',
  config: 'config.json',
  keys: ['n_inputs', 'n_latents'],
  width: 'n_inputs',
  transformer: () => undefined,
  describe: ({ config }) => {
    if (config.bool('lens', false)) {
      throw config.error(
        'lens',
        l10n.t('false (an MLSAE whose layers have linear maps of their own is not supported)'),
      );
    }
    const [nInputs, nLatents] = [config.int('n_inputs'), config.int('n_latents')];
    return { ...topk(config, '', nInputs, nLatents), widthFrom: 'n_inputs' };
  },
};

/** The same under `autoencoder.`, and the arguments of MLSAETransformer's constructor. */
export const mlsaeTfm: SaeFormatReader = {
  format: 'mlsae-tfm',
  config: 'config.json',
  keys: ['model_name', 'expansion_factor'],
  transformer: (config) => config.optionalString('model_name'),
  describe: (files) => {
    const { config } = files;
    const [nLatents, nInputs] = sizes(files);
    const factor = config.int('expansion_factor');
    if (factor * nInputs !== nLatents) {
      throw config.error('expansion_factor', l10n.t('{0} (the shape of {1})', nLatents / nInputs, ENCODER));
    }
    return {
      ...topk(config, 'autoencoder.', nInputs, nLatents),
      widthFrom: ENCODER,
      ...(config.bool('tuned_lens', false) && { tunedLens: 'lens.layer_translators.' }),
    };
  },
};

/** Its config does not say them: they follow from the transformer. */
function sizes({ tensors, weights }: SaeFiles): [number, number] {
  const shape = tensors.get(ENCODER)?.shape;
  if (!shape)
    throw new InputError(
      l10n.t('{0} has no tensor {1}; one of shape [n_latents, n_inputs] was expected.', weights, ENCODER),
    );
  if (shape.length !== 2 || shape.includes(0)) {
    throw new InputError(
      l10n.t(
        '{0}: tensor {1} has shape [{2}], [n_latents, n_inputs] was expected.',
        weights,
        ENCODER,
        shape.join(', '),
      ),
    );
  }
  return shape as [number, number];
}

function topk(config: Config, prefix: string, nInputs: number, nLatents: number): Omit<SaeDescription, 'widthFrom'> {
  const bias = { tensor: `${prefix}pre_encoder_bias`, shape: [nInputs] };
  return {
    nInputs,
    nLatents,
    activate: { kind: 'topk', k: config.int('k', undefined, { max: nLatents }) },
    standardize: config.bool('standardize', true),
    encoder: { weight: { tensor: `${prefix}encoder.weight`, shape: [nLatents, nInputs] }, layout: 'latent-input' },
    decoder: { weight: { tensor: `${prefix}decoder.weight`, shape: [nInputs, nLatents] }, layout: 'input-latent' },
    bPre: bias,
    bDec: bias,
    layers: config.optionalInts('layers', { min: 0 }) ?? 'all',
    layersFrom: `${config.file}: layers`,
    notices: [],
  };
}
