/** Means of residual streams, for the similarity of mean-centred residuals. */
import * as l10n from '@vscode/l10n';
import type { Corpus } from '../../../protocol/latents/corpus';
import { InputError } from '../../checkpoint/errors';
import { layerHook } from '../../graph/hooks';
import type { Steps } from '../../runtime/types';
import { meanRow } from '../layerStats';
import type { OpenSae } from '../types';
import { placeOf } from './examples';
import type { CorpusFile } from './files';
import { contextOf, sequences, type Sequence } from './sequences';
import { residTogether, sequencesAtOnce, windows } from './together';
import type { Centre } from './totals';

/** Tokens whose mean stands for that of the corpus. */
const TOKENS = 1 << 14;
/** Residual streams that are kept for the sweep: all of these tokens for Pythia-70m's six layers. */
const KEPT_BYTES = 2 ** 28;

export interface Beginning {
  centre: Centre;
  /** By `placeOf`, hook_resid_post of each layer `[token, d_model]`: what the sweep need not compute again. */
  resid: Map<number, Float32Array[]>;
  /** By part, the tokens of a text: as long as those residual streams. */
  texts: Map<number, number[]>;
}

/**
 * Of each layer the mean residual over the first 16,384 tokens of the corpus (whole texts; all of a smaller corpus): every shard
 * finds the same without a pass over all.
 * @param wants parts whose residual streams are kept, as long as there is room
 */
export async function centreOf(
  { sae, model }: OpenSae,
  corpus: Corpus,
  files: CorpusFile[],
  steps: Steps,
  wants: (part: number) => boolean = () => true,
): Promise<Beginning> {
  const hooks = sae.layers.map((layer) => layerHook(layer, 'residPost'));
  const sums = hooks.map(() => new Float64Array(sae.nInputs));
  const kept = new Map<number, Float32Array[]>();
  const texts = new Map<number, number[]>();
  const idsOf = (part: number, encode: () => number[]): number[] => {
    const ids = encode();
    texts.set(part, ids);
    return ids;
  };
  let [tokens, room] = [0, KEPT_BYTES];
  if (hooks.length < 2) return { centre: [], resid: kept, texts };
  const add = ({ ids, part, start }: Sequence, resid: Float32Array[]): void => {
    resid.forEach((rows, l) => {
      meanRow(rows, sae.nInputs).forEach((mean, i) => (sums[l]![i]! += mean * ids.length));
    });
    const bytes = resid.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (wants(part) && bytes <= room) {
      room -= bytes;
      kept.set(placeOf({ part, start }), resid);
    }
    tokens += ids.length;
  };
  const residOf = async ({ ids }: Sequence): Promise<Float32Array[]> => {
    const run = await model.runner.run({ ids, hooks });
    return hooks.map((hook) => run.hooks[hook]!.data);
  };
  const context = contextOf(corpus, model.checkpoint);
  const all = sequences(corpus, model.checkpoint, { files, idsOf });
  const atOnce = { n: context, size: sequencesAtOnce(model, context) };
  for await (const window of windows(all, atOnce.n, atOnce.size)) {
    const together = await residTogether(model, hooks, window, atOnce);
    for (const sequence of window) {
      if (tokens >= TOKENS) break;
      await steps.step(l10n.t('Reading the beginning of the corpus'), 0);
      add(sequence, together.get(sequence) ?? (await residOf(sequence)));
    }
    if (tokens >= TOKENS) break;
  }
  const bad = sums.findIndex((sum) => !sum.every(Number.isFinite));
  if (bad >= 0)
    throw new InputError(l10n.t("The model's residual stream is not finite after layer {0}.", sae.layers[bad]!));
  return { centre: sums.map((sum) => sum.map((value) => value / Math.max(1, tokens))), resid: kept, texts };
}
