/** `--out`, before the work whose result it takes. */
import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError } from '../checkpoint/errors';

/**
 * Whether `--out` can be written: to be asked before a provider starts.
 * @throws InputError when its folder is not there, is none or is closed, or when something else than a file is in its place
 */
export async function checkOut(out: string): Promise<void> {
  const fail = (problem: string): never => {
    throw new InputError(`--out: ${out} cannot be written: ${problem}`);
  };
  const folder = dirname(resolve(out));
  const parent = await stat(folder).catch(() => undefined);
  if (!parent) return fail(`${folder} does not exist`);
  if (!parent.isDirectory()) return fail(`${folder} is not a folder`);
  await access(folder, constants.W_OK | constants.X_OK).catch(() => fail(`${folder} is not writable`));
  const target = await stat(out).catch(() => undefined);
  // the file is written beside it and renamed, which would also replace a device
  if (target && !target.isFile()) fail(`it is ${target.isDirectory() ? 'a folder' : 'not a file'}`);
}
