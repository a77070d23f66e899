import * as l10n from '@vscode/l10n';
import { closeSync, openSync, readSync } from 'node:fs';
import { InputError, systemReason } from '../checkpoint/errors';

/**
 * Few bytes of a file that was checked before.
 * @throws InputError when they are not there any more
 */
export function readAt(file: string, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    for (let done = 0; done < length;) {
      const read = readSync(fd, bytes, done, length - done, offset + done);
      if (read === 0) throw new Error(l10n.t('it ended at byte {0}', offset + done));
      done += read;
    }
    return bytes;
  } catch (cause) {
    throw new InputError(l10n.t('{0} cannot be read: {1}.', file, systemReason(cause)));
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
