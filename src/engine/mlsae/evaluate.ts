import * as l10n from '@vscode/l10n';
import { InputError } from '../checkpoint/errors';
import { total } from '../circuits/rows';
import type { LatentAnalysis } from '../latentHandlers';
import type { Steps } from '../runtime/types';
import { corpusTotals } from './corpus/sweep';
import type { EncodedText } from './encodePrompt';
import { mmcs } from './mmcs';
import { changedCount, splicedText, type SplicedText } from './splice';

/**
 * How good an autoencoder is on a corpus: what a sweep counts, and what splicing each layer's reconstruction costs the model.
 * Every sequence counts by its tokens.
 */
export const evaluate: LatentAnalysis<'evaluate'> = async (open, { corpus, deadBelow }, steps) => {
  const sums = new SpliceSums(open.sae.layers.length);
  const textOf = async (ids: number[], within: Steps): Promise<EncodedText> => {
    const spliced = await splicedText(open, ids, within);
    sums.add(spliced);
    return spliced.text;
  };
  const summary = await corpusTotals(open, corpus, steps, { deadBelow, textOf });
  const { tokens, perLayer, adjacent, varianceRatios, dead, notices } = summary;
  const globs = corpus.globs.join(', ');
  if (sums.predicted === 0) {
    throw new InputError(
      l10n.t(
        '{0}: no text has more than one token, and so there is no next token to predict; longer texts were expected.',
        globs,
      ),
    );
  }
  const { mmcs: similarity } = await mmcs(open, {}, steps);
  return {
    tokens,
    loss: sums.meanLoss,
    layers: perLayer.map((stats, l) => ({ ...stats, ...sums.ofLayer(l) })),
    adjacent,
    varianceRatios,
    dead,
    mmcs: similarity,
    notices,
  };
};

/** Sums over the positions of texts. */
class SpliceSums {
  private tokens = 0;
  /** Tokens that something comes before. */
  predicted = 0;
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
