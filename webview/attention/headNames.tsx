/** Names of heads by their scores, once those are known. */
import type { JSX } from 'preact';
import type { HeadRef } from '../../src/protocol/checkpoint';
import type { HeadName } from '../../src/protocol/circuits';
import { view } from './store';
import { scoreLabels } from '../shared/scoreLabels';

export function namesOf({ layer, head }: HeadRef): HeadName[] {
  const shown = view.value;
  return shown?.headNames[layer * shown.analysis.nHeads + head] ?? [];
}

/** `induction 0.88`. */
export const sayName = ({ name, score }: HeadName): string => `${scoreLabels[name]} ${score.toFixed(2)}`;

export const NamePills = ({ head }: { head: HeadRef }): JSX.Element => (
  <>
    {namesOf(head).map(({ name, score }) => (
      <span key={name} class="pill">
        {scoreLabels[name]} <span class="number">{score.toFixed(2)}</span>
      </span>
    ))}
  </>
);
