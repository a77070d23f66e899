/** Composition of two layers as three matrices, Q | K | V, on one diverging scale. */
import * as l10n from '@vscode/l10n';
import { computed, effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type CompositionKind, compositionKinds } from '../../src/protocol/circuits';
import { type HeadPair, samePair, type Selection } from '../../src/protocol/selection';
import { themeKind } from '../shared/theme';
import { indexOf } from './excess';
import { Legend } from './legend';
import { KindSample } from './kindSample';
import { type MatrixLayout, layoutMatrices } from './matrixLayout';
import { drawMatrix, type LayerPair } from './matrixPaint';
import { useMatrixZoom, ZOOM_KEYS, zoomedCell } from './matrixZoom';
import { dispatch, end, focusPair, hoverPair, pairs, selection, view } from './store';
import { Concept } from '../shared/concept';

const width = signal(0);
/** Chosen by the person; else the locked pair's, else the strongest pair's. */
const chosenLayers = signal<LayerPair | undefined>(undefined);

export const shownLayers = computed<LayerPair | undefined>(() => {
  const composition = view.value?.composition;
  const strongest = pairs.value[0];
  if (!composition || !strongest) return undefined;
  const wanted = chosenLayers.value;
  if (wanted && wanted.later < composition.nLayers) return wanted;
  const { earlier, later } = selection.value.pair ?? strongest;
  return { earlier: earlier.layer, later: later.layer };
});

/** A pair that is locked anywhere is shown. */
effect(() => {
  if (selection.value.pair) chosenLayers.value = undefined;
});

interface MatrixProps {
  kind: CompositionKind;
  place: MatrixLayout;
  layers: LayerPair;
  /** Row labels stand at the first one only. */
  first: boolean;
}

const cellPair = (kind: CompositionKind, { earlier, later }: LayerPair, row: number, column: number): HeadPair => ({
  kind,
  earlier: { layer: earlier, head: row },
  later: { layer: later, head: column },
});

function Labels({ place, layers, first }: Omit<MatrixProps, 'kind'>): JSX.Element {
  const about = focusPair.value;
  const { head } = selection.value;
  const look = (layer: number, at: number, side: 'earlier' | 'later'): string => {
    if (head.layer === layer && head.head === at) return 'chosen';
    return about?.[side].layer === layer && about[side].head === at ? 'hot' : '';
  };
  const shown = Array.from({ length: place.side / place.cell }, (_, i) => i).filter((i) => i % place.every === 0);
  return (
    <div aria-hidden="true">
      {shown.map((i) => (
        <span
          key={i}
          class={`matrix-label column ${look(layers.later, i, 'later')}`}
          style={{ left: `${(i + 0.5) * place.cell}px` }}
        >
          H{i}
        </span>
      ))}
      {first
        ? shown.map((i) => (
            <span
              key={`row ${i}`}
              class={`matrix-label row ${look(layers.earlier, i, 'earlier')}`}
              style={{ top: `${(i + 0.5) * place.cell}px` }}
            >
              H{i}
            </span>
          ))
        : null}
    </div>
  );
}

/** The pair in question, outlined in every kind. */
function Ring({ pair, place, layers, look }: { pair?: HeadPair; look: string } & Omit<MatrixProps, 'kind' | 'first'>) {
  if (!pair || pair.earlier.layer !== layers.earlier || pair.later.layer !== layers.later) return null;
  const { cell } = place;
  return (
    <i
      class={`cell-ring ${look}`}
      style={{
        left: `${pair.later.head * cell - 1}px`,
        top: `${pair.earlier.head * cell - 1}px`,
        width: `${cell + 2}px`,
        height: `${cell + 2}px`,
      }}
    />
  );
}

function Matrix({ kind, place, layers, first }: MatrixProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { cell, side } = place;
  useEffect(
    () =>
      effect(() => {
        const target = canvas.current;
        const context = target?.getContext('2d');
        const composition = view.value?.composition;
        if (!target || !context || !composition) return;
        const pixels = Math.max(1, Math.round(cell * window.devicePixelRatio));
        target.width = target.height = pixels * composition.nHeads;
        drawMatrix(context, composition, kind, layers, end.value, pixels, themeKind.value);
        Object.assign(target.dataset, { cell, end: end.value, earlier: layers.earlier, later: layers.later });
      }),
    [kind, cell, layers.earlier, layers.later],
  );
  const at = (event: { clientX: number; clientY: number }): HeadPair => {
    const box = canvas.current!.getBoundingClientRect();
    const last = side / cell - 1;
    const index = (offset: number): number => Math.max(0, Math.min(last, Math.floor(offset / cell)));
    return cellPair(kind, layers, index(event.clientY - box.top), index(event.clientX - box.left));
  };
  return (
    <div class="matrix" style={{ left: `${place.left + compositionKinds.indexOf(kind) * place.pitch}px` }}>
      <h2>
        <KindSample kind={kind} />
        <span class="long-name">{l10n.t('{0}-composition', kind)}</span>
        <span class="short-name">{kind}</span>
        <Concept id="composition" />
      </h2>
      <div class="matrix-box" style={{ width: `${side}px`, height: `${side}px` }}>
        <canvas
          ref={canvas}
          class={`matrix-canvas matrix-${kind}`}
          aria-hidden="true"
          onPointerMove={(event) => hoverPair(at(event), tipPlace(canvas.current!, at(event), cell))}
          onPointerLeave={() => dispatch({ kind: 'leave' })}
          onClick={(event) => dispatch({ kind: 'lockPair', pair: at(event) })}
        />
        <Labels place={place} layers={layers} first={first} />
        <Ring pair={selection.value.pair} place={place} layers={layers} look="locked" />
        <Ring
          pair={selection.value.previewPair}
          place={place}
          layers={layers}
          look={isOverLock(selection.value) ? 'locked' : 'hover'}
        />
      </div>
    </div>
  );
}

