/** What the section that is looked at can be exported as. */
import * as l10n from '@vscode/l10n';
import type { CompareSection } from '../../src/protocol/comparePanel';
import type { ExportItem } from '../shared/reportFrame';
import { tableExports } from '../shared/table';
import { changeColumns, changes } from './composition';
import { latentColumns } from './latents';
import { tokenColumns, tokenRows } from './nextTokens';
import { distanceColumns, distances } from './patterns';
import { allScoreColumns, scoreRows } from './scores';
import { command, copy, results, save, view } from './store';

const out = { save, copy };

const items: { [S in CompareSection]: (name: string) => ExportItem[] } = {
  patterns: (name) => {
    const shown = results.value.patterns;
    return shown ? tableExports(name, distanceColumns, () => distances(shown), out) : [];
  },
  scores: (name) => {
    const shown = results.value.scores;
    return shown ? tableExports(name, allScoreColumns, () => scoreRows(shown), out) : [];
  },
  composition: (name) => {
    const shown = results.value.composition;
    return shown ? tableExports(name, changeColumns(shown.baseline), () => changes.value, out) : [];
  },
  latents: (name) => {
    const shown = results.value.latents;
    return shown ? tableExports(name, latentColumns(shown), () => shown.changes, out) : [];
  },
  tokens: (name) => {
    const shown = results.value.tokens;
    return shown ? tableExports(name, tokenColumns, () => tokenRows(shown), out) : [];
  },
};

export function exportsOf(section: CompareSection): ExportItem[] {
  const { a, b } = view.value ?? {};
  const shown = a && b ? items[section](`${a.name}-${b.name}-${section}`) : [];
  return shown.length > 0
    ? [
        ...shown,
        { label: l10n.t('Copy as TransformerLens Code'), run: () => command('copyCode') },
        { label: l10n.t('Save Result…'), run: () => command('saveResult') },
      ]
    : [];
}
