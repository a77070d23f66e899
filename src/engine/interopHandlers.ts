/** The requests about other tools' formats, each a function of an open model or an analysis. */
import type { InteropRequests } from '../protocol/interop';
import type { Token } from '../protocol/analysis';
import { repeatedSequences } from './circuits/repeated';
import type { Patterns } from './circuits/pattern';
import { checkpointHooks } from './describe';
import { exportActivations } from './interop/activations';
import { circuitsVis } from './interop/circuitsVis';
import { importPatterns } from './interop/importPatterns';
import { checkIds, readPrompt } from './prompt';
import type { OpenModel } from './circuitHandlers';
import type { Steps } from './runtime/types';

type Handlers = {
  [M in keyof InteropRequests]: (
    params: InteropRequests[M][0],
    context: { steps: Steps },
  ) => Promise<InteropRequests[M][1]> | InteropRequests[M][1];
};

interface Open {
  model(id: string): OpenModel;
  /** Runs a task on an open checkpoint when no other runs. */
  withModel<T>(id: string, task: (model: OpenModel) => Promise<T>): Promise<T>;
  analysis(id: string): Patterns & { tokens: readonly Token[] };
}

export const interopHandlers = ({ model, withModel, analysis }: Open): Handlers => ({
  hookNames: ({ checkpointId }) => checkpointHooks(model(checkpointId).checkpoint),
  exportActivations: ({ checkpointId, ids, prompt, hooks, file }, { steps }) =>
    withModel(checkpointId, async (open) => {
      checkIds(open.checkpoint, ids);
      const { tokens } = readPrompt(open.checkpoint, { ids });
      await exportActivations(open, { tokens, hooks, file, ...(prompt !== undefined && { prompt }) }, steps);
      return null;
    }),
  circuitsVis: ({ analysisId, head, layer }) =>
    circuitsVis(analysis(analysisId), { ...(head && { head }), ...(layer !== undefined && { layer }) }),
  importPatterns: ({ file, out }) => importPatterns(file, out),
  repeatedSequences: ({ checkpointId, ...params }) => {
    const { sequences, start, length } = repeatedSequences(model(checkpointId).checkpoint, params);
    return { sequences, start, length };
  },
});
