import * as vscode from 'vscode';
import { Messenger } from 'vscode-messenger';
import type { WebviewIdMessageParticipant } from 'vscode-messenger-common';
import type { CompareRequests } from '../protocol/compare';
import {
  COMPARE_ORIGIN,
  compareToHost,
  hostToCompare,
  type CompareCommand,
  type CompareSection,
  type CompareToHost,
  type HostToCompare,
  type SectionMessage,
  type SectionState,
} from '../protocol/comparePanel';
import type { Analyses } from './analyses';
import type { Checkpoints } from './checkpoints';
import type { Circuits } from './circuits';
import { askSection, keyOf, nothingChosen, subjectOf, viewOf } from './compareQuestions';
import { idsOf, missing, type CompareSubject } from './compareSections';
import type { Comparison } from './comparison';
import { copyCompareCode } from './copyCode';
import { saveFile } from './exportCircuits';
import type { Latents } from './latents';
import type { Log } from './log';
import { runPanelCommand } from './panelCommand';
import { besideEditor } from './reportPanel';
import type { SelectionStore } from './selection';
import type { TrainingSteps } from './trainingSteps';
import { webviewOptions, webviewPage, webviewRoot } from './webviewPage';
import { sentence, Work } from './work';

export const COMPARE_VIEW = 'circuitscope.compare';

/** The page itself shows progress; what takes longer than this has a notification too. */
const PATIENCE_MS = 3000;

export interface ComparePanelParts {
  extensionUri: vscode.Uri;
  checkpoints: Checkpoints;
  analyses: Analyses;
  selection: SelectionStore;
  latents: Latents;
  comparison: Comparison;
  circuits: Circuits;
  steps: TrainingSteps;
  log: Log;
}

/** What differs between the open checkpoint and a second one: one section at a time is computed. */
export class ComparePanel implements vscode.Disposable {
  private readonly messenger = new Messenger();
  private readonly work: Work;
  private panel: vscode.WebviewPanel | undefined;
  private to: WebviewIdMessageParticipant | undefined;
  private listening = false;
  private section: CompareSection = 'patterns';
  /** What the page shows when its script runs. */
  private wanted: CompareSection | undefined;
  /** The last answer of every section, or why there is none, and to what. */
  private readonly answers = new Map<CompareSection, { key: string; state: SectionState; sent: boolean }>();
  /** What is computed now. */
  private asked = '';
  /** Each is read with its own autoencoder, where both have one. */
  private ownSaes = false;
  /** Head whose patterns were sent last. */
  private sentPattern = '';
  private readonly disposables: vscode.Disposable[] = [];

  constructor(private readonly parts: ComparePanelParts) {
    const { checkpoints, analyses, latents, comparison, selection, steps } = parts;
    this.work = new Work(parts.log, PATIENCE_MS);
    this.on(compareToHost.ready, ({ section }) => this.start(section));
    this.on(compareToHost.show, (section) => this.choose(section));
    this.on(compareToHost.select, ({ event, seq }) => selection.apply(event, COMPARE_ORIGIN, seq));
    this.on(compareToHost.command, (name) => this.command(name));
    this.on(compareToHost.swap, () => comparison.swap());
    this.on(compareToHost.ownSaes, (own) => this.readWith(own));
    this.on(compareToHost.goToStep, (index) => void steps.goTo(index));
    this.on(compareToHost.copy, (text) => void vscode.env.clipboard.writeText(text));
    this.on(compareToHost.save, (file) => void saveFile(file));
    this.disposables.push(
      this.work,
      this.work.onDidChange((progress) => progress && this.asked !== '' && this.send1({ kind: 'busy', ...progress })),
      ...[checkpoints, analyses, latents, comparison].map(({ onDidChange }) => onDidChange(() => this.refresh())),
      steps.onDidChange(() => this.send(hostToCompare.steps, steps.now ?? null)),
      selection.onDidChange((message) => {
        this.send(hostToCompare.selection, message);
        void this.compute();
      }),
    );
  }

  /** What is looked at, if it can be computed. */
  get shown(): { section: CompareSection; subject: CompareSubject } | undefined {
    const subject = this.panel && this.subject();
    return subject && !missing(this.section, subject) ? { section: this.section, subject } : undefined;
  }

  /** Latents. @param own each checkpoint with its own autoencoder, where both have one */
  readWith(own: boolean): void {
    this.ownSaes = own;
    this.refresh();
  }

  /** Beside the editor, which keeps the focus. */
  show(section?: CompareSection): void {
    this.wanted = section;
    if (this.panel) {
      if (section) this.send(hostToCompare.showSection, section);
      this.panel.reveal(undefined, true);
      return;
    }
    const place = { viewColumn: besideEditor(), preserveFocus: true };
    this.adopt(
      vscode.window.createWebviewPanel(
        COMPARE_VIEW,
        vscode.l10n.t({ message: 'Compare', comment: ['Title of a panel'] }),
        place,
      ),
    );
  }

  /** Takes over a panel that VS Code made (after a reload) or that `show` made. */
  adopt(panel: vscode.WebviewPanel): void {
    const { extensionUri, comparison } = this.parts;
    const before = this.panel;
    this.panel = panel;
    before?.dispose();
    this.listening = false;
    const root = webviewRoot(extensionUri);
    panel.iconPath = vscode.Uri.joinPath(extensionUri, 'media', 'activity.svg');
    panel.webview.options = webviewOptions(root);
    this.to = this.messenger.registerWebviewPanel(panel);
    panel.onDidDispose(() => {
      if (this.panel !== panel) return;
      this.panel = this.to = undefined;
      this.listening = false;
      this.stop();
      this.answers.clear();
      comparison.end();
    });
    panel.webview.html = webviewPage(
      panel.webview,
      root,
      'compare',
      vscode.l10n.t({ message: 'Compare', comment: ['Title of a panel'] }),
    );
  }

