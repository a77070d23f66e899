/** Lists of tokens with a bar each, on one scale: logit effects and nearest embeddings. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { TokenValue } from '../../../src/protocol/latents/card';
import { signed } from '../../shared/numbers';
import { TokenText } from '../../shared/tokenText';
import { Concept } from '../../shared/concept';
import type { ConceptId } from '../../../src/protocol/concepts';

/** Tokens of each list; the rest is in the export. */
const LISTED = 5;

interface ListProps {
  title: string;
  /** Explains the heading. */
  about: string;
  concept: ConceptId;
  note?: string;
  values: readonly TokenValue[];
  /** End of the scale. */
  most: number;
}

function List({ title, about, concept, note, values, most }: ListProps): JSX.Element {
  return (
    <section class="card-half token-values" aria-label={title}>
      <h3 title={about}>
        {title} <Concept id={concept} />
        {note ? <small>{note}</small> : null}
      </h3>
      {values.slice(0, LISTED).map(({ id, text, value }) => (
        <div class="token-value" key={id} title={l10n.t('token {0}', id)}>
          <span class="mono token-name">
            <TokenText text={text} />
          </span>
          <span class="bar">
            <i
              class={value < 0 ? 'less' : 'more'}
              style={{ width: `${Math.min(100, (Math.abs(value) / most) * 100)}%` }}
            />
          </span>
          <span class="number value">{signed(value)}</span>
        </div>
      ))}
    </section>
  );
}

const largest = (...lists: (readonly TokenValue[])[]): number =>
  Math.max(1e-9, ...lists.flat().map(({ value }) => Math.abs(value)));

interface Props {
  left: Omit<ListProps, 'most'>;
  right: Omit<ListProps, 'most'>;
}

/** Two lists side by side, on one scale. */
export function TokenValues({ left, right }: Props): JSX.Element {
  const most = largest(left.values, right.values);
  return (
    <>
      <List {...left} most={most} />
      <List {...right} most={most} />
    </>
  );
}
