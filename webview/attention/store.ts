/** Everything the attention panel knows, as signals. Components read them; only this file writes them. */
import { batch, computed, effect, signal } from '@preact/signals';
import type { PatternMatrix, Thumbnails } from '../../src/protocol/analysis';
import {
  hostToPanel,
  type HostToPanel,
  matrixKeyOf,
  type AttentionView,
  type ExportFormat,
  type MatrixKey,
  PANEL_ORIGIN,
  type PanelCommand,
  panelToHost,
  type PanelStatus,
  type PanelToHost,
  type SelectionMessage,
} from '../../src/protocol/attentionPanel';
import type { HeadRef } from '../../src/protocol/checkpoint';
import type { StepsView } from '../../src/protocol/steps';
import type { TokenLatents } from '../../src/protocol/latents/tokenLatents';
import {
  focusToken,
  initialSelection,
  reduceSelection,
  sameSelection,
  type Selection,
  type SelectionEvent,
} from '../../src/protocol/selection';
import { connectHost } from '../shared/messaging';

/** A matrix and what it is of. */
export interface Drawn {
  key: MatrixKey;
  matrix: PatternMatrix;
  /** No weight above the diagonal: row and column of a token meet at the right end of its row. */
  causal: boolean;
}

/** Matrices kept for going back and forth between heads: 48 MB. */
const CACHE_VALUES = 12 * 2 ** 20;

const host = connectHost<HostToPanel, PanelToHost>();

export const status = signal<PanelStatus | undefined>(undefined);
export const view = signal<AttentionView | undefined>(undefined);
export const selection = signal<Selection>(initialSelection());
export const thumbnails = signal<Thumbnails | undefined>(undefined);
/** What is drawn large. While the wanted matrix is on its way, the one before it. */
export const drawn = signal<Drawn | undefined>(undefined);

/** Of the token that is hovered or locked; `null` without an autoencoder. */
export const tokenLatents = signal<TokenLatents | null>(null);

/** Where the slider over training steps stands; `null` without one. */
export const steps = signal<StepsView | null>(null);

export const tokens = computed(() => view.value?.analysis.tokens ?? []);
/** The token that tints, readout and predictions are about. */
export const focus = computed(() => focusToken(selection.value));
const wantedKey = computed(() => view.value && matrixKeyOf(view.value.analysis.id, selection.value));

const cache = new Map<string, Drawn>();
const cacheChanges = signal(0);
const keyText = (key: MatrixKey): string =>
  JSON.stringify([key.analysisId, key.weighting, key.reduction, key.head?.layer, key.head?.head]);

function isCausal({ n, values }: PatternMatrix): boolean {
  for (let row = 0; row < n; row++) {
    for (let at = row * n + row + 1; at < (row + 1) * n; at++) if (values[at] !== 0) return false;
  }
  return true;
}

function keepMatrix(key: MatrixKey, matrix: PatternMatrix): void {
  const name = keyText(key);
  cache.delete(name);
  cache.set(name, { key, matrix, causal: isCausal(matrix) });
  let total = 0;
  for (const [old, { matrix }] of [...cache].reverse()) {
    total += matrix.values.length;
    if (total > CACHE_VALUES && old !== name) cache.delete(old);
  }
  cacheChanges.value++;
}

let seq = 0;

const sameHead = (a?: HeadRef, b?: HeadRef): boolean => a?.layer === b?.layer && a?.head === b?.head;
const changesNothing = (a: Selection, b: Selection): boolean =>
  a.preview.destination === b.preview.destination &&
  a.preview.source === b.preview.source &&
  a.previewLatent === b.previewLatent &&
  sameHead(a.previewHead, b.previewHead);

/** Draws what the person does at once and tells the host, which answers with the same. */
export function dispatch(event: SelectionEvent): void {
  const next = reduceSelection(selection.peek(), event);
  const hovers = event.kind === 'leave' || event.kind.startsWith('hover');
  if (hovers && changesNothing(selection.peek(), next)) return;
  seq++;
  selection.value = next;
  host.send(panelToHost.select, { event, seq });
}

export const command = (name: PanelCommand): void => host.send(panelToHost.command, name);

export const goToStep = (index: number): void => host.send(panelToHost.goToStep, index);

export const sendExport = (format: ExportFormat, png?: Uint8Array): void =>
  host.send(panelToHost.exportAs, png ? { format, png } : { format });

/** An echo of an older event of ours would undo a newer one for a moment. */
function takeSelection(message: SelectionMessage): void {
  if (message.origin === PANEL_ORIGIN && message.seq < seq) return;
  if (!sameSelection(selection.peek(), message.selection)) selection.value = message.selection;
}

const promptOf = ({ checkpoint, analysis }: AttentionView): string =>
  JSON.stringify([checkpoint.nLayers, checkpoint.nHeads, analysis.tokens.map(({ id }) => id)]);
const sameTokens = (next: AttentionView): boolean => {
  const before = view.peek();
  return before !== undefined && promptOf(before) === promptOf(next);
};

function takeView(next: AttentionView): void {
  batch(() => {
    if (next.analysis.id !== view.peek()?.analysis.id) {
      for (const [name, { key }] of cache) if (key.analysisId !== next.analysis.id) cache.delete(name);
      // of another step of the same training: what is drawn stays until the new one is there
      if (!sameTokens(next)) thumbnails.value = drawn.value = undefined;
    }
    view.value = next;
  });
}

function showWanted(): void {
  void cacheChanges.value;
  const key = wantedKey.value;
  const found = key && cache.get(keyText(key));
  if (found) drawn.value = found;
  else if (!key) drawn.value = undefined;
}

/** `empty` means that the host has closed what was shown. */
function takeStatus(next: PanelStatus): void {
  batch(() => {
    status.value = next;
    if (next.kind === 'empty') view.value = undefined;
  });
}

/** Asks the host for everything and listens from now on. */
export function connect(onPngWanted: () => void): void {
  host.on(hostToPanel.status, takeStatus);
  host.on(hostToPanel.requestPng, onPngWanted);
  host.on(hostToPanel.view, takeView);
  host.on(hostToPanel.selection, takeSelection);
  host.on(hostToPanel.latents, (next) => (tokenLatents.value = next));
  host.on(hostToPanel.steps, (next) => (steps.value = next));
  host.on(hostToPanel.matrix, ({ key, matrix }) => keepMatrix(key, matrix));
  host.on(hostToPanel.thumbnails, (next) => {
    const { weighting } = selection.peek();
    if (next.analysisId === view.peek()?.analysis.id && next.weighting === weighting)
      thumbnails.value = next.thumbnails;
  });
  effect(showWanted);
  host.start();
  host.send(panelToHost.ready, null);
}
