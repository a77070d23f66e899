/** Which latents of a sparse autoencoder are active otherwise in another checkpoint. */
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
      `${sae.sae.name} was opened on ${sae.model.checkpoint.name}: open it on ${nameA} or ${nameB}.`,
    );
  if (other && (sae.model !== a || other.model !== b))
    throw new InputError(
      `${sae.sae.name} was opened on ${sae.model.checkpoint.name} and ${other.sae.name} on ${other.model.checkpoint.name}: expected the first on ${nameA} and the second on ${nameB}.`,
    );
}

const COMPARED: [string, (sae: Sae) => string | number | boolean][] = [
  ['format', (sae) => sae.format],
  ['nInputs', (sae) => sae.nInputs],
  ['nLatents', (sae) => sae.nLatents],
  ['the layers', (sae) => sae.layers.join(', ')],
  ['the activation', (sae) => sae.activate.kind],
  ['standardize', (sae) => sae.standardize],
];

/** Latents have the same numbers only in one training. @throws InputError */
function checkPair(a: Sae, b: Sae): void {
  for (const [field, read] of COMPARED)
    if (read(a) !== read(b))
      throw new InputError(
        `${a.path} and ${b.path} are not of the same shape: ${field} is ${read(a)} in the first and ${read(b)} in the second.`,
      );
  if (a.path !== b.path && !areStepsOfOne(a.path, b.path))
    throw new InputError(
      `${a.path} and ${b.path} are not steps of one training (step1000 and step2000 in one folder): latent 0 of the first need not be latent 0 of the second; compare with one autoencoder.`,
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
