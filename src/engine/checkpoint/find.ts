/** Looks for checkpoints below folders, within bounds, without ever failing. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckpointCandidate } from '../../protocol/checkpoint';
import { MODEL_TYPES } from './architectures';
import { Config } from './config';
import { checkpointName } from './weightFiles';

const MAX_DEPTH = 6;
const MAX_FOLDERS = 5_000;
/** Never hold checkpoints, may be huge. */
const SKIPPED = new Set(['node_modules', '.git', '.hg', '.svn', '__pycache__', '.venv', 'venv']);

/**
 * Folders with a config.json of a supported model_type and safetensors weights, in breadth-first order: nearer folders
 * are found first when the bounds (depth 6, 5,000 folders) are reached. Unreadable folders are skipped.
 */
export async function findCheckpoints(roots: string[]): Promise<CheckpointCandidate[]> {
  const found: CheckpointCandidate[] = [];
  /** Real paths: symlink cycles end here, and nothing is listed twice. */
  const visited = new Set<string>();
  let level = roots;
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
    const below: string[] = [];
    for (const folder of level) {
      const real = await realpath(folder).catch(() => undefined);
      if (real === undefined || visited.has(real) || visited.size >= MAX_FOLDERS) continue;
      visited.add(real);
      const names = await readdir(folder).catch(() => []);
      const candidate = await candidateAt(folder, names);
      if (candidate) found.push(candidate);
      else below.push(...(await subfolders(folder, names)));
    }
    level = below;
  }
  return found;
}

/** What lies inside a checkpoint's folder is not looked at. */
async function candidateAt(folder: string, names: string[]): Promise<CheckpointCandidate | undefined> {
  const weights = names.filter((name) => name.endsWith('.safetensors'));
  if (!names.includes('config.json') || weights.length === 0) return undefined;
  const modelType = await modelTypeOf(join(folder, 'config.json'));
  if (modelType === undefined) return undefined;
  const stats = await Promise.all(weights.map((name) => stat(join(folder, name)).catch(() => undefined)));
  const files = stats.filter((each) => each?.isFile());
  if (files.length === 0) return undefined;
  const bytes = files.reduce((total, file) => total + (file?.size ?? 0), 0);
  return { path: folder, name: checkpointName(folder), modelType, bytes };
}

async function modelTypeOf(file: string): Promise<string | undefined> {
  try {
    const type = (await Config.read(file)).string('model_type');
    return MODEL_TYPES.includes(type) ? type : undefined;
  } catch {
    return undefined;
  }
}

async function subfolders(folder: string, names: string[]): Promise<string[]> {
  const paths = names.filter((name) => !SKIPPED.has(name)).map((name) => join(folder, name));
  const stats = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return paths.filter((_, i) => stats[i]?.isDirectory());
}
