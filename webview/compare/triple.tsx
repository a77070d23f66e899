/** One head's patterns side by side: A, B, and B − A. One crosshair for all three, the one of every panel. */
import * as l10n from '@vscode/l10n';
import { effect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ComparedPattern } from '../../src/protocol/compare';
import type { Focus } from '../../src/protocol/selection';
import { visibleText } from '../../src/protocol/tokens';
import { ramp, type Rgba, type ThemeKind } from '../shared/colour';
import { diverging } from '../shared/diverging';
import { fixed, signed } from '../shared/numbers';
import { themeKind } from '../shared/theme';
import { poolLargest } from './scale';
import { dispatch, selection, sideNames, tokens } from './store';
import { Sentence } from '../shared/sentence';

type Which = 'a' | 'b' | 'delta';
const WHICH: Which[] = ['a', 'b', 'delta'];
/** CSS pixels of a picture's side. */
const SIDE = { most: 400, least: 160 };
const GAP = 24;

/** Three beside each other; where that makes them small, two above one. */
function roomFor(width: number): number {
  const three = (width - 2 * GAP) / 3;
  return Math.min(SIDE.most, Math.floor(three >= SIDE.least ? three : (width - GAP) / 2));
}

interface Place {
  destination: number;
  source: number;
}

/** What is under the pointer, else what is locked. */
const crosshair = ({ preview, locked }: { preview: Focus; locked: Focus }): Focus => ({
  destination: preview.destination ?? locked.destination,
  source: preview.source ?? locked.source,
});

/** One pixel a cell; where cells are smaller than pixels the largest of those that share one. */
export function paint(
  canvas: HTMLCanvasElement,
  values: ArrayLike<number>,
  n: number,
  pixels: number,
  colour: (value: number) => Rgba,
): void {
  const size = Math.min(n, pixels);
  const drawn = size < n ? poolLargest(values, n, size) : values;
  canvas.width = canvas.height = size;
  const image = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) image.data.set(colour(drawn[i]!), 4 * i);
  canvas.getContext('2d')?.putImageData(image, 0, 0);
}

/** Whole device pixels a cell, where that takes no more than a third of the side. */
function sideOf(room: number, n: number): number {
  const dpr = window.devicePixelRatio;
  const whole = (Math.floor((room * dpr) / n) * n) / dpr;
  return whole >= 0.65 * room ? whole : room;
}

const LINES: Record<'locked' | 'preview', string> = { locked: 'lock', preview: 'hover' };

function Cross({ n, side }: { n: number; side: number }): JSX.Element {
  const cell = side / n;
  const now = selection.value;
  const lines = (['locked', 'preview'] as const).flatMap((which) => {
    const { destination, source } = now[which];
    const row = destination !== undefined && destination < n;
    const column = source !== undefined && source < n;
    return [
      row ? (
        <i key={`${which} row`} class={`cross ${LINES[which]}`} style={strip(0, destination * cell, side, cell)} />
      ) : null,
      column ? (
        <i key={`${which} column`} class={`cross ${LINES[which]}`} style={strip(source * cell, 0, cell, side)} />
      ) : null,
    ];
  });
  return <>{lines}</>;
}

const strip = (left: number, top: number, width: number, height: number): Record<string, string> => ({
  left: `${left}px`,
  top: `${top}px`,
  width: `${Math.max(1, width)}px`,
  height: `${Math.max(1, height)}px`,
});

interface HeatProps {
  shown: ComparedPattern;
  which: Which;
  side: number;
  colour: (value: number, theme: ThemeKind) => Rgba;
  title: string;
}

function Heat({ shown, which, side, colour, title }: HeatProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { n } = shown;
  useEffect(
    () =>
      effect(() => {
        const theme = themeKind.value;
        const pixels = Math.max(1, Math.floor(side * window.devicePixelRatio));
        paint(canvas.current!, shown[which], n, pixels, (value) => colour(value, theme));
        Object.assign(canvas.current!.dataset, { n, side, head: `L${shown.head.layer}H${shown.head.head}` });
      }),
    [shown, which, side, colour],
  );
  const at = (event: PointerEvent | MouseEvent): Place => {
    const box = canvas.current!.getBoundingClientRect();
    const index = (offset: number): number => Math.max(0, Math.min(n - 1, Math.floor((offset / side) * n)));
    return { destination: index(event.clientY - box.top), source: index(event.clientX - box.left) };
  };
  return (
    <figure class="heat-one">
      <figcaption title={title}>{caption(which)}</figcaption>
      <div class="heat-box" style={{ width: `${side}px`, height: `${side}px` }}>
        <canvas
          ref={canvas}
          class={`heat-${which}`}
          aria-hidden="true"
          onPointerMove={(event) => dispatch({ kind: 'hoverCell', ...at(event) })}
          onPointerLeave={() => dispatch({ kind: 'leave' })}
          onClick={(event) => dispatch({ kind: 'lockCell', ...at(event) })}
        />
        <Cross n={n} side={side} />
      </div>
    </figure>
  );
}

