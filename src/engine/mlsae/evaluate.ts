import { InputError } from '../checkpoint/errors';
import { total } from '../circuits/rows';
import type { LatentAnalysis } from '../latentHandlers';
import { corpusTotals } from './corpus/sweep';
import { mmcs } from './mmcs';
import { changedCount, splicedText, type SplicedText } from './splice';

/**
 * How good an autoencoder is on a corpus: what a sweep counts, and what splicing each layer's reconstruction costs the model.
 * Every sequence counts by its tokens.
 */
export const evaluate: LatentAnalysis<'evaluate'> = async (open, { corpus }, steps) => {
  const sums = new SpliceSums(open.sae.layers.length);
  const summary = await corpusTotals(open, corpus, steps, async (ids, within) => {
    const spliced = await splicedText(open, ids, within);
    sums.add(spliced);
    return spliced.text;
  });
  const { tokens, perLayer, adjacent, varianceRatios, dead } = summary;
  if (tokens === 0) throw new InputError(`${corpus.globs.join(', ')}: the texts are empty.`);
  const { mmcs: similarity } = await mmcs(open, {}, steps);
  return {
    tokens,
    loss: sums.meanLoss,
    layers: perLayer.map((stats, l) => ({ ...stats, ...sums.ofLayer(l) })),
    adjacent,
    varianceRatios,
    dead,
    mmcs: similarity,
  };
};

/** Sums over the positions of texts. */
class SpliceSums {
  private tokens = 0;
  /** Tokens that something comes before. */
  private predicted = 0;
  private loss = 0;
  private readonly layers: { loss: number; kl: number; changed: number }[];

  constructor(nLayers: number) {
    this.layers = Array.from({ length: nLayers }, () => ({ loss: 0, kl: 0, changed: 0 }));
  }

  add({ clean, spliced }: SplicedText): void {
    const n = clean.kl.length;
    // the loss of a single token is NaN
    const lossOf = (loss: number): number => (n > 1 ? loss * (n - 1) : 0);
    this.tokens += n;
    this.predicted += n - 1;
    this.loss += lossOf(clean.loss);
    spliced.forEach(({ loss, kl, next }, l) => {
      const sums = this.layers[l]!;
      sums.loss += lossOf(loss);
      sums.kl += total(kl);
      sums.changed += changedCount(clean, next);
    });
  }

  get meanLoss(): number {
    return this.loss / this.predicted;
  }

  ofLayer(l: number): { lossDelta: number; kl: number; changed: number } {
    const { loss, kl, changed } = this.layers[l]!;
    return { lossDelta: (loss - this.loss) / this.predicted, kl: kl / this.tokens, changed: changed / this.tokens };
  }
}
