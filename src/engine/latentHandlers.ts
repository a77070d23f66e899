/** The requests about latents: one line an analysis, each a function of an open autoencoder. */
import type { LatentRequests } from '../protocol/latents';
import { importExplanations } from './interop/importExplanations';
import { evaluate } from './mlsae/evaluate';
import { encodePrompt } from './mlsae/encodePrompt';
import { latentCard } from './mlsae/latentCard';
import { mmcs } from './mlsae/mmcs';
import { splice } from './mlsae/splice';
import { steer } from './mlsae/steer';
import { latentExamples, openSweep } from './mlsae/corpus/results';
import { sweep } from './mlsae/corpus/sweep';
import type { OpenSae } from './mlsae/types';
import type { Steps } from './runtime/types';

/** All but those that open and close (`service.ts`). */
type Method = Exclude<keyof LatentRequests, 'findSaes' | 'openSae' | 'closeSae'>;
type Params<M extends Method> = Omit<LatentRequests[M][0], 'saeId'>;
type Result<M extends Method> = Promise<LatentRequests[M][1]>;

export type LatentAnalysis<M extends Method> = (open: OpenSae, params: Params<M>, steps: Steps) => Result<M>;

export type LatentHandlers = {
  [M in Method]: (params: LatentRequests[M][0], context: { steps: Steps }) => Result<M>;
};

/** @param withSae runs a task on an open autoencoder when no other runs */
export function latentHandlers(
  withSae: <T>(saeId: string, method: Method, task: (open: OpenSae) => Promise<T>) => Promise<T>,
): LatentHandlers {
  const handler =
    <M extends Method>(method: M, analysis: LatentAnalysis<M>) =>
    ({ saeId, ...params }: LatentRequests[M][0], { steps }: { steps: Steps }): Result<M> =>
      withSae(saeId, method, (open) => analysis(open, params, steps));
  return {
    encode: handler('encode', encodePrompt),
    latentCard: handler('latentCard', latentCard),
    mmcs: handler('mmcs', mmcs),
    steer: handler('steer', steer),
    splice: handler('splice', splice),
    importExplanations: handler('importExplanations', ({ sae }, { file }) => importExplanations(sae, file)),
    sweep: handler('sweep', sweep),
    openSweep: handler('openSweep', openSweep),
    latentExamples: handler('latentExamples', latentExamples),
    evaluate: handler('evaluate', evaluate),
  };
}
