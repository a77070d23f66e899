import * as path from 'node:path';
import * as vscode from 'vscode';
import type { SaeInfo } from '../protocol/latents';
import type { Corpus } from '../protocol/latents/corpus';
import { freshFolder, isComplete } from './sweepFolders';
import type { SweepPlan } from './sweeps';
import { browseLine, globPrompt, notEmpty } from './words';

export const DEFAULT_GLOB = '**/*.{ts,tsx,js,py,rs,go,java,c,cpp,md,txt}';
const FOLDER = ['.circuitscope', 'sweeps'];

const workspaceFolder = (): string | undefined => vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;

/** Which texts, and where the results go; what was not finished is offered again. */
export async function askSweep(
  sae: SaeInfo,
  unfinished?: SweepPlan,
): Promise<{ corpus: Corpus; out: string } | undefined> {
  const last = unfinished?.saePath === sae.path ? unfinished : undefined;
  const folder = last?.corpus.folder ?? workspaceFolder() ?? (await askFolder());
  if (folder === undefined) return undefined;
  const title = vscode.l10n.t('Sweep a corpus with {0}', sae.label);
  const ask = (step: number, prompt: string, value: string): Thenable<string | undefined> =>
    vscode.window.showInputBox({
      title: `${title} (${step}/2)`,
      prompt,
      value,
      ignoreFocusOut: true,
      validateInput: (text) => (text.trim() === '' ? notEmpty() : undefined),
    });
  const glob = await ask(1, globPrompt(folder), last?.corpus.globs.join(' ') ?? DEFAULT_GLOB);
  if (glob === undefined) return undefined;
  const usual = path.join(folder, ...FOLDER, sae.name);
  const offered = last?.out ?? ((await isComplete(usual)) ? await freshFolder(usual) : usual);
  const out = await ask(2, vscode.l10n.t('Folder of the results. A sweep that was begun there goes on.'), offered);
  if (out === undefined) return undefined;
  const asked = path.resolve(folder, out.trim());
  const free = (await isComplete(asked))
    ? await askToStartOver(asked, vscode.l10n.t('{0} has a finished sweep.', asked))
    : asked;
  return free === undefined ? undefined : { corpus: { globs: [glob.trim()], folder }, out: free };
}

/** For a folder whose sweep cannot go on. @returns a folder beside it; nothing is deleted */
export async function askToStartOver(out: string, message: string): Promise<string | undefined> {
  const startOver = vscode.l10n.t('Start Over');
  const answer = await vscode.window.showWarningMessage(message, startOver, vscode.l10n.t('Cancel'));
  return answer === startOver ? freshFolder(out) : undefined;
}

interface Choice extends vscode.QuickPickItem {
  target?: string;
}

/** Results of an earlier sweep: those of the workspace, or any folder. */
export async function chooseSweep(sae: SaeInfo): Promise<string | undefined> {
  const found = await sweepsOfWorkspace();
  const choices: Choice[] = found.map((target) => ({
    label: `$(database) ${path.basename(target)}`,
    detail: vscode.workspace.asRelativePath(target),
    target,
  }));
  if (choices.length === 0)
    return askFolder(vscode.l10n.t('Open Sweep'), vscode.l10n.t('The folder that the sweep wrote'));
  const browse: Choice = { label: browseLine(), alwaysShow: true };
  const choice = await vscode.window.showQuickPick([...choices, browse], {
    placeHolder: vscode.l10n.t('Sweep with {0} to open', sae.label),
    ignoreFocusOut: true,
  });
  return (
    choice &&
    (choice.target ?? askFolder(vscode.l10n.t('Open Sweep'), vscode.l10n.t('The folder that the sweep wrote')))
  );
}

async function sweepsOfWorkspace(): Promise<string[]> {
  const below = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => vscode.Uri.joinPath(uri, ...FOLDER));
  const lists = below.map(async (folder) => {
    const entries = await Promise.resolve(vscode.workspace.fs.readDirectory(folder)).catch(() => []);
    const folders = entries.filter(([, type]) => type === vscode.FileType.Directory);
    return folders.map(([name]) => path.join(folder.fsPath, name));
  });
  return (await Promise.all(lists)).flat();
}

async function askFolder(
  openLabel = vscode.l10n.t('Choose Folder'),
  title = vscode.l10n.t('Folder of the texts'),
): Promise<string | undefined> {
  const [uri] =
    (await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel, title })) ?? [];
  return uri?.fsPath;
}
