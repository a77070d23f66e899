/** The scores of every head in A and in B, and their difference. */
import * as l10n from '@vscode/l10n';
import { computed, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import type { HeadScore } from '../../src/protocol/circuits';
import type { ComparedHeadScores } from '../../src/protocol/compare';
import { Icon } from '../shared/controls';
import { fixed, signed } from '../shared/numbers';
import { type Column, Table } from '../shared/table';
import { HeadMap } from './headMap';
import { Legend } from './legend';
import { largest, niceEnd } from './scale';
import { dispatch, results, selection, sideNames } from './store';
import { Concept } from '../shared/concept';

export type ScoreName = Exclude<keyof HeadScore, keyof HeadRef>;

interface Described {
  label: string;
  about: string;
  /** −1 to 1. */
  signed?: boolean;
  /** Bits, without an end of their own. */
  bits?: boolean;
}

export const scores: Record<ScoreName, Described> = {
  induction: {
    label: l10n.t('induction'),
    about: l10n.t(
      'Mean weight from a repeated token to the one after its first occurrence, on random tokens said twice; 0–1',
    ),
  },
  previousToken: {
    label: l10n.t('previous token'),
    about: l10n.t('Mean weight from a token to the one before it; 0–1'),
  },
  duplicateToken: {
    label: l10n.t('duplicate token'),
    about: l10n.t('Mean weight from a repeated token to its first occurrence; 0–1'),
  },
  firstToken: { label: l10n.t('first token'), about: l10n.t('Mean weight to the first position; 0–1') },
  entropy: {
    label: l10n.t('entropy'),
    about: l10n.t('Entropy of the attention, mean over destinations, in bits'),
    bits: true,
  },
  ovCopying: {
    label: l10n.t('OV copying'),
    about: l10n.t('Σλ / Σ|λ| over the eigenvalues of W_E W_OV W_U; −1–1'),
    signed: true,
  },
  qkMatching: {
    label: l10n.t('QK matching'),
    about: l10n.t('Σλ / Σ|λ| over the eigenvalues of W_E W_QK W_Eᵀ; −1–1'),
    signed: true,
  },
};
const names = Object.keys(scores) as ScoreName[];

const score = signal<ScoreName>('induction');
const chosen = computed(() => headName(selection.value.head));

export interface ScoreRow {
  a: HeadScore;
  b: HeadScore;
  delta: HeadScore;
}

export const scoreRows = ({ a, b, delta }: ComparedHeadScores): ScoreRow[] =>
  delta.map((each, i) => ({ a: a.heads[i]!, b: b.heads[i]!, delta: each }));

/** All scores, as they are exported. */
export const allScoreColumns: Column<ScoreRow>[] = [
  { name: 'head', heading: l10n.t('head'), value: (row) => headName(row.a) },
  ...names.flatMap((name) =>
    (['a', 'b', 'delta'] as const).map((side): Column<ScoreRow> => ({
      name: `${name} ${side}`,
      value: (row) => row[side][name],
    })),
  ),
];

const columnsOf = (name: ScoreName): Column<ScoreRow>[] => {
  const { label, about } = scores[name];
  return [
    { name: 'head', heading: l10n.t('head'), value: (row) => headName(row.a), title: l10n.t('Layer and head') },
    {
      name: 'A',
      value: (row) => row.a[name],
      cell: (row) => fixed(row.a[name], 3),
      title: l10n.t('{0} in A. {1}', label, about),
    },
    {
      name: 'B',
      value: (row) => row.b[name],
      cell: (row) => fixed(row.b[name], 3),
      title: l10n.t('{0} in B. {1}', label, about),
    },
    {
      name: 'B − A',
      value: (row) => row.delta[name],
      cell: (row) => signed(row.delta[name], 3),
      title: l10n.t('Change of {0} from A to B', label),
    },
  ];
};

const plain = (value: number): string => fixed(value);
const withSign = (value: number): string => signed(value);

const Choose = (): JSX.Element => (
  <label class="choose">
    <span>{l10n.t('score')}</span>
    <span class="select">
      <select
        aria-label={l10n.t('Score')}
        value={score.value}
        onChange={(event) => (score.value = event.currentTarget.value as ScoreName)}
      >
        {names.map((name) => (
          <option key={name} value={name}>
            {scores[name].label}
          </option>
        ))}
      </select>
      <Icon name="chevron-down" />
    </span>
  </label>
);

function Maps({ shown, name }: { shown: ComparedHeadScores; name: ScoreName }): JSX.Element {
  const { signed: isSigned = false, bits, label } = scores[name];
  const values = useMemo(
    () => ({
      a: shown.a.heads.map((each) => each[name]),
      b: shown.b.heads.map((each) => each[name]),
      delta: shown.delta.map((each) => each[name]),
    }),
    [shown, name],
  );
  const nHeads = 1 + shown.delta.reduce((most, { head }) => Math.max(most, head), 0);
  const nLayers = shown.delta.length / nHeads;
  const end = bits ? niceEnd(Math.max(largest(values.a), largest(values.b))) : 1;
  const change = niceEnd(largest(values.delta));
  const at = ({ layer, head }: HeadRef): [number, number, number] => {
    const i = layer * nHeads + head;
    return [values.a[i]!, values.b[i]!, values.delta[i]!];
  };
  const words = (head: HeadRef): string => {
    const [a, b, delta] = at(head);
    return l10n.t('{0} A {1}, B {2}, B minus A {3}', label, fixed(a), fixed(b), signed(delta));
  };
  const tip = (head: HeadRef): JSX.Element => {
    const [a, b, delta] = at(head);
    return (
      <>
        <div class="tip-row muted">
          {headName(head)} {label}
        </div>
        <div class="tip-row">
          <span>A</span>
          <b>{fixed(a, 3)}</b>
        </div>
        <div class="tip-row">
          <span>B</span>
          <b>{fixed(b, 3)}</b>
        </div>
        <div class="tip-row">
          <span>B − A</span>
          <b>{signed(delta, 3)}</b>
        </div>
      </>
    );
  };
  const common = { nLayers, nHeads, tip, speak: words };
  const both = { ...common, end, signed: isSigned, text: isSigned ? withSign : plain };
  const unit = bits ? l10n.t('bits') : label;
  return (
    <div class="maps">
      {(['a', 'b'] as const).map((side) => (
        <section class="map-block" key={side}>
          <h2>
            {sideNames.value[side]} <Concept id="head-scores" />{' '}
            <Legend label={unit} end={end} signed={isSigned} title={scores[name].about} />
          </h2>
          <HeadMap
            {...both}
            name={side}
            label={l10n.t('{0} in {1}', label, sideNames.value[side])}
            values={values[side]}
          />
        </section>
      ))}
      <section class="map-block">
        <h2>
          B − A <Concept id="difference-of-two-checkpoints" />{' '}
          <Legend label={unit} end={change} signed title={l10n.t('Change of {0} from A to B', label)} />
        </h2>
        <HeadMap
          {...common}
          name="delta"
          label={l10n.t('{0}, B minus A', label)}
          values={values.delta}
          end={change}
          signed
          text={withSign}
        />
      </section>
    </div>
  );
}

export function Scores(): JSX.Element {
  const shown = results.value.scores!;
  const name = score.value;
  const rows = useMemo(
    () => scoreRows(shown).sort((x, y) => Math.abs(y.delta[name]) - Math.abs(x.delta[name])),
    [shown, name],
  );
  const { length, batch } = shown.a;
  return (
    <>
      <div class="bar-line">
        <Choose />
        <span class="about">{scores[name].about}</span>
        <span class="push" title={l10n.t('Both checkpoints are scored on the same random sequences')}>
          {l10n.t('{0} sequences of {1} tokens said twice', batch, length)}
        </span>
      </div>
      <Maps shown={shown} name={name} />
      <Table
        key={name}
        label={l10n.t('Heads by change of {0}', scores[name].label)}
        columns={columnsOf(name)}
        rows={rows}
        onChoose={({ a: { layer, head } }) => dispatch({ kind: 'chooseHead', head: { layer, head } })}
        chosen={({ a }) => headName(a) === chosen.value}
      />
    </>
  );
}
