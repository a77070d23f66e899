import * as vscode from 'vscode';
import type { Selection } from '../protocol/selection';
import type { Analyses, Source } from './analyses';
import { ATTENTION_VIEW, type AttentionPanel } from './attentionPanel';
import type { Checkpoints } from './checkpoints';
import type { SelectionStore } from './selection';

const KEY = 'circuitscope.lastAnalysis';

/** What a reload of the window must not lose, beside what the panel itself saved. */
interface Saved {
  checkpointPath: string;
  source: { name: string; text: string; ids?: number[]; document?: { uri: string; start: number } };
}

/** What the panel's script saves (`store.ts`, saveState). */
interface PanelState {
  selection?: Selection;
}

/** After a reload the panel comes back with the same analysis and selection. */
export function restorePanel(
  state: vscode.Memento,
  checkpoints: Checkpoints,
  analyses: Analyses,
  selection: SelectionStore,
  panel: AttentionPanel,
): vscode.Disposable {
  const remember = (): void => void state.update(KEY, analyses.current && saved(analyses));
  const restore = async (panelState: PanelState | undefined): Promise<void> => {
    const last = state.get<Saved>(KEY);
    if (!last) return;
    const report = (message: string): void => panel.showError(message);
    const checkpoint = await checkpoints.open(last.checkpointPath, report);
    if (!checkpoint) return;
    const done = await analyses.run(checkpoint, sourceFrom(last), report);
    if (done && panelState?.selection) selection.restore(panelState.selection);
  };
  return vscode.Disposable.from(
    analyses.onDidChange(remember),
    vscode.window.registerWebviewPanelSerializer(ATTENTION_VIEW, {
      deserializeWebviewPanel: async (webviewPanel, panelState: PanelState | undefined) => {
        panel.adopt(webviewPanel);
        await restore(panelState);
      },
    }),
  );
}

function saved({ current }: Analyses): Saved | undefined {
  if (!current) return undefined;
  const { name, text, ids, document } = current.source;
  const start = current.tracked?.range.start ?? document?.start ?? 0;
  return {
    checkpointPath: current.checkpoint.path,
    source: { name, text, ...(ids && { ids }), ...(document && { document: { uri: document.uri.toString(), start } }) },
  };
}

const sourceFrom = ({ source: { document, ...source } }: Saved): Source =>
  document ? { ...source, document: { uri: vscode.Uri.parse(document.uri), start: document.start } } : source;
