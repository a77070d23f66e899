import * as l10n from '@vscode/l10n';
import { headName } from '../../protocol/checkpoint';
import type { HeadRef } from '../../protocol/checkpoint';
import type { AblationSide } from '../../protocol/circuits/behaviour';
import type { HookTensor } from '../../protocol/engine';
import type { ModelDescription } from '../checkpoint/description';
import { InputError } from '../checkpoint/errors';
import type { CircuitAnalysis } from '../circuitHandlers';
import { layerHook } from '../graph/hooks';
import { readPrompt, tokenTextOf } from '../prompt';
import type { Edit, ForwardResult } from '../runtime/types';
import { byLayer, editHeads } from './edits';
import { meanLoss, predictions } from './nextToken';
import { wholeNumber } from './params';

const MAX_TOP = 100;

/**
 * What a prompt's loss and predictions are without some heads: their hook_z is replaced by zero or, for `mean`, by its mean
 * over the positions of this prompt in the run as it is. Later layers see what the heads no longer write.
 */
export const ablate: CircuitAnalysis<'ablate'> = async ({ checkpoint, runner }, params, steps) => {
  const { text, ids: givenIds, heads, mean = false } = params;
  const topK = wholeNumber('topK', params.topK ?? 5, MAX_TOP);
  const { tokens, notices } = readPrompt(checkpoint, { text, ids: givenIds });
  const { description } = checkpoint;
  checkHeads(description, heads);
  const ids = tokens.map(({ id }) => id);
  const layers = byLayer(heads);
  const hooks = mean ? [...layers.keys()].map((layer) => layerHook(layer, 'z')) : [];
  await steps.step(l10n.t('Running the prompt as it is'), 0);
  const before = await runner.run({ ids, hooks, topK }, steps);
  const z = new Map<number, Edit>();
  for (const [layer, ofLayer] of layers) {
    const replacement = mean ? meanOverPositions(before.hooks[layerHook(layer, 'z')]!) : undefined;
    z.set(layer, editHeads(description.nHeads, ofLayer, replacement));
  }
  await steps.step(l10n.t('Running the prompt without the heads'), 0.5);
  const after = await runner.run({ ids, hooks: [], topK, interventions: { z } }, steps);
  const side = (result: ForwardResult): AblationSide => ablationSide(result, tokenTextOf(checkpoint));
  const replaced = heads.map(headName).join(', ');
  return {
    tokens,
    heads,
    mean,
    before: side(before),
    after: side(after),
    notices: [
      ...notices,
      mean
        ? l10n.t('hook_z of {0} is replaced by its mean over the positions of this prompt.', replaced)
        : l10n.t('hook_z of {0} is replaced by zero.', replaced),
    ],
  };
};

/** @throws InputError without heads, and for one that the model does not have */
export function checkHeads({ nLayers, nHeads }: ModelDescription, heads: HeadRef[]): void {
  if (heads.length === 0) throw new InputError(l10n.t('At least one head is needed.'));
  for (const ref of heads) {
    const exists = (index: number, n: number): boolean => Number.isInteger(index) && index >= 0 && index < n;
    if (!exists(ref.layer, nLayers) || !exists(ref.head, nHeads))
      throw new InputError(l10n.t('There is no head {0} in this model.', headName(ref)));
  }
}

/** `[pos, head, d_head]` → `[1, head, d_head]` */
function meanOverPositions({ shape, data }: HookTensor): HookTensor {
  const [n, nHeads, dHead] = shape as [number, number, number];
  const width = nHeads * dHead;
  const mean = Float32Array.from({ length: width }, (_, i) => {
    let sum = 0;
    for (let at = i; at < data.length; at += width) sum += data[at]!;
    return sum / n;
  });
  return { shape: [1, nHeads, dHead], data: mean };
}

function ablationSide({ next }: ForwardResult, textOf: (id: number) => string): AblationSide {
  return {
    loss: meanLoss(next!),
    tokenLoss: next!.tokenLogProbs.map((logProb) => -logProb),
    predictions: predictions(next!, textOf),
  };
}
