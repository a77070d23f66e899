/** What tests and the page of the training panel's harness say to each other. */
import type { HostToTraining, TrainingInfo, TrainingToHost } from '../../../src/protocol/trainingPanel';

export interface TrainingMessage<K extends keyof TrainingToHost = keyof TrainingToHost> {
  method: K;
  params: TrainingToHost[K];
}

/** `window.panelHost` in the page. */
export interface TrainingHost {
  /** Everything the panel sent, oldest first. */
  sent: TrainingMessage[];
  trainings: TrainingInfo[];
  send<K extends keyof HostToTraining>(method: K, params: HostToTraining[K]): void;
  /** Changes one training and tells the panel. */
  change(dir: string, change: Partial<TrainingInfo>): void;
}
