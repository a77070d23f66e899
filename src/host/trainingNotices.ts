import * as vscode from 'vscode';
import type { TrainingAction } from '../protocol/trainingPanel';
import { showError } from './log';
import type { Serializers } from './restore';
import { TRAINING_VIEW, type TrainingPanel } from './trainingPanel';
import type { Training, Trainings } from './trainings';

export interface TrainingNoticesParts {
  trainings: Trainings;
  panel: TrainingPanel;
  act(what: { dir: string; action: TrainingAction }): Promise<void>;
}

/** Says when a training has ended, shows in the status bar that one runs, and offers after a reload what was not finished. */
export function watchTrainings(parts: TrainingNoticesParts): vscode.Disposable {
  const { trainings } = parts;
  const item = vscode.window.createStatusBarItem(vscode.StatusBarAlignment.Right, 50);
  item.name = vscode.l10n.t('Circuitscope Training');
  item.command = 'circuitscope.showTraining';
  void offerUnfinished(parts);
  return vscode.Disposable.from(
    item,
    trainings.onDidChange(() => showRunning(item, trainings.all)),
    trainings.onDidEnd((training) => void sayEnd(parts, training)),
  );
}

/** After a reload the panel comes back. */
export const restoreTraining = (panel: TrainingPanel): Serializers => ({
  [TRAINING_VIEW]: {
    deserializeWebviewPanel: (webviewPanel) => {
      panel.adopt(webviewPanel);
      return Promise.resolve();
    },
  },
});

function showRunning(item: vscode.StatusBarItem, all: readonly Training[]): void {
  const running = all.filter(({ info }) => ['starting', 'running', 'pausing'].includes(info.state));
  const parts = running.map(({ info: { name, step, totalSteps } }) => `${name} ${percent(step, totalSteps)}`);
  item.text = `$(graph-line) ${parts.join(', ')}`;
  item.tooltip = vscode.l10n.t('Training: show its panel');
  if (running.length > 0) item.show();
  else item.hide();
}

const percent = (step: number, total: number): string => `${total > 0 ? Math.floor((100 * step) / total) : 0} %`;

async function sayEnd({ act, panel }: TrainingNoticesParts, { info }: Training): Promise<void> {
  const { dir, name, state, message } = info;
  if (state === 'failed') {
    showError(message ?? vscode.l10n.t('Training {0} failed.', name));
    return;
  }
  const [open, show] = [vscode.l10n.t('Open Result'), vscode.l10n.t('Show Training')];
  const answer = await vscode.window.showInformationMessage(vscode.l10n.t('{0} is trained.', name), open, show);
  if (answer === open) await act({ dir, action: 'openResult' });
  if (answer === show) panel.show(dir);
}

/** One question for each, in the order in which they were begun. */
async function offerUnfinished({ trainings, panel, act }: TrainingNoticesParts): Promise<void> {
  for (const plan of trainings.unfinished) {
    const dir = plan.params.out;
    const training = await trainings.offer(plan);
    const { name, step, totalSteps } = training.info;
    const [now, all] = [step, totalSteps].map((n) => n.toLocaleString('en-US'));
    const said = vscode.l10n.t('The training {0} was not finished (step {1} of {2}).', name, now!, all!);
    const [resume, show, forget] = [vscode.l10n.t('Resume'), vscode.l10n.t('Show'), vscode.l10n.t('Forget It')];
    void vscode.window.showWarningMessage(said, resume, show, forget).then(async (answer) => {
      if (answer === resume || answer === show) panel.show(dir);
      if (answer === resume) await act({ dir, action: 'resume' });
      if (answer === forget) await act({ dir, action: 'forget' });
    });
  }
}
