/** The terms as bars on one scale, blue above zero and rose below, and how they add up to the logit. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { visibleText } from '../../src/protocol/tokens';
import { fixed, signed } from '../shared/numbers';
import { TokenText } from '../shared/tokenText';
import { termName } from './names';
import { type Scale, scaleOf } from './scale';
import { hoveredTerm, paths, report, type Shown, showAll, shownTerms, source, tokens } from './store';
import { Sentence } from '../shared/sentence';

/** Terms that are listed before the rest is asked for. */
const LISTED = 40;

const percent = (share: number): string => `${share * 100}%`;

interface BarProps {
  from: number;
  to: number;
  scale: Scale;
  /** Where the bars should end. */
  goal?: number;
}

function Bar({ from, to, scale, goal }: BarProps): JSX.Element {
  const [a, b] = [scale(from), scale(to)];
  return (
    <span class="term-bar">
      <u style={{ left: percent(scale(0)) }} />
      {goal === undefined ? null : <u class="goal" style={{ left: percent(scale(goal)) }} />}
      <i
        class={to < from ? 'below' : 'above'}
        style={{ left: percent(Math.min(a, b)), width: percent(Math.abs(b - a)) }}
      />
    </span>
  );
}

interface RowProps {
  shown: Shown;
  bars: Scale;
  sums: Scale;
  goal?: number;
}

function Row({ shown: { term, value, running }, bars, sums, goal }: RowProps): JSX.Element {
  const last = term.heads?.at(-1);
  const name = termName(term);
  const chosen = report.selection.value;
  const isChosen =
    term.kind === 'head' &&
    chosen.reduction === 'one' &&
    last?.layer === chosen.head.layer &&
    last.head === chosen.head.head;
  const choose = (): void => {
    if (last) report.dispatch({ kind: 'chooseHead', head: last });
  };
  return (
    <div
      class={`term-row ${last ? 'choosable' : ''} ${isChosen ? 'chosen' : ''}`}
      role="row"
      tabIndex={-1}
      data-term={term.name}
      data-value={value}
      onPointerEnter={() => (hoveredTerm.value = term.name)}
      onFocus={() => (hoveredTerm.value = term.name)}
      onClick={choose}
      onKeyDown={(event) => event.key === 'Enter' && choose()}
    >
      <span role="cell" class="term-name" title={name}>
        {name}
      </span>
      <span role="cell" class="term-chart">
        <Bar from={0} to={value} scale={bars} />
      </span>
      <span role="cell" class="number">
        {signed(value, 3)}
      </span>
      <span role="cell" class="term-chart sum">
        <Bar from={running - value} to={running} scale={sums} goal={goal} />
      </span>
      <span role="cell" class="number muted">
        {fixed(running, 3)}
      </span>
    </div>
  );
}

function moveRow(event: KeyboardEvent): void {
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[data-term]')];
  const now = rows.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  rows[Math.max(0, Math.min(rows.length - 1, to))]?.focus();
}

export function Terms(): JSX.Element | null {
  const all = shownTerms.value;
  const shown = paths.value;
  if (!shown) return null;
  const from = source.value;
  const listed = showAll.value ? all : all.slice(0, LISTED);
  const bars = scaleOf(all.map(({ value }) => value));
  const goal = from === undefined ? shown.logit : undefined;
  const sums = scaleOf([...all.map(({ running }) => running), goal ?? 0]);
  const rest = all.length - listed.length;
  const total = all.at(-1)?.running ?? 0;
  return (
    <div
      class="terms"
      role="table"
      aria-label={l10n.t(
        'Terms of the logit of {0}. Arrow keys move, Enter chooses a head.',
        visibleText(shown.token.text),
      )}
      tabIndex={0}
      onKeyDown={moveRow}
      onPointerLeave={() => (hoveredTerm.value = undefined)}
      onBlur={() => (hoveredTerm.value = undefined)}
    >
      <div class="term-row term-head" role="row">
        <span role="columnheader">{l10n.t('term')}</span>
        <span role="columnheader">{from === undefined ? 'logit' : <FromToken index={from} />}</span>
        <span role="cell" />
        <span role="columnheader">{l10n.t('running sum')}</span>
        <span role="cell" />
      </div>
      {listed.map((row) => (
        <Row key={row.term.name} shown={row} bars={bars} sums={sums} goal={goal} />
      ))}
      {all.length === 0 ? <p class="none">{l10n.t('Nothing of the logit comes from there.')}</p> : null}
      {rest > 0 ? (
        <div class="term-row rest" role="row">
          <span role="cell">
            <button type="button" class="link term-name" onClick={() => (showAll.value = true)}>
              {l10n.t('{0} smaller terms', rest)}
            </button>
          </span>
          <span role="cell" class="term-chart" />
          <span role="cell" class="number">
            {signed(total - (listed.at(-1)?.running ?? 0), 3)}
          </span>
          <span role="cell" class="term-chart sum">
            <Bar from={listed.at(-1)?.running ?? 0} to={total} scale={sums} goal={goal} />
          </span>
          <span role="cell" class="number muted">
            {fixed(total, 3)}
          </span>
        </div>
      ) : null}
      <Meets total={total} complete={from === undefined && all.length === shown.terms.length} />
    </div>
  );
}

const FromToken = ({ index }: { index: number }): JSX.Element => (
  <Sentence
    text={l10n.t('from {0} only')}
    parts={[
      <span class="mono plain">
        <TokenText text={tokens.value[index]?.text ?? ''} />
      </span>,
    ]}
  />
);

/** The sum of all terms beside the model's own logit; of a part, the part beside it. */
function Meets({ total, complete }: { total: number; complete: boolean }): JSX.Element | null {
  const shown = paths.value;
  if (!shown) return null;
  const difference = shown.sum - shown.logit;
  return (
    <div class="meets" data-meets>
      <span>
        {l10n.t('sum of these')} <b class="number">{fixed(total, 3)}</b>
      </span>
      <span>
        {l10n.t('the model’s logit')} <b class="number">{fixed(shown.logit, 3)}</b>
      </span>
      {complete ? (
        <span>
          {l10n.t('difference')}{' '}
          <b class="number">{Math.abs(difference) < 5e-7 ? '0' : difference.toExponential(0).replaceAll('-', '−')}</b>
        </span>
      ) : null}
    </div>
  );
}
