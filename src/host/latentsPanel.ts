import * as vscode from 'vscode';
import { Messenger } from 'vscode-messenger';
import type { WebviewIdMessageParticipant } from 'vscode-messenger-common';
import type { SaeInfo } from '../protocol/latents';
import type { CorpusSummary } from '../protocol/latents/corpus';
import type { LatentNames } from '../protocol/latents/names';
import {
  hostToLatents,
  LATENTS_ORIGIN,
  latentsToHost,
  type HostToLatents,
  type LatentsCommand,
  type LatentsStatus,
  type LatentsToHost,
  type OfLatent,
  type SteerQuestion,
} from '../protocol/latentsPanel';
import type { SaveFormat } from '../protocol/reportPanel';
import type { Analyses, Analysis } from './analyses';
import type { Checkpoints } from './checkpoints';
import { did } from './firstSteps';
import type { Latents } from './latents';
import { showError, type Log } from './log';
import { besideEditor } from './reportPanel';
import { runPanelCommand } from './panelCommand';
import { saveAs, writeWhole } from './saveFile';
import type { SelectionStore } from './selection';
import { webviewOptions, webviewPage, webviewRoot } from './webviewPage';
import type { Work } from './work';

export const LATENTS_VIEW = 'circuitscope.latents';
/** Entries of each list of a latent's card, and predictions of each position. */
const CARD_ROWS = 10;
const PREDICTIONS = 5;
const FILE_KINDS: Record<SaveFormat, string> = { csv: 'CSV', json: 'JSON', png: 'PNG' };

export interface LatentsPanelParts {
  extensionUri: vscode.Uri;
  checkpoints: Checkpoints;
  analyses: Analyses;
  selection: SelectionStore;
  latents: Latents;
  work: Work;
  log: Log;
}

/** What the panel was sent last, so that only what changed is sent again. */
interface Sent {
  view: string;
  names?: LatentNames;
  corpus?: CorpusSummary | null;
}

/** The one latents panel: what the SAE in use says about the current analysis. */
export class LatentsPanel implements vscode.Disposable {
  private readonly messenger = new Messenger();
  private panel: vscode.WebviewPanel | undefined;
  private to: WebviewIdMessageParticipant | undefined;
  private listening = false;
  private busy = false;
  private sent: Sent = { view: '' };
  private failure: string | undefined;
  private readonly disposables: vscode.Disposable[] = [];

  constructor(private readonly parts: LatentsPanelParts) {
    const { analyses, checkpoints, latents, selection, work } = parts;
    this.on(latentsToHost.ready, () => this.start());
    this.on(latentsToHost.select, ({ event, seq }) => selection.apply(event, LATENTS_ORIGIN, seq));
    this.on(latentsToHost.command, (name) => this.command(name));
    this.on(latentsToHost.wantCard, (of) => void this.sendCard(of));
    this.on(latentsToHost.wantExamples, (of) => void this.sendExamples(of));
    this.on(latentsToHost.steer, (question) => void this.sendSteering(question));
    this.on(latentsToHost.rename, ({ latent, ...name }) => {
      const sae = this.subject()?.sae;
      if (sae) latents.rename(sae, latent, name).catch((error: unknown) => showError(messageOf(error)));
    });
    this.on(latentsToHost.copy, (text) => void vscode.env.clipboard.writeText(text));
    this.on(latentsToHost.save, ({ name, format, content }) => {
      void saveAs(name, { label: FILE_KINDS[format], ending: format }, (file) => writeWhole(file, content));
    });
    this.disposables.push(
      ...[analyses, checkpoints, latents].map(({ onDidChange }) => onDidChange(() => this.changed())),
      selection.onDidChange((message) => this.send(hostToLatents.selection, message)),
      work.onDidChange((progress) => {
        this.busy = progress !== undefined;
        if (progress) this.send(hostToLatents.status, { kind: 'busy', ...progress });
        else this.refresh();
      }),
    );
  }

  /** Beside the editor, which keeps the focus. */
  show(): void {
    if (this.panel) {
      this.panel.reveal(undefined, true);
      return;
    }
    const place = { viewColumn: besideEditor(), preserveFocus: true };
    this.adopt(vscode.window.createWebviewPanel(LATENTS_VIEW, vscode.l10n.t('Latents'), place));
  }

  /** Takes over a panel that VS Code made (after a reload) or that `show` made. */
  adopt(panel: vscode.WebviewPanel): void {
    this.panel?.dispose();
    this.panel = panel;
    this.listening = false;
    const root = webviewRoot(this.parts.extensionUri);
    panel.webview.options = webviewOptions(root);
    panel.iconPath = vscode.Uri.joinPath(this.parts.extensionUri, 'media', 'activity.svg');
    this.to = this.messenger.registerWebviewPanel(panel);
    panel.onDidDispose(() => {
      if (this.panel === panel) this.panel = this.to = undefined;
    });
    panel.webview.html = webviewPage(panel.webview, root, 'latents', vscode.l10n.t('Latents'));
  }

  /** Shown in the panel itself, where there is nothing that it would hide; until something changes. */
  showError(message: string): void {
    this.failure = message;
    this.refresh();
  }

  private on<K extends keyof LatentsToHost>(method: K, handler: (params: LatentsToHost[K]) => void): void {
    this.disposables.push(this.messenger.onNotification<LatentsToHost[K]>({ method }, handler));
  }

  private send<K extends keyof HostToLatents>(method: K, params: HostToLatents[K]): void {
    if (this.to && this.listening) this.messenger.sendNotification({ method }, this.to, params);
  }

  private command(name: LatentsCommand): void {
    if (name !== 'cancel') runPanelCommand(name, 'latents');
    else if (this.parts.work.busy) this.parts.work.cancel();
    else this.parts.latents.cancel();
  }

