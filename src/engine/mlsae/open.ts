/** Opens a sparse autoencoder beside its model: reads config and tensor headers, checks them, loads no weight. */
import * as l10n from '@vscode/l10n';
import { basename, join, relative, resolve } from 'node:path';
import { stat } from 'node:fs/promises';
import type { Checkpoint } from '../checkpoint/checkpoint';
import { Config } from '../checkpoint/config';
import { InputError } from '../checkpoint/errors';
import { checkWeights } from '../checkpoint/usedWeights';
import { checkpointName, locate, readWeights } from '../checkpoint/weightFiles';
import { findSaes } from './find';
import { FORMATS, saeAt, type RecognisedSae } from './formats/recognise';
import type { SaeDescription, SaeFiles } from './formats/reader';
import type { Sae } from './sae';
import { readTunedLens } from './tunedLens';

export { findSaes } from './find';

export interface OpenSaeOptions {
  /** Folder or safetensors file of tuned-lens translators. */
  tunedLens?: string;
  /** Of a single-layer SAE whose files do not say it. */
  layer?: number;
}

/**
 * @param path its folder, or a file in it
 * @param checkpoint the model whose residual stream it reads
 * @throws InputError
 */
export async function openSae(path: string, checkpoint: Checkpoint, options: OpenSaeOptions = {}): Promise<Sae> {
  const found = await saeAt(path);
  if (!found) throw await notAnSae(resolve(path));
  const files = await read(found, path);
  const description = found.reader.describe(files);
  checkWidth(description, files, checkpoint);
  const layers = layersOf(description, files, checkpoint, options.layer);
  const used = checkWeights(description, files.tensors, files.weights, found.reader.config);
  const lens = await readTunedLens(description, files, layers, options.tunedLens);
  const { nInputs, nLatents, activate, standardize, encoder, decoder, bPre, bEnc, bDec } = description;
  return {
    nInputs,
    nLatents,
    activate,
    standardize,
    encoder,
    decoder,
    ...(bPre && { bPre }),
    ...(bEnc && { bEnc }),
    ...(bDec && { bDec }),
    ...(lens.tunedLens && { tunedLens: lens.tunedLens }),
    path: found.folder,
    name: checkpointName(found.folder),
    label: `${labelOf(found.reader.format, description, layers)}${stepOf(found.folder)}`,
    format: found.reader.format,
    layers,
    tensors: new Map([...files.tensors, ...lens.tensors]),
    bytes: [...used, ...lens.tensors.values()].reduce((total, { length }) => total + length, 0),
    notices: [...description.notices, ...otherModel(found, files.config, checkpoint)],
  };
}

async function read({ folder, reader, weights }: RecognisedSae, path: string): Promise<SaeFiles> {
  const config = await Config.read(join(folder, reader.config));
  const file = reader.weights ? join(folder, weights[0]!) : (await locate(path)).weights;
  return { folder, config, weights: file, tensors: await readWeights(file) };
}

/** Why what lies there cannot be opened as an autoencoder. */
async function notAnSae(path: string): Promise<InputError> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats)
    return new InputError(l10n.t('{0} does not exist; the folder of a sparse autoencoder was expected.', path));
  const config = await Config.read(stats.isDirectory() ? join(path, 'config.json') : path).catch(() => undefined);
  if (config?.has('model_type')) {
    return new InputError(l10n.t('{0} is a model, not a sparse autoencoder; open it with “Open Checkpoint…”.', path));
  }
  const below = stats.isDirectory() ? await findSaes([path]) : [];
  if (below[0]) {
    const example = relative(path, below[0].path);
    return new InputError(
      l10n.t('{0} has sparse autoencoders in its folders; one of these, such as {1}, was expected.', path, example),
    );
  }
  const and = l10n.t({ message: ' and ', comment: ['Between two keys of a file'] });
  const or = l10n.t({ message: ', or ', comment: ['Between pairs of files'] });
  const pairs = FORMATS.map(({ config, weights, keys }) =>
    weights
      ? l10n.t('{0} and {1}', config, weights)
      : l10n.t('{0} (with {1}) and model.safetensors', config, keys.join(and)),
  );
  return new InputError(l10n.t('{0} is not a sparse autoencoder: {1} were expected.', path, pairs.join(or)));
}

