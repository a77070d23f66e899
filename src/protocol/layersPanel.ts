/** Host ↔ layers panel, over vscode-messenger: how well an autoencoder does at every layer. */
import type { PanelCommand, PanelStatus, SelectionMessage } from './attentionPanel';
import type { CheckpointInfo } from './checkpoint';
import type { SaeInfo } from './latents';
import type { CorpusSummary } from './latents/corpus';
import type { Splice } from './latents/effects';
import type { Encoding } from './latents/encoding';
import type { SavedFile } from './reportPanel';
import type { SelectionEvent } from './selection';

/** What the text's encoding says of the layers; the rest of it stays in the host. */
export type LayersOfPrompt = Pick<
  Encoding,
  'nTokens' | 'layers' | 'max' | 'bins' | 'perLayer' | 'adjacent' | 'varianceRatios' | 'notices'
>;
export type LayersOfCorpus = Pick<
  CorpusSummary,
  | 'dir'
  | 'tokens'
  | 'documents'
  | 'layers'
  | 'perLayer'
  | 'adjacent'
  | 'varianceRatios'
  | 'dead'
  | 'complete'
  | 'notices'
>;

/** What the panel shows: one autoencoder, on the current text and on the corpus of its open sweep. */
export interface LayersView {
  checkpoint: CheckpointInfo;
  sae: SaeInfo;
  /** Of the current text, if it was analyzed with this checkpoint. */
  sourceName?: string;
  stale: boolean;
  prompt?: LayersOfPrompt;
  corpus?: LayersOfCorpus;
}

/** What the panel's buttons do. */
export type LayersCommand = PanelCommand | 'copyCode' | 'openSae' | 'sweepCorpus' | 'openSweep' | 'showLatents';

/** With nothing to show the panel offers the commands that lead on. */
export type LayersStatus =
  Exclude<PanelStatus, { kind: 'empty' }> | { kind: 'empty'; message: string; commands: LayersCommand[] };

/** Where the request `splice` about the current text is. */
export type SpliceState =
  | { kind: 'none' }
  | { kind: 'busy'; message: string; fraction?: number }
  | { kind: 'error'; message: string }
  | { kind: 'ready'; splice: Splice };

/** `origin` of the layers panel's own events. */
export const LAYERS_ORIGIN = 'layersPanel';

/** Host → panel notifications. */
export const hostToLayers = {
  status: 'layers/status',
  view: 'layers/view',
  splice: 'layers/splice',
  selection: 'layers/selection',
} as const;
export interface HostToLayers {
  [hostToLayers.status]: LayersStatus;
  [hostToLayers.view]: LayersView;
  [hostToLayers.splice]: SpliceState;
  [hostToLayers.selection]: SelectionMessage;
}

/** Panel → host notifications. */
export const layersToHost = {
  ready: 'layers/ready',
  select: 'layers/select',
  command: 'layers/command',
  splice: 'layers/runSplice',
  save: 'layers/save',
  copy: 'layers/copy',
} as const;
export interface LayersToHost {
  /** The script runs: send everything. */
  [layersToHost.ready]: null;
  [layersToHost.select]: { event: SelectionEvent; seq: number };
  /** `cancel` ends the splicing. */
  [layersToHost.command]: LayersCommand;
  /** Measure loss delta and KL of the current text. */
  [layersToHost.splice]: null;
  [layersToHost.save]: SavedFile;
  /** Text for the clipboard. */
  [layersToHost.copy]: string;
}
