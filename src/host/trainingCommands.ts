import * as path from 'node:path';
import * as vscode from 'vscode';
import type { TrainingAction } from '../protocol/trainingPanel';
import type { CheckpointChooser } from './chooseCheckpoint';
import type { Checkpoints } from './checkpoints';
import type { Editors } from './editors';
import type { Latents } from './latents';
import { showError } from './log';
import { askToStartOver } from './sweepQuestions';
import { askMlsae, askToy, chooseTraining } from './trainingQuestions';
import type { TrainingPanel } from './trainingPanel';
import type { TrainingPlan } from './trainingRun';
import type { Training, Trainings } from './trainings';
import { checkpointOf } from './treeNodes';
import { sentence } from './work';
import { wantsOtherFolder } from './words';

export interface TrainingCommandParts {
  checkpoints: Checkpoints;
  chooser: CheckpointChooser;
  editors: Editors;
  latents: Latents;
  trainings: Trainings;
  trainingPanel: TrainingPanel;
}

/** Commands about trainings, by their id without `circuitscope.`. */
export const trainingCommands = (p: TrainingCommandParts): Record<string, (...args: never[]) => unknown> => ({
  trainMlsae: async (on?: unknown) => {
    const checkpoint = checkpointOf(on) ?? (await p.chooser.ensure());
    const plan = checkpoint && (await askMlsae(checkpoint));
    if (plan) await begin(p, plan);
  },
  trainToy: async () => {
    const plan = await askToy(p.editors.last);
    if (plan) await begin(p, plan);
  },
  /** On a folder of the explorer, or by asking. */
  openTraining: async (on?: unknown) => {
    const dir = on instanceof vscode.Uri ? await folderOf(on.fsPath) : await chooseTraining();
    if (dir === undefined) return;
    try {
      await p.trainings.open(dir);
      p.trainingPanel.show(dir);
    } catch (error) {
      showError(sentence(vscode.l10n.t('Opening {0}', path.basename(dir)), error));
    }
  },
  showTraining: () => p.trainingPanel.show(),
});

const folderOf = async (file: string): Promise<string> =>
  path.basename(file) === 'training.json' ? path.dirname(file) : file;

async function begin(p: TrainingCommandParts, plan: TrainingPlan): Promise<void> {
  const { out } = plan.params;
  const running = p.trainings.run(plan);
  p.trainingPanel.show(out);
  const state = await running;
  const message = p.trainings.at(out)?.info.message ?? '';
  if (state !== 'failed' || !wantsOtherFolder(message)) return;
  const other = await askToStartOver(out, message);
  if (other === undefined) return;
  await p.trainings.forget(out);
  await begin(p, { ...plan, params: { ...plan.params, out: other } } as TrainingPlan);
}

/** What the panel's buttons do. */
export async function actOnTraining(
  p: Omit<TrainingCommandParts, 'trainingPanel' | 'editors'>,
  { dir, action }: { dir: string; action: TrainingAction },
): Promise<void> {
  const { trainings } = p;
  const training = trainings.at(dir);
  if (!training) return;
  const actions: Record<TrainingAction, () => unknown> = {
    pause: () => trainings.pause(dir),
    stop: () => trainings.stop(dir),
    forget: () => trainings.forget(dir),
    resume: () => resume(p, training),
    openResult: () => openResult(p, training),
  };
  try {
    await actions[action]();
  } catch (error) {
    showError(sentence(training.info.name, error));
  }
}

type Opening = Pick<TrainingCommandParts, 'checkpoints' | 'chooser' | 'latents' | 'trainings'>;

async function resume(p: Opening, training: Training): Promise<void> {
  const plan = training.plan ?? (await planFromFolder(p, training));
  if (plan) await p.trainings.run(plan);
}

/** The folder does not say where its checkpoint is: the open one is taken, and the engine refuses another model. */
async function planFromFolder(p: Opening, { record, info }: Training): Promise<TrainingPlan | undefined> {
  if (!record) return undefined;
  const params = { ...record.params, out: info.dir };
  if (record.kind === 'toy') return { kind: 'toy', params } as TrainingPlan;
  const checkpoint = await p.chooser.ensure();
  return checkpoint && ({ kind: 'mlsae', checkpointPath: checkpoint.path, params } as TrainingPlan);
}

/** An SAE beside its model; a toy transformer as a checkpoint: as it was saved last, also while it goes on. */
async function openResult(p: Opening, training: Training): Promise<void> {
  const { dir, kind } = training.info;
  const { folder } = await p.trainings.result(dir);
  if (kind === 'toy') {
    if (await p.checkpoints.open(folder)) await vscode.commands.executeCommand('circuitscope.showCircuits');
    return;
  }
  const { plan } = training;
  const from = plan?.kind === 'mlsae' ? plan.checkpointPath : undefined;
  const checkpoint =
    from === undefined ? await p.chooser.ensure() : (p.checkpoints.at(from) ?? (await p.checkpoints.open(from)));
  const sae = checkpoint && (await p.latents.open(checkpoint, folder));
  if (!checkpoint || !sae) return;
  p.checkpoints.choose(checkpoint);
  await vscode.commands.executeCommand('circuitscope.showLayers');
}
