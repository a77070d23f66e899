import * as l10n from '@vscode/l10n';
import type { HookTensor } from '../../protocol/engine';
import type { LatentEdit } from '../../protocol/latents/effects';
import { InputError } from '../checkpoint/errors';
import type { OpenModel } from '../circuitHandlers';
import { wholeNumber } from '../circuits/params';
import { pieces } from '../graph/vocabulary';
import type { LatentAnalysis } from '../latentHandlers';
import type { ModelRunner, Steps } from '../runtime/types';
import { checkLatent, checkLayer, promptIds, readNext, runResiduals, type ReadNext } from './rerun';
import { createSaeRunner } from './runner';
import type { Encoded, OpenSae } from './types';

const MAX_TOP = 100;
/** Entries of rows of which all are kept. */
const ALL_ENTRIES = 2 ** 23;

/**
 * What the model predicts when a latent is added to the residual stream after a layer, at every position (DESIGN, “steering”), or
 * when what it contributes to the reconstruction there is taken away. Later layers see the change.
 */
export const steer: LatentAnalysis<'steer'> = async (open, params, steps) => {
  const { model, sae } = open;
  const { latent, layer, edit } = params;
  const topK = wholeNumber('topK', params.topK ?? 5, MAX_TOP);
  checkLatent(sae, latent);
  checkLayer(sae, layer);
  checkEdit(edit);
  const ids = promptIds(model, params.ids);
  const last = model.checkpoint.description.nLayers - 1;

  await steps.step(l10n.t('Running the text as it is'), 0);
  const { clean, before } = await cleanRun(model, { ids, layer, topK }, steps);
  await steps.step(l10n.t('Running the text with latent #{0} changed', latent), 0.5);
  const add = await change(open, params, clean.get(layer)!, steps);
  const changed = await runResiduals(model, ids, [layer], new Map([[layer, { add }]]), steps);

  const against = clean.get(last)!;
  const after = await readNext(model, ids, { resid: changed.get(last)!, against, topK }, steps);
  return {
    latent,
    layer,
    edit,
    lossBefore: before.loss,
    lossAfter: after.loss,
    kl: after.kl,
    before: before.predictions,
    after: after.predictions,
  };
};

interface CleanRun {
  /** hook_resid_post of the layer, and the last. */
  clean: Map<number, Float32Array>;
  before: ReadNext;
}

/** The last one of each model: whoever moves a slider asks for the same again and again. */
const known = new WeakMap<ModelRunner, { key: string; run: CleanRun }>();

async function cleanRun(
  model: OpenModel,
  request: { ids: number[]; layer: number; topK: number },
  steps: Steps,
): Promise<CleanRun> {
  const key = JSON.stringify(request);
  const found = known.get(model.runner);
  if (found?.key === key) return found.run;
  const { ids, layer, topK } = request;
  const clean = await runResiduals(model, ids, [layer], new Map(), steps);
  const resid = clean.get(model.checkpoint.description.nLayers - 1)!;
  const run = { clean, before: await readNext(model, ids, { resid, against: resid, topK }, steps) };
  known.set(model.runner, { key, run });
  return run;
}

function checkEdit(edit: LatentEdit): void {
  if (edit.kind === 'add' && !Number.isFinite(edit.factor))
    throw new InputError(l10n.t('The factor of steering is {0}: expected a number.', String(edit.factor)));
}

/** What is added to the residual stream. `[pos or 1, d_model]` */
async function change(
  open: OpenSae,
  { latent, layer, edit }: { latent: number; layer: number; edit: LatentEdit },
  rows: Float32Array,
  steps: Steps,
): Promise<HookTensor> {
  const direction = await open.saeRunner.decoderRows([latent], layer, steps);
  const dModel = direction.length;
  if (edit.kind === 'add') return { shape: [1, dModel], data: direction.map((value) => edit.factor * value) };
  const amounts = await contributions(open, { rows, layer }, latent, steps);
  const data = new Float32Array(rows.length);
  amounts.forEach((amount, row) => data.set(amount ? direction.map((v) => -amount * v) : [], row * dModel));
  return { shape: [amounts.length, dModel], data };
}

/** How much of a latent's direction each reconstruction has: activation times the scale that is undone. `[row]` */
async function contributions(
  { sae, saeRunner, model }: OpenSae,
  { rows, layer }: { rows: Float32Array; layer: number },
  latent: number,
  steps: Steps,
): Promise<number[]> {
  const encoded = await saeRunner.encode({ rows, layer, codesOnly: true }, steps);
  if (encoded.l0.every((active) => active <= encoded.k)) return amountsOf(encoded, latent);
  // it may be active and yet not among the strongest that are kept
  const keepsAll = createSaeRunner(sae, model.runner.provider, { limits: { kept: sae.nLatents } });
  try {
    const amounts: number[] = [];
    for (const [from, to] of pieces(encoded.scale.length, ALL_ENTRIES / sae.nLatents)) {
      const some = rows.subarray(from * sae.nInputs, to * sae.nInputs);
      amounts.push(...amountsOf(await keepsAll.encode({ rows: some, layer, codesOnly: true }, steps), latent));
    }
    return amounts;
  } finally {
    await keepsAll.dispose();
  }
}

const amountsOf = ({ k, indices, values, scale }: Encoded, latent: number): number[] =>
  Array.from(scale, (s, row) => {
    const at = indices.subarray(row * k, (row + 1) * k).indexOf(latent);
    return at < 0 ? 0 : values[row * k + at]! * s;
  });
