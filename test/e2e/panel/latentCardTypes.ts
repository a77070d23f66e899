/** What tests and the page of the latent card's harness say to each other. */
import type { HostToLatents, LatentsToHost, SteerQuestion } from '../../../src/protocol/latentsPanel';
import type { Selection } from '../../../src/protocol/selection';

export interface LatentCardMessage<K extends keyof LatentsToHost = keyof LatentsToHost> {
  method: K;
  params: LatentsToHost[K];
}

/** `window.panelHost` in the page. */
export interface LatentCardHost {
  /** Everything the panel sent, oldest first. */
  sent: LatentCardMessage[];
  selection: Selection;
  send<K extends keyof HostToLatents>(method: K, params: HostToLatents[K]): void;
  /** As if another view had changed the selection. */
  select(next: Selection): void;
  /** Answers a steering that was asked for. */
  steered(question: SteerQuestion): void;
}
