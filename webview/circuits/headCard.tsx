/** What the chosen head's circuits do to tokens: eigenvalues, top entries of QK and OV, skip-trigrams. */
import { effect } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import type { Complex, HeadCircuit, TokenRef } from '../../src/protocol/circuits/headCircuit';
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
        <canvas ref={canvas} role="img" aria-label={`${values.length} ${title} in the complex plane; ${score}`} />
      </div>
    </figure>
  );
}

const LISTS = {
  qkLargest: { title: 'QK: attends most', roles: ['destination', 'source'], concept: 'qk-circuit' },
  qkSmallest: { title: 'QK: attends least', roles: ['destination', 'source'], concept: 'qk-circuit' },
  ovLargest: { title: 'OV: raises most', roles: ['source', 'output'], concept: 'ov-circuit' },
  ovSmallest: { title: 'OV: lowers most', roles: ['source', 'output'], concept: 'ov-circuit' },
  skipTrigrams: { title: 'Skip-trigrams', roles: ['source', 'destination', 'output'], concept: 'skip-trigrams' },
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
  value: ({ tokens }) => tokens[role]?.text ?? '',
  cell: ({ tokens }) => <TokenText text={tokens[role]?.text ?? ''} />,
});
const VALUE: Column<Entry> = { name: 'value', value: ({ value }) => value, cell: ({ value }) => signed(value, 2) };
const STRENGTH: Column<Entry> = { ...VALUE, name: 'strength', title: 'QK × OV, each above its mean' };
const EXPORTED: Column<Entry>[] = [
  { name: 'list', value: ({ list }) => LISTS[list].title },
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
          title="QK eigenvalues"
          values={qk.eigenvalues}
          score={`matching ${signed(qk.matching, 2)} · |λ| ≤ ${largest(qk.eigenvalues)}`}
        />
        <Eigenvalues
          title="OV eigenvalues"
          values={ov.eigenvalues}
          score={`copying ${signed(ov.copying, 2)} · |λ| ≤ ${largest(ov.eigenvalues)}`}
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
const exportsOf = (card: HeadCircuit, checkpoint: string): ExportItem[] =>
  tableExports(`${checkpoint}-${headName(card.head)}`, EXPORTED, () => entriesOf(card), output);

/** Copies or saves all lists as one table. */
function ExportMenu({ card }: { card: HeadCircuit }): JSX.Element {
  const items = exportsOf(card, view.value?.checkpoint.name ?? '');
  return (
    <IconMenu
      label="Export head card"
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
        Attention <span class="none">{shown.sourceName}</span>
      </figcaption>
      <Thumbnail head={head} chosen={false} side={PATTERN} />
      <Button secondary onClick={show}>
        Show Attention
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
  let content: ComponentChildren = <p class="none">Reading the circuits of {name}…</p>;
  if (!cardOpen.value) {
    content = (
      <Button secondary onClick={openCard}>
        Show what {name} does to tokens
      </Button>
    );
  } else if (current)
    content = card ? <Circuit card={card} /> : <p role="alert">{'error' in current ? current.error : ''}</p>;
  return (
    <section class="head-card" ref={section} data-head-card={card ? name : ''}>
      <h2>
        <span class="mono lock">{name}</span> <span class="none">full QK and OV circuits over the vocabulary</span>
        <Concept id="qk-circuit" />
        {card ? <ExportMenu card={card} /> : null}
      </h2>
      {content}
    </section>
  );
}
