/** What the Paths panel shows: terms of one logit, whole or from one source token. */
import * as l10n from '@vscode/l10n';
import { computed, signal } from '@preact/signals';
import type { PathKind, PathTerm } from '../../src/protocol/circuits/paths';
import type { SelectionEvent } from '../../src/protocol/selection';
import { connectReport } from '../shared/report';

export const report = connectReport('paths');
const { answer, selection } = report;
export const { tokens } = report;

/** What the filter tells apart. */
export const GROUPS = {
  direct: { label: l10n.t('direct'), kinds: ['direct', 'embedding', 'position'] },
  head: { label: l10n.t('heads'), kinds: ['head'] },
  virtualHead: { label: l10n.t('virtual heads'), kinds: ['virtualHead', 'rest'] },
  mlp: { label: 'MLPs', kinds: ['mlp'] },
  bias: { label: l10n.t('biases'), kinds: ['bias'] },
} as const satisfies Record<string, { label: string; kinds: readonly PathKind[] }>;
export type Group = keyof typeof GROUPS;

export const groupOf = (kind: PathKind): Group =>
  (Object.keys(GROUPS) as Group[]).find((group) => (GROUPS[group].kinds as readonly PathKind[]).includes(kind)) ??
  'direct';

/** Groups that are hidden. */
export const hidden = signal<ReadonlySet<Group>>(new Set());
/** All terms are listed, not only the largest. */
export const showAll = signal(false);
/** The term under the pointer or the keyboard, by name. */
export const hoveredTerm = signal<string | undefined>(undefined);

export const paths = computed(() => answer.value?.result);

/** The position whose next token it is: as the host takes it from the selection. */
export const position = computed(
  () => selection.value.locked.destination ?? paths.value?.position ?? tokens.value.length - 1,
);

/** The source token that only is shown: the one that is locked or under the pointer, here or in another view. */
export const source = computed(() => {
  const { locked, preview } = selection.value;
  return preview.source ?? (locked.destination === undefined ? preview.destination : undefined) ?? locked.source;
});

export interface Shown {
  term: PathTerm;
  /** Of the term, or of its part from the source. */
  value: number;
  /** Sum of all rows up to this one. */
  running: number;
}

const partOf = (term: PathTerm, from: number | undefined): number =>
  from === undefined ? term.value : (term.bySource?.[from] ?? 0);

/** Parts that are smaller are none. */
const NOTHING = 1e-6;

/** Largest first, with the running sum over them. */
export const shownTerms = computed((): Shown[] => {
  const from = source.value;
  const known = (paths.value?.terms ?? [])
    .filter(({ kind }) => !hidden.value.has(groupOf(kind)))
    .map((term) => ({ term, value: partOf(term, from) }))
    .filter(({ value }) => from === undefined || Math.abs(value) > NOTHING)
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  let running = 0;
  return known.map((row) => ({ ...row, running: (running += row.value) }));
});

/** Where each token's share of the hovered term, or of all that is shown, is; −1 to 1. */
export function tokenWeights(): Float32Array | undefined {
  const all = paths.value;
  if (!all) return undefined;
  const name = hoveredTerm.value;
  const terms = all.terms.filter(
    (term) => term.bySource && (name === undefined ? !hidden.value.has(groupOf(term.kind)) : term.name === name),
  );
  const sums = new Float32Array(tokens.value.length);
  for (const { bySource } of terms) bySource?.forEach((value, i) => (sums[i]! += value));
  const top = sums.reduce((most, value) => Math.max(most, Math.abs(value)), NOTHING);
  return sums.map((value) => value / top);
}

/** A token in the strip is a source of the position; a click makes it the position. */
export function dispatchToken(event: SelectionEvent): void {
  if (event.kind === 'hoverToken')
    report.dispatch({ kind: 'hoverCell', destination: position.peek(), source: event.token });
  else {
    if (event.kind === 'lockToken' && selection.peek().side === 'source')
      report.dispatch({ kind: 'side', side: 'destination' });
    report.dispatch(event);
  }
}
