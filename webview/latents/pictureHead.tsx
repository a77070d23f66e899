/** Which picture, and its scale. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { type Choice, Segmented } from '../shared/controls';
import { rampGradient } from '../shared/colour';
import { themeKind } from '../shared/theme';
import { type Picture, picture, pictureNow } from './state';
import { corpus } from './store';
import { drawnMap } from './tokenMap';
import { NEEDS_SWEEP } from './toolbar';
import { Concept } from '../shared/concept';

const pictures = (swept: boolean): Choice<Picture>[] => [
  {
    value: 'latent',
    label: l10n.t('latent'),
    title: l10n.t('Activations of one latent by layer and token; with none, the largest'),
  },
  {
    value: 'text',
    label: l10n.t('text'),
    title: l10n.t('All latents of this text, sorted by layer mean: their parts by layer'),
  },
  {
    value: 'corpus',
    label: l10n.t('corpus'),
    disabled: !swept,
    title: swept ? l10n.t('All latents of the corpus, sorted by layer mean: their parts by layer') : NEEDS_SWEEP,
  },
];

const TITLES: Record<Picture, string> = {
  latent: l10n.t('Layer × token'),
  text: 'P(layer | latent)',
  corpus: 'P(layer | latent)',
};

export function PictureHead(): JSX.Element {
  const now = pictureNow.value;
  const end = now === 'latent' ? (drawnMap.value?.top ?? 0).toFixed(1) : '1';
  return (
    <div class="picture-head">
      <h2>
        {TITLES[now]} <Concept id="layer-distribution" />
      </h2>
      <Segmented
        label={l10n.t('Picture')}
        choices={pictures(corpus.value !== null)}
        value={now}
        onChange={(next) => (picture.value = next)}
      />
      <span class="legend-scale" role="img" aria-label={l10n.t('Colour scale from 0 to {0}', end)}>
        0<i style={{ backgroundImage: rampGradient(themeKind.value) }} />
        {end}
      </span>
    </div>
  );
}
