/** Heads that lie along the latent's direction, with what a random direction has as a tick. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { headName, type HeadRef } from '../../../src/protocol/checkpoint';
import type { CompositionKind } from '../../../src/protocol/circuits';
import type { HeadLink, LatentCard } from '../../../src/protocol/latents/card';
import { fixed } from '../../shared/numbers';
import { Concept } from '../../shared/concept';

/** Heads of each list; the rest is in the export. */
const LISTED = 3;

type Link = HeadLink & { kind?: CompositionKind };

interface ListProps {
  title: string;
  /** Explains the heading. */
  about: string;
  links: readonly Link[];
  chance: number;
  most: number;
  chosen: HeadRef;
  onChoose: (head: HeadRef) => void;
  note?: string;
}

function List({ title, about, links, chance, most, chosen, onChoose, note }: ListProps): JSX.Element {
  const width = (score: number): string => `${Math.min(100, (score / most) * 100)}%`;
  return (
    <div class="head-links">
      <h3 title={about}>
        {title} <Concept id="heads-of-a-latent" />
        {note ? <small>{note}</small> : null}
      </h3>
      {links.slice(0, LISTED).map((link) => {
        const { layer, head, kind, score } = link;
        const name = headName(link);
        return (
          <button
            key={`${name}${kind}`}
            type="button"
            class="head-link"
            data-head={name}
            data-kind={kind}
            aria-pressed={chosen.layer === layer && chosen.head === head}
            title={l10n.t('Show {0} in the attention and circuits panels', name)}
            aria-label={l10n.t('{0} {1}, chance {2}', kind ? `${name} ${kind}` : name, fixed(score), fixed(chance))}
            onClick={() => onChoose({ layer, head })}
          >
            <span class="number">{name}</span>{' '}
            <span class={`number kind ${kind ? `kind-${kind.toLowerCase()}` : ''}`}>{kind}</span>{' '}
            <span class="bar with-tick">
              <i style={{ width: width(score) }} />
              <u style={{ left: width(chance) }} />
            </span>
            <span class="number value">{fixed(score)}</span>
          </button>
        );
      })}
      {links.length === 0 ? <p class="none">{l10n.t('None: the model has no heads.')}</p> : null}
    </div>
  );
}

interface Props {
  card: LatentCard;
  chosen: HeadRef;
  onChoose: (head: HeadRef) => void;
}

export function HeadLinks({ card, chosen, onChoose }: Props): JSX.Element {
  const { writers, readers, chance } = card;
  const most = Math.max(2 * chance, writers[0]?.score ?? 0, readers[0]?.score ?? 0);
  const shared = { chance, most, chosen, onChoose };
  return (
    <section class="card-half">
      <List
        {...shared}
        title={l10n.t('Heads that write it')}
        about={l10n.t('‖W_OV d̂ᵀ‖ / ‖W_OV‖, d̂ the unit decoder direction')}
        links={writers}
        note={l10n.t('tick: chance')}
      />
      <List
        {...shared}
        title={l10n.t('Heads that read it')}
        about={l10n.t('Q: ‖d̂ W_QK‖ / ‖W_QK‖, K: ‖W_QK d̂ᵀ‖ / ‖W_QK‖, V: ‖d̂ W_OV‖ / ‖W_OV‖')}
        links={readers}
      />
    </section>
  );
}
