import * as path from 'node:path';
import * as vscode from 'vscode';
import { Messenger } from 'vscode-messenger';
import type { WebviewIdMessageParticipant } from 'vscode-messenger-common';
import type { ResultCheck } from '../protocol/resultCheck';
import { readResult } from '../protocol/readResult';
import type { ResultFile } from '../protocol/resultFile';
import {
  hostToResult,
  resultToHost,
  type HostToResult,
  type ResultAction,
  type ResultPage,
  type ResultToHost,
} from '../protocol/resultPage';
import type { Log } from './log';
import type { Chosen, Found, Results, Watching } from './results';
import { webviewOptions, webviewPage, webviewRoot } from './webviewPage';
import { Work } from './work';

/** The page itself shows progress; what takes longer than this has a notification too. */
const PATIENCE_MS = 3000;

const CHOICES = {
  chooseCheckpoint: 'checkpoint',
  chooseSae: 'sae',
  chooseOther: 'other',
  chooseOtherSae: 'otherSae',
} as const;

export interface ResultEditorParts {
  extensionUri: vscode.Uri;
  results: Results;
  log: Log;
}

/** Opens `.circuitscope.json` as a page. The text of the file stays as it is. */
export class ResultEditor implements vscode.CustomTextEditorProvider, vscode.Disposable {
  private readonly messenger = new Messenger();
  private readonly open = new Map<string, ResultView>();

  constructor(private readonly parts: ResultEditorParts) {
    this.messenger.onNotification({ method: resultToHost.ready }, (_, sender) => this.of(sender)?.start());
    this.messenger.onNotification<ResultToHost[typeof resultToHost.act]>(
      { method: resultToHost.act },
      (action, sender) => void this.of(sender)?.act(action),
    );
  }

  /** Of an open file, for tests. */
  viewOf(uri: vscode.Uri): ResultView | undefined {
    return [...this.open.values()].find(({ document }) => document.uri.toString() === uri.toString());
  }

  private of(sender: unknown): ResultView | undefined {
    return this.open.get((sender as WebviewIdMessageParticipant).webviewId);
  }

  resolveCustomTextEditor(document: vscode.TextDocument, panel: vscode.WebviewPanel): void {
    const root = webviewRoot(this.parts.extensionUri);
    panel.webview.options = webviewOptions(root);
    const to = this.messenger.registerWebviewPanel(panel);
    const send = (page: ResultPage): void =>
      this.messenger.sendNotification<HostToResult[typeof hostToResult.page]>({ method: hostToResult.page }, to, page);
    const view = new ResultView(document, this.parts, send);
    this.open.set(to.webviewId, view);
    panel.onDidDispose(() => {
      this.open.delete(to.webviewId);
      view.dispose();
    });
    panel.webview.html = webviewPage(panel.webview, root, 'result', vscode.l10n.t('Result'));
  }

  dispose(): void {
    this.open.forEach((view) => view.dispose());
  }
}

/** One open file and what is known about it. */
export class ResultView implements vscode.Disposable {
  private readonly work: Work;
  private listening = false;
  private result: ResultPage['result'];
  private found: Partial<Found> = {};
  private chosen: Chosen = {};
  private check: ResultCheck | undefined;
  private busy: ResultPage['busy'];
  private failed: string | undefined;
  /** Counts what was looked for: of two answers the later question's counts. */
  private looks = 0;
  private readonly disposables: vscode.Disposable[];

  constructor(
    readonly document: vscode.TextDocument,
    private readonly parts: ResultEditorParts,
    private readonly send: (page: ResultPage) => void,
  ) {
    this.work = new Work(parts.log, PATIENCE_MS);
    this.result = this.read();
    this.disposables = [
      this.work,
      this.work.onDidChange((progress) => {
        this.busy = progress;
        this.show();
      }),
      vscode.workspace.onDidChangeTextDocument((e) => {
        if (e.document !== document || e.contentChanges.length === 0) return;
        this.result = this.read();
        this.forget();
        void this.look();
      }),
    ];
  }

  get page(): ResultPage {
    const { result, check, busy, failed } = this;
    return {
      file: path.basename(this.file),
      result,
      ...this.found,
      ...(check && { check }),
      ...(busy && { busy }),
      ...(failed !== undefined && { failed }),
    };
  }

  start(): void {
    this.listening = true;
    this.show();
    void this.look();
  }

  async act(action: ResultAction): Promise<void> {
    const { results } = this.parts;
    const { uri } = this.document;
    if (action === 'cancel') this.work.cancel();
    else if (action === 'text') await vscode.commands.executeCommand('vscode.openWith', uri, 'default');
    else if (action in CHOICES) await this.choose(CHOICES[action as keyof typeof CHOICES]);
    else if (action === 'open')
      await this.run(vscode.l10n.t('Opening'), (result, found, watching) =>
        results.openPanels(this.file, result, found, watching),
      );
    else
      await this.run(vscode.l10n.t('Running again'), async (result, found, watching) => {
        this.check = await results.check(this.file, result, found, watching);
      });
  }

  private get file(): string {
    return this.document.uri.fsPath;
  }

  private read(): ResultPage['result'] {
    const read = readResult(this.document.getText(), path.basename(this.file));
    return 'error' in read ? read : read.result;
  }

  private forget(): void {
    this.check = this.failed = undefined;
    this.found = {};
    this.show();
  }

  private show(): void {
    if (this.listening) this.send(this.page);
  }

  private async look(): Promise<void> {
    const { result } = this;
    if ('error' in result || result.patterns) return;
    const look = ++this.looks;
    const found = await this.parts.results.find(this.file, result, this.chosen);
    if (look !== this.looks || this.result !== result) return;
    this.found = found;
    this.show();
  }

  private async choose(what: keyof Chosen): Promise<void> {
    const [uri] =
      (await vscode.window.showOpenDialog({
        openLabel: vscode.l10n.t('Choose'),
        title:
          what === 'sae' || what === 'otherSae'
            ? vscode.l10n.t('The folder of the sparse autoencoder')
            : vscode.l10n.t('The folder of the checkpoint'),
        canSelectFolders: true,
        canSelectFiles: false,
      })) ?? [];
    if (!uri) return;
    this.chosen = { ...this.chosen, [what]: uri.fsPath };
    this.forget();
    await this.look();
  }

  private async run(
    title: string,
    task: (result: ResultFile, found: Found, watching: Watching) => Promise<void>,
  ): Promise<void> {
    const { result } = this;
    if ('patterns' in result && result.patterns) {
      this.failed = vscode.l10n.t(
        'These patterns were read from {0}: there is no checkpoint to run them again.',
        result.checkpoint.name,
      );
      return this.show();
    }
    const { checkpoint, ...rest } = this.found;
    if ('error' in result || !checkpoint || [checkpoint, rest.other].some((each) => each?.problem !== undefined))
      return;
    this.failed = undefined;
    await this.work.run(
      title,
      (token, onProgress) => task(result, { checkpoint, ...rest }, { token, onProgress }),
      (message) => (this.failed = message),
    );
    this.show();
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}
