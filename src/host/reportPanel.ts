import * as vscode from 'vscode';
import { Messenger } from 'vscode-messenger';
import type { WebviewIdMessageParticipant } from 'vscode-messenger-common';
import type { PanelCommand, PanelStatus } from '../protocol/attentionPanel';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { CircuitRequests } from '../protocol/circuits';
import type { EngineProgress } from '../protocol/engine';
import {
  hostToReport,
  reportOrigin,
  reportToHost,
  type HostToReport,
  type ReportAnswer,
  type ReportMethod,
  type ReportQuestions,
  type ReportSubject,
  type ReportToHost,
  type SaveFormat,
} from '../protocol/reportPanel';
import type { Selection } from '../protocol/selection';
import type { Analyses, Analysis } from './analyses';
import type { Checkpoints } from './checkpoints';
import { isGone, type EngineService } from './engineService';
import type { Log } from './log';
import { runPanelCommand } from './panelCommand';
import { saveAs, writeWhole } from './saveFile';
import type { SelectionStore } from './selection';
import type { TokenLatentsFeed } from './tokenLatents';
import { webviewOptions, webviewPage, webviewRoot } from './webviewPage';
import { Work } from './work';

/** The panel itself shows progress; what takes longer than this has a notification too. */
const PATIENCE_MS = 3000;

/** What a panel may be about. */
export interface Subject {
  checkpoint: CheckpointInfo;
  analysis?: Analysis;
}

/** What distinguishes one panel from the others. */
export interface ReportDefinition<M extends ReportMethod> {
  method: M;
  title: string;
  /** `analysis`: of its text, anew with every other one; `checkpoint`: of the weights or of texts of its own. */
  about: 'analysis' | 'checkpoint';
  /** Before anybody asked; without it the panel waits for a question. */
  initial?: ReportQuestions[M];
  /** The question makes sense for another checkpoint too (texts do; ids of tokens and heads do not). */
  portable?: boolean;
  /** What is still to be done before there is anything to show. */
  empty: string;
  /** A question in full. The engine is asked again when this changes. */
  params(question: ReportQuestions[M], subject: Subject, selection: Selection): Params<M>;
}
type Params<M extends ReportMethod> = Omit<CircuitRequests[M][0], 'checkpointId'>;

export interface ReportParts {
  extensionUri: vscode.Uri;
  engine: EngineService;
  checkpoints: Checkpoints;
  analyses: Analyses;
  selection: SelectionStore;
  tokenLatents: TokenLatentsFeed;
  log: Log;
}

const FILE_KINDS: Record<SaveFormat, string> = { csv: 'CSV', json: 'JSON', png: 'PNG' };

/** A panel that shows one answer of the engine and asks for it again when what it is about changes. */
export class ReportPanel<M extends ReportMethod> implements vscode.Disposable {
  private readonly messenger = new Messenger();
  private readonly work: Work;
  private panel: vscode.WebviewPanel | undefined;
  private to: WebviewIdMessageParticipant | undefined;
  private listening = false;
  private question: ReportQuestions[M] | undefined;
  /** Folder of the checkpoint that the question was about. */
  private questionOf: string | undefined;
  /** What was asked last, in full. */
  private asked = '';
  /** What was answered last, for a panel that was hidden: VS Code ends its script and starts it again. */
  private answered: { asked: string; of: string; answer: ReportAnswer<M> } | undefined;
  private status: PanelStatus;
  private readonly disposables: vscode.Disposable[] = [];

  constructor(
    private readonly parts: ReportParts,
    private readonly about: ReportDefinition<M>,
  ) {
    const { analyses, checkpoints, selection, tokenLatents } = parts;
    this.status = this.empty();
    this.question = about.initial;
    this.work = new Work(parts.log, PATIENCE_MS);
    this.on(reportToHost.ready, () => this.start());
    this.on(reportToHost.ask, (question) => this.ask(question));
    this.on(reportToHost.select, ({ event, seq }) => selection.apply(event, reportOrigin(about.method), seq));
    this.on(reportToHost.command, (name) => this.command(name));
    this.on(reportToHost.copy, (text) => void vscode.env.clipboard.writeText(text));
    this.on(reportToHost.save, ({ name, format, content }) => {
      void saveAs(name, { label: FILE_KINDS[format], ending: format }, (file) => writeWhole(file, content));
    });
    this.disposables.push(
      this.work,
      this.work.onDidChange((progress) => progress && this.setStatus({ kind: 'busy', ...progress })),
      analyses.onDidChange(() => this.refresh()),
      checkpoints.onDidChange(() => this.refresh()),
      tokenLatents.onDidChange((now) => this.send(hostToReport.latents, now)),
      selection.onDidChange((message) => {
        this.send(hostToReport.selection, message);
        void this.answer();
      }),
    );
  }

  /** Beside the editor, which keeps the focus; with a question, asks it. */
  show(question?: ReportQuestions[M]): void {
    if (question) this.setQuestion(question);
    if (this.panel) {
      this.panel.reveal(undefined, true);
      if (question) this.ask(question);
      return;
    }
    const { extensionUri } = this.parts;
    const root = webviewRoot(extensionUri);
    const { method, title } = this.about;
    const panel = vscode.window.createWebviewPanel(
      `circuitscope.${method}`,
      title,
      { viewColumn: besideEditor(), preserveFocus: true },
      webviewOptions(root),
    );
    panel.iconPath = vscode.Uri.joinPath(extensionUri, 'media', 'activity.svg');
    this.panel = panel;
    this.to = this.messenger.registerWebviewPanel(panel);
    panel.onDidDispose(() => this.closed());
    panel.webview.html = webviewPage(panel.webview, root, method, title);
  }