  private subject(): { analysis: Analysis; sae: SaeInfo } | undefined {
    const { analyses, latents } = this.parts;
    const analysis = analyses.current;
    const sae = analysis && latents.of(analysis.checkpoint);
    return sae && { analysis, sae };
  }

  private start(): void {
    this.listening = true;
    this.sent = { view: '' };
    this.refresh();
  }

  private changed(): void {
    this.failure = undefined;
    this.refresh();
  }

  /** Sends what is new about the subject, or why there is nothing to show. */
  private refresh(): void {
    if (!this.listening) return;
    const subject = this.subject();
    const status = subject ? this.statusOf(subject) : this.missing();
    if (subject && status.kind === 'ready') this.sendView(subject);
    else if (status.kind !== 'busy' && this.sent.view !== '') {
      // what is shown is about something else
      this.send(hostToLatents.status, { kind: 'empty', message: '', commands: [] });
      this.sent = { view: '' };
    }
    if (!this.busy) this.send(hostToLatents.status, status);
  }

  private statusOf({ analysis, sae }: { analysis: Analysis; sae: SaeInfo }): LatentsStatus {
    const { latents } = this.parts;
    if (latents.encodingNow(analysis)) return { kind: 'ready' };
    const message = latents.encodingError(analysis);
    return message
      ? { kind: 'error', message }
      : { kind: 'busy', message: vscode.l10n.t('Encoding {0} with {1}…', analysis.source.name, sae.name) };
  }

  /** What leads to a picture. */
  private missing(): LatentsStatus {
    const { analyses, checkpoints, latents } = this.parts;
    if (this.failure) return { kind: 'error', message: this.failure };
    const checkpoint = analyses.current?.checkpoint ?? checkpoints.active;
    if (!checkpoint)
      return {
        kind: 'empty',
        message: vscode.l10n.t(
          'Open a checkpoint and a sparse autoencoder of its residual stream: its latents appear here.',
        ),
        commands: ['openCheckpoint', 'openSample'],
      };
    if (!latents.of(checkpoint))
      return {
        kind: 'empty',
        message: vscode.l10n.t(
          'No sparse autoencoder is open for {0}. Open one: its latents appear here.',
          checkpoint.name,
        ),
        commands: ['openSae'],
      };
    return {
      kind: 'empty',
      message: vscode.l10n.t(
        'Select code or text in an editor and analyze it: the latents of every token and layer appear here.',
      ),
      commands: ['analyzeSelection'],
    };
  }

  private sendView({ analysis, sae }: { analysis: Analysis; sae: SaeInfo }): void {
    const { latents, selection } = this.parts;
    const encoding = latents.encodingNow(analysis);
    if (!encoding) return;
    const { checkpoint, info, source, stale } = analysis;
    const names = latents.names(sae);
    const corpus = latents.corpus(sae) ?? null;
    const view = JSON.stringify([info.id, sae.id, stale]);
    if (view !== this.sent.view) {
      const about = { checkpoint, sae, analysis: info, text: source.text, sourceName: source.name, stale };
      this.send(hostToLatents.view, { ...about, encoding, names });
      this.send(hostToLatents.selection, { selection: selection.value, origin: 'host', seq: 0 });
      this.send(hostToLatents.corpus, corpus);
    } else {
      if (names !== this.sent.names) this.send(hostToLatents.names, names);
      if (corpus !== this.sent.corpus) this.send(hostToLatents.corpus, corpus);
    }
    this.sent = { view, names, corpus };
  }

  private async sendCard({ latent }: OfLatent): Promise<void> {
    const subject = this.subject();
    if (!subject) return;
    const answer = this.parts.latents.ask('latentCard', subject.sae, { latent, top: CARD_ROWS });
    const card = await answered({ latent }, answer, (result) => ({ card: result }));
    if (this.isAbout(subject.sae)) this.send(hostToLatents.card, card);
  }

  private async sendExamples({ latent }: OfLatent): Promise<void> {
    const sae = this.subject()?.sae;
    const corpus = sae && this.parts.latents.corpus(sae);
    if (!sae || !corpus) return;
    const answer = this.parts.latents.ask('latentExamples', sae, { dir: corpus.dir, latent });
    const examples = await answered({ latent }, answer, (result) => ({ examples: result }));
    if (this.isAbout(sae)) this.send(hostToLatents.examples, examples);
  }

  private async sendSteering(question: SteerQuestion): Promise<void> {
    const subject = this.subject();
    if (!subject) return;
    const { analysis, sae } = subject;
    const ids = analysis.info.tokens.map(({ id }) => id);
    const answer = this.parts.latents.ask('steer', sae, { ids, ...question, topK: PREDICTIONS });
    const steering = await answered(question, answer, (result) => ({ result }));
    if ('result' in steering) did('steer');
    if (this.isAbout(sae) && this.parts.analyses.current === analysis) this.send(hostToLatents.steering, steering);
  }

  /** An answer may be late; its SAE may have a new id by then, in an engine that was started again. */
  private isAbout(sae: SaeInfo): boolean {
    return this.subject()?.sae.path === sae.path;
  }

  dispose(): void {
    this.panel?.dispose();
    this.disposables.forEach((d) => d.dispose());
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The question with its answer, or with why there is none. */
const answered = <Question, Result, Part>(
  question: Question,
  answer: Promise<Result>,
  part: (result: Result) => Part,
): Promise<(Question & Part) | (Question & { error: string })> =>
  answer.then(
    (result) => ({ ...question, ...part(result) }),
    (error: unknown) => ({ ...question, error: messageOf(error) }),
  );