const caption = (which: Which): string => (which === 'delta' ? 'B − A' : sideNames.value[which]);

const MOVES: Record<string, (at: Place, n: number) => Place> = {
  ArrowUp: ({ destination, source }) => ({ destination: destination - 1, source }),
  ArrowDown: ({ destination, source }) => ({ destination: destination + 1, source }),
  ArrowLeft: ({ destination, source }) => ({ destination, source: source - 1 }),
  ArrowRight: ({ destination, source }) => ({ destination, source: source + 1 }),
  Home: ({ destination }) => ({ destination, source: 0 }),
  End: ({ destination }, n) => ({ destination, source: n - 1 }),
  PageUp: ({ source }) => ({ destination: 0, source }),
  PageDown: ({ source }, n) => ({ destination: n - 1, source }),
};

export interface Reading {
  destination: string;
  source: string;
  a: number;
  b: number;
  delta: number;
}

/** The cell under the crosshair, when both ends are known. */
export function reading(shown: ComparedPattern): Reading | undefined {
  const { destination, source } = crosshair(selection.value);
  const { n, a, b, delta } = shown;
  if (destination === undefined || source === undefined || destination >= n || source >= n) return undefined;
  const name = (token: number): string => visibleText(tokens.value[token]?.text ?? '');
  const at = destination * n + source;
  return { destination: name(destination), source: name(source), a: a[at]!, b: b[at]!, delta: delta[at]! };
}

/** The numbers under the crosshair; one line, whatever is in it. */
function Readout({ shown }: { shown: ComparedPattern }): JSX.Element {
  const now = reading(shown);
  return (
    <p class="heat-readout" data-reading>
      {now ? (
        <>
          <Sentence
            text={l10n.t('{0} attends to {1}')}
            parts={[<span class="mono">“{now.destination}”</span>, <span class="mono">“{now.source}”</span>]}
          />
          <span class="number">A {fixed(now.a)}</span>
          <span class="number">B {fixed(now.b)}</span>
          <b class="number">B − A {signed(now.delta)}</b>
        </>
      ) : (
        l10n.t('Row attends to column. Point at a cell or a token for its weights; click locks it.')
      )}
      <span class="sr-only" aria-live="polite">
        {now
          ? l10n.t(
              '{0} attends to {1}: A {2}, B {3}, B minus A {4}',
              now.destination,
              now.source,
              fixed(now.a),
              fixed(now.b),
              signed(now.delta),
            )
          : ''}
      </span>
    </p>
  );
}

export function Triple({ shown, end }: { shown: ComparedPattern; end: number }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(box.current?.clientWidth ?? 0));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const { n, head } = shown;
  const side = width > 0 ? sideOf(roomFor(width), n) : 0;
  const delta = useMemo(() => (value: number, theme: ThemeKind) => diverging(value / end, theme), [end]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const { destination = n - 1, source = 0 } = crosshair(selection.peek());
    const move = MOVES[event.key];
    if (move) {
      const to = move({ destination, source }, n);
      const inside = (index: number): number => Math.max(0, Math.min(n - 1, index));
      dispatch({ kind: 'hoverCell', destination: inside(to.destination), source: inside(to.source) });
    } else if (event.key === 'Enter' || event.key === ' ') dispatch({ kind: 'lockCell', destination, source });
    else return;
    event.preventDefault();
  };
  return (
    <>
      <Readout shown={shown} />
      <div
        class="triple"
        ref={box}
        role="application"
        aria-label={l10n.t(
          'Patterns of L{0}H{1} in A and B and their difference, {2} by {2} tokens. Arrow keys move the cell, Enter locks it, Escape unlocks.',
          head.layer,
          head.head,
          n,
        )}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onBlur={() => dispatch({ kind: 'leave' })}
      >
        {side > 0
          ? WHICH.map((which) => (
              <Heat
                key={which}
                shown={shown}
                which={which}
                side={side}
                colour={which === 'delta' ? delta : ramp}
                title={
                  which === 'delta'
                    ? l10n.t('Weight in B minus weight in A: blue where B attends more, rose where A does')
                    : l10n.t('Attention weights, 0 to 1: rows are destinations, columns sources')
                }
              />
            ))
          : null}
      </div>
    </>
  );
}
