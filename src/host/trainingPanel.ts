import * as vscode from 'vscode';
import {
  hostToTraining,
  trainingToHost,
  type HostToTraining,
  type TrainingAction,
  type TrainingToHost,
} from '../protocol/trainingPanel';
import { exportHistory } from './exportHistory';
import { SinglePanel } from './singlePanel';
import type { Trainings } from './trainings';

export const TRAINING_VIEW = 'circuitscope.training';

export interface TrainingPanelParts {
  extensionUri: vscode.Uri;
  trainings: Trainings;
  act(what: { dir: string; action: TrainingAction }): Promise<void>;
}

/** How trainings go, live; several in one chart. */
export class TrainingPanel implements vscode.Disposable {
  private readonly panel: SinglePanel<HostToTraining, TrainingToHost>;
  private focus: string | undefined;
  private readonly disposables: vscode.Disposable[] = [];

  constructor(private readonly parts: TrainingPanelParts) {
    const { extensionUri, trainings } = parts;
    const about = {
      extensionUri,
      view: TRAINING_VIEW,
      page: 'training',
      title: vscode.l10n.t({ message: 'Training', comment: ['Title of a panel'] }),
    };
    const panel = (this.panel = new SinglePanel(about, trainingToHost.ready, () => this.start()));
    panel.on(trainingToHost.command, (name) => void vscode.commands.executeCommand(`circuitscope.${name}`));
    panel.on(trainingToHost.action, (what) => void parts.act(what));
    panel.on(trainingToHost.exportHistory, ({ dir, format }) => void exportHistory(trainings, dir, format));
    this.disposables.push(
      panel,
      trainings.onDidChange(() => this.sendList()),
      trainings.onDidGetPoints((points) => panel.send(hostToTraining.points, points)),
      trainings.onDidGetAttention((attention) => panel.send(hostToTraining.attention, attention)),
    );
  }

  /** Beside the editor, which keeps the focus. @param dir the training that it is about */
  show(dir?: string): void {
    this.focus = dir ?? this.focus;
    if (dir !== undefined) this.panel.send(hostToTraining.focus, dir);
    this.panel.show();
  }

  /** Takes over a panel that VS Code made, after a reload. */
  adopt(panel: vscode.WebviewPanel): void {
    this.panel.adopt(panel);
  }

  private start(): void {
    for (const { info, history, attention } of this.parts.trainings.all) {
      this.panel.send(hostToTraining.points, { dir: info.dir, from: 0, points: [...history.points] });
      if (attention) this.panel.send(hostToTraining.attention, { dir: info.dir, attention });
    }
    if (this.focus !== undefined) this.panel.send(hostToTraining.focus, this.focus);
    this.sendList();
  }

  private sendList(): void {
    this.panel.send(
      hostToTraining.trainings,
      this.parts.trainings.all.map(({ info }) => info),
    );
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}
