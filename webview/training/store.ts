/** Everything the training panel knows, as signals. Only this file writes what comes from the host. */
import { batch, computed, effect, signal } from '@preact/signals';
import {
  type AnyPoint,
  type HistoryFormat,
  hostToTraining,
  type HostToTraining,
  type TrainingAction,
  type TrainingAttention,
  type TrainingCommand,
  type TrainingInfo,
  type TrainingPoints,
  trainingToHost,
  type TrainingToHost,
} from '../../src/protocol/trainingPanel';
import { connectHost } from '../shared/messaging';

const host = connectHost<HostToTraining, TrainingToHost>();

/** Undefined until the host has spoken. */
export const trainings = signal<readonly TrainingInfo[] | undefined>(undefined);
export const points = signal<Readonly<Record<string, readonly AnyPoint[]>>>({});
export const attention = signal<Readonly<Record<string, TrainingAttention['attention']>>>({});
/** Folder of the one that the person chose last. */
const chosen = signal<string | undefined>(undefined);
/** Folders that the person took out of the charts. */
export const hidden = signal<ReadonlySet<string>>(new Set());
/** Step under the pointer, in all charts. */
export const pointed = signal<number | undefined>(undefined);

/** The one that charts of layers and heads are about: what was chosen, else the newest. */
export const focus = computed<TrainingInfo | undefined>(() => {
  const all = trainings.value ?? [];
  return all.find(({ dir }) => dir === chosen.value) ?? all.at(-1);
});

/** Those in the charts: of the kind of the one in focus, that one first. */
export const compared = computed<readonly TrainingInfo[]>(() => {
  const first = focus.value;
  if (!first) return [];
  const others = (trainings.value ?? []).filter(
    ({ dir, kind }) => dir !== first.dir && kind === first.kind && !hidden.value.has(dir),
  );
  return [first, ...others];
});

export const command = (name: TrainingCommand): void => host.send(trainingToHost.command, name);
export const act = (dir: string, action: TrainingAction): void => host.send(trainingToHost.action, { dir, action });
export const exportHistory = (dir: string, format: HistoryFormat): void =>
  host.send(trainingToHost.exportHistory, { dir, format });
export const choose = (dir: string): void => void (chosen.value = dir);

export function toggle(dir: string): void {
  const next = new Set(hidden.value);
  if (!next.delete(dir)) next.add(dir);
  hidden.value = next;
}

function takePoints({ dir, from, points: next }: TrainingPoints): void {
  const before = points.peek()[dir] ?? [];
  points.value = { ...points.peek(), [dir]: [...before.slice(0, from), ...next] };
}

interface Saved {
  chosen?: string;
  hidden: string[];
}

/** Asks the host for everything and listens from now on. */
export function connect(): void {
  const saved = host.savedState() as Saved | undefined;
  if (saved) {
    chosen.value = saved.chosen;
    hidden.value = new Set(saved.hidden);
  }
  effect(() => {
    const now = chosen.value;
    host.saveState({ ...(now !== undefined && { chosen: now }), hidden: [...hidden.value] } satisfies Saved);
  });
  host.on(hostToTraining.trainings, (next) => (trainings.value = next));
  host.on(hostToTraining.points, takePoints);
  host.on(
    hostToTraining.attention,
    ({ dir, attention: next }) => (attention.value = { ...attention.peek(), [dir]: next }),
  );
  host.on(hostToTraining.focus, (dir) =>
    batch(() => {
      chosen.value = dir;
      hidden.value = new Set([...hidden.peek()].filter((each) => each !== dir));
    }),
  );
  host.start();
  host.send(trainingToHost.ready, null);
}
