/** What tests and the page of the latents panel's harness say to each other. */
import type { HostToLatents, LatentsToHost } from '../../../src/protocol/latentsPanel';
import type { Selection } from '../../../src/protocol/selection';
import type { Fixture } from './types';

/** One prompt of the SAE's reference, as JSON. */
export interface ReferenceLatents {
  nTokens: number;
  /** Base64 of int32 and float32 `[layer, token, k]`. */
  indices: string;
  values: string;
}

export interface LatentsFixture {
  /** Prompt 0 of the reference. */
  prompt: Pick<Fixture, 'text' | 'tokens'>;
  nLayers: number;
  k: number;
  nLatents: number;
  latents: ReferenceLatents;
  /** Prompt 1: plays the corpus. */
  corpus: ReferenceLatents;
}

export interface LatentsMessage<K extends keyof LatentsToHost = keyof LatentsToHost> {
  method: K;
  params: LatentsToHost[K];
}

/** `window.panelHost` in the page. */
export interface LatentsHost {
  /** Everything the panel sent, oldest first. */
  sent: LatentsMessage[];
  selection: Selection;
  /** What the panel saved in VS Code. */
  state: unknown;
  send<K extends keyof HostToLatents>(method: K, params: HostToLatents[K]): void;
  /** As if another view had changed the selection. */
  select(next: Selection): void;
  /** A sweep is opened, or closed. */
  sweep(open: boolean): void;
}
