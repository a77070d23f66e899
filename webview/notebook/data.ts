/** What a cell's output may hold: an attention pattern, or a saved result. Touches no DOM. */
import * as l10n from '@vscode/l10n';
import { readResult } from '../../src/protocol/readResult';
import type { ResultFile } from '../../src/protocol/resultFile';

export const MIME = 'application/vnd.circuitscope+json';
/** Tokens of a pattern. */
const MOST_TOKENS = 1024;

/** A pattern to draw. */
export interface Pattern {
  title: string;
  /** `[pos]` */
  tokens: string[];
  /** 0–1, rows are destinations. `[dst, src]` */
  values: Float32Array;
}

export type Output = { pattern: Pattern } | { result: ResultFile } | { error: string };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param value `{ tokens: string[], pattern: number[][], title?: string }`, or a whole `.circuitscope.json` */
export function readOutput(value: unknown): Output {
  const bad = (error: string): Output => ({ error });
  if (!isObject(value)) return bad(l10n.t('Circuitscope: the output is no object; tokens and pattern were expected.'));
  if ('format' in value) return readResult(JSON.stringify(value), 'Circuitscope');
  const { tokens, pattern, title = '' } = value;
  if (!Array.isArray(tokens) || tokens.length === 0 || !tokens.every((token) => typeof token === 'string'))
    return bad(l10n.t('Circuitscope: tokens is not a list of texts.'));
  const n = tokens.length;
  if (n > MOST_TOKENS)
    return bad(l10n.t('Circuitscope: there are {0} tokens, at most {1} were expected.', n, MOST_TOKENS));
  if (typeof title !== 'string') return bad(l10n.t('Circuitscope: title is not a text.'));
  if (!Array.isArray(pattern) || pattern.length !== n)
    return bad(l10n.t('Circuitscope: pattern has not {0} rows, one for each token.', n));
  const values = new Float32Array(n * n);
  for (const [dst, row] of (pattern as unknown[]).entries()) {
    if (!Array.isArray(row) || row.length !== n)
      return bad(l10n.t('Circuitscope: row {0} of pattern has not {1} numbers.', dst, n));
    for (const [src, weight] of (row as unknown[]).entries()) {
      if (typeof weight !== 'number' || !(weight >= -1e-3 && weight <= 1.001))
        return bad(l10n.t('Circuitscope: pattern[{0}][{1}] is not a number from 0 to 1.', dst, src));
      values[dst * n + src] = weight;
    }
  }
  return { pattern: { title, tokens: tokens as string[], values } };
}
