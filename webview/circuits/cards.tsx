/** The two heads of the pair in question, or the chosen head: pattern on the current prompt, names, scores. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import { cardScores, fills } from './fill';
import { focusPair, namesOf, patterns, scoreOf, selection, view } from './store';
import { Thumbnail } from './thumbnail';
import { Concept } from '../shared/concept';
import { scoreLabels } from '../shared/scoreLabels';

const SIDE = 84;

/** A true minus; no sign on what rounds to nothing. */
const shownScore = (value: number): string => {
  const size = Math.abs(value).toFixed(2);
  return value < 0 && Number(size) !== 0 ? `−${size}` : size;
};

function Card({ head }: { head: HeadRef }): JSX.Element | null {
  const about = view.value;
  const score = about && scoreOf(about, head);
  if (!score) return null;
  const chosen = headName(selection.value.head) === headName(head);
  return (
    <article class={`head-scores ${patterns.value ? 'with-pattern' : ''}`} data-card={headName(head)}>
      <Thumbnail head={head} chosen={chosen} side={SIDE} />
      <div>
        <h3>
          <b class={`mono ${chosen ? 'lock' : ''}`}>{headName(head)}</b>
          {namesOf(about, head).map(({ name }) => (
            <span key={name} class="pill">
              {scoreLabels[name]}
            </span>
          ))}
          <Concept id="head-scores" />
        </h3>
        {cardScores.map((name) => {
          const value = score[name];
          return (
            <div key={name} class="score-row">
              <span>{fills[name].label}</span>
              <span class="bar">
                <i class={value < 0 ? 'negative' : ''} style={{ width: `${Math.min(1, Math.abs(value)) * 100}%` }} />
              </span>
              <span class="number">{shownScore(value)}</span>
            </div>
          );
        })}
      </div>
    </article>
  );
}

export function Cards(): JSX.Element {
  const pair = focusPair.value;
  const { head, previewHead } = selection.value;
  const shown = pair && !previewHead ? [pair.earlier, pair.later] : [previewHead ?? head];
  return (
    <div class="cards">
      {shown.map((at) => (
        <Card key={headName(at)} head={at} />
      ))}
      {shown.length === 1 ? (
        <p class="none hint">{l10n.t('Point at an edge or a cell for the pair; a click locks it.')}</p>
      ) : null}
    </div>
  );
}
