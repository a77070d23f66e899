/** Which terms of the sum over paths the loss needs. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { Importance, TermEffect } from '../../src/protocol/circuits/paths';
import { signed } from '../shared/numbers';
import { type ExportItem, ReportFrame } from '../shared/reportFrame';
import { type Column, Table, tableExports } from '../shared/table';
import { Orders } from './orders';
import { ordersPng } from './png';
import { report } from './store';

/** Rows of the table: there may be thousands of virtual heads. */
const LISTED = 200;

const widest = (terms: readonly TermEffect[]): number =>
  terms.reduce((most, { effect }) => Math.max(most, Math.abs(effect)), 1e-9);

const columnsFor = (terms: readonly TermEffect[]): Column<TermEffect>[] => {
  const most = widest(terms);
  return [
    { name: 'term', heading: l10n.t('term'), value: ({ name }) => name },
    {
      name: 'kind',
      heading: l10n.t('kind'),
      value: ({ kind }) => (kind === 'head' ? 'head' : 'virtual head'),
      cell: ({ kind }) => (kind === 'head' ? l10n.t('head') : l10n.t('virtual head')),
    },
    {
      name: 'effect',
      heading: l10n.t('effect'),
      title: l10n.t('Loss without this one term minus the loss, in nats: positive where the term helps'),
      value: ({ effect }) => effect,
      cell: ({ effect }) => (
        <span class="effect">
          <span class="effect-bar">
            <i class={effect < 0 ? 'less' : 'more'} style={{ width: `${(Math.abs(effect) / most) * 50}%` }} />
          </span>
          {signed(effect, 3)}
        </span>
      ),
    },
  ];
};

const pngExport = (name: string, shown: Importance, checkpoint: string): ExportItem => ({
  label: l10n.t('Picture (PNG)'),
  run: () => void ordersPng(shown, checkpoint).then((content) => report.save({ name, format: 'png', content })),
});

export function App(): JSX.Element {
  const shown = report.answer.value?.result;
  const columns = columnsFor(shown?.terms ?? []);
  const { head } = report.selection.value;
  const checkpoint = report.subject.value?.checkpoint.name ?? '';
  const name = `${checkpoint}-importance`;
  const largest = [...(shown?.terms ?? [])].sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect)).slice(0, LISTED);
  return (
    <ReportFrame
      concept="term-importance"
      report={report}
      exports={
        shown ? [pngExport(name, shown, checkpoint), ...tableExports(name, columns, () => shown.terms, report)] : []
      }
      notices={shown?.notices}
    >
      {() =>
        shown ? (
          <>
            <Orders shown={shown} />
            <Table
              label={l10n.t('Terms by their effect on the loss')}
              columns={columns}
              rows={largest}
              initial={{ column: 'effect', descending: true }}
              onChoose={({ heads }) => {
                const last = heads.at(-1);
                if (last) report.dispatch({ kind: 'chooseHead', head: last });
              }}
              chosen={({ kind, heads: [only] }) =>
                kind === 'head' && only?.layer === head.layer && only.head === head.head
              }
            />
            {shown.terms.length > largest.length ? (
              <p class="block none">
                {l10n.t('The {0} largest of {1} terms; all are exported.', LISTED, shown.terms.length)}
              </p>
            ) : null}
          </>
        ) : null
      }
    </ReportFrame>
  );
}
