/** One row a layer: what is shown, as numbers. Pure. */
import * as l10n from '@vscode/l10n';
import type { LayersOfCorpus, LayersOfPrompt, SpliceState } from '../../src/protocol/layersPanel';
import { fixed, signed } from '../shared/numbers';
import type { ConceptId } from '../../src/protocol/concepts';

export interface LayerRow {
  layer: number;
  fvu: number;
  mse: number;
  l0: number;
  l1: number;
  /** NaN until it was measured. */
  lossDelta: number;
  kl: number;
  changed: number;
  /** Mean cosine similarity to the next layer; NaN for the last. */
  similarity: number;
  centred: number;
}

export function layerRows(
  { layers, perLayer, adjacent }: LayersOfPrompt | LayersOfCorpus,
  splice: SpliceState,
): LayerRow[] {
  const spliced = splice.kind === 'ready' ? splice.splice.layers : [];
  return layers.map((layer, i): LayerRow => {
    const { fvu, mse, l0, l1 } = perLayer[i]!;
    const { lossDelta = NaN, kl = NaN, changed = NaN } = spliced.find((s) => s.layer === layer) ?? {};
    const [similarity = NaN, centred = NaN] = [adjacent.plain[i], adjacent.centred[i]];
    return { layer, fvu, mse, l0, l1, lossDelta, kl, changed, similarity, centred };
  });
}

export type Quantity = Exclude<keyof LayerRow, 'layer'>;

interface Described {
  title: string;
  unit: string;
  /** Definition. */
  about: string;
  concept: ConceptId;
  text: (value: number) => string;
  /** Over a bar, where there is less room. */
  short?: (value: number) => string;
  /** Of the splicing. */
  spliced?: boolean;
  /** End of the scale, where it has one. */
  max?: number;
}

/** Two significant digits, where two decimals would say little. */
const small = (value: number): string => (Math.abs(value) < 0.1 ? fixed(value, 3) : fixed(value));

export const quantities: Record<Quantity, Described> = {
  fvu: { title: 'FVU', unit: l10n.t('fraction'), about: 'MSE(x, x̃) / Var(x)', concept: 'fvu', text: small },
  mse: {
    title: 'MSE',
    unit: '',
    about: l10n.t('Mean squared error of the reconstruction'),
    concept: 'fvu',
    text: small,
  },
  l0: {
    title: l10n.t('L0 norm'),
    unit: l10n.t('latents a token'),
    about: l10n.t('Mean number of active latents of a token'),
    concept: 'fvu',
    text: (v) => fixed(v, 1),
  },
  l1: {
    title: l10n.t('L1 norm'),
    unit: '',
    about: l10n.t('Mean sum of the activations of a token'),
    concept: 'fvu',
    text: (v) => fixed(v, 1),
  },
  lossDelta: {
    title: l10n.t('Loss delta'),
    unit: 'nats',
    about: l10n.t('Cross-entropy with the layer’s residual replaced by its reconstruction, minus the model’s own'),
    concept: 'loss-delta',
    text: (v) => signed(v, 3),
    short: (v) => signed(v),
    spliced: true,
  },
  kl: {
    title: 'KL',
    unit: 'nats',
    about: l10n.t('Mean KL(model ‖ model with the reconstruction) of the next token'),
    concept: 'loss-delta',
    text: (v) => fixed(v, 3),
    short: (v) => fixed(v),
    spliced: true,
  },
  changed: {
    title: l10n.t('Changed predictions'),
    unit: l10n.t('fraction'),
    about: l10n.t('Positions whose most probable next token is another with the reconstruction'),
    concept: 'loss-delta',
    text: small,
    spliced: true,
    max: 1,
  },
  similarity: {
    title: l10n.t('Similarity to the next layer'),
    unit: l10n.t('cosine'),
    about: l10n.t('Mean cosine similarity of the residuals of this layer and the next'),
    concept: 'adjacent-layer-similarity',
    text: (v) => fixed(v),
    max: 1,
  },
  centred: {
    title: l10n.t('The same, mean-centred'),
    unit: l10n.t('cosine'),
    about: l10n.t('After the mean over all positions of each layer is taken away'),
    concept: 'adjacent-layer-similarity',
    text: (v) => fixed(v),
    max: 1,
  },
};
