import * as vscode from 'vscode';
import type { Selection } from '../protocol/selection';
import type { Analyses, Source } from './analyses';
import { ATTENTION_VIEW, type AttentionPanel } from './attentionPanel';
import type { Checkpoints } from './checkpoints';
import { CIRCUITS_VIEW, type CircuitsPanel } from './circuitsPanel';
import { COMPARE_VIEW, type ComparePanel } from './comparePanel';
import type { Comparison } from './comparison';
import type { Latents, SaeOptions } from './latents';
import { LATENTS_VIEW, type LatentsPanel } from './latentsPanel';
import { LAYERS_VIEW, type LayersPanel } from './layersPanel';
import { showError } from './log';
import type { SelectionStore } from './selection';

const KEY = 'circuitscope.lastAnalysis';

/** What a reload of the window must not lose. */
interface Saved {
  checkpointPath: string;
  source: { name: string; text: string; ids?: number[]; document?: { uri: string; start: number } };
  selection: Selection;
  /** The one in use. */
  sae?: SaeOptions & { path: string };
}

/** Selections follow the pointer; the last of a burst is worth keeping. */
const SAVE_DELAY_MS = 200;

export interface RestoreParts {
  state: vscode.Memento;
  checkpoints: Checkpoints;
  analyses: Analyses;
  selection: SelectionStore;
  latents: Latents;
  comparison: Comparison;
  panel: AttentionPanel;
  latentsPanel: LatentsPanel;
  layersPanel: LayersPanel;
  comparePanel: ComparePanel;
}

/** By the type of panel. */
export type Serializers = Record<string, vscode.WebviewPanelSerializer>;

/** After a reload the panels about an analysis come back with the same analysis, autoencoder and selection. */
export function restorePanels(parts: RestoreParts): vscode.Disposable & { serializers: Serializers } {
  const { state, analyses, selection, latents, comparison, panel, latentsPanel, layersPanel, comparePanel } = parts;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** By the first of the panels; what happens meanwhile is not worth keeping. */
  let restored: Promise<void> | undefined;
  let restoring = false;
  const remember = (): void => {
    clearTimeout(timer);
    if (!restoring) timer = setTimeout(() => void state.update(KEY, saved(parts)), SAVE_DELAY_MS);
  };
  const once = async (): Promise<void> => {
    const last = state.get<Saved>(KEY);
    if (!last) return;
    restoring = true;
    await restore(parts, last).finally(() => (restoring = false));
  };
  const comesBack = (
    to: { adopt(panel: vscode.WebviewPanel): void },
    andThen?: () => Promise<void>,
  ): vscode.WebviewPanelSerializer => ({
    deserializeWebviewPanel: async (webviewPanel) => {
      to.adopt(webviewPanel);
      await (restored ??= once());
      await andThen?.();
    },
  });
  const listening = vscode.Disposable.from(
    { dispose: () => clearTimeout(timer) },
    ...[analyses, latents].map(({ onDidChange }) => onDidChange(remember)),
    selection.onDidChange(remember),
  );
  const serializers = {
    [ATTENTION_VIEW]: comesBack(panel),
    [LATENTS_VIEW]: comesBack(latentsPanel),
    [LAYERS_VIEW]: comesBack(layersPanel),
    [COMPARE_VIEW]: comesBack(comparePanel, () => comparison.restore()),
  };
  return { serializers, dispose: () => listening.dispose() };
}

async function restore(
  { checkpoints, analyses, selection, latents, panel, latentsPanel }: RestoreParts,
  last: Saved,
): Promise<void> {
  const report = (message: string): void => {
    panel.showError(message);
    latentsPanel.showError(message);
  };
  const checkpoint = await checkpoints.open(last.checkpointPath, report);
  if (!checkpoint) return;
  if (last.sae) {
    const { path, ...options } = last.sae;
    await latents.open(checkpoint, path, options, showError);
  }
  if (await analyses.run(checkpoint, sourceFrom(last), report)) selection.restore(last.selection);
  if (!latents.of(checkpoint)) selection.dropLatent();
}

function saved({ analyses: { current }, selection, latents }: RestoreParts): Saved | undefined {
  if (!current) return undefined;
  const { name, text, ids, document } = current.source;
  const start = current.tracked?.range.start ?? document?.start ?? 0;
  const sae = latents.of(current.checkpoint);
  return {
    checkpointPath: current.checkpoint.path,
    source: { name, text, ...(ids && { ids }), ...(document && { document: { uri: document.uri.toString(), start } }) },
    selection: selection.value,
    ...(sae && { sae: { path: sae.path, ...latents.optionsOf(sae) } }),
  };
}

const sourceFrom = ({ source: { document, ...source } }: Saved): Source =>
  document ? { ...source, document: { uri: vscode.Uri.parse(document.uri), start: document.start } } : source;

/** After a reload the circuits panel comes back; a panel about an analysis, if there is one too, opens the checkpoint for both. */
export function restoreCircuits(checkpoints: Checkpoints, panel: CircuitsPanel): Serializers {
  const circuits: vscode.WebviewPanelSerializer = {
    deserializeWebviewPanel: async (webviewPanel, state?: { checkpointPath?: string }) => {
      panel.adopt(webviewPanel);
      const others = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs);
      const leaveIt = others.some(
        ({ input }) =>
          input instanceof vscode.TabInputWebview &&
          [ATTENTION_VIEW, LATENTS_VIEW, LAYERS_VIEW, COMPARE_VIEW].some((view) => input.viewType.includes(view)),
      );
      if (leaveIt || !state?.checkpointPath) return;
      await checkpoints.open(state.checkpointPath, (message) => panel.showError(message));
    },
  };
  return { [CIRCUITS_VIEW]: circuits };
}
