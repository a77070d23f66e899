/** Patterns of another tool's file as a `.circuitscope.json` without a checkpoint. */
import * as l10n from '@vscode/l10n';
import { basename, dirname, relative, resolve, sep } from 'node:path';
import { version } from '../../../package.json';
import type { ImportedPatterns } from '../../protocol/interop';
import { DECIMALS, MOST_CHARACTERS, writeResult } from '../../protocol/resultFile';
import { MOST_PATTERN_TOKENS, patternRows } from '../../protocol/savedPatterns';
import { InputError } from '../checkpoint/errors';
import { readPatternFile } from './patternFile';
import { writeText } from './writeText';

/** @throws InputError */
export async function importPatterns(file: string, out: string): Promise<ImportedPatterns> {
  if (resolve(file) === resolve(out)) throw new InputError(l10n.t('{0} would be written over itself.', file));
  const { tokens, heads, notices } = await readPatternFile(file);
  const n = tokens.length;
  if (n > MOST_PATTERN_TOKENS)
    throw new InputError(l10n.t('{0} has {1} tokens, at most {2} can be shown.', file, n, MOST_PATTERN_TOKENS));
  const name = basename(file);
  const text = writeResult({
    // the file stands for it; nothing of it can be run again
    checkpoint: { name, path: relative(dirname(out), file).split(sep).join('/'), weights: '' },
    ...{ circuitscope: version, created: new Date().toISOString(), source: name },
    ...{ ids: [], tokens, view: { panel: 'attention' }, numbers: {} },
    patterns: heads.map(({ name: head, values }) => ({ head, rows: patternRows(values, n, DECIMALS) })),
  });
  if (text.length > MOST_CHARACTERS)
    throw new InputError(
      l10n.t('{0}: the patterns of {1} heads on {2} tokens are too many for a saved result.', file, heads.length, n),
    );
  await writeText(out, text);
  return { heads: heads.length, tokens: n, notices };
}
