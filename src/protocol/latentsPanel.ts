/** Host ↔ latents panel, over vscode-messenger. Typed arrays pass through postMessage as binary. */
import type { AnalysisInfo } from './analysis';
import type { PanelCommand, PanelStatus, SelectionMessage } from './attentionPanel';
import type { CheckpointInfo } from './checkpoint';
import type { SaeInfo } from './latents';
import type { LatentCard } from './latents/card';
import type { CorpusSummary, LatentExamples } from './latents/corpus';
import type { LatentEdit, Steering } from './latents/effects';
import type { Encoding } from './latents/encoding';
import type { LatentName, LatentNames } from './latents/names';
import type { SavedFile } from './reportPanel';
import type { SelectionEvent } from './selection';

/** What the panel shows, whole; sent when it changes. */
export interface LatentsView {
  checkpoint: CheckpointInfo;
  sae: SaeInfo;
  analysis: AnalysisInfo;
  /** The prompt's own text; tokens are ranges in it. */
  text: string;
  /** e.g. `total.ts:4–9`, or `prompt`. */
  sourceName: string;
  /** The document changed after the analysis. */
  stale: boolean;
  encoding: Encoding;
  names: LatentNames;
}

/** Buttons in the panel that are commands of the host. */
export type LatentsCommand = PanelCommand | 'openSae' | 'openSweep' | 'sweepCorpus' | 'showLayers';

/** With nothing to show the panel offers the commands that lead on. */
export type LatentsStatus =
  Exclude<PanelStatus, { kind: 'empty' }> | { kind: 'empty'; message: string; commands: LatentsCommand[] };

/** An answer, or why there is none. */
export type Answered<Question, Result> = (Question & Result) | (Question & { error: string });

export interface OfLatent {
  latent: number;
}
export interface SteerQuestion extends OfLatent {
  layer: number;
  edit: LatentEdit;
}

/** `origin` of the latents panel's own events. */
export const LATENTS_ORIGIN = 'latentsPanel';

/** Host → panel notifications. */
export const hostToLatents = {
  status: 'latents/status',
  view: 'latents/view',
  names: 'latents/names',
  corpus: 'latents/corpus',
  card: 'latents/card',
  examples: 'latents/examples',
  steering: 'latents/steering',
  selection: 'latents/selection',
} as const;
export interface HostToLatents {
  [hostToLatents.status]: LatentsStatus;
  [hostToLatents.view]: LatentsView;
  [hostToLatents.names]: LatentNames;
  /** `null`: no sweep is open. Sent after `view`. */
  [hostToLatents.corpus]: CorpusSummary | null;
  [hostToLatents.card]: Answered<OfLatent, { card: LatentCard }>;
  [hostToLatents.examples]: Answered<OfLatent, { examples: LatentExamples }>;
  [hostToLatents.steering]: Answered<SteerQuestion, { result: Steering }>;
  [hostToLatents.selection]: SelectionMessage;
}

/** Panel → host notifications. */
export const latentsToHost = {
  ready: 'latents/ready',
  select: 'latents/select',
  command: 'latents/command',
  wantCard: 'latents/wantCard',
  wantExamples: 'latents/wantExamples',
  steer: 'latents/steer',
  rename: 'latents/rename',
  save: 'latents/save',
  copy: 'latents/copy',
} as const;
export interface LatentsToHost {
  /** The script runs: send everything. */
  [latentsToHost.ready]: null;
  [latentsToHost.select]: { event: SelectionEvent; seq: number };
  [latentsToHost.command]: LatentsCommand;
  /** Answered with `card`. */
  [latentsToHost.wantCard]: OfLatent;
  /** Answered with `examples`; only while a sweep is open. */
  [latentsToHost.wantExamples]: OfLatent;
  /** Of the analyzed text; answered with `steering`. */
  [latentsToHost.steer]: SteerQuestion;
  /** An empty name and note take the entry away; answered with `names`. */
  [latentsToHost.rename]: OfLatent & LatentName;
  /** A table or a picture of the panel's own. */
  [latentsToHost.save]: SavedFile;
  /** Text for the clipboard. */
  [latentsToHost.copy]: string;
}
