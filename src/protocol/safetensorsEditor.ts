/** Host ↔ the page that shows a `.safetensors` file, over vscode-messenger. The page asks, the host answers from the engine. */
import type { BlockValue, TensorFile, TensorHeatmap, TensorSummary, TensorWindow } from './tensors';

/** Something that takes time to be known. */
export type Answer<T> =
  | { kind: 'busy'; message: string; fraction?: number }
  | { kind: 'error'; message: string }
  /** It was cancelled by the person. */
  | { kind: 'cancelled' }
  | { kind: 'ready'; value: T };

export interface ShownFile extends TensorFile {
  /** As the engine reads it. */
  path: string;
  /** Counts the times that the file was read: what was asked of an earlier one is out of date. */
  version: number;
}

export interface AskSummary {
  name: string;
  all: boolean;
}

export interface AskHeatmap {
  name: string;
  index: number[];
  window?: TensorWindow;
  blocks: BlockValue;
}

/** Host → page notifications. Answers repeat the question, and how often the page had asked. */
export const hostToSafetensors = {
  file: 'safetensors/file',
  summary: 'safetensors/summary',
  heatmap: 'safetensors/heatmap',
} as const;
export interface HostToSafetensors {
  [hostToSafetensors.file]: Answer<ShownFile>;
  [hostToSafetensors.summary]: { seq: number; answer: Answer<TensorSummary> };
  [hostToSafetensors.heatmap]: { seq: number; answer: Answer<TensorHeatmap> };
}

/** Page → host notifications. A question cancels the one of its kind before it. */
export const safetensorsToHost = {
  ready: 'safetensors/ready',
  askSummary: 'safetensors/askSummary',
  askHeatmap: 'safetensors/askHeatmap',
  cancel: 'safetensors/cancel',
  openShard: 'safetensors/openShard',
  openCheckpoint: 'safetensors/openCheckpoint',
  showLog: 'safetensors/showLog',
  copy: 'safetensors/copy',
} as const;
export interface SafetensorsToHost {
  /** The script runs: send the file. */
  [safetensorsToHost.ready]: null;
  [safetensorsToHost.askSummary]: AskSummary & { seq: number };
  [safetensorsToHost.askHeatmap]: AskHeatmap & { seq: number };
  [safetensorsToHost.cancel]: 'summary' | 'heatmap';
  /** Name of a file of `shards`. */
  [safetensorsToHost.openShard]: string;
  /** Opens the folder as a checkpoint. */
  [safetensorsToHost.openCheckpoint]: null;
  [safetensorsToHost.showLog]: null;
  /** Text for the clipboard. */
  [safetensorsToHost.copy]: string;
}
