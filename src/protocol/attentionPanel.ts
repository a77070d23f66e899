/** Host ↔ attention panel, over vscode-messenger. Typed arrays pass through postMessage as binary. */
import type { AnalysisInfo, PatternMatrix, Reduction, Thumbnails, Weighting } from './analysis';
import type { CheckpointInfo, HeadRef } from './checkpoint';
import type { HeadName } from './circuits';
import type { TokenLatents } from './latents/tokenLatents';
import type { Selection, SelectionEvent } from './selection';
import type { StepsView } from './steps';

/** What the panel shows, whole; sent when it changes. */
export interface AttentionView {
  checkpoint: CheckpointInfo;
  analysis: AnalysisInfo;
  /** The prompt's own text; tokens are ranges in it. */
  text: string;
  /** e.g. `total.ts:4–9`, or `prompt`. */
  sourceName: string;
  /** The document changed after the analysis. */
  stale: boolean;
  /** Of every head, layer by layer; empty until the scores are known. */
  headNames: HeadName[][];
}

export type PanelStatus =
  /** Nothing to show yet: `message` says what to do. */
  | { kind: 'empty'; message: string }
  /** Loading or running; `cancellable` shows a Cancel button. */
  | { kind: 'busy'; message: string; fraction?: number }
  | { kind: 'error'; message: string }
  | { kind: 'ready' };

/** What a matrix was asked for, so that a late answer is not drawn for another question. */
export interface MatrixKey {
  analysisId: string;
  reduction: Reduction;
  weighting: Weighting;
  /** For `one`. */
  head?: HeadRef;
}

/** A selection and who caused it; a view skips echoes of its own events that are older than its latest. */
export interface SelectionMessage {
  selection: Selection;
  origin: string;
  seq: number;
}

/** `origin` of the attention panel's own events. */
export const PANEL_ORIGIN = 'attentionPanel';

/** What the panel draws large for a selection: the head under the pointer, else the reduction that is set. */
export function matrixKeyOf(analysisId: string, s: Selection): MatrixKey {
  const { weighting, previewHead } = s;
  if (previewHead) return { analysisId, weighting, reduction: 'one', head: previewHead };
  return s.reduction === 'one'
    ? { analysisId, weighting, reduction: 'one', head: s.head }
    : { analysisId, weighting, reduction: s.reduction };
}

/** `circuitsvis`: JSON for CircuitsVis; `python`: TransformerLens code, to the clipboard. */
export type ExportFormat = 'png' | 'csv' | 'safetensors' | 'circuitsvis' | 'python';

/** Host → panel notifications. */
export const hostToPanel = {
  status: 'attention/status',
  view: 'attention/view',
  matrix: 'attention/matrix',
  thumbnails: 'attention/thumbnails',
  selection: 'attention/selection',
  latents: 'attention/latents',
  requestPng: 'attention/requestPng',
  steps: 'attention/steps',
} as const;
export interface HostToPanel {
  [hostToPanel.status]: PanelStatus;
  [hostToPanel.view]: AttentionView;
  [hostToPanel.matrix]: { key: MatrixKey; matrix: PatternMatrix };
  [hostToPanel.thumbnails]: { analysisId: string; weighting: Weighting; thumbnails: Thumbnails };
  [hostToPanel.selection]: SelectionMessage;
  /** `null`: no autoencoder. */
  [hostToPanel.latents]: TokenLatents | null;
  /** Export Pattern… chose PNG: answered with `exportAs`. */
  [hostToPanel.requestPng]: null;
  /** `null`: the checkpoint does not lie among others of its training. */
  [hostToPanel.steps]: StepsView | null;
}

/** Panel → host notifications. */
export const panelToHost = {
  ready: 'attention/ready',
  select: 'attention/select',
  command: 'attention/command',
  exportAs: 'attention/export',
  goToStep: 'attention/goToStep',
} as const;
/** Buttons in the panel that are commands of the host. */
export type PanelCommand =
  'analyzeSelection' | 'openSample' | 'openCheckpoint' | 'rerun' | 'showLatents' | 'showLog' | 'cancel' | 'saveResult';
export interface PanelToHost {
  /** The script runs: send everything. */
  [panelToHost.ready]: null;
  [panelToHost.select]: { event: SelectionEvent; seq: number };
  [panelToHost.command]: PanelCommand;
  /** `png`: the panel draws the current matrix and sends the bytes. `tokens`/values for csv and safetensors are the host's. */
  [panelToHost.exportAs]: { format: ExportFormat; png?: Uint8Array };
  /** Index into the steps. */
  [panelToHost.goToStep]: number;
}
