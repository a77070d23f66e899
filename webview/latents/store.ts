/** Everything the latents panel knows, as signals. Components read them; only this file writes what comes from the host. */
import { batch, computed, effect, signal } from '@preact/signals';
import type { SelectionMessage } from '../../src/protocol/attentionPanel';
import type { CorpusSummary } from '../../src/protocol/latents/corpus';
import { tokenMax } from '../../src/protocol/latents/encoding';
import type { LatentName } from '../../src/protocol/latents/names';
import {
  hostToLatents,
  type HostToLatents,
  LATENTS_ORIGIN,
  type LatentsCommand,
  type LatentsStatus,
  latentsToHost,
  type LatentsToHost,
  type LatentsView,
  type SteerQuestion,
} from '../../src/protocol/latentsPanel';
import type { SavedFile } from '../../src/protocol/reportPanel';
import {
  initialSelection,
  lockedToken,
  reduceSelection,
  sameSelection,
  type Selection,
  type SelectionEvent,
} from '../../src/protocol/selection';
import { connectHost } from '../shared/messaging';
import { mapOf, sortEntries } from './entries';

const host = connectHost<HostToLatents, LatentsToHost>();

export const status = signal<LatentsStatus | undefined>(undefined);
export const view = signal<LatentsView | undefined>(undefined);
export const corpus = signal<CorpusSummary | null>(null);
/** The latest answers; each says which latent it is about. */
export const card = signal<HostToLatents[typeof hostToLatents.card] | undefined>(undefined);
export const examples = signal<HostToLatents[typeof hostToLatents.examples] | undefined>(undefined);
export const steering = signal<HostToLatents[typeof hostToLatents.steering] | undefined>(undefined);
/** A steering run is under way. */
export const steerBusy = signal(false);
export const selection = signal<Selection>(initialSelection());

export const tokens = computed(() => view.value?.analysis.tokens ?? []);
export const names = computed(() => view.value?.names ?? {});
export const encoding = computed(() => view.value?.encoding);
/** The latent that is locked: the card is about it. */
export const chosen = computed(() => selection.value.latent);
/** The latent that tints are about: under the pointer, else locked. */
export const shown = computed(() => selection.value.previewLatent ?? selection.value.latent);
/** The latent under the pointer. */
export const previewed = computed(() => selection.value.previewLatent);
/** The token that is locked. */
export const locked = computed(() => lockedToken(selection.value));

/** The token under the pointer. */
export const hoveredToken = computed(() => {
  const { preview, side } = selection.value;
  return preview[side] ?? preview.source ?? preview.destination;
});

/** Where each latent is active. */
export const entries = computed(() => encoding.value && sortEntries(encoding.value));
/** Activations of the latent that is shown. `[layer, token]` */
export const shownMap = computed(() => {
  const e = encoding.value;
  const latent = shown.value;
  return e && entries.value && latent !== undefined ? mapOf(e, entries.value, latent) : undefined;
});
/** Largest of them over the layers. `[token]` */
export const shownTokens = computed(() => {
  const e = encoding.value;
  const map = shownMap.value;
  return e && map ? tokenMax(map, e.nTokens) : undefined;
});

const hoverKey = ({ preview, previewLatent, previewLayer, previewHead, previewPair }: Selection): string =>
  JSON.stringify([preview, previewLatent, previewLayer, previewHead, previewPair]);

let seq = 0;

/** Draws what the person does at once and tells the host, which answers with the same. */
export function dispatch(event: SelectionEvent): void {
  const before = selection.peek();
  const next = reduceSelection(before, event);
  const hovers = event.kind === 'leave' || event.kind.startsWith('hover');
  if (hovers && hoverKey(before) === hoverKey(next)) return;
  seq++;
  selection.value = next;
  host.send(latentsToHost.select, { event, seq });
}

export const command = (name: LatentsCommand): void => host.send(latentsToHost.command, name);
export const save = (file: SavedFile): void => host.send(latentsToHost.save, file);
export const copy = (text: string): void => host.send(latentsToHost.copy, text);
export const rename = (latent: number, name: LatentName): void => host.send(latentsToHost.rename, { latent, ...name });

/** Runs the analyzed text with the edit; the answer is `steering`. */
export function steer(question: SteerQuestion): void {
  steerBusy.value = true;
  host.send(latentsToHost.steer, question);
}

/** Asks once for what the weights, and a corpus, say about the latent that is chosen. */
let askedCard = '';
let askedExamples = '';
function askAbout(): void {
  const latent = chosen.value;
  const id = view.value?.sae.id;
  if (latent === undefined || id === undefined) return;
  const wanted = `${id} ${latent}`;
  if (askedCard !== wanted) {
    askedCard = wanted;
    host.send(latentsToHost.wantCard, { latent });
  }
  const dir = corpus.value?.dir;
  if (dir === undefined || askedExamples === `${wanted} ${dir}`) return;
  askedExamples = `${wanted} ${dir}`;
  host.send(latentsToHost.wantExamples, { latent });
}

/** An echo of an older event of ours would undo a newer one for a moment. */
function takeSelection(message: SelectionMessage): void {
  if (message.origin === LATENTS_ORIGIN && message.seq < seq) return;
  if (!sameSelection(selection.peek(), message.selection)) selection.value = message.selection;
}

function takeView(next: LatentsView): void {
  const before = view.peek();
  batch(() => {
    if (next.sae.id !== before?.sae.id) {
      card.value = examples.value = undefined;
      askedCard = askedExamples = '';
      corpus.value = null;
    }
    if (next.analysis.id !== before?.analysis.id) {
      steering.value = undefined;
      steerBusy.value = false;
    }
    view.value = next;
  });
}

/** Shorter work is not announced while there is something to look at. */
const PATIENCE_MS = 300;
let busyTimer: ReturnType<typeof setTimeout> | undefined;

/** `empty` means that the host has closed what was shown. */
function takeStatus(next: LatentsStatus): void {
  clearTimeout(busyTimer);
  if (next.kind === 'busy' && view.peek() && status.peek()?.kind === 'ready') {
    busyTimer = setTimeout(() => (status.value = next), PATIENCE_MS);
    return;
  }
  batch(() => {
    status.value = next;
    if (next.kind === 'empty') view.value = undefined;
  });
}

/** Kept by VS Code while the panel is hidden and over a reload. */
export const { saveState, savedState } = host;

/** Asks the host for everything and listens from now on. */
export function connect(): void {
  host.on(hostToLatents.status, takeStatus);
  host.on(hostToLatents.view, takeView);
  host.on(hostToLatents.names, (next) => {
    if (view.peek()) view.value = { ...view.peek()!, names: next };
  });
  host.on(hostToLatents.corpus, (next) => (corpus.value = next));
  host.on(hostToLatents.card, (next) => (card.value = next));
  host.on(hostToLatents.examples, (next) => (examples.value = next));
  host.on(hostToLatents.steering, (next) => {
    steering.value = next;
    steerBusy.value = false;
  });
  host.on(hostToLatents.selection, takeSelection);
  effect(askAbout);
  host.start();
  host.send(latentsToHost.ready, null);
}
