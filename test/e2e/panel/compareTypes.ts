/** What tests and the page of the compare panel's harness say to each other. */
import type {
  ComparedComposition,
  ComparedHeadScores,
  ComparedLatents,
  ComparedNextTokens,
  ComparedPattern,
  ComparedPatterns,
} from '../../../src/protocol/compare';
import type { CompareToHost, CompareView, HostToCompare } from '../../../src/protocol/comparePanel';
import type { Selection } from '../../../src/protocol/selection';
import type { StepsView } from '../../../src/protocol/steps';

/** What the real engine says about two checkpoints. */
export interface CompareData {
  view: CompareView;
  patterns: ComparedPatterns;
  /** Of every head, layer by layer. */
  heads: ComparedPattern[];
  scores: ComparedHeadScores;
  composition: ComparedComposition;
  latents: ComparedLatents;
  tokens: ComparedNextTokens;
  steps: StepsView;
}

export interface CompareMessage<K extends keyof CompareToHost = keyof CompareToHost> {
  method: K;
  params: CompareToHost[K];
}

/** `window.panelHost` in the page. */
export interface CompareHost {
  /** Everything the panel sent, oldest first. */
  sent: CompareMessage[];
  selection: Selection;
  /** Where the slider stands. */
  steps: StepsView;
  send<K extends keyof HostToCompare>(method: K, params: HostToCompare[K]): void;
  /** As if another view had changed the selection. */
  select(next: Selection): void;
  /** The step that was moved to is open. */
  arrive(): void;
}
