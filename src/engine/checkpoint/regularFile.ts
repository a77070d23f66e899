/** Devices, pipes and folders in a checkpoint's place. */
import * as l10n from '@vscode/l10n';
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { InputError } from './errors';

/**
 * What `stat` says of a regular file. Asked before a file is opened: opening a pipe waits for its writer, and a device may
 * never end.
 * @param expected `a JSON file`
 * @throws InputError for anything but a file, and what `stat` throws
 */
export async function statFile(path: string, expected: string): Promise<Stats> {
  const stats = await stat(path);
  if (!stats.isFile()) throw new InputError(l10n.t('{0} is not a file; {1} was expected.', path, expected));
  return stats;
}
