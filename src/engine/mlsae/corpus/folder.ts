import * as l10n from '@vscode/l10n';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError } from '../../checkpoint/errors';

/** How a sentence ends about a folder that has something else. The host looks for it, in the same language. */
export const otherFolder = (): string => l10n.t('give another folder, or delete it.');

/** Does `work` on a folder of results. @throws InputError for what the system refuses there (EACCES, ENOTDIR, EROFS, ENOSPC…) */
export async function writable<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw new InputError(l10n.t('{0} cannot be written: {1}.', dir, (error as Error).message));
  }
}

/**
 * Makes a folder and those above it. Node's own way (`recursive`) never ends where the system answers ENOENT in a folder that
 * exists, as /proc does.
 */
export async function makeFolder(dir: string): Promise<void> {
  if (await isFolder(dir)) return;
  const parent = dirname(resolve(dir));
  if (parent !== resolve(dir)) await makeFolder(parent);
  try {
    await mkdir(dir);
  } catch (error) {
    // another shard may have made it meanwhile
    if (codeOf(error) !== 'EEXIST' || !(await isFolder(dir))) throw error;
  }
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'syscall' in error ? (error as NodeJS.ErrnoException).code : undefined;
