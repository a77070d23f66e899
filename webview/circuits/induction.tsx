/** The pairs that make an induction circuit, best first, each with its reasons as numbers. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { headName } from '../../src/protocol/checkpoint';
import type { InductionPair } from '../../src/protocol/circuits/behaviour';
import { type HeadPair, samePair } from '../../src/protocol/selection';
import { signed } from './excess';
import { dispatch, induction, selection } from './store';
import { Concept } from '../shared/concept';

const SHOWN = 5;
/** Pairs below this share of the best one's score say nothing. */
const WORTH = 0.1;

const asPair = ({ previous, induction: later }: InductionPair): HeadPair => ({ earlier: previous, later, kind: 'K' });

function Row({ pair }: { pair: InductionPair }): JSX.Element {
  const about = asPair(pair);
  const locked = samePair(selection.value.pair, about);
  const reasons: [string, string][] = [
    [l10n.t('previous token'), pair.previousToken.toFixed(2)],
    [l10n.t('K − baseline'), signed(pair.kComposition - pair.kBaseline, 3)],
    [l10n.t('QK matching'), pair.qkMatching.toFixed(2)],
    [l10n.t('induction'), pair.inductionScore.toFixed(2)],
    [l10n.t('copying'), pair.ovCopying.toFixed(2)],
  ];
  return (
    <li>
      <button
        type="button"
        class={`circuit ${locked ? 'locked' : ''}`}
        aria-pressed={locked}
        title={pair.reasons.map(({ text }) => text).join('\n')}
        onClick={() => dispatch({ kind: 'lockPair', pair: about })}
        onPointerEnter={() => dispatch({ kind: 'hoverPair', pair: about })}
        onPointerLeave={() => dispatch({ kind: 'leave' })}
      >
        <span class="mono circuit-name">
          {headName(about.earlier)} → {headName(about.later)}
        </span>
        {reasons.map(([name, value]) => (
          <span key={name} class="reason">
            {name} <b class="number">{value.replace('-', '−')}</b>
          </span>
        ))}
        <span class="number circuit-score">{pair.score.toFixed(2)}</span>
      </button>
    </li>
  );
}

export function InductionList(): JSX.Element | null {
  const all = induction.value?.pairs ?? [];
  const best = all[0]?.score ?? 0;
  const shown = all.filter(({ score }) => score > 0 && score >= WORTH * best).slice(0, SHOWN);
  if (shown.length === 0) return null;
  return (
    <section class="circuits-list">
      <h2>
        {l10n.t('Induction circuits')} <Concept id="induction-heads" />{' '}
        <span class="none">{l10n.t('previous-token head → induction head, because')}</span>
        <span class="none list-score">{l10n.t('score')}</span>
      </h2>
      <ol>
        {shown.map((pair) => (
          <Row key={`${headName(pair.previous)} ${headName(pair.induction)}`} pair={pair} />
        ))}
      </ol>
    </section>
  );
}
