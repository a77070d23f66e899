import * as vscode from 'vscode';
import { Messenger } from 'vscode-messenger';
import type { WebviewIdMessageParticipant } from 'vscode-messenger-common';
import type { PanelStatus } from '../protocol/attentionPanel';
import type { CheckpointInfo, HeadRef } from '../protocol/checkpoint';
import {
  CIRCUITS_ORIGIN,
  circuitsToHost,
  hostToCircuits,
  type CircuitsCommand,
  type CircuitsExport,
  type CircuitsToHost,
  type HostToCircuits,
} from '../protocol/circuitsPanel';
import { initialSelection, reduceSelection, type Selection, type SelectionEvent } from '../protocol/selection';
import type { Analyses } from './analyses';
import type { Checkpoints } from './checkpoints';
import type { Circuits } from './circuits';
import { copyCircuitsCode, exportCircuits, saveFile } from './exportCircuits';
import { showError, type Log } from './log';
import { runPanelCommand } from './panelCommand';
import type { SelectionStore } from './selection';
import { webviewOptions, webviewPage, webviewRoot } from './webviewPage';
import { Work } from './work';

/** The page itself shows progress; what takes longer than this has a notification too. */
const PATIENCE_MS = 1000;
/** Pixels of a thumbnail. */
const THUMBNAIL = 84;
const EMPTY: PanelStatus = {
  kind: 'empty',
  message: vscode.l10n.t('Open a checkpoint: its heads and how they compose appear here.'),
};

export interface CircuitsParts {
  extensionUri: vscode.Uri;
  checkpoints: Checkpoints;
  analyses: Analyses;
  selection: SelectionStore;
  circuits: Circuits;
  log: Log;
}

/**
 * What a webview with the circuits shows and what it asks for, be it the editor panel or the view in the side bar. It is
 * about the checkpoint in use, whether a prompt was analyzed or not.
 */
export class CircuitsPage implements vscode.Disposable {
  readonly messenger = new Messenger();
  private readonly work: Work;
  private to: WebviewIdMessageParticipant | undefined;
  private started = false;
  private status: PanelStatus = EMPTY;
  /** What is computed or was sent. */
  private subject: CheckpointInfo | undefined;
  /** While the current analysis is about another checkpoint. */
  private own: Selection = initialSelection();
  private sentPatterns = '';
  /** The page starts with the card of the chosen head. */
  private wantsCard = false;
  private readonly disposables: vscode.Disposable[] = [];

  /** `origin` tells this page's events from those of the other one. */
  constructor(
    private readonly parts: CircuitsParts,
    private readonly origin: string,
  ) {
    const { checkpoints, analyses, selection, circuits, log } = parts;
    this.work = new Work(log, PATIENCE_MS);
    this.on(circuitsToHost.ready, () => this.start());
    this.on(circuitsToHost.select, ({ event, seq }) => this.select(event, seq));
    this.on(circuitsToHost.command, (name) => this.command(name));
    this.on(circuitsToHost.wantHeadCard, (head) => void this.sendHeadCard(head));
    this.on(circuitsToHost.copy, (text) => void vscode.env.clipboard.writeText(text));
    this.on(circuitsToHost.save, (file) => void saveFile(file));
    this.on(circuitsToHost.exportAs, ({ format, png }) => this.export(format, png));
    this.disposables.push(
      this.work,
      this.work.onDidChange((progress) => progress && this.setStatus({ kind: 'busy', ...progress })),
      checkpoints.onDidChange(() => this.refresh()),
      circuits.onDidChange(() => this.sendView()),
      analyses.onDidChange(() => void this.sendPatterns()),
      selection.onDidChange((message) => {
        const own = message.origin === this.origin;
        if (this.shared)
          this.send(hostToCircuits.selection, { ...message, origin: own ? CIRCUITS_ORIGIN : message.origin });
      }),
    );
  }

  /** Loads the page into a webview that the messenger knows as `to`. */
  load(webview: vscode.Webview, to: WebviewIdMessageParticipant): void {
    const root = webviewRoot(this.parts.extensionUri);
    this.started = false;
    this.to = to;
    webview.options = webviewOptions(root);
    webview.html = webviewPage(webview, root, 'circuits', vscode.l10n.t('Circuits'));
  }

  /** The webview is hidden: nothing is computed for it until its page starts anew. */
  pause(): void {
    this.started = false;
    this.subject = undefined;
    this.work.cancel();
  }

  /** The webview is gone. */
  unload(): void {
    this.pause();
    this.to = undefined;
  }

  /** Computes again what failed or was cancelled. */
  retry(): void {
    if (!this.subject) this.refresh();
  }

  /** Opens the card of the chosen head; `anew`: once the page has started. */
  showHeadCard(anew: boolean): void {
    this.wantsCard = anew || !this.started;
    if (!this.wantsCard) this.send(hostToCircuits.showHeadCard, null);
  }

  /** Shown in the page itself, where there is nothing that it would hide. */
  showError(message: string): void {
    if (!this.parts.checkpoints.active) this.setStatus({ kind: 'error', message });
  }

  private on<K extends keyof CircuitsToHost>(method: K, handler: (params: CircuitsToHost[K]) => void): void {
    this.disposables.push(this.messenger.onNotification<CircuitsToHost[K]>({ method }, handler));
  }

