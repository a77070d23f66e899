/** Which files hold a checkpoint's weights: one `.safetensors`, or the shards that an index lists. */
import * as l10n from '@vscode/l10n';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve, sep, win32 } from 'node:path';
import type { StoredTensor } from './checkpoint';
import { InputError, shown } from './errors';
import { readJsonObject } from './json';
import { readSafetensors } from './safetensors';

const WEIGHTS = '.safetensors';
const INDEX = '.safetensors.index.json';
/** The order of `transformers`. */
const USUAL = [`model${WEIGHTS}`, `model${INDEX}`];

export interface CheckpointFiles {
  folder: string;
  /** `config.json` */
  config: string;
  /** A `.safetensors` file or an index. */
  weights: string;
}

/**
 * @param path the folder, or a file in it; a `.safetensors` file or index says which weights are meant.
 * @throws InputError when something is not there.
 */
export async function locate(path: string): Promise<CheckpointFiles> {
  const absolute = resolve(path);
  const stats = await stat(absolute).catch(() => undefined);
  if (!stats) throw new InputError(l10n.t('{0} does not exist; a checkpoint folder was expected.', absolute));
  const folder = stats.isDirectory() ? absolute : dirname(absolute);
  const names = await readdir(folder).catch(() => {
    throw new InputError(l10n.t('{0} cannot be read; a checkpoint folder was expected.', folder));
  });
  if (!names.includes('config.json'))
    throw new InputError(l10n.t('{0} has no config.json; it is not a checkpoint.', folder));
  const chosen = absolute === folder ? undefined : await chosenWeights(folder, basename(absolute), names);
  return { folder, config: join(folder, 'config.json'), weights: join(folder, chosen ?? usualWeights(folder, names)) };
}

/** The folder's name; in Hugging Face's cache (`models--ORG--NAME/snapshots/REVISION`) the model's. */
export function checkpointName(folder: string): string {
  const [model, snapshots] = folder.split(sep).slice(-3);
  const cached = snapshots === 'snapshots' ? /^models--(.+)$/.exec(model ?? '')?.[1] : undefined;
  return cached?.replace('--', '/') ?? basename(folder);
}

function usualWeights(folder: string, names: string[]): string {
  const usual = USUAL.find((name) => names.includes(name));
  if (usual !== undefined) return usual;
  const others = names.filter((name) => name.endsWith(WEIGHTS));
  if (others.length === 1) return others[0]!;
  throw new InputError(
    others.length === 0
      ? l10n.t('{0} has no .safetensors files; model.safetensors or model.safetensors.index.json was expected.', folder)
      : l10n.t(
          '{0} has several .safetensors files; model.safetensors or model.safetensors.index.json was expected.',
          folder,
        ),
  );
}

/** A file that the person chose; a shard stands for the index that lists it. */
async function chosenWeights(folder: string, name: string, names: string[]): Promise<string | undefined> {
  if (name.endsWith(INDEX)) return name;
  if (!name.endsWith(WEIGHTS)) return undefined;
  for (const index of names.filter((other) => other.endsWith(INDEX))) {
    const { weight_map: map } = await readJsonObject(join(folder, index));
    if (typeof map === 'object' && map !== null && Object.values(map).includes(name)) return index;
  }
  return name;
}

/** @throws InputError naming file, shard and tensor. */
export async function readWeights(file: string): Promise<Map<string, StoredTensor>> {
  return file.endsWith(INDEX) ? readShards(file) : readSafetensors(file);
}

async function readShards(index: string): Promise<Map<string, StoredTensor>> {
  const weightMap = await readWeightMap(index);
  const shards = new Map<string, Map<string, StoredTensor>>();
  const tensors = new Map<string, StoredTensor>();
  for (const [name, shard] of weightMap) {
    let stored = shards.get(shard);
    if (!stored) {
      stored = await readShard(index, shard, name);
      shards.set(shard, stored);
    }
    const tensor = stored.get(name);
    if (!tensor)
      throw new InputError(l10n.t('{0} places tensor {1} in {2}, which does not have it.', index, name, shard));
    tensors.set(name, tensor);
  }
  return tensors;
}

async function readWeightMap(index: string): Promise<Map<string, string>> {
  const { weight_map: map } = await readJsonObject(index);
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new InputError(l10n.t('{0} has no weight_map; an object from tensor to file name was expected.', index));
  }
  return new Map(
    Object.entries(map).map(([name, shard]: [string, unknown]) => {
      if (typeof shard !== 'string' || !staysInside(shard)) {
        throw new InputError(
          l10n.t(
            '{0} places tensor {1} in {2}; the name of a .safetensors file in the same folder was expected.',
            index,
            name,
            shown(shard),
          ),
        );
      }
      return [name, shard];
    }),
  );
}

/** Lexically below the folder, on every platform. */
const staysInside = (shard: string): boolean =>
  shard.endsWith(WEIGHTS) &&
  !shard.includes('\0') &&
  !isAbsolute(shard) &&
  !win32.isAbsolute(shard) &&
  !/^[A-Za-z]:/.test(shard) &&
  !shard.split(/[\\/]/).includes('..');

async function readShard(index: string, shard: string, tensor: string): Promise<Map<string, StoredTensor>> {
  const file = join(dirname(index), shard);
  if (!(await stat(file).catch(() => undefined))) {
    throw new InputError(l10n.t('{0} places tensor {1} in {2}, but that file is not there.', index, tensor, shard));
  }
  return readSafetensors(file);
}
