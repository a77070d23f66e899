import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { InputError, systemReason } from '../checkpoint/errors';

/** Writes a file whole or not at all. @throws InputError when it cannot be written */
export async function writeText(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new InputError(l10n.t('{0} cannot be written: {1}.', file, systemReason(cause)));
  }
}
