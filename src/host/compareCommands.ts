import * as vscode from 'vscode';
import type { Checkpoints } from './checkpoints';
import type { CheckpointChooser } from './chooseCheckpoint';
import type { SecondChooser } from './chooseSecond';
import type { ComparePanel } from './comparePanel';
import type { Comparison } from './comparison';
import type { TrainingSteps } from './trainingSteps';
import { checkpointOf } from './treeNodes';
import { stepLabel, stepWords } from '../protocol/steps';

export interface CompareCommandParts {
  checkpoints: Checkpoints;
  chooser: CheckpointChooser;
  comparison: Comparison;
  comparePanel: ComparePanel;
  secondChooser: SecondChooser;
  steps: TrainingSteps;
}

/** Commands about a second checkpoint and about steps of a training, by their id without `circuitscope.`. */
export const compareCommands = (p: CompareCommandParts): Record<string, (...args: never[]) => unknown> => ({
  compareCheckpoint: (on?: unknown) => compareWith(p, on),
  goToStep: async (index?: number) => {
    const to = index ?? (await pickStep(p.steps));
    if (to !== undefined) await p.steps.goTo(to);
  },
  nextStep: () => p.steps.move(1),
  previousStep: () => p.steps.move(-1),
});

/** `on`: a folder or file in the explorer, which is compared with the open one; a checkpoint in a tree, which is compared with another. */
async function compareWith(p: CompareCommandParts, on: unknown): Promise<void> {
  const node = checkpointOf(on);
  if (node) p.checkpoints.choose(node);
  if (!(await p.chooser.ensure())) return;
  const target = on instanceof vscode.Uri ? on.fsPath : await p.secondChooser.pick();
  if (target !== undefined && (await p.comparison.with(target))) p.comparePanel.show();
}

async function pickStep({ now }: TrainingSteps): Promise<number | undefined> {
  if (!now) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t('The open checkpoint does not lie in a folder of training steps (step1000, step2000, …).'),
    );
    return undefined;
  }
  const { steps, current } = now;
  const items = steps.map((step, index) => ({
    label: `${index === current ? '$(circle-filled)' : '$(circle-outline)'} ${stepLabel(step)}`,
    description: step.name,
    index,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Go to Training Step ({0})', stepWords(now, current)),
    placeHolder: vscode.l10n.t('The step that is opened in place of the open one; all panels follow'),
    matchOnDescription: true,
    ignoreFocusOut: true,
  });
  return picked?.index;
}

/** Which step is open; a click chooses another. */
export function createStepStatus(steps: TrainingSteps): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('circuitscope.step', vscode.StatusBarAlignment.Right, 89);
  item.name = vscode.l10n.t('Circuitscope Training Step');
  item.command = 'circuitscope.goToStep';
  const update = (): void => {
    const { now } = steps;
    if (!now) {
      item.hide();
      return;
    }
    const { current, target } = now;
    const at = target ?? current;
    item.text = `$(${target === undefined ? 'history' : 'loading~spin'}) ${stepLabel(now.steps[at]!)}`;
    item.tooltip = vscode.l10n.t('Training {0}: choose another', stepWords(now, at));
    item.accessibilityInformation = { label: vscode.l10n.t('Training {0}', stepWords(now, at)), role: 'button' };
    item.show();
  };
  return vscode.Disposable.from(item, steps.onDidChange(update));
}