  private on<K extends keyof ReportToHost<M>>(method: K, handler: (params: ReportToHost<M>[K]) => void): void {
    this.disposables.push(this.messenger.onNotification<ReportToHost<M>[K]>({ method }, handler));
  }

  private send<K extends keyof HostToReport<M>>(method: K, params: HostToReport<M>[K]): void {
    if (this.to && this.listening) this.messenger.sendNotification({ method }, this.to, params);
  }

  private command(name: PanelCommand): void {
    if (name === 'cancel') this.work.cancel();
    else runPanelCommand(name, this.about.method);
  }

  private closed(): void {
    this.panel = this.to = this.answered = undefined;
    this.listening = false;
    this.work.cancel();
  }

  /** What was asked about a checkpoint and answered last. @param path its folder */
  answerAbout(path: string): ReportAnswer<M> | undefined {
    return this.answered?.of === path ? this.answered.answer : undefined;
  }

  private subject(): Subject | undefined {
    const { analyses, checkpoints } = this.parts;
    const { current } = analyses;
    if (this.about.about === 'analysis') return current && { checkpoint: current.checkpoint, analysis: current };
    return checkpoints.active && { checkpoint: checkpoints.active };
  }

  private empty(): PanelStatus {
    return { kind: 'empty', message: this.about.empty };
  }

  private setStatus(status: PanelStatus): void {
    this.status = status;
    this.send(hostToReport.status, status);
  }

  private start(): void {
    this.listening = true;
    this.asked = '';
    this.send(hostToReport.status, this.status);
    this.send(hostToReport.latents, this.parts.tokenLatents.now);
    this.refresh();
  }

  private setQuestion(question: ReportQuestions[M] | undefined): void {
    this.question = question;
    this.questionOf = this.subject()?.checkpoint.path;
  }

  private ask(question: ReportQuestions[M]): void {
    this.setQuestion(question);
    this.asked = '';
    this.answered = undefined;
    void this.answer();
  }

  /** The panel is about something else, or about the same in another state. */
  private refresh(): void {
    if (!this.listening) return;
    const subject = this.subject();
    if (!subject) {
      this.asked = '';
      this.work.cancel();
      this.setStatus(this.empty());
      return;
    }
    if (this.questionOf !== subject.checkpoint.path && !this.about.portable) this.setQuestion(this.about.initial);
    if (!this.question) {
      this.setStatus(this.empty());
      return;
    }
    this.send(hostToReport.subject, described(subject));
    this.send(hostToReport.selection, { selection: this.parts.selection.value, origin: 'host', seq: 0 });
    void this.answer();
  }

  /** Asks the engine, unless it was asked the same last. */
  private async answer(): Promise<void> {
    const subject = this.subject();
    const { question } = this;
    if (!this.listening || !this.panel?.visible || !subject || !question) return;
    const params = this.about.params(question, subject, this.parts.selection.value);
    const asked = JSON.stringify([subject.checkpoint.path, subject.analysis?.info.id, params]);
    if (asked === this.asked) return;
    this.asked = asked;
    if (this.answered?.asked === asked) {
      this.sendAnswer(this.answered.answer);
      return;
    }
    let failed = false;
    const result = await this.work.run(
      this.about.title,
      (token, onProgress) => this.request(subject, params, token, onProgress),
      (message) => {
        failed = true;
        if (this.asked === asked) this.setStatus({ kind: 'error', message });
      },
    );
    if (this.asked !== asked || failed) return;
    if (result) {
      this.answered = { asked, of: subject.checkpoint.path, answer: { question, result } };
      this.sendAnswer({ question, result });
    } else
      this.setStatus({
        kind: 'error',
        message: vscode.l10n.t('{0}: stopped before there was an answer.', this.about.title),
      });
  }

  private sendAnswer(answer: ReportAnswer<M>): void {
    this.work.cancel();
    this.send(hostToReport.answer, answer);
    this.setStatus({ kind: 'ready' });
  }

  /** The engine may have lost the checkpoint (it died, or the window reloaded): then once more with its new id. */
  private async request(
    { checkpoint }: Subject,
    params: Params<M>,
    token: vscode.CancellationToken,
    onProgress: (p: EngineProgress) => void,
  ): Promise<CircuitRequests[M][1]> {
    const { engine, checkpoints } = this.parts;
    const once = async (): Promise<CircuitRequests[M][1]> => {
      await engine.whenReady();
      const { id } = checkpoints.at(checkpoint.path) ?? checkpoint;
      const whole = { ...params, checkpointId: id } as CircuitRequests[M][0];
      return engine.request(this.about.method, whole, { token, onProgress });
    };
    return once().catch((error: unknown) => {
      if (isGone(error)) return once();
      throw error;
    });
  }

  dispose(): void {
    this.panel?.dispose();
    this.disposables.forEach((d) => d.dispose());
  }
}

/** In the group where the panels are, if there is one, else beside the editor. */
export function besideEditor(): vscode.ViewColumn {
  const group = vscode.window.tabGroups.all.find(({ tabs }) =>
    tabs.some(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.includes('circuitscope.')),
  );
  return group?.viewColumn ?? vscode.ViewColumn.Beside;
}

function described({ checkpoint, analysis }: Subject): ReportSubject {
  if (!analysis) return { checkpoint, stale: false };
  const { info, source, stale } = analysis;
  return { checkpoint, analysis: info, sourceName: source.name, stale };
}