/** What is locked stays amber under the pointer. */
const isOverLock = ({ pair, previewPair }: Selection): boolean =>
  pair !== undefined && previewPair !== undefined && samePair(pair, { ...previewPair, kind: pair.kind });

/** Lower right corner of a cell on the page. */
function tipPlace(canvas: Element, { earlier, later }: HeadPair, cell: number): { x: number; y: number } {
  const { left, top } = canvas.getBoundingClientRect();
  return { x: left + (later.head + 1) * cell, y: top + (earlier.head + 1) * cell };
}

const MOVES: Record<string, [rows: number, columns: number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Columns go on from one matrix into the next. */
function step({ kind, earlier, later }: HeadPair, [rows, columns]: [number, number], nHeads: number): HeadPair {
  const clamp = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value));
  const at = clamp(compositionKinds.indexOf(kind) * nHeads + later.head + columns, 3 * nHeads);
  return {
    kind: compositionKinds[Math.floor(at / nHeads)]!,
    earlier: { ...earlier, head: clamp(earlier.head + rows, nHeads) },
    later: { ...later, head: at % nHeads },
  };
}

/** Where the keyboard is, in the layers that are shown. */
function placed(layers: LayerPair, active: HeadPair | undefined): HeadPair {
  const at = active ?? focusPair.peek() ?? pairs.peek()[0];
  return cellPair(at?.kind ?? 'K', layers, at?.earlier.head ?? 0, at?.later.head ?? 0);
}

/** Scrolls a cell into view. */
function reveal(scroller: Element, place: MatrixLayout, { kind, earlier, later }: HeadPair): void {
  const { cell, left, top, pitch } = place;
  const x = left + compositionKinds.indexOf(kind) * pitch + later.head * cell;
  const y = top + earlier.head * cell;
  const nearest = (now: number, room: number, at: number): number =>
    Math.min(at - cell, Math.max(now, at + 2 * cell - room));
  scroller.scrollTo(
    nearest(scroller.scrollLeft, scroller.clientWidth, x),
    nearest(scroller.scrollTop, scroller.clientHeight, y),
  );
}

const middleOf = ({ clientWidth, clientHeight }: Element): { x: number; y: number } => ({
  x: clientWidth / 2,
  y: clientHeight / 2,
});

export function Matrices(): JSX.Element | null {
  const box = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<HeadPair | undefined>(undefined);
  const composition = view.value?.composition;
  const layers = shownLayers.value;
  useEffect(() => {
    const observer = new ResizeObserver(() => (width.value = box.current?.clientWidth ?? 0));
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, [layers === undefined]);
  const place = composition && layoutMatrices(width.value, composition.nHeads, zoomedCell.value);
  const hover = (pair: HeadPair): void => {
    const canvas = box.current?.querySelector(`.matrix-${pair.kind}`);
    setActive(pair);
    if (!canvas || !place) return;
    reveal(scroller.current!, place, pair);
    hoverPair(pair, tipPlace(canvas, pair, place.cell));
  };
  // the tip stood at the cell of another size
  const afterZoom = (): void => {
    dispatch({ kind: 'leave' });
    if (layers && box.current?.matches(':focus-visible')) hover(placed(layers, active));
  };
  const { zoom, onWheel } = useMatrixZoom(scroller, place, afterZoom);
  if (!composition || !layers || !place) return null;
  const onKeyDown = (event: KeyboardEvent): void => {
    const move = MOVES[event.key];
    const by = ZOOM_KEYS[event.key];
    if (move) hover(step(placed(layers, active), move, composition.nHeads));
    else if (by !== undefined && !event.ctrlKey && !event.metaKey) zoom(by, middleOf(scroller.current!));
    else if (event.key === 'Enter' || event.key === ' ') dispatch({ kind: 'lockPair', pair: placed(layers, active) });
    else return;
    event.preventDefault();
  };
  return (
    <div
      class="matrices"
      ref={box}
      role="application"
      aria-label={l10n.t(
        'Composition of layer {0} with layer {1}: Q, K and V. Arrow keys move over the pairs, Enter locks one; plus, minus and 0 zoom.',
        layers.earlier,
        layers.later,
      )}
      tabIndex={0}
      style={{ height: `${place.height}px` }}
      data-pairs={indexOf(composition, { layer: composition.nLayers, head: 0 })}
      onKeyDown={onKeyDown}
      onWheel={onWheel}
      onFocus={(event) => {
        if (event.currentTarget.matches(':focus-visible')) hover(placed(layers, active));
      }}
      onBlur={() => dispatch({ kind: 'leave' })}
    >
      <div
        class="matrix-scroll"
        ref={scroller}
        style={{ right: `${place.legend.right}px`, bottom: `${place.legend.bottom}px` }}
      >
        {width.value > 0
          ? compositionKinds.map((kind, i) => (
              <Matrix key={kind} kind={kind} place={place} layers={layers} first={i === 0} />
            ))
          : null}
      </div>
      <Legend place={place} layers={layers} choose={(next) => (chosenLayers.value = next)} />
    </div>
  );
}
