/** The bytes of a file that is compressed with Zstandard. */
import * as l10n from '@vscode/l10n';
import { Decompress } from 'fzstd';
import { InputError } from '../../../checkpoint/errors';
import type { CorpusFile } from '../files';
import { fileBytes } from './bytes';
import type { Chunk } from './bytes';

/** Compressed bytes taken at once: a block of 4 bytes may stand for 128 kB. */
const CHUNK = 1 << 13;

export async function* zstdBytes(file: CorpusFile): AsyncGenerator<Chunk> {
  let out: Uint8Array[] = [];
  const decoder = new Decompress((data) => out.push(data));
  const push = (data: Uint8Array, final: boolean): Uint8Array[] => {
    try {
      decoder.push(data, final);
    } catch (cause) {
      throw new InputError(l10n.t('{0} is not Zstandard data, or damaged: {1}.', file.name, (cause as Error).message));
    }
    const done = out;
    out = [];
    return done;
  };
  let read = 0;
  for await (const chunk of fileBytes(file, CHUNK)) {
    read = chunk.read;
    for (const data of push(chunk.data, false)) yield { data, read };
  }
  for (const data of push(new Uint8Array(), true)) yield { data, read };
}
