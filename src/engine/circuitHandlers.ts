/** The requests about circuits: one line an analysis, each a function of an open model. */
import type { CircuitRequests } from '../protocol/circuits';
import type { Checkpoint } from './checkpoint/checkpoint';
import { ablate } from './circuits/ablate';
import { bigrams } from './circuits/bigrams';
import { composition } from './circuits/composition';
import { headCircuit } from './circuits/headCircuit';
import { headScores } from './circuits/headScores';
import { inductionCircuits } from './circuits/induction';
import { lens } from './circuits/lens';
import { patch } from './circuits/patch';
import { importance } from './circuits/importance';
import { paths } from './circuits/paths';
import type { ModelRunner, Steps } from './runtime/types';

/** A checkpoint with what runs it. */
export interface OpenModel {
  checkpoint: Checkpoint;
  runner: ModelRunner;
}

type Method = keyof CircuitRequests;
type Params<M extends Method> = Omit<CircuitRequests[M][0], 'checkpointId'>;
type Result<M extends Method> = Promise<CircuitRequests[M][1]>;

export type CircuitAnalysis<M extends Method> = (model: OpenModel, params: Params<M>, steps: Steps) => Result<M>;

export type CircuitHandlers = {
  [M in Method]: (params: CircuitRequests[M][0], context: { steps: Steps }) => Result<M>;
};

/** @param withModel runs a task on an open checkpoint when no other runs */
export function circuitHandlers(
  withModel: <T>(checkpointId: string, method: Method, task: (model: OpenModel) => Promise<T>) => Promise<T>,
): CircuitHandlers {
  const handler =
    <M extends Method>(method: M, analysis: CircuitAnalysis<M>) =>
    ({ checkpointId, ...params }: CircuitRequests[M][0], { steps }: { steps: Steps }): Result<M> =>
      withModel(checkpointId, method, (model) => analysis(model, params, steps));
  return {
    composition: handler('composition', composition),
    headCircuit: handler('headCircuit', headCircuit),
    bigrams: handler('bigrams', bigrams),
    headScores: handler('headScores', headScores),
    inductionCircuits: handler('inductionCircuits', inductionCircuits),
    lens: handler('lens', lens),
    ablate: handler('ablate', ablate),
    patch: handler('patch', patch),
    paths: handler('paths', paths),
    importance: handler('importance', importance),
  };
}
