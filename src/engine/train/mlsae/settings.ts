/** What is asked of a training, with what is taken where nothing is. */
import * as l10n from '@vscode/l10n';
import type { TrainMlsaeParams } from '../../../protocol/training';
import type { ModelDescription } from '../../checkpoint/description';
import { InputError } from '../../checkpoint/errors';
import { wholeNumber } from '../../circuits/params';
import type { StepSizes } from './stepIo';

export interface MlsaeSettings extends StepSizes {
  /** Numbers of the layers that are read; `layers` is how many. */
  readLayers: number[];
  steps: number;
  lr: number;
  auxk: number;
  deadSteps: number;
  saveEvery: number;
  seed: number;
  /** That a step runs on; undefined: as many as there are cores. */
  threads?: number;
}

/** As the paper's code, but for the batch (it takes 131,072 tokens) and k's and ×'s, of which it has many. */
const DEFAULTS = {
  expansionFactor: 16,
  k: 32,
  lr: 1e-4,
  batchTokens: 2048,
  auxk: 256,
  deadTokens: 10_000_000,
  saveEvery: 500,
};
const MOST = { steps: 1e9, batchTokens: 2 ** 20, factor: 1024, tokens: 1e15, latents: 2 ** 24, threads: 1024 };

type Given = Omit<TrainMlsaeParams, 'checkpointId' | 'corpus' | 'out'>;

/** @throws InputError for numbers that are none, or do not fit the model */
export function mlsaeSettings(given: Given, name: string, d: ModelDescription): MlsaeSettings {
  const p = { ...DEFAULTS, seed: 0, ...Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)) };
  const nInputs = d.dModel;
  const nLatents = p.expansionFactor * nInputs;
  if (!(p.expansionFactor > 0 && p.expansionFactor <= MOST.factor) || !Number.isInteger(nLatents))
    throw new InputError(
      l10n.t(
        'expansionFactor: found {0}; a number up to {1} that makes whole latents of the {2} inputs of {3} was expected.',
        String(p.expansionFactor),
        MOST.factor,
        nInputs,
        name,
      ),
    );
  if (!(p.lr > 0 && p.lr <= 1))
    throw new InputError(l10n.t('lr: found {0}, a number above 0 and up to 1 was expected.', String(p.lr)));
  if (!Number.isInteger(p.seed) || p.seed < 0 || p.seed >= 2 ** 32)
    throw new InputError(
      l10n.t('seed: found {0}, a whole number from 0 to {1} was expected.', String(p.seed), 2 ** 32 - 1),
    );
  const tokens = wholeNumber('batchTokens', p.batchTokens, MOST.batchTokens);
  const readLayers = layersOf(given.layers, name, d);
  return {
    nInputs,
    nLatents: wholeNumber(l10n.t('expansionFactor × inputs'), nLatents, MOST.latents),
    k: wholeNumber('k', p.k, nLatents),
    layers: readLayers.length,
    readLayers,
    tokens,
    steps: wholeNumber('steps', given.steps, MOST.steps),
    lr: p.lr,
    auxk: p.auxk === 0 ? 0 : Math.min(wholeNumber('auxk', p.auxk, MOST.latents), nLatents),
    deadSteps: Math.max(1, Math.floor(wholeNumber('deadTokens', p.deadTokens, MOST.tokens) / tokens)),
    saveEvery: wholeNumber('saveEvery', p.saveEvery, MOST.steps),
    seed: p.seed,
    ...(given.threads !== undefined && { threads: wholeNumber('threads', given.threads, MOST.threads) }),
  };
}

function layersOf(given: number[] | undefined, name: string, { nLayers }: ModelDescription): number[] {
  if (nLayers === 0)
    throw new InputError(l10n.t('{0} has no layers, and so no residual stream after one to train on.', name));
  const layers = given ?? Array.from({ length: nLayers }, (_, layer) => layer);
  const bad = layers.find((layer) => !Number.isInteger(layer) || layer < 0 || layer >= nLayers);
  if (bad !== undefined)
    throw new InputError(l10n.t('layers: found {0}; 0 to {1} are the layers of {2}.', String(bad), nLayers - 1, name));
  if (layers.length === 0) throw new InputError(l10n.t('layers is empty, at least one layer was expected.'));
  return [...new Set(layers)].sort((a, b) => a - b);
}

/** Steps over which the rate rises; fewer in a short training. */
const WARM_UP = 100;

/** Rises linearly, stays, and falls linearly over the last quarter. @param step from 1 */
export function rateOf({ steps, lr }: Pick<MlsaeSettings, 'steps' | 'lr'>, step: number): number {
  const warmUp = Math.min(WARM_UP, Math.ceil(steps / 10));
  return lr * Math.min(1, step / warmUp, (steps - step + 1) / (steps / 4));
}
