/** Host ↔ training panel, over vscode-messenger: trainings as they go, and earlier ones to compare with. */
import type { PanelCommand } from './attentionPanel';
import type { MlsaePoint, ToyPoint, TrainingKind, TrainingReport } from './training';

/**
 * - `starting`: its engine opens what it needs, or it takes its first step.
 * - `pausing`: the engine saves and stops.
 * - `paused`: it can go on; so can `failed`.
 * - `stopped`: the person wants no more of it.
 */
export type TrainingState = 'starting' | 'running' | 'pausing' | 'paused' | 'stopped' | 'failed' | 'complete';

export type AnyPoint = MlsaePoint | ToyPoint;

/** One training, without its history. */
export interface TrainingInfo {
  /** Its folder; tells trainings apart. */
  dir: string;
  name: string;
  kind: TrainingKind;
  state: TrainingState;
  /** What is being done, or what failed, as one sentence. */
  message?: string;
  step: number;
  totalSteps: number;
  tokens: number;
  tokensPerSecond?: number;
  /** Only while it runs. */
  secondsLeft?: number;
  /** Layers that are trained on, for `fvu` of the points. */
  layers?: number[];
  /** Step of what is saved in the folder and can be opened; 0: nothing yet. */
  savedStep: number;
  notices: string[];
}

/** Points of a training's history from index `from` on; those before stay. */
export interface TrainingPoints {
  dir: string;
  from: number;
  points: AnyPoint[];
}

export interface TrainingAttention {
  dir: string;
  attention: NonNullable<TrainingReport['attention']>;
}

/** What the panel's buttons do to one training. `forget` takes it off the panel; its folder stays. */
export type TrainingAction = 'pause' | 'resume' | 'stop' | 'openResult' | 'forget';

/** All points of a training as a file. */
export type HistoryFormat = 'csv' | 'json';

export type TrainingCommand = PanelCommand | 'trainMlsae' | 'trainToy' | 'openTraining';

/** Host → panel notifications. */
export const hostToTraining = {
  trainings: 'training/trainings',
  points: 'training/points',
  attention: 'training/attention',
  focus: 'training/focus',
} as const;
export interface HostToTraining {
  /** All of them, oldest first; none: the panel says what to do. */
  [hostToTraining.trainings]: TrainingInfo[];
  [hostToTraining.points]: TrainingPoints;
  [hostToTraining.attention]: TrainingAttention;
  /** Folder of the one that the charts are about. */
  [hostToTraining.focus]: string;
}

/** Panel → host notifications. */
export const trainingToHost = {
  ready: 'training/ready',
  command: 'training/command',
  action: 'training/action',
  exportHistory: 'training/exportHistory',
} as const;
export interface TrainingToHost {
  /** The script runs: send everything. */
  [trainingToHost.ready]: null;
  [trainingToHost.command]: TrainingCommand;
  [trainingToHost.action]: { dir: string; action: TrainingAction };
  [trainingToHost.exportHistory]: { dir: string; format: HistoryFormat };
}
