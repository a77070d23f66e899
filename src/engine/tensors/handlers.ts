/** The requests about the tensors of a file. No model is needed: they may run between the steps of a model's run. */
import type { TensorRequests } from '../../protocol/tensors';
import type { Steps } from '../runtime/types';
import { readTensorFile } from './file';
import { tensorHeatmap } from './heatmap';
import { tensorSummary } from './summary';

export type TensorHandlers = {
  [M in keyof TensorRequests]: (
    params: TensorRequests[M][0],
    context: { steps: Steps },
  ) => Promise<TensorRequests[M][1]>;
};

export const tensorHandlers = (): TensorHandlers => ({
  tensorFile: ({ path }) => readTensorFile(path),
  tensorSummary: (params, { steps }) => tensorSummary(params, steps),
  tensorHeatmap: (params, { steps }) => tensorHeatmap(params, steps),
});
