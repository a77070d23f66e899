/** What the chosen head's circuits do to tokens: eigenvalues, top entries of QK and OV, skip-trigrams. */
import { effect } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { headName } from '../../src/protocol/checkpoint';
import type { Complex, HeadCircuit, TokenRef } from '../../src/protocol/circuits/headCircuit';
import { Button } from '../shared/controls';
import { TokenText } from '../shared/tokenText';
import { colours } from '../shared/theme';
import { drawEigenvalues } from './eigenvalues';
import { signed } from './excess';
import { cardInView, cardOpen, headCard, openCard, selection } from './store';

const ROWS = 6;

function Eigenvalues({ title, values, score }: { title: string; values: Complex[]; score: string }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(
    () =>
      effect(() => {
        const chart = drawEigenvalues(canvas.current!, values, colours.value);
        return () => chart.destroy();
      }),
    [values],
  );
  return (
    <figure class="eigenvalues">
      <figcaption>
        {title} <span class="none">{score}</span>
      </figcaption>
      <div>
        <canvas ref={canvas} role="img" aria-label={`${values.length} ${title} in the complex plane; ${score}`} />
      </div>
    </figure>
  );
}

const Tok = ({ token }: { token: TokenRef }): JSX.Element => (
  <span class="mono entry-token">
    <TokenText text={token.text} />
  </span>
);

interface Entry {
  tokens: TokenRef[];
  marks: string[];
  value: number;
}

function Entries({ title, note, entries }: { title: string; note: string; entries: Entry[] }): JSX.Element {
  return (
    <section class="entries">
      <h3>
        <span>{title}</span>
        <span>{note}</span>
      </h3>
      <ol>
        {entries.slice(0, ROWS).map(({ tokens, marks, value }, i) => (
          <li key={i}>
            <span class="entry-tokens">
              {tokens.map((token, at) => (
                <>
                  {at > 0 ? <span class="entry-mark"> {marks[at - 1]} </span> : null}
                  <Tok token={token} />
                </>
              ))}
            </span>
            <span class="number">{signed(value, 2)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Circuit({ qk, ov, skipTrigrams }: HeadCircuit): JSX.Element {
  return (
    <>
      <div class="eigenvalue-plots">
        <Eigenvalues title="QK eigenvalues" values={qk.eigenvalues} score={`matching ${signed(qk.matching, 2)}`} />
        <Eigenvalues title="OV eigenvalues" values={ov.eigenvalues} score={`copying ${signed(ov.copying, 2)}`} />
      </div>
      <div class="entry-lists">
        <Entries
          title="QK: attends most"
          note="destination ← source"
          entries={qk.largest.map((e) => ({ tokens: [e.destination, e.source], marks: ['←'], value: e.value }))}
        />
        <Entries
          title="OV: raises most"
          note="source → output"
          entries={ov.largest.map((e) => ({ tokens: [e.source, e.output], marks: ['→'], value: e.value }))}
        />
        <Entries
          title="OV: lowers most"
          note="source → output"
          entries={ov.smallest.map((e) => ({ tokens: [e.source, e.output], marks: ['→'], value: e.value }))}
        />
        <Entries
          title="Skip-trigrams"
          note="strength"
          entries={skipTrigrams.map((e) => ({
            tokens: [e.source, e.destination, e.output],
            marks: ['…', '→'],
            value: e.strength,
          }))}
        />
      </div>
    </>
  );
}

/** Computed on demand: it reads the whole vocabulary. */
export function HeadCard(): JSX.Element {
  const section = useRef<HTMLElement>(null);
  const { head } = selection.value;
  const name = headName(head);
  const shown = headCard.value;
  const current = shown && headName(shown.head) === name ? shown : undefined;
  useEffect(() => {
    if (!cardInView.value) return;
    section.current?.scrollIntoView({ block: 'start' });
    // once more when its content is there
    if (current) cardInView.value = false;
  }, [cardInView.value, current]);
  let content: ComponentChildren = <p class="none">Reading the circuits of {name}…</p>;
  if (!cardOpen.value) {
    content = (
      <Button secondary onClick={openCard}>
        Show what {name} does to tokens
      </Button>
    );
  } else if (current) content = 'card' in current ? <Circuit {...current.card} /> : <p role="alert">{current.error}</p>;
  return (
    <section class="head-card" ref={section} data-head-card={current && 'card' in current ? name : ''}>
      <h2>
        <span class="mono lock">{name}</span> <span class="none">full QK and OV circuits over the vocabulary</span>
      </h2>
      {content}
    </section>
  );
}
