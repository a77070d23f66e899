/** Latents whose decoder columns point the same way. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { LatentCard } from '../../../src/protocol/latents/card';
import type { LatentNames } from '../../../src/protocol/latents/names';
import { fixed } from '../../shared/numbers';
import { Concept } from '../../shared/concept';

interface Props {
  nearest: LatentCard['nearestLatents'];
  names: LatentNames;
  onHover: (latent: number | undefined) => void;
  onChoose: (latent: number) => void;
}

export const NearestLatents = ({ nearest, names, onHover, onChoose }: Props): JSX.Element => (
  <section class="card-wide">
    <h3 title={l10n.t('Cosine similarity of decoder columns')}>
      {l10n.t('Nearest latents')} <Concept id="nearest-latents" />
      <small>{l10n.t('cosine')}</small>
    </h3>
    <div class="chips">
      {nearest.map(({ latent, cosine }) => (
        <button
          key={latent}
          type="button"
          class="chip"
          title={names[latent]?.name}
          onPointerEnter={() => onHover(latent)}
          onPointerLeave={() => onHover(undefined)}
          onClick={() => onChoose(latent)}
        >
          #{latent}
          {names[latent] ? <span class="chip-name">{names[latent].name}</span> : null}
          <span class="number">{fixed(cosine)}</span>
        </button>
      ))}
    </div>
  </section>
);
