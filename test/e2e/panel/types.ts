/** What tests and the page of the harness say to each other. */
import type { Prediction, Token } from '../../../src/protocol/analysis';
import type { AttentionView, HostToPanel, PanelToHost } from '../../../src/protocol/attentionPanel';
import type { Selection } from '../../../src/protocol/selection';

/** What the fake host plays with, as JSON: floats travel as base64. */
export interface Fixture {
  text: string;
  tokens: Token[];
  nLayers: number;
  nHeads: number;
  /** Base64 of float32 `[layer, head, dst, src]`. */
  patterns: string;
  /** Bits; 0 at position 0. */
  surprisal: number[];
  predictions: Prediction[][];
}

export interface Message<K extends keyof PanelToHost = keyof PanelToHost> {
  method: K;
  params: PanelToHost[K];
}

/** `window.panelHost` in the page. */
export interface PanelHost {
  /** Everything the panel sent, oldest first. */
  sent: Message[];
  selection: Selection;
  /** What the panel saved in VS Code. */
  state: unknown;
  /** Milliseconds until a selection is answered; 0: at once. */
  delay: number;
  send<K extends keyof HostToPanel>(method: K, params: HostToPanel[K]): void;
  /** As if the editor had changed the selection. */
  select(next: Selection): void;
  setView(change: Partial<AttentionView>): void;
  pattern(layer: number, head: number): number[];
}
