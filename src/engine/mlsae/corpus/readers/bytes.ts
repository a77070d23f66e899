/** Bytes of a file as they come. */
import * as l10n from '@vscode/l10n';
import { createReadStream } from 'node:fs';
import { InputError } from '../../../checkpoint/errors';
import type { CorpusFile } from '../files';

/** Some bytes, and how many of the file's were read with them. */
export interface Chunk {
  data: Uint8Array;
  read: number;
}

const CHUNK = 1 << 18;

/** @throws InputError for a file that cannot be read */
export async function* fileBytes({ path, name }: CorpusFile, chunk = CHUNK): AsyncGenerator<Chunk> {
  let read = 0;
  try {
    for await (const data of createReadStream(path, { highWaterMark: chunk })) {
      read += (data as Buffer).length;
      yield { data: data as Buffer, read };
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new InputError(l10n.t('{0} cannot be read: {1}.', name, message));
  }
}
