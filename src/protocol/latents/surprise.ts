import type { CorpusSummary } from './corpus';

/** Mean activation of a latent on a token of the corpus, over all layers. `[latent]` */
export function corpusRates({ totals, tokens, layers, nLatents }: CorpusSummary): Float64Array {
  const rates = new Float64Array(nLatents);
  for (let layer = 0; layer < layers.length; layer++) {
    for (let j = 0; j < nLatents; j++) rates[j]! += totals[layer * nLatents + j]! / tokens;
  }
  return rates;
}

/**
 * Bits by which a latent is more active here than in the corpus: log2 of the ratio of mean activations on a token, both
 * summed over the layers. Infinity for a latent that the corpus does not have.
 */
export const surprise = (here: number, corpus: number): number =>
  here > 0 ? (corpus > 0 ? Math.log2(here / corpus) : Infinity) : -Infinity;
