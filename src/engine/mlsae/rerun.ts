/** A prompt run once more with another residual stream after one layer, and what the model then predicts. */
import * as l10n from '@vscode/l10n';
import type { Prediction } from '../../protocol/analysis';
import { InputError } from '../checkpoint/errors';
import { meanLoss, predictions } from '../circuits/nextToken';
import type { OpenModel } from '../circuitHandlers';
import { layerHook } from '../graph/hooks';
import { readPrompt, tokenTextOf } from '../prompt';
import type { Edit, NextTokens, Steps } from '../runtime/types';
import type { Sae } from './sae';

/** The ids that are run: at least one, all of the vocabulary, cut to the model's context. */
export const promptIds = ({ checkpoint }: OpenModel, ids: number[]): number[] =>
  readPrompt(checkpoint, { ids }).tokens.map(({ id }) => id);

/** @throws InputError unless the autoencoder has it */
export function checkLatent({ nLatents, name }: Sae, latent: number): void {
  if (Number.isInteger(latent) && latent >= 0 && latent < nLatents) return;
  throw new InputError(l10n.t('There is no latent #{0} in {1}: expected 0–{2}.', String(latent), name, nLatents - 1));
}

/** @throws InputError unless the autoencoder reads it */
export function checkLayer({ layers, name }: Sae, layer: number): void {
  if (layers.includes(layer)) return;
  throw new InputError(l10n.t('{0} does not read layer {1}: expected {2}.', name, String(layer), listed(layers)));
}

const listed = (layers: number[]): string =>
  layers.length > 1 && layers.at(-1)! - layers[0]! === layers.length - 1
    ? `${layers[0]}–${layers.at(-1)}`
    : layers.join(', ');

/**
 * hook_resid_post of `layers` and of the last layer, `[pos, d_model]` by layer, when that of some layers is edited; those of
 * edited layers are as they were before, unless it is the last. Every run of it has the same graph, so that an edit that changes
 * nothing has no effect at all.
 */
export async function runResiduals(
  { checkpoint: { description }, runner }: OpenModel,
  ids: number[],
  layers: number[],
  edits: ReadonlyMap<number, Edit>,
  steps: Steps,
): Promise<Map<number, Float32Array>> {
  const wanted = [...new Set([...layers, description.nLayers - 1])];
  // what a block leaves is what the next one finds
  const resid = new Map([...edits].map(([layer, edit]) => [layer + 1, edit]));
  const hooks = wanted.map((layer) => layerHook(layer, 'residPost'));
  const run = await runner.run({ ids, hooks, interventions: { resid } }, steps);
  return new Map(wanted.map((layer, i) => [layer, run.hooks[hooks[i]!]!.data]));
}

/** Next tokens as read off the last residual stream. */
export interface ReadNext {
  /** Mean cross-entropy, nats; NaN for one token. */
  loss: number;
  next: NextTokens;
  predictions: Prediction[][];
  /** KL(against ‖ this), nats. `[pos]` */
  kl: Float32Array;
}

/**
 * @param resid the last hook_resid_post. `[pos, d_model]`
 * @param against that of the run that it is compared with
 */
export async function readNext(
  { checkpoint, runner }: OpenModel,
  ids: number[],
  { resid, against, topK }: { resid: Float32Array; against: Float32Array; topK: number },
  steps: Steps,
): Promise<ReadNext> {
  const following = [...ids.slice(1), ids.at(-1)!];
  const read = await runner.unembed({ resid, topK, targets: [following], against }, steps);
  const tokenLogProbs = new Float32Array(ids.length).fill(NaN);
  tokenLogProbs.set(read.targets[0]!.logProbs.subarray(0, -1), 1);
  const next = { k: read.k, ids: read.ids, logProbs: read.logProbs, tokenLogProbs };
  return { loss: meanLoss(next), next, predictions: predictions(next, tokenTextOf(checkpoint)), kl: read.kl! };
}
