import * as vscode from 'vscode';
import { Messenger } from 'vscode-messenger';
import type { WebviewIdMessageParticipant } from 'vscode-messenger-common';
import {
  hostToTraining,
  trainingToHost,
  type HostToTraining,
  type TrainingAction,
  type TrainingToHost,
} from '../protocol/trainingPanel';
import { besideEditor } from './reportPanel';
import type { Trainings } from './trainings';
import { webviewPage, webviewRoot } from './webviewPage';

export const TRAINING_VIEW = 'circuitscope.training';

export interface TrainingPanelParts {
  extensionUri: vscode.Uri;
  trainings: Trainings;
  act(what: { dir: string; action: TrainingAction }): Promise<void>;
}

/** How trainings go, live; several in one chart. */
export class TrainingPanel implements vscode.Disposable {
  private readonly messenger = new Messenger();
  private panel: vscode.WebviewPanel | undefined;
  private to: WebviewIdMessageParticipant | undefined;
  private listening = false;
  private focus: string | undefined;
  private readonly disposables: vscode.Disposable[] = [];

  constructor(private readonly parts: TrainingPanelParts) {
    const { trainings } = parts;
    this.on(trainingToHost.ready, () => this.start());
    this.on(trainingToHost.command, (name) => void vscode.commands.executeCommand(`circuitscope.${name}`));
    this.on(trainingToHost.action, (what) => void parts.act(what));
    this.disposables.push(
      trainings.onDidChange(() => this.sendList()),
      trainings.onDidGetPoints((points) => this.send(hostToTraining.points, points)),
      trainings.onDidGetAttention((attention) => this.send(hostToTraining.attention, attention)),
    );
  }

  /** Beside the editor, which keeps the focus. @param dir the training that it is about */
  show(dir?: string): void {
    this.focus = dir ?? this.focus;
    if (dir !== undefined) this.send(hostToTraining.focus, dir);
    if (this.panel) {
      this.panel.reveal(undefined, true);
      return;
    }
    const place = { viewColumn: besideEditor(), preserveFocus: true };
    this.adopt(vscode.window.createWebviewPanel(TRAINING_VIEW, 'Training', place));
  }

  /** Takes over a panel that VS Code made (after a reload) or that `show` made. */
  adopt(panel: vscode.WebviewPanel): void {
    this.panel?.dispose();
    this.panel = panel;
    this.listening = false;
    const { extensionUri } = this.parts;
    const root = webviewRoot(extensionUri);
    panel.iconPath = vscode.Uri.joinPath(extensionUri, 'media', 'activity.svg');
    panel.webview.options = { enableScripts: true, localResourceRoots: [root] };
    this.to = this.messenger.registerWebviewPanel(panel);
    panel.onDidDispose(() => {
      if (this.panel !== panel) return;
      this.panel = this.to = undefined;
      this.listening = false;
    });
    panel.webview.html = webviewPage(panel.webview, root, 'training', 'Training');
  }

  private on<K extends keyof TrainingToHost>(method: K, handler: (params: TrainingToHost[K]) => void): void {
    this.disposables.push(this.messenger.onNotification<TrainingToHost[K]>({ method }, handler));
  }

  private send<K extends keyof HostToTraining>(method: K, params: HostToTraining[K]): void {
    if (this.to && this.listening) this.messenger.sendNotification({ method }, this.to, params);
  }

  private start(): void {
    this.listening = true;
    for (const { info, history, attention } of this.parts.trainings.all) {
      this.send(hostToTraining.points, { dir: info.dir, from: 0, points: [...history.points] });
      if (attention) this.send(hostToTraining.attention, { dir: info.dir, attention });
    }
    if (this.focus !== undefined) this.send(hostToTraining.focus, this.focus);
    this.sendList();
  }

  private sendList(): void {
    this.send(
      hostToTraining.trainings,
      this.parts.trainings.all.map(({ info }) => info),
    );
  }

  dispose(): void {
    this.panel?.dispose();
    this.disposables.forEach((d) => d.dispose());
  }
}
