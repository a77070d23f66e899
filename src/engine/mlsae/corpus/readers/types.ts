import type { CorpusFile } from '../files';

/** A text of a file, or the next stretch of one that is read in stretches. */
export interface Text {
  text: string;
  /** It begins a document. */
  first: boolean;
  /** Line or row, from 1; 0 for a file that is one text. */
  row: number;
  /** Bytes of the file that were read. */
  bytes: number;
}

export interface ReadOptions {
  /** Of JSON lines and Parquet: the text. */
  field: string;
  notice: (message: string) => void;
}

/** Streams the texts of one file. Throws InputError for one that is not what its name says. */
export type Reader = (file: CorpusFile, options: ReadOptions) => AsyncIterable<Text>;
