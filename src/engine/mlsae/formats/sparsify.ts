/** EleutherAI's format (github.com/EleutherAI/sparsify): one folder a layer, named after the module that it reads. */
import * as l10n from '@vscode/l10n';
import { basename } from 'node:path';
import type { Config } from '../../checkpoint/config';
import type { SaeFormatReader } from './reader';
import { isModuleName, residualLayer } from './residualLayer';

/** Flags that change what is computed. */
const unsupported = (): Record<string, string> => ({
  transcode: l10n.t('false (a transcoder has no residual stream to reconstruct)'),
  skip_connection: l10n.t('false (a skip connection is not supported)'),
  embed_skip: l10n.t('false (a skip connection is not supported)'),
  gram_lookup: l10n.t('false (a table of n-gram means is not supported)'),
  signed: l10n.t('false (latents are kept by value, not by size)'),
});

export const sparsify: SaeFormatReader = {
  format: 'sparsify',
  config: 'cfg.json',
  weights: 'sae.safetensors',
  keys: [],
  width: 'd_in',
  transformer: () => undefined,
  describe: ({ config, folder }) => {
    for (const [flag, expected] of Object.entries(unsupported())) {
      if (config.bool(flag, false)) throw config.error(flag, expected);
    }
    if (config.string('activation', 'topk') !== 'topk') throw config.error('activation', '"topk"');
    const nInputs = config.int('d_in');
    const nLatents = latents(config, nInputs);
    const name = basename(folder);
    const bias = { tensor: 'b_dec', shape: [nInputs] };
    return {
      nInputs,
      widthFrom: 'd_in',
      nLatents,
      activate: { kind: 'topk', k: config.int('k', 32, { max: nLatents }) },
      standardize: false,
      encoder: { weight: { tensor: 'encoder.weight', shape: [nLatents, nInputs] }, layout: 'latent-input' },
      decoder: { weight: { tensor: 'W_dec', shape: [nLatents, nInputs] }, layout: 'latent-input' },
      bPre: bias,
      bEnc: { tensor: 'encoder.bias', shape: [nLatents] },
      bDec: bias,
      layers: isModuleName(name) ? [residualLayer(name, l10n.t('The name of {0}', folder))] : undefined,
      layersFrom: l10n.t('The name of {0}', folder),
      notices: [],
    };
  },
};

/** num_latents, or 0 and a factor. */
function latents(config: Config, nInputs: number): number {
  const given = config.int('num_latents', 0, { min: 0 });
  return given || nInputs * config.int('expansion_factor', 32);
}
