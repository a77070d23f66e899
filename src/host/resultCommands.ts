import * as vscode from 'vscode';
import * as path from 'node:path';
import { RESULT_ENDING, resultPanels, type ResultPanel } from '../protocol/resultFile';
import type { Log } from './log';
import { RESULT_EDITOR } from './names';
import type { Results } from './results';
import { RESULT_PANELS } from './resultViews';
import { shownResult, type ShownParts, type ShownResult } from './shownResult';
import { Work } from './work';

export interface ResultCommandParts extends ShownParts {
  results: Results;
  log: Log;
}

/** `panel`: from its own Export menu; else the person is asked. */
export const resultCommands = (p: ResultCommandParts): Record<string, (...args: never[]) => unknown> => ({
  saveResult: async (panel?: unknown) => {
    const given = resultPanels.find((name) => name === panel) ?? (await pickPanel(p));
    if (given === undefined) return;
    const shown = given && shownResult(given, p);
    if (shown) await save(p, shown);
    else
      void vscode.window.showInformationMessage(
        vscode.l10n.t('Select some text and analyze it first; then its result can be saved.'),
      );
  },
  openPatternFile: (on?: unknown) => openPatternFile(p, on),
});

/** @returns null where there is nothing to be saved */
async function pickPanel(p: ResultCommandParts): Promise<ResultPanel | undefined | null> {
  const items = resultPanels
    .filter((panel) => shownResult(panel, p))
    .map((panel) => ({ ...RESULT_PANELS[panel], panel }));
  if (items.length === 0) return null;
  const placeHolder = vscode.l10n.t('Save what this panel shows');
  return (await vscode.window.showQuickPick(items, { placeHolder, ignoreFocusOut: true }))?.panel;
}

async function save({ results, log }: ResultCommandParts, shown: ShownResult): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const { view, checkpoint, other } = shown;
  const about = other ? `${checkpoint.name}-${other.name}` : checkpoint.name;
  const name = `${about}-${view.section ?? view.panel}${RESULT_ENDING}`.replaceAll(/[/\\]/g, '_');
  const target = await vscode.window.showSaveDialog({
    ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, name) } : {}),
    filters: resultFilter(),
  });
  if (!target) return;
  const file = withEnding(target);
  const work = new Work(log);
  const done = await work
    .run(vscode.l10n.t('Saving the result'), async (token, onProgress) => {
      await results.save(shown, file.fsPath, { token, onProgress });
      return true;
    })
    .finally(() => work.dispose());
  if (!done) return;
  const open = vscode.l10n.t({ message: 'Open', comment: ['Button'] });
  const saved = vscode.l10n.t('Saved {0}.', vscode.workspace.asRelativePath(file));
  void vscode.window.showInformationMessage(saved, open).then((answer) => {
    if (answer === open) void vscode.commands.executeCommand('vscode.open', file);
  });
}

/** Patterns of another tool: where their result shall be, then its page. */
async function openPatternFile({ results, log }: ResultCommandParts, on?: unknown): Promise<void> {
  const from = on instanceof vscode.Uri ? on : await askPatternFile();
  if (!from) return;
  const name = path.basename(from.fsPath).replace(/\.(json|safetensors)$/i, '');
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(from, '..', `${name}${RESULT_ENDING}`),
    title: vscode.l10n.t('Where the patterns are kept as a result'),
    filters: resultFilter(),
  });
  if (!target) return;
  const out = withEnding(target);
  const work = new Work(log);
  const done = await work
    .run(vscode.l10n.t('Reading {0}', path.basename(from.fsPath)), (token, onProgress) =>
      results.importPatterns(from.fsPath, out.fsPath, { token, onProgress }),
    )
    .finally(() => work.dispose());
  if (!done) return;
  done.notices.forEach((notice) => void vscode.window.showWarningMessage(notice));
  await vscode.commands.executeCommand('vscode.openWith', out, RESULT_EDITOR);
}

const askPatternFile = async (): Promise<vscode.Uri | undefined> =>
  (
    await vscode.window.showOpenDialog({
      openLabel: vscode.l10n.t('Open Patterns'),
      title: vscode.l10n.t('Attention patterns: JSON as CircuitsVis takes it, or activations as safetensors'),
      filters: { [vscode.l10n.t('Attention patterns')]: ['json', 'safetensors'] },
    })
  )?.[0];

/** `json` too: VS Code's own dialog looks at what follows the last dot, and would add the whole ending to a name that has it. */
const resultFilter = (): Record<string, string[]> => ({
  [vscode.l10n.t('Circuitscope Result')]: [RESULT_ENDING.slice(1), 'json'],
});

/** By its ending the file is known. */
function withEnding(file: vscode.Uri): vscode.Uri {
  if (file.path.endsWith(RESULT_ENDING)) return file;
  return file.with({ path: `${file.path.replace(/\.json$/, '')}${RESULT_ENDING}` });
}
