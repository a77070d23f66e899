import { access } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { TrainToyParams } from '../protocol/training';
import { freshFolder } from './sweepFolders';
import { DEFAULT_GLOB } from './sweepQuestions';
import type { TrainingPlan } from './trainingRun';
import { browseLine, globPrompt, notEmpty, wholeNumber } from './words';

const FOLDER = ['.circuitscope', 'trainings'];
/** Of an editor's text, where nothing is selected. */
const SNIPPET = 200;

type ToyLayers = TrainToyParams['layers'];

/** One question: how it is asked, and what is wrong with an answer. */
interface Question {
  prompt: string;
  value: string;
  wrong?: (text: string) => string | undefined;
}

const wholeFrom =
  (least: number, most = 1e9) =>
  (text: string): string | undefined => {
    const is = /^\d+$/.test(text.trim()) && Number(text) >= least && Number(text) <= most;
    if (is) return undefined;
    return most === 1e9 ? vscode.l10n.t('A whole number of at least {0}.', least) : wholeNumber(least, most);
  };

/** Asks one after the other; Escape ends all. A question may depend on the answers before. */
async function askAll(
  title: string,
  questions: ((before: string[]) => Question | Promise<Question>)[],
): Promise<string[] | undefined> {
  const answers: string[] = [];
  for (const [i, question] of questions.entries()) {
    const { prompt, value, wrong } = await question(answers);
    const answer = await vscode.window.showInputBox({
      title: `${title} (${i + 1}/${questions.length})`,
      ...{ prompt, value, ignoreFocusOut: true },
      validateInput: (text) => (text.trim() === '' ? notEmpty() : wrong?.(text)),
    });
    if (answer === undefined) return undefined;
    answers.push(answer.trim());
  }
  return answers;
}

const globIn = (folder: string) => (): Question => ({
  prompt: globPrompt(folder),
  value: DEFAULT_GLOB,
});
const stepsOf = (value: string, prompt: string) => (): Question => ({
  prompt,
  value,
  wrong: wholeFrom(1),
});

/** A folder of the workspace that is not there yet. */
async function outIn(folder: string, name: string): Promise<Question> {
  const usual = path.join(folder, ...FOLDER, name);
  const taken = await access(usual).then(
    () => true,
    () => false,
  );
  return {
    prompt: vscode.l10n.t('Folder of the result. A training that was begun there goes on.'),
    value: taken ? await freshFolder(usual) : usual,
  };
}

/** Corpus, size, steps and folder of a multi-layer SAE. */
export async function askMlsae({ name, path: checkpointPath }: CheckpointInfo): Promise<TrainingPlan | undefined> {
  const folder = await textsFolder();
  if (folder === undefined) return undefined;
  const answers = await askAll(vscode.l10n.t('Train an MLSAE on {0}', name), [
    globIn(folder),
    () => ({
      prompt: vscode.l10n.t('Expansion factor: latents for each dimension of the model'),
      value: '16',
      wrong: wholeFrom(1, 1024),
    }),
    () => ({
      prompt: vscode.l10n.t('k: latents that are active on a token at a layer'),
      value: '32',
      wrong: wholeFrom(1),
    }),
    stepsOf('1000', vscode.l10n.t('Steps of 2048 tokens, each at every layer')),
    ([, factor, k]) => outIn(folder, `mlsae-${name}-x${factor}-k${k}`),
  ]);
  if (!answers) return undefined;
  const [glob, factor, k, steps, out] = answers as [string, string, string, string, string];
  const corpus = { globs: [glob], folder };
  const sizes = { expansionFactor: Number(factor), k: Number(k), steps: Number(steps) };
  return { kind: 'mlsae', checkpointPath, params: { corpus, out: path.resolve(folder, out), ...sizes } };
}

const LAYERS: (vscode.QuickPickItem & { layers: ToyLayers })[] = [
  {
    layers: 2,
    label: vscode.l10n.t('Two layers'),
    detail: vscode.l10n.t('Induction heads form: previous-token heads compose with them.'),
  },
  {
    layers: 1,
    label: vscode.l10n.t('One layer'),
    detail: vscode.l10n.t('Skip-trigrams: every head reads tokens and writes logits.'),
  },
  { layers: 0, label: vscode.l10n.t('No layer'), detail: vscode.l10n.t('Bigrams: embedding and unembedding only.') },
];

const trainTitle: Record<ToyLayers, string> = {
  0: vscode.l10n.t('Train an attention-only transformer of no layer'),
  1: vscode.l10n.t('Train an attention-only transformer of one layer'),
  2: vscode.l10n.t('Train an attention-only transformer of two layers'),
};

/** Layers, corpus, steps and folder of an attention-only transformer. */
export async function askToy(editor?: vscode.TextEditor): Promise<TrainingPlan | undefined> {
  const folder = await textsFolder();
  const placeHolder = vscode.l10n.t('Layers of the attention-only transformer');
  const chosen = folder !== undefined && (await vscode.window.showQuickPick(LAYERS, { placeHolder, ignoreFocusOut: true })); // prettier-ignore
  if (!chosen) return undefined;
  const { layers } = chosen;
  const answers = await askAll(trainTitle[layers], [
    globIn(folder),
    stepsOf('2000', vscode.l10n.t('Steps of 16 sequences of 256 tokens')),
    () => outIn(folder, `toy-${layers}l`),
  ]);
  if (!answers) return undefined;
  const [glob, steps, out] = answers as [string, string, string];
  const snippet = editor && snippetOf(editor);
  const where = { corpus: { globs: [glob], folder }, out: path.resolve(folder, out) };
  return { kind: 'toy', params: { ...where, layers, steps: Number(steps), ...(snippet && { snippet }) } };
}

/** What is selected, else the beginning of the text. */
function snippetOf({ document, selection }: vscode.TextEditor): string {
  const selected = selection.isEmpty ? '' : document.getText(selection);
  return (selected || document.getText()).slice(0, SNIPPET);
}

/** A folder with `training.json`: those of the workspace, or any. */
export async function chooseTraining(): Promise<string | undefined> {
  const found = await vscode.workspace.findFiles('**/training.json', '**/node_modules/**', 200);
  const choices = found
    .map(({ fsPath }) => path.dirname(fsPath))
    .sort()
    .map((target) => ({
      label: `$(graph-line) ${path.basename(target)}`,
      detail: vscode.workspace.asRelativePath(target),
      target,
    }));
  if (choices.length === 0) return browse();
  const other = {
    label: browseLine(),
    detail: vscode.l10n.t('Any folder with training.json'),
    target: '',
    alwaysShow: true,
  };
  const choice = await vscode.window.showQuickPick([...choices, other], {
    placeHolder: vscode.l10n.t('Training to open'),
    ignoreFocusOut: true,
  });
  return choice && (choice.target || browse());
}

const browse = (): Promise<string | undefined> =>
  askFolder(vscode.l10n.t('Open Training'), vscode.l10n.t('A folder with training.json'));

async function textsFolder(): Promise<string | undefined> {
  return (
    vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ??
    askFolder(vscode.l10n.t('Choose Folder'), vscode.l10n.t('Folder of the texts'))
  );
}

async function askFolder(openLabel: string, title: string): Promise<string | undefined> {
  const [uri] =
    (await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel, title })) ?? [];
  return uri?.fsPath;
}
