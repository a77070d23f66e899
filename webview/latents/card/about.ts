/** What a text or a corpus says about one latent. Pure; touches no DOM. */
import type { Token } from '../../../src/protocol/analysis';
import type { CorpusSummary, LatentExample } from '../../../src/protocol/latents/corpus';
import { type Encoding, latentMap } from '../../../src/protocol/latents/encoding';

/** P(ℓ | j): how the activations of a latent are distributed over the layers. */
export interface Distribution {
  layers: number[];
  /** Sums to 1; all 0 where the latent is never active. `[layers]` */
  share: number[];
  /** Of the layer numbers; NaN where it is never active. */
  mean: number;
  std: number;
  /** Tokens on which it is active. */
  tokens: number;
}

const NOWHERE = { mean: NaN, std: NaN, tokens: 0 };

const shares = (sums: number[], total: number): number[] => sums.map((sum) => (total > 0 ? sum / total : 0));

/** Where a layer number lies among the bars, in indices of bars: layers between two bars lie between them, as many as there are. */
export function barOf(layers: readonly number[], layer: number): number {
  const above = layers.findIndex((each) => each > layer);
  // outside the bars a layer is as wide as a bar
  if (above === 0) return layer - layers[0]!;
  const last = layers.length - 1;
  if (above < 0) return last + layer - layers[last]!;
  const [low, high] = [layers[above - 1]!, layers[above]!];
  return above - 1 + (layer - low) / (high - low);
}

/** Over the text. */
export function inText({ active, layers }: Encoding, latent: number): Distribution {
  const at = active.latent.indexOf(latent);
  if (at < 0) return { layers, share: layers.map(() => 0), ...NOWHERE };
  const sums = layers.map((_, i) => active.byLayer[at * layers.length + i]!);
  const [mean, std, tokens] = [active.layerMean[at]!, active.layerStd[at]!, active.nTokens[at]!];
  return { layers, share: shares(sums, active.total[at]!), mean, std, tokens };
}

/** Over the corpus. `tokens` is of the layer where it is active most often: layers are counted one by one. */
export function inCorpus(
  { layers, nLatents, counts, totals, layerMean, layerVar }: CorpusSummary,
  latent: number,
): Distribution {
  const sums = layers.map((_, i) => totals[i * nLatents + latent]!);
  const total = sums.reduce((sum, value) => sum + value, 0);
  const tokens = Math.max(0, ...layers.map((_, i) => counts[i * nLatents + latent]!));
  const [mean, std] = [layerMean[latent]!, Math.sqrt(layerVar[latent]!)];
  return { layers, share: shares(sums, total), mean, std, tokens };
}

/** A place where the latent is active, with the tokens around it. */
export interface Example {
  value: number;
  layer: number;
  tokens: string[];
  /** Activation on each token at that layer; of the text: the largest of all layers. */
  values: ArrayLike<number>;
  /** Index of the place in `tokens`. */
  at: number;
  /** Of the text: index of its first token there. */
  first?: number;
  /** Of the corpus: where it is from. */
  source?: string;
}

/** Tokens to each side of an example from the text. */
const AROUND = 6;
const EXAMPLES = 5;
const CORPUS_EXAMPLES = 10;

/** The strongest places of the text, none of them in another's neighbourhood; strongest first. */
export function examplesInText(encoding: Encoding, tokens: readonly Token[], latent: number): Example[] {
  const { nTokens, layers } = encoding;
  const map = latentMap(encoding, latent);
  const largest = new Float32Array(nTokens);
  const where = new Int32Array(nTokens);
  map.forEach((value, i) => {
    const token = i % nTokens;
    if (value > largest[token]!) [largest[token], where[token]] = [value, Math.floor(i / nTokens)];
  });
  const order = Array.from(largest.keys())
    .filter((token) => largest[token]! > 0)
    .sort((a, b) => largest[b]! - largest[a]! || a - b);
  const covered = new Set<number>();
  const examples: Example[] = [];
  for (const token of order) {
    if (examples.length === EXAMPLES) break;
    if (covered.has(token)) continue;
    const first = Math.max(0, token - AROUND);
    const end = Math.min(nTokens, token + AROUND + 1);
    for (let i = first; i < end; i++) covered.add(i);
    examples.push({
      value: largest[token]!,
      layer: layers[where[token]!]!,
      tokens: tokens.slice(first, end).map(({ text }) => text),
      values: largest.subarray(first, end),
      at: token - first,
      first,
    });
  }
  return examples;
}

/** Examples of a corpus, each place once (it may be kept for several layers), at its strongest layer; strongest first. */
export function examplesInCorpus(examples: readonly LatentExample[]): Example[] {
  const places = new Map<string, Example>();
  for (const { value, layer, tokens, values, at, source } of examples) {
    const place = JSON.stringify([source, at, tokens]);
    if (!places.has(place)) places.set(place, { value, layer, tokens, values, at, source });
  }
  return [...places.values()].slice(0, CORPUS_EXAMPLES);
}
