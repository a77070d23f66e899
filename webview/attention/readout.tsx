/** In words and numbers what the heatmap shows about the token in question, and what comes next. */
import * as l10n from '@vscode/l10n';
import type { ComponentChildren, JSX } from 'preact';
import { formatWeight } from '../../src/protocol/tokens';
import { TokenText } from '../shared/tokenText';
import { drawnName, type Ranked, strongest } from './heads';
import { NamePills } from './headNames';
import { placed, SECTION_ROWS } from './heatState';
import { drawn, focus, selection, tokens, view } from './store';
import { Concept } from '../shared/concept';
import type { ConceptId } from '../../src/protocol/concepts';
import { Sentence } from '../shared/sentence';

interface RowProps {
  text: string;
  /** Position, or a check mark. */
  note: string;
  value: number;
  /** Which head, in the maximum over heads. */
  head?: string;
  strong: boolean;
}

function Row({ text, note, value, head, strong }: RowProps): JSX.Element {
  return (
    <div class={`bar-row ${strong ? 'strong' : ''} ${head ? 'with-head' : ''}`}>
      <span class="bar-token">
        <TokenText text={text} />
      </span>
      <span class="bar-note">{note}</span>
      <span class="bar">
        <i style={{ width: `${Math.min(1, value) * 100}%` }} />
      </span>
      <span class="bar-value">{formatWeight(value)}</span>
      {head ? <span class="bar-head">{head}</span> : null}
    </div>
  );
}

interface SectionProps {
  title: ComponentChildren;
  aside?: ComponentChildren;
  concept: ConceptId;
  /** Rows that the section is as high as, however many there are. */
  rows: number;
  children: ComponentChildren;
}

const Section = ({ title, aside, concept, rows, children }: SectionProps): JSX.Element => (
  <section>
    <h3>
      <span>
        {title}
        <Concept id={concept} />
      </span>
      <span>{aside}</span>
    </h3>
    <div class={`rows-${rows}`}>{children}</div>
  </section>
);

/** By their place, not by their token: a hover then changes texts, and makes no elements. */
const tokenRow = ({ token, weight, head }: Ranked, place: number, strong: boolean): JSX.Element => (
  <Row
    key={place}
    text={tokens.value[token]?.text ?? ''}
    note={String(token)}
    value={weight}
    head={head}
    strong={strong}
  />
);

function Sources({ token }: { token: number }): JSX.Element | null {
  const shown = drawn.value;
  if (!shown || !view.value) return null;
  const rows = strongest(shown, 'destination', token, SECTION_ROWS[0], view.value.analysis.nHeads);
  const { source } = selection.value.preview;
  return (
    <Section
      title={<Named token={token} says={l10n.t('attends to')} />}
      concept="attention-pattern"
      aside={l10n.t('weight')}
      rows={SECTION_ROWS[0]}
    >
      {rows.map((row, i) => tokenRow(row, i, row.token === source))}
    </Section>
  );
}

function Destinations({ token }: { token: number }): JSX.Element | null {
  const shown = drawn.value;
  if (!shown || !view.value) return null;
  const rows = strongest(shown, 'source', token, SECTION_ROWS[1], view.value.analysis.nHeads, token);
  const { destination } = selection.value.preview;
  return (
    <Section
      title={<Named token={token} says={l10n.t('is attended by')} />}
      concept="attention-pattern"
      rows={SECTION_ROWS[1]}
    >
      {rows.map((row, i) => tokenRow(row, i, row.token === destination))}
      {rows.length === 0 ? <p class="none">{l10n.t('nothing after it')}</p> : null}
    </Section>
  );
}

/** Bits of surprise of the token that really came next. */
function NextSurprisal({ token }: { token: number }): JSX.Element | null {
  const bits = view.value?.analysis.surprisal[token + 1];
  if (bits === undefined || !Number.isFinite(bits)) return null;
  return <Sentence text={l10n.t('surprisal {0} bits')} parts={[<span class="number">{bits.toFixed(2)}</span>]} />;
}

