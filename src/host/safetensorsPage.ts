import * as path from 'node:path';
import * as vscode from 'vscode';
import { Messenger } from 'vscode-messenger';
import type { WebviewIdMessageParticipant } from 'vscode-messenger-common';
import type { EngineProgress } from '../protocol/engine';
import {
  type Answer,
  hostToSafetensors,
  type HostToSafetensors,
  safetensorsToHost,
  type SafetensorsToHost,
  type ShownFile,
} from '../protocol/safetensorsEditor';
import { EngineCancelledError } from './engineClient';
import type { EngineService } from './engineService';
import type { Log } from './log';
import { webviewOptions, webviewPage, webviewRoot } from './webviewPage';
import { sentence } from './work';

export interface SafetensorsPageParts {
  extensionUri: vscode.Uri;
  engine: EngineService;
  log: Log;
  uri: vscode.Uri;
}

/** What is asked of the engine, one question of a kind at a time. */
type Kind = 'file' | 'summary' | 'heatmap';
type Task<T> = (token: vscode.CancellationToken, onProgress: (progress: EngineProgress) => void) => Promise<T>;

/** One editor of a `.safetensors` file. */
export class SafetensorsPage implements vscode.Disposable {
  private readonly messenger = new Messenger();
  private readonly to: WebviewIdMessageParticipant;
  private readonly running = new Map<Kind, vscode.CancellationTokenSource>();
  private listening = false;
  private disposed = false;
  private version = 0;
  private shown: Answer<ShownFile> = { kind: 'busy', message: vscode.l10n.t('Reading the header') };
  private readonly disposables: vscode.Disposable[] = [];

  constructor(
    private readonly parts: SafetensorsPageParts,
    panel: vscode.WebviewPanel,
  ) {
    const root = webviewRoot(parts.extensionUri);
    panel.webview.options = webviewOptions(root);
    this.to = this.messenger.registerWebviewPanel(panel);
    this.listen();
    void this.load();
    panel.webview.html = webviewPage(panel.webview, root, 'safetensors', vscode.l10n.t('Tensors'));
  }

  /** What the page shows. */
  get file(): Answer<ShownFile> {
    return this.shown;
  }

  /** Its script runs. */
  get isListening(): boolean {
    return this.listening;
  }

  /** Reads the header (again) and shows it. */
  async load(): Promise<void> {
    const { fsPath, scheme } = this.parts.uri;
    if (scheme !== 'file') {
      const message = vscode.l10n.t('{0} is not on a disk ({1}:); a file was expected.', this.parts.uri.path, scheme);
      this.show({ kind: 'error', message });
      return;
    }
    this.cancel('summary');
    this.cancel('heatmap');
    const read: Task<ShownFile> = async (token) => {
      const file = await this.parts.engine.request('tensorFile', { path: fsPath }, { token });
      return { ...file, path: fsPath, version: ++this.version };
    };
    await this.ask('file', vscode.l10n.t('Reading the header'), read, (answer) => this.show(answer));
  }

  private listen(): void {
    const { engine, log, uri } = this.parts;
    const file = uri.fsPath;
    this.on(safetensorsToHost.ready, () => {
      this.listening = true;
      this.send(hostToSafetensors.file, this.shown);
    });
    this.on(
      safetensorsToHost.askSummary,
      ({ seq, ...about }) =>
        void this.ask(
          'summary',
          vscode.l10n.t('Reading values'),
          (token, onProgress) => engine.request('tensorSummary', { path: file, ...about }, { token, onProgress }),
          (answer) => this.send(hostToSafetensors.summary, { seq, answer }),
        ),
    );
    this.on(
      safetensorsToHost.askHeatmap,
      ({ seq, ...about }) =>
        void this.ask(
          'heatmap',
          vscode.l10n.t('Reading values'),
          (token, onProgress) => engine.request('tensorHeatmap', { path: file, ...about }, { token, onProgress }),
          (answer) => this.send(hostToSafetensors.heatmap, { seq, answer }),
        ),
    );
    this.on(safetensorsToHost.cancel, (kind) => this.cancel(kind));
    this.on(safetensorsToHost.openShard, (name) => this.openShard(name));
    this.on(
      safetensorsToHost.openCheckpoint,
      () => void vscode.commands.executeCommand('circuitscope.openCheckpoint', uri),
    );
    this.on(safetensorsToHost.showLog, () => log.show());
    this.on(safetensorsToHost.copy, (text) => void vscode.env.clipboard.writeText(text));
  }

  private openShard(name: string): void {
    // only what the engine found beside the file
    if (this.shown.kind !== 'ready' || !this.shown.value.shards.includes(name)) return;
    const shard = vscode.Uri.file(path.join(path.dirname(this.parts.uri.fsPath), name));
    void vscode.commands.executeCommand('vscode.open', shard);
  }

  private show(answer: Answer<ShownFile>): void {
    this.shown = answer;
    this.send(hostToSafetensors.file, answer);
  }

  private cancel(kind: Kind): void {
    this.running.get(kind)?.cancel();
  }

  /** Asks the engine in place of what was asked before, and tells how that goes. */
  private async ask<T>(kind: Kind, message: string, task: Task<T>, tell: (answer: Answer<T>) => void): Promise<void> {
    this.cancel(kind);
    const source = new vscode.CancellationTokenSource();
    this.running.set(kind, source);
    // what is answered late is nobody's
    const say = (answer: Answer<T>): void => {
      if (this.running.get(kind) === source && !this.disposed) tell(answer);
    };
    say({ kind: 'busy', message });
    try {
      say({ kind: 'ready', value: await task(source.token, (now) => say({ kind: 'busy', ...now })) });
    } catch (error) {
      const cancelled = error instanceof EngineCancelledError || source.token.isCancellationRequested;
      if (!cancelled) this.parts.log.error(sentence(message, error));
      say(cancelled ? { kind: 'cancelled' } : { kind: 'error', message: sentence(message, error) });
    } finally {
      if (this.running.get(kind) === source) this.running.delete(kind);
      source.dispose();
    }
  }

  private on<K extends keyof SafetensorsToHost & string>(
    method: K,
    handler: (params: SafetensorsToHost[K]) => void,
  ): void {
    this.disposables.push(this.messenger.onNotification<SafetensorsToHost[K]>({ method }, handler));
  }

  private send<K extends keyof HostToSafetensors & string>(method: K, params: HostToSafetensors[K]): void {
    if (this.listening && !this.disposed) this.messenger.sendNotification({ method }, this.to, params);
  }

  dispose(): void {
    this.disposed = true;
    for (const source of this.running.values()) source.cancel();
    this.disposables.forEach((d) => d.dispose());
  }
}