  private on<K extends keyof CompareToHost>(method: K, handler: (params: CompareToHost[K]) => void): void {
    this.disposables.push(this.messenger.onNotification<CompareToHost[K]>({ method }, handler));
  }

  private send<K extends keyof HostToCompare>(method: K, params: HostToCompare[K]): void {
    if (this.to && this.listening) this.messenger.sendNotification({ method }, this.to, params);
  }

  /** About the section that is looked at. */
  private send1(state: SectionState): void {
    this.send(hostToCompare.section, { section: this.section, state } as SectionMessage);
  }

  private command(name: CompareCommand): void {
    if (name === 'cancel') this.work.cancel();
    else if (name === 'copyCode') void this.copyCode();
    else runPanelCommand(name, 'compare');
  }

  /** Python that computes what is looked at, to the clipboard. */
  async copyCode(): Promise<void> {
    const { shown } = this;
    const state = shown && this.answers.get(shown.section)?.state;
    if (state?.kind !== 'ready') return;
    const { circuits, log } = this.parts;
    await copyCompareCode(shown!.section, shown!.subject, state.result, circuits).catch((error: unknown) =>
      log.error(sentence(vscode.l10n.t('Copy as TransformerLens Code'), error)),
    );
  }

  private start(section: CompareSection): void {
    this.listening = true;
    this.section = this.wanted ?? section;
    if (this.wanted) this.send(hostToCompare.showSection, this.wanted);
    this.wanted = undefined;
    this.sentPattern = '';
    for (const answer of this.answers.values()) answer.sent = false;
    this.send(hostToCompare.steps, this.parts.steps.now ?? null);
    this.refresh();
  }

  private choose(section: CompareSection): void {
    this.section = section;
    // what failed or was stopped is tried again
    if (this.answers.get(section)?.state.kind === 'error') this.answers.delete(section);
    void this.compute();
  }

  private subject(): CompareSubject | undefined {
    return subjectOf(this.parts, this.ownSaes);
  }

  private refresh(): void {
    if (!this.listening) return;
    const subject = this.subject();
    if (!subject) {
      this.stop();
      this.sentPattern = '';
      this.send(hostToCompare.status, nothingChosen());
      return;
    }
    this.send(hostToCompare.view, viewOf(subject));
    this.send(hostToCompare.selection, { selection: this.parts.selection.value, origin: 'host', seq: 0 });
    this.send(hostToCompare.status, { kind: 'ready' });
    void this.compute();
  }

  /** Asks the engine for what the section shows, unless that is known or on its way. */
  private async compute(): Promise<void> {
    const { section } = this;
    const subject = this.listening && this.panel?.visible ? this.subject() : undefined;
    if (!subject) return;
    const lacking = missing(section, subject);
    if (lacking) {
      this.stop();
      this.answers.delete(section);
      this.send1({ kind: 'empty', ...lacking });
      return;
    }
    const key = keyOf(section, subject);
    if (this.asked === key) return;
    const known = this.answers.get(section);
    if (known?.key !== key) await this.ask(section, subject, key);
    else {
      this.stop();
      this.deliver(section);
    }
    if (section === 'patterns') await this.sendPattern();
  }

  private stop(): void {
    this.asked = '';
    this.work.cancel();
  }

  private deliver(section: CompareSection): void {
    const answer = this.answers.get(section);
    if (!answer || answer.sent) return;
    answer.sent = true;
    this.send(hostToCompare.section, { section, state: answer.state } as SectionMessage);
  }

  private async ask(section: CompareSection, subject: CompareSubject, key: string): Promise<void> {
    this.stop();
    this.asked = key;
    const title = vscode.l10n.t('Comparing {0} with {1}', subject.a.name, subject.b.name);
    let failed = vscode.l10n.t('{0}: stopped. Choose the section again to compute it.', title);
    const result = await this.work.run(
      title,
      (token, onProgress) => askSection(this.parts, section, () => this.subject() ?? subject, { token, onProgress }),
      (message) => (failed = message),
    );
    if (this.asked !== key) return;
    this.asked = '';
    const state = result ? { kind: 'ready' as const, result } : { kind: 'error' as const, message: failed };
    this.answers.set(section, { key, state, sent: false });
    this.deliver(section);
  }

  /** The patterns of the chosen head, behind what they are chosen from. */
  private async sendPattern(): Promise<void> {
    const subject = this.subject();
    const { comparison, selection, log } = this.parts;
    if (!subject?.analysis) return;
    const { head, weighting } = selection.value;
    const params: Omit<CompareRequests['comparePattern'][0], 'a' | 'b'> = {
      ...{ head, weighting, ids: idsOf(subject.analysis) },
    };
    const wanted = JSON.stringify([subject.a.id, subject.b.id, params]);
    if (wanted === this.sentPattern) return;
    this.sentPattern = wanted;
    try {
      const pattern = await comparison.ask('comparePattern', params, {});
      if (this.sentPattern === wanted) this.send(hostToCompare.pattern, { weighting, pattern });
    } catch (error) {
      if (this.sentPattern === wanted) this.sentPattern = '';
      log.error(sentence(vscode.l10n.t('Comparing patterns'), error));
    }
  }

  dispose(): void {
    const { panel } = this;
    // not closed by the person: what is compared comes back after a reload
    this.panel = undefined;
    panel?.dispose();
    this.disposables.forEach((d) => d.dispose());
  }
}
