/** Patterns of a saved result that were read from another tool's file. */
import * as l10n from '@vscode/l10n';

/** One head. A row is a destination: its weights, separated by spaces; zeros at its end are left out. `[dst]` */
export interface SavedPattern {
  head: string;
  rows: string[];
}

/** What a page draws. */
export const MOST_PATTERN_TOKENS = 2048;
/** Characters of a head's name. */
export const MOST_NAME = 100;

/** @param values `[dst, src]` @param decimals that are kept */
export const patternRows = (values: Float32Array, n: number, decimals: number): string[] =>
  Array.from({ length: n }, (_, dst) => {
    const row = Array.from(values.subarray(dst * n, (dst + 1) * n), (weight) => Number(weight.toFixed(decimals)));
    return row.slice(0, row.findLastIndex((weight) => weight !== 0) + 1).join(' ');
  });

const weightsOf = (row: string): number[] => (row === '' ? [] : row.split(' ').map((text) => (text ? +text : NaN)));

/** `[dst, src]` */
export function patternValues({ rows }: SavedPattern): Float32Array {
  const values = new Float32Array(rows.length ** 2);
  rows.forEach((row, dst) => values.set(weightsOf(row), dst * rows.length));
  return values;
}

/** What is wrong with `patterns` of a file: the sentence with its name. */
export function patternsProblem(patterns: unknown, n: number): ((file: string) => string) | undefined {
  if (n === 0 || n > MOST_PATTERN_TOKENS)
    return (file) => l10n.t('{0}: tokens has {1} entries, 1 to {2} were expected.', file, n, MOST_PATTERN_TOKENS);
  if (!Array.isArray(patterns) || patterns.length === 0)
    return (file) => l10n.t('{0}: patterns is no list of heads.', file);
  for (const [i, pattern] of (patterns as unknown[]).entries()) {
    const { head, rows } = Object(pattern) as Record<string, unknown>;
    if (typeof head !== 'string' || head.length > MOST_NAME)
      return (file) => l10n.t('{0}: {1} is no short text.', file, `patterns[${i}].head`);
    if (!Array.isArray(rows) || rows.length !== n)
      return (file) => l10n.t('{0}: {1} has not {2} entries, one for each token.', file, `patterns[${i}].rows`, n);
    const bad = (rows as unknown[]).findIndex(
      (row) => typeof row !== 'string' || row.length > 40 * n || !fits(weightsOf(row), n),
    );
    if (bad >= 0)
      return (file) => l10n.t('{0}: {1} is not a text of at most {2} numbers.', file, `patterns[${i}].rows[${bad}]`, n);
  }
  return undefined;
}

const fits = (weights: number[], n: number): boolean =>
  weights.length <= n && weights.every((weight) => Number.isFinite(Math.fround(weight)));
