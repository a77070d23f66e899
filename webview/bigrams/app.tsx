/** What follows what by the direct path alone: a table that is searched by its first token. */
import * as l10n from '@vscode/l10n';
import { computed } from '@preact/signals';
import type { JSX } from 'preact';
import type { Bigram } from '../../src/protocol/circuits/bigrams';
import { typedText, visibleText } from '../../src/protocol/tokens';
import { Field } from '../shared/controls';
import { fixed, probability as asText } from '../shared/numbers';
import { ReportFrame } from '../shared/reportFrame';
import { type Column, Table, tableExports } from '../shared/table';
import { TokenText } from '../shared/tokenText';
import { report } from './store';
import { Sentence } from '../shared/sentence';

/** Rows before anything is searched, and of the list of one token. */
const TOP = { all: 100, one: 500 };

/** The longest bar is the most probable pair of the table. */
const likeliest = computed(() =>
  (report.answer.value?.result.bigrams ?? []).reduce((most, { logProb }) => Math.max(most, logProb), -Infinity),
);

const COLUMNS: Column<Bigram>[] = [
  {
    name: 'source',
    heading: l10n.t('source'),
    value: ({ source }) => source.text,
    cell: ({ source }) => <TokenText text={source.text} />,
  },
  {
    name: 'output',
    heading: l10n.t('output'),
    value: ({ output }) => output.text,
    cell: ({ output }) => <TokenText text={output.text} />,
  },
  {
    name: 'logit',
    heading: l10n.t('logit'),
    value: ({ logit }) => logit,
    cell: ({ logit }) => fixed(logit),
    title: l10n.t('W_E W_U of the pair'),
  },
  {
    name: 'log-probability',
    heading: l10n.t('log-probability'),
    value: ({ logProb }) => logProb,
    cell: ({ logProb }) => fixed(logProb, 3),
    title: l10n.t('Natural logarithm of the probability that the direct path alone would give'),
  },
  {
    name: 'probability',
    heading: l10n.t('probability'),
    value: ({ logProb }) => Math.exp(logProb),
    cell: ({ logProb }) => (
      <span class="p-cell">
        <span class="bar">
          <i style={{ width: `${Math.exp(logProb - likeliest.value) * 100}%` }} />
        </span>
        {asText(Math.exp(logProb))}
      </span>
    ),
  },
];

/** `#12` is an id for the engine too. */
const search = (typed: string): void =>
  report.ask(typed === '' ? { top: TOP.all } : { token: typedText(typed), top: TOP.one });

export function App(): JSX.Element {
  const shown = report.answer.value?.result;
  const checkpoint = report.subject.value?.checkpoint;
  const token = shown?.token;
  const name = `${checkpoint?.name ?? ''}-bigrams`;
  return (
    <ReportFrame
      concept="bigrams"
      report={report}
      what={token ? l10n.t('what follows {0}', visibleText(token.text)) : l10n.t('bigrams of the direct path')}
      controls={<Field label={l10n.t('Find a source token')} placeholder={l10n.t('source token')} onSubmit={search} />}
      exports={shown ? tableExports(name, COLUMNS, () => shown.bigrams, report) : []}
      notices={shown?.notices}
    >
      {() => (
        <>
          {token ? (
            <div class="bar-line">
              <span>
                <Sentence
                  text={l10n.t('after {0} #{1}')}
                  parts={[
                    <span class="mono source-token">
                      <TokenText text={token.text} />
                    </span>,
                    token.id,
                  ]}
                />
              </span>
              <button type="button" class="link push" onClick={() => search('')}>
                {l10n.t('All tokens')}
              </button>
            </div>
          ) : null}
          <Table
            key={String(token?.id)}
            label={l10n.t('Bigrams: source, output, logit, log-probability')}
            columns={COLUMNS}
            rows={shown?.bigrams ?? []}
            initial={{ column: 'log-probability', descending: true }}
            {...(token ? {} : { onChoose: ({ source }: Bigram) => report.ask({ token: source.id, top: TOP.one }) })}
          />
        </>
      )}
    </ReportFrame>
  );
}