  private send<K extends keyof HostToCircuits>(method: K, params: HostToCircuits[K]): void {
    if (this.to && this.started) this.messenger.sendNotification({ method }, this.to, params);
  }

  private command(name: CircuitsCommand): void {
    if (name === 'cancel') this.work.cancel();
    else runPanelCommand(name, 'circuits');
  }

  private setStatus(status: PanelStatus): void {
    this.status = status;
    this.send(hostToCircuits.status, status);
  }

  /** Whether what is chosen here is chosen in the other panels too. */
  private get shared(): boolean {
    const { analyses, checkpoints } = this.parts;
    return analyses.current === undefined || analyses.current.checkpoint.path === checkpoints.active?.path;
  }

  private select(event: SelectionEvent, seq: number): void {
    if (this.shared) {
      this.parts.selection.apply(event, this.origin, seq);
      return;
    }
    this.own = reduceSelection(this.own, event);
    this.send(hostToCircuits.selection, { selection: this.own, origin: CIRCUITS_ORIGIN, seq });
  }

  private start(): void {
    this.started = true;
    this.subject = undefined;
    this.send(hostToCircuits.status, this.status);
    if (this.wantsCard) this.send(hostToCircuits.showHeadCard, null);
    this.wantsCard = false;
    this.refresh();
  }

  /** Another checkpoint is in use, or the same was opened anew. */
  private refresh(): void {
    if (!this.started) return;
    const { active } = this.parts.checkpoints;
    if (!active) {
      this.subject = undefined;
      this.work.cancel();
      this.setStatus(EMPTY);
      return;
    }
    if (this.subject?.id === active.id) {
      this.sendSelection();
      return;
    }
    if (this.subject?.path !== active.path) {
      this.own = initialSelection();
      if (!this.parts.analyses.current) this.parts.selection.reset(active);
    }
    this.subject = active;
    void this.compute(active);
  }

  private async compute(checkpoint: CheckpointInfo): Promise<void> {
    const { circuits } = this.parts;
    const current = (): boolean => this.subject === checkpoint;
    let failed: string | undefined;
    const fail = (message: string): void => void (failed = message);
    const title = vscode.l10n.t('Circuits of {0}', checkpoint.name);
    const done = await this.work.run(
      title,
      async (token, onProgress) => {
        await circuits.composition(checkpoint, { token, onProgress });
        await circuits.scores(checkpoint, { token, onProgress });
        if (current()) {
          this.sendView();
          this.setStatus({ kind: 'ready' });
        }
        if (checkpoint.nLayers > 1) await circuits.induction(checkpoint, { token, onProgress });
        return true;
      },
      fail,
    );
    if (!current()) return;
    if (done) {
      this.sendView();
      this.setStatus({ kind: 'ready' });
    } else {
      this.subject = undefined;
      this.setStatus({
        kind: 'error',
        message: failed ?? vscode.l10n.t('{0}: cancelled. Show Circuits computes them again.', title),
      });
    }
  }

  private sendView(): void {
    const { subject } = this;
    if (!subject) return;
    const { composition, scores, induction } = this.parts.circuits.now(subject);
    if (!composition || !scores) return;
    const { thresholds } = this.parts.circuits;
    this.send(hostToCircuits.view, { checkpoint: subject, composition, scores, thresholds });
    this.sendSelection();
    if (induction) this.send(hostToCircuits.induction, induction);
    this.sentPatterns = '';
    void this.sendPatterns();
  }

  private sendSelection(): void {
    const selection = this.shared ? this.parts.selection.value : this.own;
    this.send(hostToCircuits.selection, { selection, origin: 'host', seq: 0 });
  }

  private async sendPatterns(): Promise<void> {
    const { current } = this.parts.analyses;
    const mine = current?.checkpoint.path === this.subject?.path ? current : undefined;
    const wanted = `${mine?.info.id}`;
    if (!this.started || !this.subject || wanted === this.sentPatterns) return;
    this.sentPatterns = wanted;
    this.sendSelection();
    if (!mine || mine.info.nLayers === 0) {
      this.send(hostToCircuits.patterns, null);
      return;
    }
    try {
      const thumbnails = await this.parts.analyses.thumbnails(mine, 'pattern', THUMBNAIL);
      this.send(hostToCircuits.patterns, { sourceName: mine.source.name, thumbnails });
    } catch (error) {
      this.sentPatterns = '';
      this.parts.log.error(`Thumbnails: ${String(error)}`);
    }
  }

  private async sendHeadCard(head: HeadRef): Promise<void> {
    const { subject } = this;
    if (!subject) return;
    try {
      const card = await this.parts.circuits.ask('headCircuit', subject, { head, top: HEAD_CARD_ROWS });
      this.send(hostToCircuits.headCard, { head, card });
    } catch (error) {
      this.send(hostToCircuits.headCard, { head, error: error instanceof Error ? error.message : String(error) });
    }
  }

  private export(format: CircuitsExport, png?: Uint8Array): void {
    if (!this.subject) return;
    if (format === 'composition.py' || format === 'heads.py')
      void copyCircuitsCode(this.subject, this.parts.circuits, format).catch((error: unknown) =>
        showError(error instanceof Error ? error.message : String(error)),
      );
    else void exportCircuits(this.subject, this.parts.circuits.now(this.subject), format, png);
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}

/** Entries and skip-trigrams of a head's card. */
const HEAD_CARD_ROWS = 10;
