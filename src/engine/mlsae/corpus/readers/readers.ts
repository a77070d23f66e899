import type { CorpusFile } from '../files';
import { jsonLines } from './jsonLines';
import { parquet } from './parquet';
import { plainText } from './plainText';
import type { Reader } from './types';
import { zstdBytes } from './zstd';

/** By how a file's name ends; anything else is one text. */
const READERS: [ending: string, reader: Reader][] = [
  ['.jsonl', (file, options) => jsonLines(file, options)],
  ['.jsonl.zst', (file, options) => jsonLines(file, options, zstdBytes)],
  ['.parquet', parquet],
];

export const readerOf = ({ name }: CorpusFile): Reader =>
  READERS.find(([ending]) => name.toLowerCase().endsWith(ending))?.[1] ?? plainText;