function checkWidth({ nInputs, widthFrom }: SaeDescription, { config, weights }: SaeFiles, model: Checkpoint): void {
  const { dModel } = model.description;
  if (nInputs === dModel) return;
  const { name } = model;
  throw new InputError(
    config.has(widthFrom)
      ? l10n.t('{0}: {1} is {2}, {3} was expected: the width of {4}.', config.file, widthFrom, nInputs, dModel, name)
      : l10n.t(
          '{0}: {1} is for a width of {2}, {3} was expected: the width of {4}.',
          weights,
          widthFrom,
          nInputs,
          dModel,
          name,
        ),
  );
}

/** The layers that it reads, held against the model's and against `given`. */
function layersOf(
  { layers, layersFrom }: SaeDescription,
  { config }: SaeFiles,
  { name, description: { nLayers } }: Checkpoint,
  given: number | undefined,
): number[] {
  if (nLayers === 0) {
    throw new InputError(
      l10n.t(
        '{0} has no layers, and so no residual stream after one; a sparse autoencoder needs a model with at least one.',
        name,
      ),
    );
  }
  const last = nLayers - 1;
  if (given !== undefined) {
    if (!Number.isInteger(given) || given < 0 || given >= nLayers) {
      throw new InputError(
        l10n.t('Layer {0} was asked for, but 0 to {1} are the layers of {2}.', String(given), last, name),
      );
    }
    if (layers === 'all' || (layers && (layers.length !== 1 || layers[0] !== given))) {
      throw new InputError(
        layers === 'all'
          ? l10n.t('Layer {0} was asked for, but the autoencoder is for all layers ({1}).', given, layersFrom)
          : l10n.t(
              'Layer {0} was asked for, but the autoencoder is for layer {1} ({2}).',
              given,
              layers.join(', '),
              layersFrom,
            ),
      );
    }
    return [given];
  }
  if (layers === undefined) {
    throw new InputError(
      l10n.t(
        '{0} does not say which layer the autoencoder is for; give it when opening (layer, --layer), or name the folder after the module, for example layers.3.',
        config.file,
      ),
    );
  }
  if (layers === 'all') return Array.from({ length: nLayers }, (_, layer) => layer);
  const missing = layers.find((layer) => layer >= nLayers);
  if (missing !== undefined)
    throw new InputError(
      l10n.t('{0} says layer {1}, but 0 to {2} are the layers of {3}.', layersFrom, missing, last, name),
    );
  if (layers.length === 0) throw new InputError(l10n.t('{0} is empty, at least one layer was expected.', layersFrom));
  return [...new Set(layers)].sort((a, b) => a - b);
}

/** ` step 500` in a folder that is named so: a training that was not at its end. */
function stepOf(folder: string): string {
  const step = /^step(\d+)$/.exec(basename(folder))?.[1];
  return step === undefined ? '' : ` step ${step}`;
}

/** `mlsae ×16 k16`, `sae ×8 jumprelu L3` */
function labelOf(format: Sae['format'], { nInputs, nLatents, activate }: SaeDescription, layers: number[]): string {
  const multi = format === 'mlsae' || format === 'mlsae-tfm';
  const factor = Math.round((10 * nLatents) / nInputs) / 10;
  const kind = activate.kind === 'topk' ? `k${activate.k}` : activate.kind;
  return `${multi ? 'mlsae' : 'sae'} ×${factor} ${kind}${multi ? '' : ` L${layers[0]}`}`;
}

/** A sentence when the files name a model that is not called as the open one. */
function otherModel({ reader }: RecognisedSae, config: Config, { name }: Checkpoint): string[] {
  const named = reader.transformer(config);
  const last = (text: string): string => text.split('/').at(-1)!.toLowerCase();
  if (named === undefined || last(named) === last(name)) return [];
  return [l10n.t('It says that it was trained on {0}; it is opened beside {1}.', named, name)];
}
