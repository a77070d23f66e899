/** How the activations of the latent are distributed over the layers. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { Bars } from '../../shared/bars';
import { fixed } from '../../shared/numbers';
import { type Choice, Segmented } from '../../shared/controls';
import { barOf, type Distribution } from './about';
import { Concept } from '../../shared/concept';
import { Sentence } from '../../shared/sentence';

/** What the numbers are about. */
export type Of = 'prompt' | 'corpus';
const CHOICES: Choice<Of>[] = [
  { value: 'prompt', label: l10n.t('prompt'), title: l10n.t('Over the analyzed text') },
  { value: 'corpus', label: l10n.t('corpus'), title: l10n.t('Over the corpus of the open sweep') },
];

/** Shares under this have a hairline and no number. */
const SHOWN_FROM = 0.005;

interface Props {
  distribution: Distribution;
  of: Of;
  /** Without it there is no corpus to choose. */
  onOf?: (of: Of) => void;
}

export function LayerDistribution({ distribution, of, onOf }: Props): JSX.Element {
  const { layers, share, mean, std } = distribution;
  const labels = layers.map((layer) => `L${layer}`);
  const active = !Number.isNaN(mean);
  const words = labels.map((label, i) => `${label} ${fixed(share[i]!)}`).join(', ');
  return (
    <section class="card-half layer-distribution">
      <h3>
        {l10n.t('Layer distribution')} <Concept id="layer-distribution" />
        {onOf ? <Segmented label={l10n.t('Distribution over')} choices={CHOICES} value={of} onChange={onOf} /> : null}
      </h3>
      {active ? (
        <>
          <Bars
            name="distribution"
            label={l10n.t('Share of the activations by layer: {0}', words)}
            spec={{
              labels,
              series: [{ name: 'share', values: share }],
              text: (value) => (value < SHOWN_FROM ? '' : fixed(value)),
              whisker: {
                mean: barOf(layers, mean),
                low: barOf(layers, mean - std),
                high: barOf(layers, mean + std),
              },
            }}
          />
          <p class="card-stat">
            <Sentence text={l10n.t('mean {0} · std {1}')} parts={[<b>{fixed(mean)}</b>, <b>{fixed(std)}</b>]} />
          </p>
        </>
      ) : (
        <p class="none">
          {of === 'prompt' ? l10n.t('Not active in this text.') : l10n.t('Not active in this corpus.')}
        </p>
      )}
    </section>
  );
}
