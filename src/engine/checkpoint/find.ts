/** Looks for checkpoints below folders, within bounds, without ever failing. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { CheckpointCandidate } from '../../protocol/checkpoint';
import { modelName } from '../onnx/beside';
import { onnxIn } from '../onnx/locate';
import { MODEL_TYPES } from './architectures';
import { Config } from './config';
import { totalBytes, walk } from './walk';
import { checkpointName } from './weightFiles';

/** Folders with a config.json of a supported model_type and safetensors weights, or with a `.onnx`, nearest first. */
export const findCheckpoints = (roots: string[]): Promise<CheckpointCandidate[]> =>
  walk(roots, async (folder, names) => (await candidateAt(folder, names)) ?? onnxCandidate(folder, names));

/** The checkpoint that lies in a folder itself. */
export const checkpointAt = async (folder: string): Promise<CheckpointCandidate | undefined> => {
  const names = await readdir(folder).catch(() => []);
  return (await candidateAt(folder, names)) ?? onnxCandidate(folder, names);
};

/** Of a `.onnx` only its place is looked at: whether it is a transformer shows when it is opened. */
async function onnxCandidate(folder: string, names: string[]): Promise<CheckpointCandidate | undefined> {
  if (names.some((name) => name.endsWith('.safetensors'))) return undefined;
  const file = await onnxIn(folder, names).catch(() => undefined);
  if (file === undefined) return undefined;
  const bytes = await totalBytes(dirname(file), [basename(file)]);
  return bytes > 0 ? { path: file, name: modelName(file), modelType: 'onnx', bytes } : undefined;
}

async function candidateAt(folder: string, names: string[]): Promise<CheckpointCandidate | undefined> {
  const weights = names.filter((name) => name.endsWith('.safetensors'));
  if (!names.includes('config.json') || weights.length === 0) return undefined;
  const modelType = await modelTypeOf(join(folder, 'config.json'));
  if (modelType === undefined) return undefined;
  const bytes = await totalBytes(folder, weights);
  return bytes > 0 ? { path: folder, name: checkpointName(folder), modelType, bytes } : undefined;
}

async function modelTypeOf(file: string): Promise<string | undefined> {
  try {
    const type = (await Config.read(file)).string('model_type');
    return MODEL_TYPES.includes(type) ? type : undefined;
  } catch {
    return undefined;
  }
}
