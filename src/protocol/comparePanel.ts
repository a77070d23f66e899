/** Host ↔ compare panel, over vscode-messenger: two checkpoints of the same shape, A and B. Every difference is B − A. */
import type { Token, Weighting } from './analysis';
import type { PanelCommand, PanelStatus, SelectionMessage } from './attentionPanel';
import type { CheckpointInfo } from './checkpoint';
import type {
  ComparedComposition,
  ComparedHeadScores,
  ComparedLatents,
  ComparedNextTokens,
  ComparedPattern,
  ComparedPatterns,
} from './compare';
import type { SavedFile } from './reportPanel';
import type { SelectionEvent } from './selection';
import type { StepsView } from './steps';

/** What each section shows. */
export interface CompareSections {
  patterns: ComparedPatterns;
  scores: ComparedHeadScores;
  composition: ComparedComposition;
  latents: ComparedLatents;
  tokens: ComparedNextTokens;
}
export type CompareSection = keyof CompareSections;
export const compareSections: CompareSection[] = ['patterns', 'scores', 'composition', 'latents', 'tokens'];

/** The two, and what they are compared on. */
export interface CompareView {
  a: CheckpointInfo;
  b: CheckpointInfo;
  /** Which of them is the open one, that the slider moves. */
  open: 'a' | 'b';
  /** The text that was analyzed with the open one, if there is one. */
  prompt?: { name: string; tokens: Token[]; stale: boolean };
  /** Label of the autoencoder that both are read with, if one is open. */
  sae?: string;
  /** Labels of the autoencoders of the two, where both have one, and whether each is read with its own. */
  ownSaes?: { a: string; b: string; used: boolean };
  /** What differs and does not matter here. */
  notices: string[];
}

export type CompareCommand =
  PanelCommand | 'copyCode' | 'compareCheckpoint' | 'openSae' | 'showAttention' | 'showCircuits';

/** With nothing to show the panel offers the commands that lead on. */
export type CompareStatus =
  Exclude<PanelStatus, { kind: 'empty' }> | { kind: 'empty'; message: string; commands: CompareCommand[] };

/** Where a section is. What was there before stays while the next is computed. */
export type SectionState<S extends CompareSection = CompareSection> =
  | { kind: 'busy'; message: string; fraction?: number }
  | { kind: 'error'; message: string }
  | { kind: 'empty'; message: string; commands: CompareCommand[] }
  | { kind: 'ready'; result: CompareSections[S] };

export type SectionMessage = { [S in CompareSection]: { section: S; state: SectionState<S> } }[CompareSection];

/** `origin` of the compare panel's own events. */
export const COMPARE_ORIGIN = 'comparePanel';

/** Host → panel notifications. */
export const hostToCompare = {
  status: 'compare/status',
  view: 'compare/view',
  section: 'compare/section',
  pattern: 'compare/pattern',
  steps: 'compare/steps',
  selection: 'compare/selection',
  showSection: 'compare/showSection',
} as const;
export interface HostToCompare {
  [hostToCompare.status]: CompareStatus;
  [hostToCompare.view]: CompareView;
  [hostToCompare.section]: SectionMessage;
  /** Of the chosen head, when it is known. */
  [hostToCompare.pattern]: { weighting: Weighting; pattern: ComparedPattern };
  /** `null`: the open checkpoint does not lie among others of its training. */
  [hostToCompare.steps]: StepsView | null;
  [hostToCompare.selection]: SelectionMessage;
  /** As if the person had chosen it. */
  [hostToCompare.showSection]: CompareSection;
}

/** Panel → host notifications. */
export const compareToHost = {
  ready: 'compare/ready',
  show: 'compare/show',
  select: 'compare/select',
  command: 'compare/command',
  swap: 'compare/swap',
  ownSaes: 'compare/ownSaes',
  goToStep: 'compare/goToStep',
  save: 'compare/save',
  copy: 'compare/copy',
} as const;
export interface CompareToHost {
  /** The script runs: send everything. */
  [compareToHost.ready]: { section: CompareSection };
  /** The section that is looked at; only that is computed. */
  [compareToHost.show]: CompareSection;
  [compareToHost.select]: { event: SelectionEvent; seq: number };
  /** `cancel` ends what is computed. */
  [compareToHost.command]: CompareCommand;
  /** A becomes B. */
  [compareToHost.swap]: null;
  /** Whether each is read with its own autoencoder, which the engine refuses unless they are steps of one training. */
  [compareToHost.ownSaes]: boolean;
  /** Index into the steps. */
  [compareToHost.goToStep]: number;
  [compareToHost.save]: SavedFile;
  /** Text for the clipboard. */
  [compareToHost.copy]: string;
}
