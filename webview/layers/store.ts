/** Everything the layers panel knows, as signals. Components read them; only this file writes what comes from the host. */
import { batch, computed, effect, signal } from '@preact/signals';
import type { SelectionMessage } from '../../src/protocol/attentionPanel';
import {
  hostToLayers,
  type HostToLayers,
  LAYERS_ORIGIN,
  type LayersCommand,
  type LayersStatus,
  layersToHost,
  type LayersToHost,
  type LayersView,
  type SpliceState,
} from '../../src/protocol/layersPanel';
import type { SavedFile } from '../../src/protocol/reportPanel';
import { initialSelection, reduceSelection, sameSelection, type SelectionEvent } from '../../src/protocol/selection';
import { connectHost } from '../shared/messaging';

const host = connectHost<HostToLayers, LayersToHost>();

/** What the numbers are about. */
export type Of = 'prompt' | 'corpus';

export const status = signal<LayersStatus | undefined>(undefined);
export const view = signal<LayersView | undefined>(undefined);
export const splice = signal<SpliceState>({ kind: 'none' });
export const selection = signal(initialSelection());
/** What was chosen last. */
export const chosenOf = signal<Of>('prompt');

/** What is shown: what was chosen, if it is there. */
export const of = computed<Of>(() => {
  const { prompt, corpus } = view.value ?? {};
  return corpus && (chosenOf.value === 'corpus' || !prompt) ? 'corpus' : 'prompt';
});
/** The numbers that are shown. */
export const shown = computed(() => view.value?.[of.value]);

let seq = 0;

/** Draws what the person does at once and tells the host, which answers with the same. */
export function dispatch(event: SelectionEvent): void {
  seq++;
  selection.value = reduceSelection(selection.peek(), event);
  host.send(layersToHost.select, { event, seq });
}

export const command = (name: LayersCommand): void => host.send(layersToHost.command, name);
export const runSplice = (): void => host.send(layersToHost.splice, null);
export const save = (file: SavedFile): void => host.send(layersToHost.save, file);
export const copy = (text: string): void => host.send(layersToHost.copy, text);

/** An echo of an older event of ours would undo a newer one for a moment. */
function takeSelection(message: SelectionMessage): void {
  if (message.origin === LAYERS_ORIGIN && message.seq < seq) return;
  if (!sameSelection(selection.peek(), message.selection)) selection.value = message.selection;
}

/** `empty` means that the host has closed what was shown. */
function takeStatus(next: LayersStatus): void {
  batch(() => {
    status.value = next;
    if (next.kind === 'empty') view.value = undefined;
  });
}

interface Saved {
  of: Of;
}

/** Asks the host for everything and listens from now on. */
export function connect(): void {
  const saved = host.savedState() as Saved | undefined;
  if (saved) chosenOf.value = saved.of;
  effect(() => host.saveState({ of: chosenOf.value } satisfies Saved));
  host.on(hostToLayers.status, takeStatus);
  host.on(hostToLayers.view, (next) => (view.value = next));
  host.on(hostToLayers.splice, (next) => (splice.value = next));
  host.on(hostToLayers.selection, takeSelection);
  host.start();
  host.send(layersToHost.ready, null);
}
