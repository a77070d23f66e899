/** What the chosen head's circuits do to tokens: eigenvalues, top entries of QK and OV, skip-trigrams. */
import * as l10n from '@vscode/l10n';
import { effect } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import type { Complex, HeadCircuit, TokenRef } from '../../src/protocol/circuits/headCircuit';
import { transformerLensCode } from '../../src/protocol/transformerLensCode';
import { Button, IconMenu } from '../shared/controls';
import type { ExportItem } from '../shared/reportFrame';
import { type Column, Table, tableExports } from '../shared/table';
import { TokenText } from '../shared/tokenText';
import { colours } from '../shared/theme';
import { drawEigenvalues } from './eigenvalues';
import { signed } from './excess';
import {
  cardInView,
  cardOpen,
  command,
  copy,
  dispatch,
  headCard,
  openCard,
  patterns,
  save,
  selection,
  view,
} from './store';
import { Thumbnail } from './thumbnail';
import { Concept } from '../shared/concept';

function Eigenvalues({ title, values, score }: { title: string; values: Complex[]; score: string }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(
    () =>
      effect(() => {
        const chart = drawEigenvalues(canvas.current!, values, colours.value);
        return () => chart.destroy();
      }),
    [values],
  );
  return (
    <figure class="eigenvalues">
      <figcaption>
        {title} <span class="none">{score}</span>
      </figcaption>
      <div>
        <canvas
          ref={canvas}
          role="img"
          aria-label={l10n.t('{0} {1} in the complex plane; {2}', values.length, title, score)}
        />
      </div>
    </figure>
  );
}

const ROLES = { source: l10n.t('source'), destination: l10n.t('destination'), output: l10n.t('output') };
/** `exported`: what CSV and JSON say, in every language. */
const LISTS = {
  qkLargest: {
    title: l10n.t('QK: attends most'),
    exported: 'QK: attends most',
    roles: ['destination', 'source'],
    concept: 'qk-circuit',
  },
  qkSmallest: {
    title: l10n.t('QK: attends least'),
    exported: 'QK: attends least',
    roles: ['destination', 'source'],
    concept: 'qk-circuit',
  },
  ovLargest: {
    title: l10n.t('OV: raises most'),
    exported: 'OV: raises most',
    roles: ['source', 'output'],
    concept: 'ov-circuit',
  },
  ovSmallest: {
    title: l10n.t('OV: lowers most'),
    exported: 'OV: lowers most',
    roles: ['source', 'output'],
    concept: 'ov-circuit',
  },
  skipTrigrams: {
    title: l10n.t('Skip-trigrams'),
    exported: 'Skip-trigrams',
    roles: ['source', 'destination', 'output'],
    concept: 'skip-trigrams',
  },
} as const;
type List = keyof typeof LISTS;
type Role = (typeof LISTS)[List]['roles'][number];

/** An entry of a circuit, or a skip-trigram. */
interface Entry {
  list: List;
  tokens: Partial<Record<Role, TokenRef>>;
  value: number;
}

function entriesOf({ qk, ov, skipTrigrams }: HeadCircuit): Entry[] {
  const as =
    (list: List) =>
    ({ value, ...tokens }: { value: number } & Entry['tokens']): Entry => ({ list, tokens, value });
  return [
    ...qk.largest.map(as('qkLargest')),
    ...qk.smallest.map(as('qkSmallest')),
    ...ov.largest.map(as('ovLargest')),
    ...ov.smallest.map(as('ovSmallest')),
    ...skipTrigrams.map(({ source, destination, output, strength }) =>
      as('skipTrigrams')({ source, destination, output, value: strength }),
    ),
  ];
}

const roleColumn = (role: Role): Column<Entry> => ({
  name: role,
  heading: ROLES[role],
  value: ({ tokens }) => tokens[role]?.text ?? '',
  cell: ({ tokens }) => <TokenText text={tokens[role]?.text ?? ''} />,
});
const VALUE: Column<Entry> = {
  name: 'value',
  heading: l10n.t('value'),
  value: ({ value }) => value,
  cell: ({ value }) => signed(value, 2),
};
const STRENGTH: Column<Entry> = {
  ...VALUE,
  name: 'strength',
  heading: l10n.t('strength'),
  title: l10n.t('QK × OV, each above its mean'),
};
const EXPORTED: Column<Entry>[] = [
  { name: 'list', value: ({ list }) => LISTS[list].exported },
  ...(['source', 'destination', 'output'] as const).map(roleColumn),
  VALUE,
];

