/** Opens a checkpoint: reads config, tensor headers and tokenizer, checks them against each other, loads no weight. */
import * as l10n from '@vscode/l10n';
import { join } from 'node:path';
import { onnxAt } from '../onnx/locate';
import { openOnnx } from '../onnx/open';
import { saeAt } from '../mlsae/formats/recognise';
import { describeModel } from './architectures';
import type { Checkpoint } from './checkpoint';
import { Config } from './config';
import { InputError } from './errors';
import { specialTokens } from './specialTokens';
import { loadTokenizer } from './tokenizer';
import { checkWeights } from './usedWeights';
import { checkpointName, locate, readWeights } from './weightFiles';

export { findCheckpoints } from './find';
export { weightRefs } from './usedWeights';

/**
 * @param path a checkpoint folder, or a file in it (`config.json`, `*.safetensors`, `*.safetensors.index.json`); or a `.onnx`
 *   file, or a folder that has one and no safetensors.
 * @throws InputError
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const onnx = await onnxAt(path);
  if (onnx !== undefined) return openOnnx(onnx);
  await refuseSae(path);
  const files = await locate(path);
  const config = await Config.read(files.config);
  const tensors = await readWeights(files.weights);
  const description = describeModel(config, (name) => tensors.has(name));
  const used = checkWeights(description, tensors, files.weights, 'config.json');
  const { tokenizer, notice } = await loadTokenizer(files.folder);
  return {
    path: files.folder,
    name: checkpointName(files.folder),
    description,
    tensors,
    ...(tokenizer && { tokenizer }),
    ...specialTokens(config, tokenizer, description.dVocab),
    nParams: sum(used.map(({ shape }) => product(shape))),
    bytes: sum(used.map(({ length }) => length)),
    dtypes: byFrequency(used.map(({ dtype }) => dtype)),
    notices: [...description.notices, ...(notice === undefined ? [] : [notice])],
  };
}

/** @throws InputError that says where a sparse autoencoder is opened */
async function refuseSae(path: string): Promise<void> {
  const sae = await saeAt(path);
  if (!sae) return;
  const config = await Config.read(join(sae.folder, 'config.json')).catch(() => undefined);
  if (config?.has('model_type')) return; // both lie in one folder
  throw new InputError(l10n.t('{0} is a sparse autoencoder, not a model; open it with “Open SAE…”.', sae.folder));
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const product = (values: number[]): number => values.reduce((a, b) => a * b, 1);

function byFrequency(values: string[]): string[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([value]) => value);
}
