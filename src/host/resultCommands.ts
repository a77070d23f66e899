import * as vscode from 'vscode';
import { RESULT_ENDING, resultPanels, type ResultPanel } from '../protocol/resultFile';
import type { Analyses, Analysis } from './analyses';
import type { Checkpoints } from './checkpoints';
import type { Latents } from './latents';
import type { Log } from './log';
import type { Reports } from './reports';
import type { Results } from './results';
import { RESULT_PANELS } from './resultViews';
import { Work } from './work';

export interface ResultCommandParts {
  analyses: Analyses;
  checkpoints: Checkpoints;
  latents: Latents;
  reports: Reports;
  results: Results;
  log: Log;
}

/** `panel`: from its own Export menu; else the person is asked. */
export const resultCommands = (p: ResultCommandParts): Record<string, (...args: never[]) => unknown> => ({
  saveResult: async (panel?: unknown) => {
    const analysis = p.analyses.current;
    if (!analysis) {
      void vscode.window.showInformationMessage(
        vscode.l10n.t('Select some text and analyze it first; then its result can be saved.'),
      );
      return;
    }
    const given = resultPanels.find((name) => name === panel);
    const chosen = given ?? (await pickPanel(p, analysis));
    if (chosen) await save(p, analysis, chosen);
  },
});

async function pickPanel(
  { reports, latents }: ResultCommandParts,
  analysis: Analysis,
): Promise<ResultPanel | undefined> {
  const { nLayers } = analysis.checkpoint;
  const there: Partial<Record<ResultPanel, boolean>> = {
    circuits: nLayers > 0,
    importance: nLayers > 0,
    ablate: reports.ablate.lastAnswer !== undefined,
    latents: latents.of(analysis.checkpoint) !== undefined,
  };
  const items = resultPanels
    .filter((panel) => there[panel] ?? true)
    .map((panel) => ({ ...RESULT_PANELS[panel], panel }));
  return (await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Save what this panel shows') }))
    ?.panel;
}

async function save({ results, log }: ResultCommandParts, analysis: Analysis, panel: ResultPanel): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const name = `${analysis.checkpoint.name}-${panel}${RESULT_ENDING}`.replaceAll(/[/\\]/g, '_');
  const target = await vscode.window.showSaveDialog({
    ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, name) } : {}),
    filters: { [vscode.l10n.t('Circuitscope Result')]: [RESULT_ENDING.slice(1)] },
  });
  if (!target) return;
  const file = withEnding(target);
  const work = new Work(log);
  const done = await work
    .run(vscode.l10n.t('Saving the result'), async (token, onProgress) => {
      await results.save(analysis, panel, file.fsPath, { token, onProgress });
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

/** By its ending the file is known. */
function withEnding(file: vscode.Uri): vscode.Uri {
  if (file.path.endsWith(RESULT_ENDING)) return file;
  return file.with({ path: `${file.path.replace(/\.json$/, '')}${RESULT_ENDING}` });
}
