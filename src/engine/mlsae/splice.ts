import * as l10n from '@vscode/l10n';
import type { SplicedLayer } from '../../protocol/latents/effects';
import type { LatentAnalysis } from '../latentHandlers';
import type { Steps } from '../runtime/types';
import { encodeResid, type EncodedText } from './encodePrompt';
import { promptIds, readNext, runResiduals, type ReadNext } from './rerun';
import type { OpenSae } from './types';

/**
 * What is lost when hook_resid_post of one layer is replaced by its reconstruction, each layer by itself (DESIGN, “loss delta,
 * logit KL”).
 */
export const splice: LatentAnalysis<'splice'> = async (open, params, steps) => {
  const ids = promptIds(open.model, params.ids);
  const { clean, spliced } = await splicedText(open, ids, steps);
  return { loss: clean.loss, layers: open.sae.layers.map((layer, l) => splicedLayer(layer, clean, spliced[l]!)) };
};

/** One text, as it is and with every layer spliced. */
export interface SplicedText {
  text: EncodedText;
  clean: ReadNext;
  /** By the autoencoder's layers. */
  spliced: ReadNext[];
}

export async function splicedText(open: OpenSae, ids: number[], steps: Steps): Promise<SplicedText> {
  const { model, sae } = open;
  const last = model.checkpoint.description.nLayers - 1;
  await steps.step(l10n.t('Running the text as it is'), 0);
  const resids = await runResiduals(model, ids, sae.layers, new Map(), steps);
  const against = resids.get(last)!;
  const read = (resid: Float32Array): Promise<ReadNext> => readNext(model, ids, { resid, against, topK: 1 }, steps);
  const clean = await read(against);
  const rows = sae.layers.map((layer) => resids.get(layer)!);
  const { encoded, resid } = await encodeResid(open, rows, steps, { recons: true });
  const { recons, ...rest } = encoded;
  const spliced: ReadNext[] = [];
  for (const [l, layer] of sae.layers.entries()) {
    await steps.step(l10n.t('Splicing the reconstruction of layer {0}', layer), l / sae.layers.length);
    const size = ids.length * sae.nInputs;
    const keep = { shape: [1, 1], data: Float32Array.of(0) };
    const add = { shape: [ids.length, sae.nInputs], data: recons!.subarray(l * size, (l + 1) * size) };
    // the other layers too, though nobody reads them: one session for all
    const run = await runResiduals(model, ids, sae.layers, new Map([[layer, { keep, add }]]), steps);
    spliced.push(await read(run.get(last)!));
  }
  return { text: { encoded: rest, resid }, clean, spliced };
}

function splicedLayer(layer: number, clean: ReadNext, { loss, kl, next }: ReadNext): SplicedLayer {
  return {
    layer,
    loss,
    lossDelta: loss - clean.loss,
    kl: kl.reduce((sum, value) => sum + value, 0) / kl.length,
    changed: changedCount(clean, next) / kl.length,
  };
}

/** Positions whose most probable next token is another. */
export const changedCount = (clean: ReadNext, { ids }: ReadNext['next']): number =>
  ids.filter((id, pos) => id !== clean.next.ids[pos]).length;
