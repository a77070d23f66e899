/** Opens a sparse autoencoder beside its model: reads config and tensor headers, checks them, loads no weight. */
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
  if (!stats) return new InputError(`${path} does not exist; the folder of a sparse autoencoder was expected.`);
  const config = await Config.read(stats.isDirectory() ? join(path, 'config.json') : path).catch(() => undefined);
  if (config?.has('model_type')) {
    return new InputError(`${path} is a model, not a sparse autoencoder; open it with “Open Checkpoint…”.`);
  }
  const below = stats.isDirectory() ? await findSaes([path]) : [];
  if (below[0]) {
    const example = relative(path, below[0].path);
    return new InputError(
      `${path} has sparse autoencoders in its folders; one of these, such as ${example}, was expected.`,
    );
  }
  const pairs = FORMATS.map(({ config, weights, keys }) =>
    weights ? `${config} and ${weights}` : `${config} (with ${keys.join(' and ')}) and model.safetensors`,
  );
  return new InputError(`${path} is not a sparse autoencoder: ${pairs.join(', or ')} were expected.`);
}

function checkWidth({ nInputs, widthFrom }: SaeDescription, { config, weights }: SaeFiles, model: Checkpoint): void {
  const { dModel } = model.description;
  if (nInputs === dModel) return;
  const where = config.has(widthFrom)
    ? `${config.file}: ${widthFrom} is`
    : `${weights}: ${widthFrom} is for a width of`;
  throw new InputError(`${where} ${nInputs}, ${dModel} was expected: the width of ${model.name}.`);
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
      `${name} has no layers, and so no residual stream after one; a sparse autoencoder needs a model with at least one.`,
    );
  }
  const exist = `0 to ${nLayers - 1} are the layers of ${name}`;
  if (given !== undefined) {
    if (!Number.isInteger(given) || given < 0 || given >= nLayers) {
      throw new InputError(`Layer ${given} was asked for, but ${exist}.`);
    }
    if (layers === 'all' || (layers && (layers.length !== 1 || layers[0] !== given))) {
      const reads = layers === 'all' ? 'all layers' : `layer ${layers.join(', ')}`;
      throw new InputError(`Layer ${given} was asked for, but the autoencoder is for ${reads} (${layersFrom}).`);
    }
    return [given];
  }
  if (layers === undefined) {
    throw new InputError(
      `${config.file} does not say which layer the autoencoder is for; give it when opening (layer, --layer), ` +
        `or name the folder after the module, for example layers.3.`,
    );
  }
  if (layers === 'all') return Array.from({ length: nLayers }, (_, layer) => layer);
  const missing = layers.find((layer) => layer >= nLayers);
  if (missing !== undefined) throw new InputError(`${layersFrom} says layer ${missing}, but ${exist}.`);
  if (layers.length === 0) throw new InputError(`${layersFrom} is empty, at least one layer was expected.`);
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
  return [`It says that it was trained on ${named}; it is opened beside ${name}.`];
}
