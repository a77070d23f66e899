/** Walks folders within bounds, without ever failing. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

const MAX_DEPTH = 6;
const MAX_FOLDERS = 5_000;
/** Never hold models, may be huge. */
const SKIPPED = new Set(['node_modules', '.git', '.hg', '.svn', '__pycache__', '.venv', 'venv']);

/**
 * What `at` finds in the folders below `roots`, in breadth-first order: nearer folders come first when the bounds (depth 6,
 * 5,000 folders) are reached. What lies inside a folder where something was found is not looked at. Unreadable folders are
 * skipped.
 * @param at gets a folder and the names in it
 */
export async function walk<T>(
  roots: string[],
  at: (folder: string, names: string[]) => Promise<T | undefined>,
): Promise<T[]> {
  const found: T[] = [];
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
      const here = await at(folder, names);
      if (here) found.push(here);
      else below.push(...(await subfolders(folder, names)));
    }
    level = below;
  }
  return found;
}

/** Bytes of the regular files among `names`; 0 when there are none. */
export async function totalBytes(folder: string, names: string[]): Promise<number> {
  const stats = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
  return stats.reduce((total, each) => total + (each?.isFile() ? each.size : 0), 0);
}

async function subfolders(folder: string, names: string[]): Promise<string[]> {
  const paths = names.filter((name) => !SKIPPED.has(name)).map((name) => join(folder, name));
  const stats = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return paths.filter((_, i) => stats[i]?.isDirectory());
}
