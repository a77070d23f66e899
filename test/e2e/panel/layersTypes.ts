/** What tests and the page of the layers panel's harness say to each other. */
import type { HostToLayers, LayersToHost } from '../../../src/protocol/layersPanel';
import type { Selection } from '../../../src/protocol/selection';

export interface LayersMessage<K extends keyof LayersToHost = keyof LayersToHost> {
  method: K;
  params: LayersToHost[K];
}

/** `window.panelHost` in the page. */
export interface LayersHost {
  /** Everything the panel sent, oldest first. */
  sent: LayersMessage[];
  selection: Selection;
  send<K extends keyof HostToLayers>(method: K, params: HostToLayers[K]): void;
  /** As if another view had changed the selection. */
  select(next: Selection): void;
  /** Answers the splicing that was asked for. */
  spliced(): void;
}
