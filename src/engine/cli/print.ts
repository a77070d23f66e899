/** Data goes to stdout, everything else to stderr. */
export const printJson = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

export const note = (message: string): void => void process.stderr.write(`${message}\n`);

const said = new Set<string>();

/** Once only, however many checkpoints it is true of. */
export function noteOnce(message: string): void {
  if (!said.has(message)) note(message);
  said.add(message);
}

/** `1.4 MB` */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** A token as it is shown in a table: white space and control characters are visible. */
export const visible = (text: string): string =>
  text.replace(/[\s\p{Cc}\p{Cf}]/gu, (c) => (c === ' ' ? '·' : JSON.stringify(c).slice(1, -1)));

/** Columns padded to their widest cell; `right` lists the columns that are numbers. */
export function table(rows: string[][], right: number[]): string {
  const width = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const pad = (cell: string, column: number): string =>
    right.includes(column) ? cell.padStart(width[column]!) : cell.padEnd(width[column]!);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}
