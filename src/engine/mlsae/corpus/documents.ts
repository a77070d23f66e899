/** The texts of a corpus, one after another; memory does not grow with its size. */
import type { Corpus } from '../../../protocol/latents/corpus';
import type { CorpusFile } from './files';
import { readerOf } from './readers/readers';

/** Characters (UTF-16 units) of a part at most. */
export const PART_CHARACTERS = 1 << 16;

/** A file, with the number of documents and parts in the files before it: reading can begin there. */
export interface FileStart {
  file: number;
  parts: number;
}

/** A text, or a part of a long one. */
export interface TextPart {
  text: string;
  /** Number of the part in the corpus. */
  part: number;
  /** It begins a document. */
  first: boolean;
  /** Index of the file; line or row in it, from 1 (0 for a file that is one text). */
  file: number;
  row: number;
  fileStart: FileStart;
  /** Bytes of the corpus that were read, about. */
  bytes: number;
}

export const START: FileStart = { file: 0, parts: 0 };

/**
 * Texts, those longer than `PART_CHARACTERS` in parts that end with a line where they can. Empty texts have no part.
 * @param files of `corpusFiles`
 * @throws InputError for a file that cannot be read or is not what its name says
 */
export async function* documents(
  files: CorpusFile[],
  { field = 'text' }: Pick<Corpus, 'field'>,
  { from = START, notice = () => undefined }: { from?: FileStart; notice?: (message: string) => void } = {},
): AsyncGenerator<TextPart> {
  let part = from.parts;
  let before = files.slice(0, from.file).reduce((sum, { bytes }) => sum + bytes, 0);
  for (let file = from.file; file < files.length; file++) {
    const fileStart = { file, parts: part };
    for await (const { text, row, first, bytes } of readerOf(files[file]!)(files[file]!, { field, notice })) {
      let start = 0;
      while (start < text.length) {
        const end = partEnd(text, start);
        const place = { part: part++, first: first && start === 0, file, row, fileStart, bytes: before + bytes };
        yield { text: text.slice(start, end), ...place };
        start = end;
      }
    }
    before += files[file]!.bytes;
  }
}

/**
 * Where the part that begins at `start` ends: behind the last line break among its `PART_CHARACTERS`, else anywhere but between
 * the halves of a character.
 */
export function partEnd(text: string, start: number): number {
  const limit = start + PART_CHARACTERS;
  if (text.length <= limit) return text.length;
  const line = text.lastIndexOf('\n', limit - 1) + 1;
  if (line > start + PART_CHARACTERS / 2) return line;
  const unit = text.charCodeAt(limit - 1);
  return unit >= 0xd800 && unit < 0xdc00 ? limit - 1 : limit;
}
