/** What taking heads away does to the loss of every token and to the predictions. */
import * as l10n from '@vscode/l10n';
import { computed } from '@preact/signals';
import type { JSX } from 'preact';
import type { Prediction, Token } from '../../src/protocol/analysis';
import { headName } from '../../src/protocol/checkpoint';
import type { Ablation } from '../../src/protocol/circuits/behaviour';
import { type Choice, Segmented } from '../shared/controls';
import { fixed, signed } from '../shared/numbers';
import { ReportFrame } from '../shared/reportFrame';
import { type Column, Table, tableExports } from '../shared/table';
import { TokenText } from '../shared/tokenText';
import { report } from './store';
import { Sentence } from '../shared/sentence';

type By = 'zero' | 'mean';
const CHOICES: Choice<By>[] = [
  { value: 'zero', label: l10n.t('zero'), title: l10n.t('Each head’s z is replaced by zero') },
  { value: 'mean', label: l10n.t('mean'), title: l10n.t('Each head’s z is replaced by its mean over this text') },
];

/** A token with what is predicted after it, before and after the heads were taken away. */
interface Line {
  position: number;
  token: Token;
  /** Loss of this token given those before it; NaN at the first. */
  before: number;
  after: number;
  predicted: Prediction | undefined;
  now: Prediction | undefined;
}

const linesOf = ({ tokens, before, after }: Ablation): Line[] =>
  tokens.map((token, position) => ({
    position,
    token,
    before: before.tokenLoss[position] ?? NaN,
    after: after.tokenLoss[position] ?? NaN,
    predicted: before.predictions[position]?.[0],
    now: after.predictions[position]?.[0],
  }));

const changed = ({ predicted, now }: Line): boolean => predicted?.id !== now?.id;
/** The first token is not predicted: it sorts last. */
const change = ({ before, after }: Line): number => (Number.isNaN(after - before) ? -Infinity : after - before);
const loss = (value: number): string => (Number.isNaN(value) ? '–' : fixed(value));

const Predicted = ({ prediction }: { prediction: Prediction | undefined }): JSX.Element | null =>
  prediction ? (
    <>
      <TokenText text={prediction.text} /> <span class="quiet">{fixed(prediction.p)}</span>
    </>
  ) : null;

/** Bars of the change share one scale. */
const widest = computed(() => {
  const shown = report.answer.value?.result;
  const changes = shown ? linesOf(shown).map(change).filter(Number.isFinite) : [];
  return Math.max(1e-6, ...changes.map(Math.abs));
});

const Change = ({ value }: { value: number }): JSX.Element => (
  <span class="change">
    <span class="change-bar">
      {Number.isFinite(value) ? (
        <i class={value < 0 ? 'less' : 'more'} style={{ width: `${(Math.abs(value) / widest.value) * 50}%` }} />
      ) : null}
    </span>
    {Number.isFinite(value) ? signed(value) : '–'}
  </span>
);

const COLUMNS: Column<Line>[] = [
  { name: '#', value: ({ position }) => position },
  {
    name: 'token',
    heading: l10n.t('token'),
    value: ({ token }) => token.text,
    cell: ({ token }) => <TokenText text={token.text} />,
  },
  {
    name: 'loss',
    heading: l10n.t('loss'),
    value: ({ before }) => before,
    cell: ({ before }) => loss(before),
    title: l10n.t('Nats, as the model is'),
  },
  {
    name: 'ablated',
    heading: l10n.t('ablated'),
    value: ({ after }) => after,
    cell: ({ after }) => loss(after),
    title: l10n.t('Nats, without the heads'),
  },
  { name: 'change', heading: l10n.t('change'), value: change, cell: (line) => <Change value={change(line)} /> },
  {
    name: 'predicted next',
    heading: l10n.t('predicted next'),
    value: ({ predicted }) => predicted?.text ?? '',
    cell: ({ predicted }) => <Predicted prediction={predicted} />,
  },
  {
    name: 'ablated next',
    heading: l10n.t('ablated next'),
    value: ({ now }) => now?.text ?? '',
    cell: (line) =>
      changed(line) ? (
        <span class="new">
          <Predicted prediction={line.now} />
        </span>
      ) : (
        ''
      ),
    title: l10n.t('The top prediction, where it is another one'),
  },
];

function Summary({ shown, lines }: { shown: Ablation; lines: readonly Line[] }): JSX.Element {
  const count = lines.filter(changed).length;
  return (
    <div class="bar-line summary">
      <span>
        {l10n.t('without')} <b class="mono">{shown.heads.map(headName).join(' ')}</b>
      </span>
      <span>
        {l10n.t('mean loss')} <b class="number">{loss(shown.before.loss)}</b> →{' '}
        <b class="number">{loss(shown.after.loss)}</b>{' '}
        <span class="number">({signed(shown.after.loss - shown.before.loss)})</span>
      </span>
      <span>
        <Sentence
          text={l10n.t('{0} of {1} top predictions change')}
          parts={[<b class="number">{count}</b>, lines.length]}
        />
      </span>
    </div>
  );
}

export function App(): JSX.Element {
  const answer = report.answer.value;
  const shown = answer?.result;
  const lines = shown ? linesOf(shown) : [];
  const name = `${report.subject.value?.checkpoint.name ?? ''}-ablation`;
  return (
    <ReportFrame
      concept="ablation"
      report={report}
      controls={
        answer ? (
          <Segmented
            label={l10n.t('Replaced by')}
            choices={CHOICES}
            value={answer.result.mean ? 'mean' : 'zero'}
            onChange={(by) => report.ask({ ...answer.question, mean: by === 'mean' })}
          />
        ) : null
      }
      exports={shown ? tableExports(name, COLUMNS, () => lines, report) : []}
      notices={shown?.notices}
    >
      {() =>
        shown ? (
          <>
            <Summary shown={shown} lines={lines} />
            <Table
              label={l10n.t('Tokens with their loss before and after')}
              columns={COLUMNS}
              rows={lines}
              initial={{ column: '#', descending: false }}
              onChoose={({ position }) => report.dispatch({ kind: 'lockToken', token: position })}
              chosen={({ position }) => position === report.selection.value.locked.destination}
            />
          </>
        ) : null
      }
    </ReportFrame>
  );
}
