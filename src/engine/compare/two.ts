/** Two open checkpoints that are compared, and what an analysis of them is. */
import type { CompareRequests } from '../../protocol/compare';
import type { OpenModel } from '../circuitHandlers';
import type { Steps } from '../runtime/types';

export interface Two {
  a: OpenModel;
  b: OpenModel;
}

/** Methods that take two checkpoints. */
export type CompareMethod = Exclude<keyof CompareRequests, 'trainingSteps' | 'endComparison'>;
export type CompareParams<M extends CompareMethod> = Omit<CompareRequests[M][0], 'a' | 'b'>;
export type CompareResult<M extends CompareMethod> = Promise<CompareRequests[M][1]>;

export type Comparison<M extends CompareMethod> = (
  two: Two,
  params: CompareParams<M>,
  steps: Steps,
) => CompareResult<M>;

/** B − A. */
export const minus = (b: Float32Array, a: Float32Array): Float32Array => b.map((value, i) => value - a[i]!);
