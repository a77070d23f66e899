import * as vscode from 'vscode';
import type { Selection } from '../protocol/selection';
import type { Analyses, Source } from './analyses';
import { ATTENTION_VIEW, type AttentionPanel } from './attentionPanel';
import type { Checkpoints } from './checkpoints';
import { CIRCUITS_VIEW, type CircuitsPanel } from './circuitsPanel';
import type { SelectionStore } from './selection';

const KEY = 'circuitscope.lastAnalysis';

/** What a reload of the window must not lose. */
interface Saved {
  checkpointPath: string;
  source: { name: string; text: string; ids?: number[]; document?: { uri: string; start: number } };
  selection: Selection;
}

/** Selections follow the pointer; the last of a burst is worth keeping. */
const SAVE_DELAY_MS = 200;

/** After a reload the panel comes back with the same analysis and selection. */
export function restorePanel(
  state: vscode.Memento,
  checkpoints: Checkpoints,
  analyses: Analyses,
  selection: SelectionStore,
  panel: AttentionPanel,
): vscode.Disposable {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let restoring = false;
  const remember = (): void => {
    clearTimeout(timer);
    if (!restoring) timer = setTimeout(() => void state.update(KEY, saved(analyses, selection)), SAVE_DELAY_MS);
  };
  const restore = async (last: Saved): Promise<void> => {
    const report = (message: string): void => panel.showError(message);
    const checkpoint = await checkpoints.open(last.checkpointPath, report);
    if (checkpoint && (await analyses.run(checkpoint, sourceFrom(last), report))) selection.restore(last.selection);
  };
  return vscode.Disposable.from(
    { dispose: () => clearTimeout(timer) },
    analyses.onDidChange(remember),
    selection.onDidChange(remember),
    vscode.window.registerWebviewPanelSerializer(ATTENTION_VIEW, {
      deserializeWebviewPanel: async (webviewPanel) => {
        panel.adopt(webviewPanel);
        const last = state.get<Saved>(KEY);
        if (!last) return;
        restoring = true;
        await restore(last).finally(() => (restoring = false));
      },
    }),
  );
}

function saved({ current }: Analyses, { value: selection }: SelectionStore): Saved | undefined {
  if (!current) return undefined;
  const { name, text, ids, document } = current.source;
  const start = current.tracked?.range.start ?? document?.start ?? 0;
  return {
    checkpointPath: current.checkpoint.path,
    source: { name, text, ...(ids && { ids }), ...(document && { document: { uri: document.uri.toString(), start } }) },
    selection,
  };
}

const sourceFrom = ({ source: { document, ...source } }: Saved): Source =>
  document ? { ...source, document: { uri: vscode.Uri.parse(document.uri), start: document.start } } : source;

/** After a reload the circuits panel comes back; the attention panel, if it is there too, opens the checkpoint for both. */
export function restoreCircuits(checkpoints: Checkpoints, panel: CircuitsPanel): vscode.Disposable {
  return vscode.window.registerWebviewPanelSerializer(CIRCUITS_VIEW, {
    deserializeWebviewPanel: async (webviewPanel, state?: { checkpointPath?: string }) => {
      panel.adopt(webviewPanel);
      const others = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs);
      const leaveIt = others.some(
        ({ input }) => input instanceof vscode.TabInputWebview && input.viewType.includes(ATTENTION_VIEW),
      );
      if (leaveIt || !state?.checkpointPath) return;
      await checkpoints.open(state.checkpointPath, (message) => panel.showError(message));
    },
  });
}
