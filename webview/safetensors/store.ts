/** Everything the page knows, as signals. Components read them; only this file speaks with the host. */
import { batch, computed, effect, signal } from '@preact/signals';
import {
  type Answer,
  hostToSafetensors,
  type HostToSafetensors,
  safetensorsToHost,
  type SafetensorsToHost,
  type ShownFile,
} from '../../src/protocol/safetensorsEditor';
import type { BlockValue, TensorEntry, TensorHeatmap, TensorSummary, TensorWindow } from '../../src/protocol/tensors';
import { connectHost } from '../shared/messaging';
import { leadingOf, type ListOrder } from './rows';

const host = connectHost<HostToSafetensors, SafetensorsToHost>();

/** More tensors than this begin with their groups closed. */
const MANY = 200;

export const file = signal<Answer<ShownFile> | undefined>(undefined);
export const shown = computed(() => (file.value?.kind === 'ready' ? file.value.value : undefined));

/** Of the list. */
export const filter = signal('');
export const order = signal<ListOrder>({ by: 'file', descending: false });
export const grouped = signal(true);
/** Groups that are not as they were at first. */
export const toggled = signal<ReadonlySet<string>>(new Set());
export const closedAtFirst = computed(() => (shown.value?.tensors.length ?? 0) > MANY);

/** Name of the tensor that is looked at. */
export const chosenName = signal<string | undefined>(undefined);
export const chosen = computed<TensorEntry | undefined>(() =>
  shown.value?.tensors.find(({ name }) => name === chosenName.value),
);
export const summary = signal<Answer<TensorSummary> | undefined>(undefined);

/** A sample's statistics stay while all values are read, and when that is cancelled. */
const sample = signal<TensorSummary | undefined>(undefined);
export const lastSummary = computed(() => (summary.value?.kind === 'ready' ? summary.value.value : sample.value));

/** What the heatmap is of. */
export const index = signal<number[]>([]);
export const blocks = signal<BlockValue>('first');
/** The last one that came; it stays while another is read. */
export const heatmap = signal<TensorHeatmap | undefined>(undefined);
/** How the one that was asked for last goes. */
export const heatState = signal<Exclude<Answer<null>, { kind: 'ready' }> | undefined>(undefined);
/** Where the scale ends. */
export const scaleEnd = signal<'most' | 'all'>('most');

const asked = { summary: 0, heatmap: 0 };
/** Of the heatmap that was asked for last. */
let lastWindow: TensorWindow | undefined;

export const copy = (text: string): void => host.send(safetensorsToHost.copy, text);
export const openShard = (name: string): void => host.send(safetensorsToHost.openShard, name);
export const openCheckpoint = (): void => host.send(safetensorsToHost.openCheckpoint, null);
export const showLog = (): void => host.send(safetensorsToHost.showLog, null);
export const cancel = (what: 'summary' | 'heatmap'): void => host.send(safetensorsToHost.cancel, what);

export function askSummary(all: boolean): void {
  const name = chosenName.peek();
  if (name !== undefined) host.send(safetensorsToHost.askSummary, { name, all, seq: ++asked.summary });
}

/** The part of the chosen tensor that is to be seen; default: what is seen. */
export function askHeatmap(window: TensorWindow | undefined = lastWindow): void {
  const name = chosenName.peek();
  if (name === undefined) return;
  lastWindow = window;
  const about = { name, index: index.peek(), blocks: blocks.peek(), ...(window && { window }) };
  host.send(safetensorsToHost.askHeatmap, { ...about, seq: ++asked.heatmap });
}

/** All of the matrix again. */
export function showWhole(): void {
  lastWindow = undefined;
  askHeatmap();
}

/** A tensor of the file, from its beginning. */
export function choose(name: string): void {
  batch(() => {
    chosenName.value = name;
    index.value = leadingOf(chosen.peek()?.shape ?? []).map(() => 0);
    blocks.value = 'first';
    summary.value = sample.value = undefined;
    heatmap.value = undefined;
    heatState.value = undefined;
  });
  askSummary(false);
  showWhole();
}

export function setIndex(dimension: number, value: number): void {
  index.value = index.peek().map((old, i) => (i === dimension ? value : old));
  askHeatmap();
}

export function setBlocks(next: BlockValue): void {
  blocks.value = next;
  askHeatmap();
}

export function toggleGroup(name: string): void {
  const next = new Set(toggled.peek());
  if (!next.delete(name)) next.add(name);
  toggled.value = next;
}

/** The same file again, maybe with other tensors. */
function takeFile(answer: Answer<ShownFile>): void {
  // a file that is read again stays on the screen until it is known
  if (answer.kind === 'busy' && shown.peek()) return;
  file.value = answer;
  const name = chosenName.peek();
  if (answer.kind !== 'ready' || name === undefined) return;
  if (answer.value.tensors.some((tensor) => tensor.name === name)) choose(name);
  else chosenName.value = undefined;
}

function takeHeatmap(answer: Answer<TensorHeatmap>): void {
  batch(() => {
    if (answer.kind === 'ready') heatmap.value = answer.value;
    heatState.value = answer.kind === 'ready' ? undefined : answer;
  });
}

function takeSummary(answer: Answer<TensorSummary>): void {
  batch(() => {
    if (answer.kind === 'ready') sample.value = answer.value;
    summary.value = answer;
  });
}

interface Saved {
  name?: string;
  filter: string;
  order: ListOrder;
  grouped: boolean;
}

/** Asks the host for everything and listens from now on. */
export function connect(): void {
  const saved = host.savedState() as Saved | undefined;
  if (saved) {
    filter.value = saved.filter;
    order.value = saved.order;
    grouped.value = saved.grouped;
    chosenName.value = saved.name;
  }
  effect(() => {
    const state: Saved = { filter: filter.value, order: order.value, grouped: grouped.value };
    host.saveState({ ...state, ...(chosenName.value !== undefined && { name: chosenName.value }) });
  });
  host.on(hostToSafetensors.file, takeFile);
  host.on(hostToSafetensors.summary, ({ seq, answer }) => seq === asked.summary && takeSummary(answer));
  host.on(hostToSafetensors.heatmap, ({ seq, answer }) => seq === asked.heatmap && takeHeatmap(answer));
  host.start();
  host.send(safetensorsToHost.ready, null);
}
