/** Everything the circuits panel knows, as signals. Components read them; only this file writes what comes from the host. */
import { batch, computed, effect, signal } from '@preact/signals';
import type { PanelStatus, SelectionMessage } from '../../src/protocol/attentionPanel';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import {
  type CompositionKind,
  compositionKinds,
  type HeadScore,
  headNames,
  type HeadName,
} from '../../src/protocol/circuits';
import type { InductionCircuits } from '../../src/protocol/circuits/behaviour';
import {
  CIRCUITS_ORIGIN,
  type CircuitsCommand,
  type CircuitsExport,
  type CircuitsPatterns,
  circuitsToHost,
  type CircuitsToHost,
  type CircuitsView,
  hostToCircuits,
  type HostToCircuits,
} from '../../src/protocol/circuitsPanel';
import type { SavedFile } from '../../src/protocol/reportPanel';
import {
  type HeadPair,
  initialSelection,
  reduceSelection,
  samePair,
  type Selection,
  type SelectionEvent,
} from '../../src/protocol/selection';
import { connectHost } from '../shared/messaging';
import { defaultThreshold, excesses, pairOf, scaleEnd } from './excess';
import type { Fill } from './fill';

const host = connectHost<HostToCircuits, CircuitsToHost>();

export const status = signal<PanelStatus | undefined>(undefined);
export const view = signal<CircuitsView | undefined>(undefined);
export const patterns = signal<CircuitsPatterns | null>(null);
export const induction = signal<InductionCircuits | undefined>(undefined);
/** The latest card of a head, and whether one is wanted of every head that is chosen. */
export const headCard = signal<HostToCircuits[typeof hostToCircuits.headCard] | undefined>(undefined);
export const cardOpen = signal(false);
/** Set until the panel has scrolled to it. */
export const cardInView = signal(false);
export const selection = signal<Selection>(initialSelection());

/** Kinds that the graph draws. */
export const kinds = signal<readonly CompositionKind[]>(compositionKinds);
/** Edges are drawn from this score − baseline on. */
export const threshold = signal(0);
export const fill = signal<Fill>('best');
/** Where the tip is about the pair in question: page coordinates of the pointer or the cell. */
export const tipAt = signal<{ x: number; y: number } | undefined>(undefined);

/** Score − baseline of every pair and kind, largest first. */
export const pairs = computed(() => (view.value ? excesses(view.value.composition) : []));
/** End of the diverging scale, and of the width of edges. */
export const end = computed(() => scaleEnd(pairs.value));
/** The pair that the panel is about: under the pointer, else locked. */
export const focusPair = computed(() => selection.value.previewPair ?? selection.value.pair);

export const scoreOf = ({ scores, composition }: CircuitsView, { layer, head }: HeadRef): HeadScore | undefined =>
  scores.heads[layer * composition.nHeads + head];

/** Names of a head, each with its score. */
export function namesOf(about: CircuitsView, head: HeadRef): HeadName[] {
  const score = scoreOf(about, head);
  return score ? headNames(score, about.thresholds) : [];
}

const hoverKey = ({ previewHead, previewPair, preview }: Selection): string =>
  JSON.stringify([previewHead && headName(previewHead), previewPair, preview]);

let seq = 0;

/** Draws what the person does at once and tells the host, which answers with the same. */
export function dispatch(event: SelectionEvent): void {
  const before = selection.peek();
  const next = reduceSelection(before, event);
  const hovers = event.kind === 'leave' || event.kind.startsWith('hover');
  if (hovers && hoverKey(before) === hoverKey(next)) return;
  seq++;
  selection.value = next;
  host.send(circuitsToHost.select, { event, seq });
}

/** Hovers a pair; `at` is where its tip goes. */
export function hoverPair(pair: HeadPair, at: { x: number; y: number }): void {
  if (!samePair(selection.peek().previewPair, pair)) tipAt.value = at;
  dispatch({ kind: 'hoverPair', pair: pairOf(pair) });
}

export const command = (name: CircuitsCommand): void => host.send(circuitsToHost.command, name);

export function openCard(): void {
  cardOpen.value = true;
}

/** Asks for the card of the chosen head, once. */
let askedCard = '';
function askCard(): void {
  const { head } = selection.value;
  const id = view.value?.checkpoint.id;
  const wanted = `${id} ${headName(head)}`;
  if (!cardOpen.value || !id || askedCard === wanted) return;
  askedCard = wanted;
  host.send(circuitsToHost.wantHeadCard, head);
}

export const save = (file: SavedFile): void => host.send(circuitsToHost.save, file);
export const copy = (text: string): void => host.send(circuitsToHost.copy, text);

export const sendExport = (format: CircuitsExport, png?: Uint8Array): void =>
  host.send(circuitsToHost.exportAs, png ? { format, png } : { format });

/** An echo of an older event of ours would undo a newer one for a moment. */
function takeSelection(message: SelectionMessage): void {
  if (message.origin === CIRCUITS_ORIGIN && message.seq < seq) return;
  selection.value = message.selection;
}

function takeView(next: CircuitsView): void {
  const before = view.peek();
  batch(() => {
    if (next.checkpoint.id !== before?.checkpoint.id) induction.value = undefined;
    view.value = next;
    if (next.checkpoint.path === before?.checkpoint.path || (!before && restore(next.checkpoint.path))) return;
    threshold.value = defaultThreshold(pairs.value);
  });
}

/** Shorter work is not announced while there is something to look at. */
const PATIENCE_MS = 300;
let busyTimer: ReturnType<typeof setTimeout> | undefined;

/** `empty` means that the host has closed what was shown. */
function takeStatus(next: PanelStatus): void {
  clearTimeout(busyTimer);
  if (next.kind === 'busy' && view.peek() && status.peek()?.kind === 'ready') {
    busyTimer = setTimeout(() => (status.value = next), PATIENCE_MS);
    return;
  }
  status.value = next;
  if (next.kind === 'empty') view.value = undefined;
}

/** What this panel has when it is shown again; the host reads the path when it restores the panel after a reload. */
interface Saved {
  checkpointPath: string;
  kinds: readonly CompositionKind[];
  threshold: number;
  fill: Fill;
  cardOpen: boolean;
}

function saveState(): void {
  const checkpointPath = view.value?.checkpoint.path;
  const state = { kinds: kinds.value, threshold: threshold.value, fill: fill.value, cardOpen: cardOpen.value };
  if (checkpointPath) host.saveState({ checkpointPath, ...state } satisfies Saved);
}

/** As it was before it was hidden, for the same checkpoint. */
function restore(path: string): boolean {
  const saved = host.savedState() as Saved | undefined;
  if (saved?.checkpointPath !== path) return false;
  [kinds.value, threshold.value, fill.value] = [saved.kinds, saved.threshold, saved.fill];
  cardOpen.value ||= saved.cardOpen;
  return true;
}

/** Asks the host for everything and listens from now on. */
export function connect(): void {
  host.on(hostToCircuits.status, takeStatus);
  host.on(hostToCircuits.view, takeView);
  host.on(hostToCircuits.patterns, (next) => (patterns.value = next));
  host.on(hostToCircuits.induction, (next) => (induction.value = next));
  host.on(hostToCircuits.selection, takeSelection);
  host.on(hostToCircuits.headCard, (next) => (headCard.value = next));
  host.on(hostToCircuits.showHeadCard, () => {
    openCard();
    cardInView.value = true;
  });
  effect(askCard);
  effect(saveState);
  host.start();
  host.send(circuitsToHost.ready, null);
}
