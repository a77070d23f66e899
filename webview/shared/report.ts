/** What a panel with one answer knows, as signals, and what it says to the host. Components only read the signals. */
import { batch, computed, type ReadonlySignal, signal } from '@preact/signals';
import type { Token } from '../../src/protocol/analysis';
import type { PanelCommand, PanelStatus, SelectionMessage } from '../../src/protocol/attentionPanel';
import type { TokenLatents } from '../../src/protocol/latents/tokenLatents';
import {
  hostToReport,
  type HostToReport,
  type ReportAnswer,
  type ReportMethod,
  reportOrigin,
  type ReportQuestions,
  type ReportSubject,
  reportToHost,
  type ReportToHost,
  type SavedFile,
} from '../../src/protocol/reportPanel';
import {
  initialSelection,
  reduceSelection,
  sameSelection,
  type Selection,
  type SelectionEvent,
} from '../../src/protocol/selection';
import { connectHost } from './messaging';

export interface Report<M extends ReportMethod> {
  method: M;
  status: ReadonlySignal<PanelStatus | undefined>;
  subject: ReadonlySignal<ReportSubject | undefined>;
  /** The latest; while another one is on its way, the one before it. */
  answer: ReadonlySignal<ReportAnswer<M> | undefined>;
  selection: ReadonlySignal<Selection>;
  /** Of the analyzed text. */
  tokens: ReadonlySignal<readonly Token[]>;
  /** Of the token that is hovered or locked; `null` without an autoencoder. */
  tokenLatents: ReadonlySignal<TokenLatents | null>;
  /** Draws what the person does at once and tells the host, which answers with the same. */
  dispatch(event: SelectionEvent): void;
  command(name: PanelCommand): void;
  ask(question: ReportQuestions[M]): void;
  save(file: SavedFile): void;
  copy(text: string): void;
  /** Asks the host for everything and listens from now on. */
  start(): void;
}

/** Shorter work is not announced while there is something to look at. */
const PATIENCE_MS = 300;

const changesNothing = (a: Selection, b: Selection): boolean =>
  JSON.stringify([a.preview, a.previewHead, a.previewPair, a.previewLatent]) ===
  JSON.stringify([b.preview, b.previewHead, b.previewPair, b.previewLatent]);

/** To be called once in a page. */
export function connectReport<M extends ReportMethod>(method: M): Report<M> {
  const host = connectHost<HostToReport<M>, ReportToHost<M>>();
  const status = signal<PanelStatus | undefined>(undefined);
  const subject = signal<ReportSubject | undefined>(undefined);
  const answer = signal<ReportAnswer<M> | undefined>(undefined);
  const selection = signal(initialSelection());
  const tokenLatents = signal<TokenLatents | null>(null);
  let seq = 0;

  let later: ReturnType<typeof setTimeout> | undefined;
  const setStatus = (next: PanelStatus): void =>
    batch(() => {
      status.value = next;
      // the host has closed what was shown
      if (next.kind === 'empty') subject.value = answer.value = undefined;
    });
  /** What is over in a moment does not push the picture down and up again. */
  const takeStatus = (next: PanelStatus): void => {
    clearTimeout(later);
    const shown = answer.peek() !== undefined && status.peek()?.kind !== 'busy';
    if (next.kind === 'busy' && shown) later = setTimeout(() => setStatus(next), PATIENCE_MS);
    else setStatus(next);
  };
  const takeSubject = (next: ReportSubject): void =>
    batch(() => {
      const before = subject.peek();
      const same = before?.checkpoint.path === next.checkpoint.path && before.analysis?.id === next.analysis?.id;
      if (!same) answer.value = undefined;
      subject.value = next;
    });
  /** An echo of an older event of ours would undo a newer one for a moment. */
  const takeSelection = (message: SelectionMessage): void => {
    if (message.origin === reportOrigin(method) && message.seq < seq) return;
    if (!sameSelection(selection.peek(), message.selection)) selection.value = message.selection;
  };

  return {
    method,
    status,
    subject,
    answer,
    selection,
    tokenLatents,
    tokens: computed(() => subject.value?.analysis?.tokens ?? []),
    dispatch(event) {
      const next = reduceSelection(selection.peek(), event);
      const hovers = event.kind === 'leave' || event.kind.startsWith('hover');
      if (hovers && changesNothing(selection.peek(), next)) return;
      seq++;
      selection.value = next;
      host.send(reportToHost.select, { event, seq });
    },
    command: (name) => host.send(reportToHost.command, name),
    ask: (question) => host.send(reportToHost.ask, question),
    save: (file) => host.send(reportToHost.save, file),
    copy: (text) => host.send(reportToHost.copy, text),
    start() {
      host.on(hostToReport.status, takeStatus);
      host.on(hostToReport.subject, takeSubject);
      host.on(hostToReport.answer, (next) => (answer.value = next));
      host.on(hostToReport.selection, takeSelection);
      host.on(hostToReport.latents, (next) => (tokenLatents.value = next));
      host.start();
      host.send(reportToHost.ready, null);
    },
  };
}
