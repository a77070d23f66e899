/** The requests that train. */
import type { TrainingRequests } from '../protocol/training';
import type { OpenModel } from './circuitHandlers';
import type { Steps } from './runtime/types';
import { trainMlsae } from './train/mlsae/train';
import { trainingResult } from './train/result';
import { readTraining } from './train/store';
import { trainToy } from './train/toy/train';

export type TrainingHandlers = {
  [M in keyof TrainingRequests]: (
    params: TrainingRequests[M][0],
    context: { steps: Steps },
  ) => Promise<TrainingRequests[M][1]>;
};

export interface TrainingParts {
  /** Runs a task on an open checkpoint when no other runs. */
  withModel<T>(checkpointId: string, method: 'trainMlsae', task: (open: OpenModel) => Promise<T>): Promise<T>;
  /** Runs a task when no other runs. */
  alone<T>(task: () => Promise<T>): Promise<T>;
}

export const trainingHandlers = ({ withModel, alone }: TrainingParts): TrainingHandlers => ({
  trainMlsae: ({ checkpointId, ...params }, { steps }) =>
    withModel(checkpointId, 'trainMlsae', (open) => trainMlsae(open, params, steps)),
  trainToy: (params, { steps }) => alone(() => trainToy(params, steps)),
  readTraining,
  trainingResult,
});
