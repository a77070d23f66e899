/** Everything the compare panel knows, as signals. Components read them; only this file writes what comes from the host. */
import { batch, computed, effect, signal } from '@preact/signals';
import type { Weighting } from '../../src/protocol/analysis';
import type { SelectionMessage } from '../../src/protocol/attentionPanel';
import type { ComparedPattern } from '../../src/protocol/compare';
import {
  COMPARE_ORIGIN,
  type CompareCommand,
  compareSections,
  type CompareSection,
  type CompareSections,
  type CompareStatus,
  compareToHost,
  type CompareToHost,
  type CompareView,
  hostToCompare,
  type HostToCompare,
  type SectionMessage,
  type SectionState,
} from '../../src/protocol/comparePanel';
import type { SavedFile } from '../../src/protocol/reportPanel';
import { initialSelection, reduceSelection, sameSelection, type SelectionEvent } from '../../src/protocol/selection';
import type { StepsView } from '../../src/protocol/steps';
import { connectHost } from '../shared/messaging';

const host = connectHost<HostToCompare, CompareToHost>();

/** Shorter work is not announced while there is something to look at. */
const PATIENCE_MS = 300;

export type Waiting = Exclude<SectionState, { kind: 'ready' }>;

export const status = signal<CompareStatus | undefined>(undefined);
export const view = signal<CompareView | undefined>(undefined);
export const steps = signal<StepsView | null>(null);
export const selection = signal(initialSelection());
/** The one that is looked at. */
export const section = signal<CompareSection>('patterns');
/** The latest of each section; while another one is on its way, the one before it. */
export const results = signal<Partial<CompareSections>>({});
/** Why a section has nothing new to show. */
export const waiting = signal<Partial<Record<CompareSection, Waiting>>>({});
/** Of one head, large. */
export const pattern = signal<{ weighting: Weighting; pattern: ComparedPattern } | undefined>(undefined);

export const tokens = computed(() => view.value?.prompt?.tokens ?? []);
/** `A step1000`, `B step3000`. */
export const sideNames = computed(() => ({ a: `A ${view.value?.a.name ?? ''}`, b: `B ${view.value?.b.name ?? ''}` }));

let seq = 0;

/** Draws what the person does at once and tells the host, which answers with the same. */
export function dispatch(event: SelectionEvent): void {
  const next = reduceSelection(selection.peek(), event);
  const hovers = event.kind === 'leave' || event.kind.startsWith('hover');
  if (hovers && sameSelection(selection.peek(), next)) return;
  seq++;
  selection.value = next;
  host.send(compareToHost.select, { event, seq });
}

export const command = (name: CompareCommand): void => host.send(compareToHost.command, name);
export const swap = (): void => host.send(compareToHost.swap, null);
export const ownSaes = (own: boolean): void => host.send(compareToHost.ownSaes, own);
export const goToStep = (index: number): void => host.send(compareToHost.goToStep, index);
export const save = (file: SavedFile): void => host.send(compareToHost.save, file);
export const copy = (text: string): void => host.send(compareToHost.copy, text);

export function show(next: CompareSection): void {
  section.value = next;
  host.send(compareToHost.show, next);
}

/** An echo of an older event of ours would undo a newer one for a moment. */
function takeSelection(message: SelectionMessage): void {
  if (message.origin === COMPARE_ORIGIN && message.seq < seq) return;
  if (!sameSelection(selection.peek(), message.selection)) selection.value = message.selection;
}

/** `empty` means that the host has closed what was shown. */
function takeStatus(next: CompareStatus): void {
  batch(() => {
    status.value = next;
    if (next.kind !== 'empty') return;
    view.value = pattern.value = undefined;
    results.value = waiting.value = {};
  });
}

const timers = new Map<CompareSection, ReturnType<typeof setTimeout>>();

/** What is over in a moment does not make the picture flicker. */
function takeSection({ section: of, state }: SectionMessage): void {
  clearTimeout(timers.get(of));
  const wait = (next: Waiting | undefined): void => void (waiting.value = { ...waiting.peek(), [of]: next });
  if (state.kind === 'busy') {
    if (results.peek()[of] && waiting.peek()[of]?.kind !== 'busy') {
      timers.set(
        of,
        setTimeout(() => wait(state), PATIENCE_MS),
      );
    } else wait(state);
    return;
  }
  batch(() => {
    const ready = state.kind === 'ready';
    results.value = { ...results.peek(), [of]: ready ? state.result : undefined };
    wait(ready ? undefined : state);
  });
}

interface Saved {
  section: CompareSection;
}

/** Asks the host for everything and listens from now on. */
export function connect(): void {
  const saved = host.savedState() as Saved | undefined;
  if (saved && compareSections.includes(saved.section)) section.value = saved.section;
  effect(() => host.saveState({ section: section.value } satisfies Saved));
  host.on(hostToCompare.status, takeStatus);
  host.on(hostToCompare.view, (next) => (view.value = next));
  host.on(hostToCompare.steps, (next) => (steps.value = next));
  host.on(hostToCompare.section, takeSection);
  host.on(hostToCompare.pattern, (next) => (pattern.value = next));
  host.on(hostToCompare.selection, takeSelection);
  host.on(hostToCompare.showSection, show);
  host.start();
  host.send(compareToHost.ready, { section: section.peek() });
}