function Entries({ list, entries }: { list: List; entries: Entry[] }): JSX.Element {
  const { title, roles, concept } = LISTS[list];
  return (
    <section class="entries">
      <h3>
        {title} <Concept id={concept} />
      </h3>
      <Table
        label={title}
        columns={[...roles.map(roleColumn), list === 'skipTrigrams' ? STRENGTH : VALUE]}
        rows={entries.filter((entry) => entry.list === list)}
      />
    </section>
  );
}

const largest = (values: readonly Complex[]): string =>
  Math.max(0, ...values.map(([re, im]) => Math.hypot(re, im))).toLocaleString('en-US', { maximumSignificantDigits: 2 });

function Circuit({ card }: { card: HeadCircuit }): JSX.Element {
  const { qk, ov } = card;
  const entries = entriesOf(card);
  return (
    <>
      <div class="eigenvalue-plots">
        <Pattern head={card.head} />
        <Eigenvalues
          title={l10n.t('QK eigenvalues')}
          values={qk.eigenvalues}
          score={l10n.t('matching {0} · |λ| ≤ {1}', signed(qk.matching, 2), largest(qk.eigenvalues))}
        />
        <Eigenvalues
          title={l10n.t('OV eigenvalues')}
          values={ov.eigenvalues}
          score={l10n.t('copying {0} · |λ| ≤ {1}', signed(ov.copying, 2), largest(ov.eigenvalues))}
        />
      </div>
      <div class="entry-lists">
        {(Object.keys(LISTS) as List[]).map((list) => (
          <Entries key={list} list={list} entries={entries} />
        ))}
      </div>
    </>
  );
}

const output = { save, copy };
const exportsOf = (card: HeadCircuit, checkpoint: string): ExportItem[] => [
  ...tableExports(`${checkpoint}-${headName(card.head)}`, EXPORTED, () => entriesOf(card), output),
  { label: l10n.t('Copy as TransformerLens Code'), run: () => copyCode(card) },
];

function copyCode({ head, qk, foldNorm }: HeadCircuit): void {
  const about = view.peek()?.checkpoint;
  if (about) copy(transformerLensCode.headCircuit(about, { head, foldNorm, top: Math.max(1, qk.largest.length) }));
}

/** Copies or saves all lists as one table. */
function ExportMenu({ card }: { card: HeadCircuit }): JSX.Element {
  const items = exportsOf(card, view.value?.checkpoint.name ?? '');
  return (
    <IconMenu
      label={l10n.t('Export head card')}
      icon="export"
      items={items.map(({ label }) => ({ value: label, label }))}
      onPick={(label) => items.find((item) => item.label === label)?.run()}
    />
  );
}

/** Side of the pattern, as of the eigenvalue plots. */
const PATTERN = 180;

/** Its pattern on the current prompt, if there is one. */
function Pattern({ head }: { head: HeadRef }): JSX.Element | null {
  const shown = patterns.value;
  if (!shown) return null;
  const show = (): void => {
    dispatch({ kind: 'chooseHead', head });
    command('showAttention');
  };
  return (
    <figure class="eigenvalues head-pattern">
      <figcaption>
        {l10n.t('Attention')} <span class="none">{shown.sourceName}</span>
      </figcaption>
      <Thumbnail head={head} chosen={false} side={PATTERN} />
      <Button secondary onClick={show}>
        {l10n.t('Show Attention')}
      </Button>
    </figure>
  );
}

/** Computed on demand: it reads the whole vocabulary. */
export function HeadCard(): JSX.Element {
  const section = useRef<HTMLElement>(null);
  const { head } = selection.value;
  const name = headName(head);
  const shown = headCard.value;
  const current = shown && headName(shown.head) === name ? shown : undefined;
  useEffect(() => {
    if (!cardInView.value) return;
    section.current?.scrollIntoView({ block: 'start' });
    // once more when its content is there
    if (current) cardInView.value = false;
  }, [cardInView.value, current]);
  const card = current && 'card' in current ? current.card : undefined;
  let content: ComponentChildren = <p class="none">{l10n.t('Reading the circuits of {0}…', name)}</p>;
  if (!cardOpen.value) {
    content = (
      <Button secondary onClick={openCard}>
        {l10n.t('Show what {0} does to tokens', name)}
      </Button>
    );
  } else if (current)
    content = card ? <Circuit card={card} /> : <p role="alert">{'error' in current ? current.error : ''}</p>;
  return (
    <section class="head-card" ref={section} data-head-card={card ? name : ''}>
      <h2>
        <span class="mono lock">{name}</span>{' '}
        <span class="none">{l10n.t('full QK and OV circuits over the vocabulary')}</span>
        <Concept id="qk-circuit" />
        {card ? <ExportMenu card={card} /> : null}
      </h2>
      {content}
    </section>
  );
}
