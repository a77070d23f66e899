/** A JSON object a line. */
import * as l10n from '@vscode/l10n';
import { InputError } from '../../../checkpoint/errors';
import type { CorpusFile } from '../files';
import { fileBytes } from './bytes';
import type { Chunk } from './bytes';
import type { ReadOptions, Text } from './types';

/** Bytes of a line at most: it is held as a whole. */
const MAX_LINE = 1 << 26;
const NEWLINE = 10;

export async function* jsonLines(
  file: CorpusFile,
  { field }: ReadOptions,
  open: (file: CorpusFile) => AsyncIterable<Chunk> = fileBytes,
): AsyncGenerator<Text> {
  let row = 0;
  for await (const { line, read } of lines(file, open)) {
    row++;
    const text = textOf(line, field, () => l10n.t('{0}, line {1}', file.name, row));
    if (text !== undefined) yield { text, row, first: true, bytes: read };
  }
}

/** Lines without their ends; the last one may have none. */
async function* lines(
  file: CorpusFile,
  open: (file: CorpusFile) => AsyncIterable<Chunk>,
): AsyncGenerator<{ line: Buffer; read: number }> {
  let [held, length, number, last] = [[] as Uint8Array[], 0, 0, 0];
  for await (const { data, read } of open(file)) {
    last = read;
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end !== -1; end = data.indexOf(NEWLINE, start)) {
      yield { line: Buffer.concat([...held, data.subarray(start, end)]), read };
      [held, length, start] = [[], 0, end + 1];
      number++;
    }
    length += data.length - start;
    if (length > MAX_LINE)
      throw new InputError(
        l10n.t('{0}, line {1} is longer than {2} bytes: expected JSON lines.', file.name, number + 1, MAX_LINE),
      );
    held.push(data.slice(start));
  }
  if (length > 0) yield { line: Buffer.concat(held), read: last };
}

/** @returns undefined for an empty line */
function textOf(line: Buffer, field: string, where: () => string): string | undefined {
  const json = line
    .toString('utf8')
    .trim()
    .replace(/^\uFEFF/, '');
  if (json === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new InputError(l10n.t('{0} is not JSON: {1}.', where(), (cause as Error).message));
  }
  const text = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined;
  if (typeof text === 'string') return text;
  throw new InputError(l10n.t('{0}: expected an object with a text in its field {1}.', where(), field));
}
