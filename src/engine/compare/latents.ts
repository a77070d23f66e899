/** Which latents of a sparse autoencoder are active otherwise in another checkpoint. */
import * as l10n from '@vscode/l10n';
import type { LatentChange } from '../../protocol/compare';
import type { Encoding } from '../../protocol/latents/encoding';
import { InputError } from '../checkpoint/errors';
import { areStepsOfOne } from '../checkpoint/steps';
import { wholeNumber } from '../circuits/params';
import type { OpenModel } from '../circuitHandlers';
import { encodePrompt } from '../mlsae/encodePrompt';
import { createSaeRunner } from '../mlsae/runner';
import type { Sae } from '../mlsae/sae';
import type { OpenSae } from '../mlsae/types';
import type { Steps } from '../runtime/types';
import { comparedPrompt } from './prompt';
import type { CompareParams, CompareResult, Two } from './two';

const MAX_TOP = 100_000;

/** The autoencoders that the params name: the first, and the second if there is one. */
export interface TwoSaes {
  sae: OpenSae;
  other?: OpenSae;
}

/**
 * The prompt's residual streams of both checkpoints through one autoencoder, or each through its own of the same training.
 * @throws InputError for autoencoders that do not go with these checkpoints or with each other
 */
export async function compareLatents(
  two: Two,
  { sae, other }: TwoSaes,
  params: CompareParams<'compareLatents'>,
  steps: Steps,
): CompareResult<'compareLatents'> {
  const top = wholeNumber('top', params.top ?? 20, MAX_TOP);
  const { tokens, ids, notices } = await comparedPrompt(two, params);
  checkModels(two, sae, other);
  if (other) checkPair(sae.sae, other.sae);
  const a = await encodeWith(two.a, sae, ids, steps);
  const b = await encodeWith(two.b, other ?? sae, ids, steps);
  const changes = latentChanges(a, b);
  return {
    tokens,
    layers: a.layers,
    nLatents: a.nLatents,
    a,
    b,
    changes: changes.slice(0, top),
    changed: changes.length,
    fvuDelta: Float64Array.from(b.perLayer, ({ fvu }, i) => fvu - a.perLayer[i]!.fvu),
    notices: [...new Set([...notices, ...a.notices, ...b.notices])],
  };
}

/** @throws InputError unless each autoencoder was opened where it is read */
function checkModels({ a, b }: Two, sae: OpenSae, other: OpenSae | undefined): void {
  const nameA = a.checkpoint.name;
  const nameB = b.checkpoint.name;
  if (!other && sae.model !== a && sae.model !== b)
    throw new InputError(
      l10n.t('{0} was opened on {1}: open it on {2} or {3}.', sae.sae.name, sae.model.checkpoint.name, nameA, nameB),
    );
  if (other && (sae.model !== a || other.model !== b))
    throw new InputError(
      l10n.t(
        '{0} was opened on {1} and {2} on {3}: expected the first on {4} and the second on {5}.',
        sae.sae.name,
        sae.model.checkpoint.name,
        other.sae.name,
        other.model.checkpoint.name,
        nameA,
        nameB,
      ),
    );
}

const compared = (): [string, (sae: Sae) => string | number | boolean][] => [
  [l10n.t('format'), (sae) => sae.format],
  ['nInputs', (sae) => sae.nInputs],
  ['nLatents', (sae) => sae.nLatents],
  [l10n.t('the layers'), (sae) => sae.layers.join(', ')],
  [l10n.t('the activation'), (sae) => sae.activate.kind],
  ['standardize', (sae) => sae.standardize],
];

/** Latents have the same numbers only in one training. @throws InputError */
function checkPair(a: Sae, b: Sae): void {
  for (const [field, read] of compared())
    if (read(a) !== read(b))
      throw new InputError(
        l10n.t(
          '{0} and {1} are not of the same shape: {2} is {3} in the first and {4} in the second.',
          a.path,
          b.path,
          field,
          read(a),
          read(b),
        ),
      );
  if (a.path !== b.path && !areStepsOfOne(a.path, b.path))
    throw new InputError(
      l10n.t(
        '{0} and {1} are not steps of one training (step1000 and step2000 in one folder): latent 0 of the first need not be latent 0 of the second; compare with one autoencoder.',
        a.path,
        b.path,
      ),
    );
}

/** Reads one model's prompt with an autoencoder that may have been opened on the other. */
async function encodeWith(model: OpenModel, open: OpenSae, ids: number[], steps: Steps): Promise<Encoding> {
  if (model.runner.provider === open.model.runner.provider) return encodePrompt({ ...open, model }, { ids }, steps);
  const saeRunner = createSaeRunner(open.sae, model.runner.provider);
  try {
    return await encodePrompt({ sae: open.sae, saeRunner, model }, { ids }, steps);
  } finally {
    await saeRunner.dispose();
  }
}

/** Latents whose activations differ somewhere, largest Σ |Δ| first. */
export function latentChanges(a: Encoding, b: Encoding): LatentChange[] {
  const { nLatents, layers, nTokens } = a;
  const [difference, sumA, sumB] = [0, 0, 0].map(() => new Float64Array(nLatents)) as Sums;
  /** Where |Δ| is largest, and the activations there. */
  const [row, atA, atB] = [new Int32Array(nLatents), new Float32Array(nLatents), new Float32Array(nLatents)];
  const add = (latent: number, place: number, valueA: number, valueB: number): void => {
    const size = Math.abs(valueB - valueA);
    difference[latent]! += size;
    sumA[latent]! += valueA;
    sumB[latent]! += valueB;
    if (size > Math.abs(atB[latent]! - atA[latent]!)) [row[latent], atA[latent], atB[latent]] = [place, valueA, valueB];
  };
  const rowB = new Float32Array(nLatents);
  for (let place = 0; place < layers.length * nTokens; place++) {
    eachActive(b, place, (latent, value) => (rowB[latent] = value));
    eachActive(a, place, (latent, value) => {
      add(latent, place, value, rowB[latent]!);
      rowB[latent] = 0;
    });
    eachActive(b, place, (latent) => {
      // 0: it is active in A too, and was added
      if (rowB[latent]! > 0) add(latent, place, 0, rowB[latent]!);
      rowB[latent] = 0;
    });
  }
  return Array.from(difference.keys())
    .filter((latent) => difference[latent]! > 0)
    .sort((x, y) => difference[y]! - difference[x]! || x - y)
    .map((latent) => ({
      latent,
      difference: difference[latent]!,
      a: sumA[latent]!,
      b: sumB[latent]!,
      at: {
        token: row[latent]! % nTokens,
        layer: Math.floor(row[latent]! / nTokens),
        a: atA[latent]!,
        b: atB[latent]!,
      },
    }));
}

type Sums = [Float64Array, Float64Array, Float64Array];

/** @param place layer * nTokens + token */
function eachActive(
  { indices, values, k }: Encoding,
  place: number,
  visit: (latent: number, value: number) => void,
): void {
  for (let i = place * k; i < (place + 1) * k; i++) if (values[i]! > 0) visit(indices[i]!, values[i]!);
}
