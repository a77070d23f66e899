/** What tests and the page of the harness of the `.safetensors` page say to each other. */
import type { HostToSafetensors, SafetensorsToHost, ShownFile } from '../../../src/protocol/safetensorsEditor';
import type { BlockValue, TensorHeatmap, TensorSummary, TensorWindow } from '../../../src/protocol/tensors';

/** What the engine says of a file that the suite wrote. */
export interface SafetensorsData {
  file: ShownFile;
  summaries: Record<string, TensorSummary>;
  /** By `heatmapKey`. */
  heatmaps: Record<string, TensorHeatmap>;
  /** By name of the tensor: why nothing is known of it. */
  failures: Record<string, string>;
}

export const heatmapKey = (question: {
  name: string;
  index: number[];
  window?: TensorWindow;
  blocks: BlockValue;
}): string => {
  const { name, index, window, blocks } = question;
  return JSON.stringify([name, index, window && [window.row, window.rows, window.column, window.columns], blocks]);
};

export interface SafetensorsMessage<K extends keyof SafetensorsToHost = keyof SafetensorsToHost> {
  method: K;
  params: SafetensorsToHost[K];
}

/** `window.panelHost` in the page. */
export interface SafetensorsHost {
  /** Everything the page sent, oldest first. */
  sent: SafetensorsMessage[];
  send<K extends keyof HostToSafetensors>(method: K, params: HostToSafetensors[K]): void;
  /** As if the file had changed on disk: the last tensor is gone. */
  shorten(): void;
}
