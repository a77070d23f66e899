/** A column of texts of a Parquet file, one row group after another. */
import * as l10n from '@vscode/l10n';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { InputError } from '../../../checkpoint/errors';
import type { CorpusFile } from '../files';
import type { Reader, Text } from './types';

/** Bytes of a row group's texts at most: they are held as a whole. */
const MAX_GROUP = 2 ** 30;

export const parquet: Reader = async function* (file, { field }) {
  const { buffer, metadata } = await opened(file);
  checkColumn(file, metadata, field);
  let start = 0;
  for (const [index, group] of metadata.row_groups.entries()) {
    checkSize(file, group, field);
    const end = start + Number(group.num_rows);
    const rows = await readable(file, () =>
      parquetReadObjects({ file: buffer, metadata, columns: [field], rowStart: start, rowEnd: end, compressors }),
    );
    const bytes = Math.round((file.bytes * (index + 1)) / metadata.row_groups.length);
    for (const [i, row] of rows.entries()) {
      const text = textOf(file, row[field], field, start + i + 1);
      if (text !== undefined) yield { ...text, bytes };
    }
    start = end;
  }
};

async function readable<T>({ name }: CorpusFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(l10n.t('{0} cannot be read as Parquet: {1}.', name, reason.replace(/\.$/, '')));
  }
}

const opened = (file: CorpusFile): Promise<{ buffer: AsyncBuffer; metadata: FileMetaData }> =>
  readable(file, async () => {
    const buffer = await asyncBufferFromFile(file.path);
    return { buffer, metadata: await parquetMetadataAsync(buffer) };
  });

function checkColumn({ name }: CorpusFile, metadata: FileMetaData, field: string): void {
  const columns = parquetSchema(metadata).children;
  const column = columns.find(({ element }) => element.name === field);
  const names = columns.map(({ element }) => element.name).join(', ');
  if (!column) throw new InputError(l10n.t('{0} has no column {1}: it has {2}.', name, field, names));
  if (column.children.length > 0 || column.element.type !== 'BYTE_ARRAY')
    throw new InputError(l10n.t('{0}: column {1} holds no texts.', name, field));
}

function checkSize({ name }: CorpusFile, group: FileMetaData['row_groups'][number], field: string): void {
  const column = group.columns.find(({ meta_data: data }) => data?.path_in_schema.join('.') === field);
  const bytes = Number(column?.meta_data?.total_uncompressed_size ?? 0);
  if (bytes > MAX_GROUP)
    throw new InputError(
      l10n.t('{0} has a row group of {1} bytes of {2}: at most {3} were expected.', name, bytes, field, MAX_GROUP),
    );
}

function textOf({ name }: CorpusFile, value: unknown, field: string, row: number): Omit<Text, 'bytes'> | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') return { text: value, row, first: true };
  throw new InputError(l10n.t('{0}, row {1}: expected a text in its column {2}.', name, row, field));
}
