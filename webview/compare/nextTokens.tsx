/** How well both predict the text: loss, log-probability of every token, KL. */
import * as l10n from '@vscode/l10n';
import { computed } from '@preact/signals';
import type { JSX } from 'preact';
import type { Prediction } from '../../src/protocol/analysis';
import type { ComparedNextTokens } from '../../src/protocol/compare';
import { lockedToken } from '../../src/protocol/selection';
import { visibleText } from '../../src/protocol/tokens';
import { fixed, probability, signed } from '../shared/numbers';
import { type Column, Table } from '../shared/table';
import { TokenStrip } from '../shared/tokenStrip';
import { Legend } from './legend';
import { largest, niceEnd } from './scale';
import { dispatch, results, selection, sideNames, tokens } from './store';

export interface TokenRow {
  position: number;
  token: string;
  a: number;
  b: number;
  delta: number;
  kl: number;
  nextA?: Prediction;
  nextB?: Prediction;
}

export const tokenRows = ({ tokens: all, a, b, delta, kl }: ComparedNextTokens): TokenRow[] =>
  all.map(({ text }, position) => ({
    ...{ position, token: visibleText(tokens.value[position]?.text ?? text) },
    ...{ a: a.logProbs[position]!, b: b.logProbs[position]!, delta: delta[position]!, kl: kl[position]! },
    ...{ nextA: a.predictions[position]?.[0], nextB: b.predictions[position]?.[0] },
  }));

const said = (next: Prediction | undefined): string =>
  next ? `${visibleText(next.text)} ${probability(next.p)}` : '–';

export const tokenColumns: Column<TokenRow>[] = [
  { name: 'position', heading: l10n.t('position'), value: (row) => row.position },
  { name: 'token', heading: l10n.t('token'), value: (row) => row.token },
  {
    name: 'ln p, A',
    heading: l10n.t('ln p, A'),
    value: (row) => row.a,
    cell: (row) => fixed(row.a),
    title: l10n.t('Natural log-probability of the token given those before it, in A (nats)'),
  },
  {
    name: 'ln p, B',
    heading: l10n.t('ln p, B'),
    value: (row) => row.b,
    cell: (row) => fixed(row.b),
    title: l10n.t('Natural log-probability of the token given those before it, in B (nats)'),
  },
  {
    name: 'B − A',
    value: (row) => row.delta,
    cell: (row) => signed(row.delta),
    title: l10n.t('Change of the log-probability; above 0: B expects the token more (nats)'),
  },
  {
    name: 'KL after it',
    heading: l10n.t('KL after it'),
    value: (row) => row.kl,
    cell: (row) => fixed(row.kl, 3),
    title: l10n.t('KL(A ‖ B) of the predictions after the token, 0 or more (nats)'),
  },
  {
    name: 'A expects',
    heading: l10n.t('A expects'),
    value: (row) => said(row.nextA),
    title: l10n.t('What A finds most probable after the token, with its probability'),
  },
  {
    name: 'B expects',
    heading: l10n.t('B expects'),
    value: (row) => said(row.nextB),
    title: l10n.t('What B finds most probable after the token, with its probability'),
  },
];

const locked = computed(() => lockedToken(selection.value));

const Loss = ({ label, value, title }: { label: string; value: string; title: string }): JSX.Element => (
  <span class="loss" title={title}>
    {label} <b class="number">{value}</b>
  </span>
);

const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function NextTokens(): JSX.Element {
  const shown = results.value.tokens!;
  const { a, b, delta, kl } = shown;
  const end = niceEnd(largest(delta), 0.1);
  const { a: nameA, b: nameB } = sideNames.value;
  const about = l10n.t('Mean cross-entropy of the tokens after the first, in nats');
  return (
    <>
      <div class="bar-line" data-losses>
        <b class="strong">{l10n.t('Loss')}</b>
        <Loss label={nameA} value={fixed(a.loss, 3)} title={l10n.t('{0}, in A', about)} />
        <Loss label={nameB} value={fixed(b.loss, 3)} title={l10n.t('{0}, in B', about)} />
        <Loss
          label="B − A"
          value={signed(b.loss - a.loss, 3)}
          title={l10n.t('Below 0: B predicts the text better (nats)')}
        />
        <Loss
          label={l10n.t('mean KL')}
          value={fixed(mean(kl), 3)}
          title={l10n.t('Mean over positions of KL(A ‖ B) (nats)')}
        />
        <span class="push">
          <Legend
            label="Δ ln p"
            end={end}
            signed
            title={l10n.t('B − A of each token’s log-probability: blue, B expects it more')}
          />
        </span>
      </div>
      <TokenStrip
        tokens={tokens.value.slice(0, shown.tokens.length)}
        selection={selection}
        weights={() => delta.map((value) => (Number.isNaN(value) ? 0 : value / end))}
        dispatch={dispatch}
      />
      <Table
        label={l10n.t('Tokens')}
        columns={tokenColumns}
        rows={tokenRows(shown)}
        onChoose={({ position }) => dispatch({ kind: 'lockToken', token: position })}
        chosen={({ position }) => position === locked.value}
      />
    </>
  );
}
