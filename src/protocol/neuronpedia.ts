/**
 * A latent as Neuronpedia's feature JSON: names and shapes of its public database schema (`Neuron`, `Activation`, `Explanation`).
 * A feature there is of one layer: an autoencoder for several gives one feature for each layer on which the latent is active.
 */
import type { LatentCard } from './latents/card';
import type { LatentExample } from './latents/corpus';
import type { LatentName } from './latents/names';

export interface NeuronpediaActivation {
  tokens: string[];
  values: number[];
  maxValue: number;
  maxValueTokenIndex: number;
  minValue: number;
  /** Of the file or line. */
  dataSource: string;
}

export interface NeuronpediaFeature {
  modelId: string;
  /** Id of the source: `3-mlsae-x16`. */
  layer: string;
  index: string;
  hookName: string;
  /** Most promoted and suppressed tokens with their logits. */
  pos_str: string[];
  pos_values: number[];
  neg_str: string[];
  neg_values: number[];
  /** Of the tokens of the corpus, on this layer. */
  frac_nonzero: number;
  maxActApprox: number;
  activations: NeuronpediaActivation[];
  explanations: { modelId: string; layer: string; index: string; description: string; notes?: string }[];
}

export interface FeatureParts {
  /** Names of model and autoencoder. */
  model: string;
  sae: string;
  card: Pick<LatentCard, 'latent' | 'promoted' | 'suppressed'>;
  examples: readonly LatentExample[];
  corpus: { tokens: number; layers: readonly number[]; nLatents: number; counts: ArrayLike<number> };
  name?: LatentName;
}

/** Layer by layer; none for a layer on which the latent was never active. */
export function neuronpediaFeatures({ model, sae, card, examples, corpus, name }: FeatureParts): NeuronpediaFeature[] {
  const index = String(card.latent);
  return corpus.layers.flatMap((layer, l) => {
    const count = corpus.counts[l * corpus.nLatents + card.latent] ?? 0;
    if (count === 0) return [];
    const of = { modelId: model, layer: `${layer}-${sae}`, index };
    const activations = examples.filter((example) => example.layer === layer).map(activation);
    return {
      ...of,
      hookName: `blocks.${layer}.hook_resid_post`,
      pos_str: card.promoted.map(({ text }) => text),
      pos_values: card.promoted.map(({ value }) => value),
      neg_str: card.suppressed.map(({ text }) => text),
      neg_values: card.suppressed.map(({ value }) => value),
      frac_nonzero: count / corpus.tokens,
      maxActApprox: activations.reduce((max, { maxValue }) => Math.max(max, maxValue), 0),
      activations,
      explanations: name?.name ? [{ ...of, description: name.name, ...(name.note && { notes: name.note }) }] : [],
    };
  });
}

function activation({ tokens, values, source }: LatentExample): NeuronpediaActivation {
  const all = Array.from(values);
  const maxValue = all.reduce((a, b) => Math.max(a, b), 0);
  return {
    tokens,
    values: all,
    maxValue,
    maxValueTokenIndex: Math.max(0, all.indexOf(maxValue)),
    minValue: all.reduce((a, b) => Math.min(a, b), maxValue),
    dataSource: source,
  };
}

/** One feature a line. */
export const neuronpediaLines = (features: readonly NeuronpediaFeature[]): string =>
  features.map((feature) => `${JSON.stringify(feature)}\n`).join('');
