/** The files of a corpus, in the order in which they are read. */
import * as l10n from '@vscode/l10n';
import fastGlob from 'fast-glob';
import { stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { Corpus } from '../../../protocol/latents/corpus';
import { InputError } from '../../checkpoint/errors';

export interface CorpusFile {
  /** Absolute. */
  path: string;
  /** Relative to the corpus' folder, with `/`. */
  name: string;
  bytes: number;
}

/** Never looked into. */
const SKIPPED = ['**/node_modules/**', '**/.git/**'];

const isSet = <T>(value: T | undefined): value is T => value !== undefined;
const slashed = (path: string): string => (process.platform === 'win32' ? path.replaceAll('\\', '/') : path);

/**
 * Files that the globs match (or name; a folder stands for all below it), each once, sorted by name in code units. Links to files
 * are followed, links to folders are not.
 * @param apart globs of absolute paths that do not belong to the corpus
 * @throws InputError when a glob matches nothing
 */
export async function corpusFiles({ globs, folder }: Corpus, apart: string[] = []): Promise<CorpusFile[]> {
  if (globs.length === 0) throw new InputError(l10n.t('The corpus is empty: expected at least one glob or file.'));
  const ignore = [...SKIPPED, ...apart];
  const found = new Map<string, CorpusFile>();
  for (const pattern of globs) {
    const files = await matches(pattern, resolve(folder), ignore);
    if (files.length === 0) throw new InputError(l10n.t('{0} matches no file in {1}.', pattern, folder));
    files.forEach((file) => found.set(file.path, file));
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function matches(pattern: string, folder: string, ignore: string[]): Promise<CorpusFile[]> {
  // a name may have characters that mean something in a glob
  const path = resolve(folder, pattern);
  const named = await stat(path).catch(() => undefined);
  if (named?.isFile()) return [{ path, name: nameOf(path, folder), bytes: named.size }];
  const glob = named?.isDirectory() ? `${fastGlob.convertPathToPattern(path)}/**` : slashed(pattern);
  // absolute, so that what is apart is found also where the glob is relative; links to folders may lead in circles
  const how = {
    cwd: folder,
    ignore,
    absolute: true,
    suppressErrors: true,
    onlyFiles: false,
    followSymbolicLinks: false,
  };
  const paths = await fastGlob(glob, how);
  const files = paths.map(async (found) => {
    const stats = await stat(found).catch(() => undefined);
    return stats?.isFile() ? { path: resolve(found), name: nameOf(found, folder), bytes: stats.size } : undefined;
  });
  return (await Promise.all(files)).filter(isSet);
}

/** Globs of what a sweep writes to `out` (a shard also beside it), for a corpus that has that folder in it. */
export function resultsOf(out: string, isShard: boolean): string[] {
  const pattern = (path: string): string => fastGlob.convertPathToPattern(resolve(path));
  const beside = ['shard-*/**', 'sweep.*', 'sweep-*.log', 'merge.*', 'submit.sh'];
  return [`${pattern(out)}/**`, ...(isShard ? beside.map((name) => `${pattern(dirname(resolve(out)))}/${name}`) : [])];
}

const nameOf = (path: string, folder: string): string => slashed(relative(folder, path));
