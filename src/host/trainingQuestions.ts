import { access } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { TrainToyParams } from '../protocol/training';
import { freshFolder } from './sweepFolders';
import { DEFAULT_GLOB } from './sweepQuestions';
import type { TrainingPlan } from './trainingRun';

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
    const end = most === 1e9 ? ` of at least ${least}` : ` from ${least} to ${most}`;
    return is ? undefined : `A whole number${end}.`;
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
      validateInput: (text) => (text.trim() === '' ? 'Something must stand here.' : wrong?.(text)),
    });
    if (answer === undefined) return undefined;
    answers.push(answer.trim());
  }
  return answers;
}

const globIn = (folder: string) => (): Question => ({
  prompt: `Files below ${folder}: a glob. .jsonl, .jsonl.zst and .parquet have a text a row, others are one text each.`,
  value: DEFAULT_GLOB,
});
const stepsOf = (value: string, what: string) => (): Question => ({
  prompt: `Steps of ${what}`,
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
    prompt: 'Folder of the result. A training that was begun there goes on.',
    value: taken ? await freshFolder(usual) : usual,
  };
}

/** Corpus, size, steps and folder of a multi-layer SAE. */
export async function askMlsae({ name, path: checkpointPath }: CheckpointInfo): Promise<TrainingPlan | undefined> {
  const folder = await textsFolder();
  if (folder === undefined) return undefined;
  const answers = await askAll(`Train an MLSAE on ${name}`, [
    globIn(folder),
    () => ({
      prompt: 'Expansion factor: latents for each dimension of the model',
      value: '16',
      wrong: wholeFrom(1, 1024),
    }),
    () => ({ prompt: 'k: latents that are active on a token at a layer', value: '32', wrong: wholeFrom(1) }),
    stepsOf('1000', '2048 tokens, each at every layer'),
    ([, factor, k]) => outIn(folder, `mlsae-${name}-x${factor}-k${k}`),
  ]);
  if (!answers) return undefined;
  const [glob, factor, k, steps, out] = answers as [string, string, string, string, string];
  const corpus = { globs: [glob], folder };
  const sizes = { expansionFactor: Number(factor), k: Number(k), steps: Number(steps) };
  return { kind: 'mlsae', checkpointPath, params: { corpus, out: path.resolve(folder, out), ...sizes } };
}

const LAYERS: (vscode.QuickPickItem & { layers: ToyLayers })[] = [
  { layers: 2, label: 'Two layers', detail: 'Induction heads form: previous-token heads compose with them.' },
  { layers: 1, label: 'One layer', detail: 'Skip-trigrams: every head reads tokens and writes logits.' },
  { layers: 0, label: 'No layer', detail: 'Bigrams: embedding and unembedding only.' },
];

/** Layers, corpus, steps and folder of an attention-only transformer. */
export async function askToy(editor?: vscode.TextEditor): Promise<TrainingPlan | undefined> {
  const folder = await textsFolder();
  const chosen = folder !== undefined && (await vscode.window.showQuickPick(LAYERS, { placeHolder: 'Layers of the attention-only transformer' })); // prettier-ignore
  if (!chosen) return undefined;
  const { layers } = chosen;
  const answers = await askAll(`Train an attention-only transformer of ${chosen.label.toLowerCase()}`, [
    globIn(folder),
    stepsOf('2000', '16 sequences of 256 tokens'),
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
    label: '$(folder-opened) Browse…',
    detail: 'Any folder with training.json',
    target: '',
    alwaysShow: true,
  };
  const choice = await vscode.window.showQuickPick([...choices, other], { placeHolder: 'Training to open' });
  return choice && (choice.target || browse());
}

const browse = (): Promise<string | undefined> => askFolder('Open Training', 'A folder with training.json');

async function textsFolder(): Promise<string | undefined> {
  return vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? askFolder('Choose Folder', 'Folder of the texts');
}

async function askFolder(openLabel: string, title: string): Promise<string | undefined> {
  const [uri] =
    (await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel, title })) ?? [];
  return uri?.fsPath;
}
