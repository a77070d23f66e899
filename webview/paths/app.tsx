/** The Paths panel: tokens, the logit in question, its terms. */
import * as l10n from '@vscode/l10n';
import { useMemo } from 'preact/hooks';
import type { JSX } from 'preact';
import type { PathTerm } from '../../src/protocol/circuits/paths';
import { type ExportItem, ReportFrame } from '../shared/reportFrame';
import { type Column, tableExports } from '../shared/table';
import { TokenStrip } from '../shared/tokenStrip';
import { pathsPng } from './png';
import { dispatchToken, type Group, groupOf, GROUPS, hidden, paths, report, tokenWeights } from './store';
import { Target } from './target';
import { Terms } from './terms';

const COLUMNS: Column<PathTerm>[] = [
  { name: 'name', value: ({ name }) => name },
  { name: 'kind', value: ({ kind }) => kind },
  { name: 'value', value: ({ value }) => value },
];

function toggle(group: Group): void {
  const next = new Set(hidden.value);
  if (!next.delete(group)) next.add(group);
  hidden.value = next;
}

/** Which kinds of terms are listed; only kinds that this model has. */
function Kinds(): JSX.Element {
  const present = new Set(paths.value?.terms.map(({ kind }) => groupOf(kind)));
  return (
    <div class="bar-line kinds">
      <span>{l10n.t('terms')}</span>
      {(Object.keys(GROUPS) as Group[])
        .filter((group) => present.has(group))
        .map((group) => (
          <button
            key={group}
            type="button"
            class="chip kind"
            aria-pressed={!hidden.value.has(group)}
            onClick={() => toggle(group)}
          >
            {GROUPS[group].label}
          </button>
        ))}
      <span class="push">
        {paths.value?.form === 'frozen' ? l10n.t('final norm’s scale frozen') : l10n.t('every path by itself')}
      </span>
    </div>
  );
}

function Strip(): JSX.Element {
  const all = report.tokens.value;
  return useMemo(
    () => <TokenStrip tokens={all} selection={report.selection} weights={tokenWeights} dispatch={dispatchToken} />,
    [all],
  );
}

const pngExport = (name: string): ExportItem => ({
  label: l10n.t('Picture (PNG)'),
  run: () => void pathsPng().then((content) => report.save({ name, format: 'png', content })),
});

export function App(): JSX.Element {
  const shown = paths.value;
  const name = `${report.subject.value?.checkpoint.name ?? ''}-paths`;
  return (
    <ReportFrame
      concept="paths"
      report={report}
      exports={shown ? [pngExport(name), ...tableExports(name, COLUMNS, () => shown.terms, report)] : []}
      notices={shown?.notices}
    >
      {() => (
        <>
          <Strip />
          <Target />
          <Kinds />
          <Terms />
        </>
      )}
    </ReportFrame>
  );
}
