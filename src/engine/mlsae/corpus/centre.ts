/** Means of residual streams, for the similarity of mean-centred residuals. */
import type { Corpus } from '../../../protocol/latents/corpus';
import { InputError } from '../../checkpoint/errors';
import { layerHook } from '../../graph/hooks';
import type { Steps } from '../../runtime/types';
import { meanRow } from '../layerStats';
import type { OpenSae } from '../types';
import type { CorpusFile } from './files';
import { sequences } from './sequences';
import type { Centre } from './totals';

/** Tokens whose mean stands for that of the corpus. */
const TOKENS = 1 << 14;

/**
 * Of each layer the mean residual over the first 16,384 tokens of the corpus (whole texts; all of a smaller corpus): every shard
 * finds the same without a pass over all.
 */
export async function centreOf(
  { sae, model }: OpenSae,
  corpus: Corpus,
  files: CorpusFile[],
  steps: Steps,
): Promise<Centre> {
  const hooks = sae.layers.map((layer) => layerHook(layer, 'residPost'));
  const sums = hooks.map(() => new Float64Array(sae.nInputs));
  let tokens = 0;
  if (hooks.length < 2) return [];
  for await (const { ids } of sequences(corpus, model.checkpoint, { files })) {
    await steps.step('Reading the beginning of the corpus', 0);
    const run = await model.runner.run({ ids, hooks });
    hooks.forEach((hook, l) => {
      meanRow(run.hooks[hook]!.data, sae.nInputs).forEach((mean, i) => (sums[l]![i]! += mean * ids.length));
    });
    tokens += ids.length;
    if (tokens >= TOKENS) break;
  }
  const bad = sums.findIndex((sum) => !sum.every(Number.isFinite));
  if (bad >= 0) throw new InputError(`The model's residual stream is not finite after layer ${sae.layers[bad]}.`);
  return sums.map((sum) => sum.map((value) => value / Math.max(1, tokens)));
}
