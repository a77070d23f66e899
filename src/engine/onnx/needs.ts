/** Which requests need more of a foreign graph than its attention. */
import * as l10n from '@vscode/l10n';
import type { EngineMethod } from '../../protocol/engine';
import type { Checkpoint } from '../checkpoint/checkpoint';
import { InputError } from '../checkpoint/errors';

export type Need = 'residual' | 'weights' | 'logits';

const CIRCUITS: Need[] = ['weights'];
const RUNS: Need[] = ['weights', 'residual', 'logits'];

/** Requests that are not named need nothing, or say themselves what they lack. */
const NEEDS: Partial<Record<EngineMethod, Need[]>> = {
  composition: CIRCUITS,
  headCircuit: CIRCUITS,
  bigrams: CIRCUITS,
  headScores: CIRCUITS,
  inductionCircuits: CIRCUITS,
  lens: ['residual', 'logits'],
  ablate: ['logits'],
  patch: ['residual', 'logits'],
  paths: RUNS,
  importance: RUNS,
  compareHeadScores: CIRCUITS,
  compareComposition: CIRCUITS,
  compareNextTokens: ['logits'],
  compareLatents: ['residual'],
  openSae: ['residual'],
  trainMlsae: ['residual'],
  latentCard: ['weights', 'residual'],
  steer: ['residual', 'logits'],
  splice: ['residual', 'logits'],
  evaluate: ['residual', 'logits'],
};

/** @throws InputError with the sentence of what was not found in the graph and is needed */
export function checkNeeds({ foreign, name }: Checkpoint, method: EngineMethod): void {
  for (const need of NEEDS[method] ?? []) {
    const sentence = foreign?.missing[need];
    if (sentence !== undefined) throw new InputError(l10n.t('{0}: {1}', name, sentence));
  }
}
