/** Which picture, and its scale. */
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
  { value: 'latent', label: 'latent', title: 'Activations of one latent by layer and token; with none, the largest' },
  { value: 'text', label: 'text', title: 'All latents of this text, sorted by layer mean: their parts by layer' },
  {
    value: 'corpus',
    label: 'corpus',
    disabled: !swept,
    title: swept ? 'All latents of the corpus, sorted by layer mean: their parts by layer' : NEEDS_SWEEP,
  },
];

const TITLES: Record<Picture, string> = {
  latent: 'Layer × token',
  text: 'P(layer | latent)',
  corpus: 'P(layer | latent)',
};

export function PictureHead(): JSX.Element {
  const now = pictureNow.value;
  const end = now === 'latent' ? (drawnMap.value?.top ?? 0).toFixed(1) : '1';
  return (
    <div class="picture-head">
      <h2>
        {TITLES[now]}
        <Concept id="layer-distribution" />
      </h2>
      <Segmented
        label="Picture"
        choices={pictures(corpus.value !== null)}
        value={now}
        onChange={(next) => (picture.value = next)}
      />
      <span class="legend-scale" role="img" aria-label={`Colour scale from 0 to ${end}`}>
        0<i style={{ backgroundImage: rampGradient(themeKind.value) }} />
        {end}
      </span>
    </div>
  );
}