function NextToken({ token }: { token: number }): JSX.Element | null {
  const analysis = view.value?.analysis;
  if (!analysis) return null;
  const actual = analysis.tokens[token + 1]?.id;
  return (
    <Section
      title={l10n.t('next token')}
      concept="surprisal-and-predictions"
      aside={<NextSurprisal token={token} />}
      rows={SECTION_ROWS[2]}
    >
      {(analysis.predictions[token] ?? []).slice(0, SECTION_ROWS[2]).map(({ id, text, p }, i) => (
        <Row key={i} text={text} note={id === actual ? '✓' : ''} value={p} strong={id === actual} />
      ))}
    </Section>
  );
}

/** The next token in one line under the map, where the readout has no room for it. */
export function NextLine(): JSX.Element | null {
  const analysis = view.value?.analysis;
  const token = focus.value?.token;
  if (!analysis || !placed.value?.nextLine) return null;
  const actual = token === undefined ? undefined : analysis.tokens[token + 1]?.id;
  return (
    <div class="next-line">
      <span>{l10n.t('next token')}</span>
      <span class="next-line-items">
        {(analysis.predictions[token ?? -1] ?? []).map(({ id, text, p }) => (
          <span key={id} class={`mono ${id === actual ? 'strong' : ''}`}>
            <TokenText text={text} /> <span class="number">{formatWeight(p)}</span>
            {id === actual ? ' ✓' : ''}
          </span>
        ))}
      </span>
      <span>{token === undefined ? null : <NextSurprisal token={token} />}</span>
    </div>
  );
}

function Named({ token, says }: { token: number; says: string }): JSX.Element {
  const { locked } = selection.value;
  const isLocked = token === locked.destination || token === locked.source;
  return (
    <>
      <span class={`mono ${isLocked ? 'lock' : 'plain'}`}>
        <TokenText text={tokens.value[token]?.text ?? ''} />
      </span>{' '}
      {says}
    </>
  );
}

const SECTIONS = [Sources, Destinations, NextToken];

/** Beside the map: heading and as many sections as end above the staircase of labels. */
export function Card(): JSX.Element | null {
  const place = placed.value;
  const shown = drawn.value;
  if (!place || !shown || !view.value || place.card.sections === 0) return null;
  const { width, sections } = place.card;
  const token = focus.value?.token;
  return (
    <aside class={`card ${width < 220 ? 'narrow' : ''}`} style={{ width: `${width}px` }}>
      <Heading />
      {token === undefined ? <Hint /> : SECTIONS.slice(0, sections).map((Part, i) => <Part key={i} token={token} />)}
    </aside>
  );
}

function Heading(): JSX.Element | null {
  const shown = drawn.value;
  if (!shown || !view.value) return null;
  const one = shown.key.reduction === 'one';
  return (
    <h2 class={one ? 'mono' : undefined}>
      {drawnName(shown, view.value)}
      {shown.key.reduction === 'one' && shown.key.head ? <NamePills head={shown.key.head} /> : null}
      {shown.key.weighting === 'value-weighted' ? <span class="pill">{l10n.t('value-weighted')}</span> : null}
    </h2>
  );
}

const Hint = (): JSX.Element => <p class="none">{l10n.t('Point at a token or a cell; a click locks it.')}</p>;

/** Below the map: what does not fit beside it; of a model without layers, the next token. */
export function Foot(): JSX.Element | null {
  const first = view.value?.analysis.nLayers === 0 ? SECTIONS.indexOf(NextToken) : placed.value?.card.sections;
  const below = placed.value?.nextLine ? SECTIONS.slice(first, -1) : SECTIONS.slice(first);
  if (first === undefined || below.length === 0) return null;
  const token = focus.value?.token;
  return (
    <div class="foot">
      {first === 0 ? <Heading /> : null}
      <div class="foot-sections">
        {token === undefined ? first === 0 ? <Hint /> : null : below.map((Part, i) => <Part key={i} token={token} />)}
      </div>
    </div>
  );
}
