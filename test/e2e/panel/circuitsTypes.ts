/** What tests and the page of the circuits panel's harness say to each other. */
import type { CircuitsToHost, HostToCircuits } from '../../../src/protocol/circuitsPanel';
import type { Composition, CompositionKind, HeadScores } from '../../../src/protocol/circuits';
import type { Selection } from '../../../src/protocol/selection';
import type { Fixture } from './types';

/** As JSON: scores without a value are `null`. */
export interface CircuitsFixture {
  prompt: Fixture;
  composition: Omit<Composition, 'scores'> & { scores: Record<CompositionKind, (number | null)[]> };
  scores: HeadScores;
}

export interface CircuitsMessage<K extends keyof CircuitsToHost = keyof CircuitsToHost> {
  method: K;
  params: CircuitsToHost[K];
}

/** `window.panelHost` in the page. */
export interface CircuitsHost {
  /** Everything the panel sent, oldest first. */
  sent: CircuitsMessage[];
  selection: Selection;
  send<K extends keyof HostToCircuits>(method: K, params: HostToCircuits[K]): void;
  /** As if another view had changed the selection. */
  select(next: Selection): void;
}
