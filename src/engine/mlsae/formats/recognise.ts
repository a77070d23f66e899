/** Tells the formats apart by their files. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Config } from '../../checkpoint/config';
import { mlsae, mlsaeTfm } from './mlsae';
import type { SaeFormatReader } from './reader';
import { saelens } from './saelens';
import { sparsify } from './sparsify';

/** The first that fits counts. */
export const FORMATS: readonly SaeFormatReader[] = [mlsae, mlsaeTfm, saelens, sparsify];

export interface RecognisedSae {
  folder: string;
  reader: SaeFormatReader;
  /** Names in the folder that hold weights. */
  weights: string[];
}

/** The autoencoder at a path (its folder, or a file in it). Never fails. */
export async function saeAt(path: string): Promise<RecognisedSae | undefined> {
  const absolute = resolve(path);
  const stats = await stat(absolute).catch(() => undefined);
  if (!stats) return undefined;
  const folder = stats.isDirectory() ? absolute : dirname(absolute);
  return recognise(folder, await readdir(folder).catch(() => []));
}

/** @param names in the folder */
export async function recognise(folder: string, names: string[]): Promise<RecognisedSae | undefined> {
  for (const reader of FORMATS) {
    if (!names.includes(reader.config)) continue;
    const weights = names.filter((name) => (reader.weights ? name === reader.weights : name.endsWith('.safetensors')));
    if (weights.length > 0 && (await fits(join(folder, reader.config), reader))) return { folder, reader, weights };
  }
  return undefined;
}

/** A transformer's config.json has a model_type, an autoencoder's has none. */
async function fits(file: string, { keys }: SaeFormatReader): Promise<boolean> {
  if (keys.length === 0) return true;
  const config = await Config.read(file).catch(() => undefined);
  return config !== undefined && !config.has('model_type') && keys.every((key) => config.has(key));
}
