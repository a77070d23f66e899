/** Host ↔ circuits panel, over vscode-messenger. Typed arrays pass through postMessage as binary. */
import type { Thumbnails } from './analysis';
import type { PanelCommand, PanelStatus, SelectionMessage } from './attentionPanel';
import type { CheckpointInfo, HeadRef } from './checkpoint';
import type { Composition, HeadScores, NamedScore } from './circuits';
import type { InductionCircuits } from './circuits/behaviour';
import type { HeadCircuit } from './circuits/headCircuit';
import type { SavedFile } from './reportPanel';
import type { SelectionEvent } from './selection';

/** What the panel shows: one checkpoint, whatever is analyzed. */
export interface CircuitsView {
  checkpoint: CheckpointInfo;
  composition: Composition;
  scores: HeadScores;
  /** A head has a name where its score reaches this. */
  thresholds: Record<NamedScore, number>;
}

/** Patterns of the current prompt, if it was analyzed with the checkpoint that is shown. */
export interface CircuitsPatterns {
  sourceName: string;
  thumbnails: Thumbnails;
}

/** The picture; composition of every pair; scores of every head; both. */
export type CircuitsExport = 'png' | 'composition.csv' | 'heads.csv' | 'json' | CircuitsCode;
/** TransformerLens code that computes them, to the clipboard. */
export type CircuitsCode = 'composition.py' | 'heads.py';

/** `origin` of the circuits panel's own events. */
export const CIRCUITS_ORIGIN = 'circuitsPanel';

/** Host → panel notifications. */
export const hostToCircuits = {
  status: 'circuits/status',
  view: 'circuits/view',
  patterns: 'circuits/patterns',
  induction: 'circuits/induction',
  headCard: 'circuits/headCard',
  selection: 'circuits/selection',
  showHeadCard: 'circuits/showHeadCard',
} as const;
export interface HostToCircuits {
  [hostToCircuits.status]: PanelStatus;
  [hostToCircuits.view]: CircuitsView;
  /** `null`: there are none for this checkpoint. */
  [hostToCircuits.patterns]: CircuitsPatterns | null;
  [hostToCircuits.induction]: InductionCircuits;
  /** `error`: why there is no card. */
  [hostToCircuits.headCard]: { head: HeadRef; card: HeadCircuit } | { head: HeadRef; error: string };
  [hostToCircuits.selection]: SelectionMessage;
  /** Show Head Card: opens the card of the chosen head and scrolls to it. */
  [hostToCircuits.showHeadCard]: null;
}

/** What the panel's buttons do. */
export type CircuitsCommand = PanelCommand | 'showAttention';

/** Panel → host notifications. */
export const circuitsToHost = {
  ready: 'circuits/ready',
  select: 'circuits/select',
  command: 'circuits/command',
  wantHeadCard: 'circuits/wantHeadCard',
  exportAs: 'circuits/export',
  save: 'circuits/save',
  copy: 'circuits/copy',
} as const;
export interface CircuitsToHost {
  /** The script runs: send everything. */
  [circuitsToHost.ready]: null;
  [circuitsToHost.select]: { event: SelectionEvent; seq: number };
  [circuitsToHost.command]: CircuitsCommand;
  /** Answered with `headCard`. */
  [circuitsToHost.wantHeadCard]: HeadRef;
  /** `png`: the panel has drawn it and sends the bytes; values are the host's. */
  [circuitsToHost.exportAs]: { format: CircuitsExport; png?: Uint8Array };
  /** A table of the panel's own. */
  [circuitsToHost.save]: SavedFile;
  /** Text for the clipboard. */
  [circuitsToHost.copy]: string;
}
