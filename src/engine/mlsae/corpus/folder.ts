import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError } from '../../checkpoint/errors';

/** Does `work` on a folder of results. @throws InputError for what the system refuses there (EACCES, ENOTDIR, EROFS, ENOSPC…) */
export async function writable<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw new InputError(`${dir} cannot be written: ${(error as Error).message}.`);
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
