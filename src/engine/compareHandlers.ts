/** The requests that compare two checkpoints: one line an analysis. */
import type { CompareRequests, OfTwo } from '../protocol/compare';
import { trainingSteps } from './checkpoint/steps';
import { checkComparable } from './compare/comparable';
import { compareComposition } from './compare/composition';
import { compareHeadScores } from './compare/headScores';
import { compareLatents } from './compare/latents';
import { compareNextTokens } from './compare/nextTokens';
import { comparePattern, comparePatterns } from './compare/patterns';
import type { KeptRuns } from './compare/kept';
import type { CompareMethod, CompareParams, CompareResult, Comparison, Two } from './compare/two';
import type { OpenSae } from './mlsae/types';
import type { Steps } from './runtime/types';

export type CompareHandlers = {
  [M in CompareMethod]: (params: CompareRequests[M][0], context: { steps: Steps }) => CompareResult<M>;
} & { trainingSteps: typeof trainingSteps; endComparison: () => null };

export interface CompareParts {
  /** Runs a task on two open checkpoints when no other runs. */
  withTwo<T>(ids: OfTwo, method: CompareMethod, task: (two: Two) => Promise<T>): Promise<T>;
  /** @throws GoneError */
  sae(id: string): OpenSae;
  kept: KeptRuns;
}

export function compareHandlers({ withTwo, sae, kept }: CompareParts): CompareHandlers {
  const handler =
    <M extends CompareMethod>(method: M, comparison: Comparison<M>) =>
    ({ a, b, ...params }: CompareRequests[M][0], { steps }: { steps: Steps }): CompareResult<M> =>
      // the rest type of a generic is not narrowed to what it is
      withTwo({ a, b }, method, (two) => comparison(two, params as unknown as CompareParams<M>, steps));
  return {
    checkComparable: handler('checkComparable', checkComparable),
    comparePatterns: handler('comparePatterns', (...of) => comparePatterns(...of, { kept })),
    comparePattern: handler('comparePattern', (...of) => comparePattern(...of, { kept })),
    endComparison: () => (kept.clear(), null),
    compareHeadScores: handler('compareHeadScores', compareHeadScores),
    compareComposition: handler('compareComposition', compareComposition),
    compareNextTokens: handler('compareNextTokens', compareNextTokens),
    compareLatents: handler('compareLatents', (two, params, steps) => {
      const { saeId, otherSaeId } = params;
      const saes = { sae: sae(saeId), ...(otherSaeId !== undefined && { other: sae(otherSaeId) }) };
      return compareLatents(two, saes, params, steps);
    }),
    trainingSteps,
  };
}
