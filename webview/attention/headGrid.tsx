/** All heads as thumbnails on one canvas and one scale; over it a grid of elements for pointer, keyboard and names. */
import * as l10n from '@vscode/l10n';
import { computed, effect, signal, useComputed } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import { themeKind } from '../shared/theme';
import { type GridLayout, layoutGrid } from './headGridLayout';
import { paintThumbnails } from './headGridPaint';
import { namesOf, sayName } from './headNames';
import { dispatch, selection, thumbnails, view } from './store';
import { scoreLabels } from '../shared/scoreLabels';

// not the whole selection: that changes with every hover, and there may be a thousand heads
const chosenLayer = computed(() => selection.value.head.layer);
const chosenHead = computed(() => selection.value.head.head);
const chosenName = computed(() => (selection.value.reduction === 'one' ? headName(selection.value.head) : ''));
const previewName = computed(() => {
  const { previewHead } = selection.value;
  return previewHead ? headName(previewHead) : '';
});

/** Width of the band that the grid lies in. */
const width = signal(0);
/** Share of the panel that a grid at the left may take. */
const ASIDE_SHARE = 0.42;
const BAND_PADDING = { x: 24, y: 16 };
/** Rows above the heatmap before the grid scrolls; a cut row shows that there are more. */
const ROWS = { all: 3, cut: 2.6 };

const MOVES: Record<string, [layers: number, heads: number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  Home: [0, -Infinity],
  End: [0, Infinity],
};

interface CellProps {
  head: HeadRef;
  grid: GridLayout;
}

/** Drawn again by itself when it is chosen or hovered: not all the others. */
function Thumb({ head, grid }: CellProps): JSX.Element {
  const name = headName(head);
  const chosen = useComputed(() => chosenName.value === name).value;
  const hovered = useComputed(() => previewName.value === name).value;
  const names = namesOf(head);
  const [first] = names;
  return (
    <div
      role="gridcell"
      id={`head-${name}`}
      class={`thumb ${chosen ? 'chosen' : ''} ${hovered ? 'hover' : ''} ${first ? 'named' : ''}`}
      aria-label={[name, ...names.map(sayName)].join(', ')}
      aria-selected={chosen}
      data-head={name}
      style={box(grid, head)}
      onPointerEnter={() => dispatch({ kind: 'hoverHead', head })}
      onClick={() => dispatch({ kind: 'chooseHead', head })}
    >
      {grid.names === 'edges' ? null : <span class={`thumb-name ${grid.names}`}>{name}</span>}
      {first && grid.names === 'inside' ? <span class="pill">{scoreLabels[first.name]}</span> : null}
    </div>
  );
}

function EdgeNames({ grid, nLayers, nHeads }: { grid: GridLayout; nLayers: number; nHeads: number }): JSX.Element {
  // `H10` needs 24 px; `L10` 16 px
  const every = Math.ceil(24 / grid.stepX);
  const names = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  return (
    <div aria-hidden="true">
      {names(nHeads)
        .filter((head) => head % every === 0)
        .map((head) => (
          <span
            key={`H${head}`}
            class="edge-name top"
            style={{ left: `${grid.left + head * grid.stepX + grid.box / 2}px` }}
          >
            H{head}
          </span>
        ))}
      {names(nLayers).map((layer) => (
        <span
          key={`L${layer}`}
          class="edge-name"
          style={{ top: `${grid.top + layer * grid.stepY + grid.box / 2 - 8}px` }}
        >
          L{layer}
        </span>
      ))}
    </div>
  );
}

const box = (grid: GridLayout, { layer, head }: HeadRef): Record<string, string> => ({
  left: `${grid.left + head * grid.stepX}px`,
  top: `${grid.top + layer * grid.stepY}px`,
  width: `${grid.box}px`,
  height: `${grid.box}px`,
});

function Rows({ grid, nLayers, nHeads }: { grid: GridLayout; nLayers: number; nHeads: number }): JSX.Element {
  return (
    <>
      {Array.from({ length: nLayers }, (_, layer) => (
        <div key={layer} role="row">
          {Array.from({ length: nHeads }, (_, head) => (
            <Thumb key={head} head={{ layer, head }} grid={grid} />
          ))}
        </div>
      ))}
    </>
  );
}

function moveHead(
  { layer, head }: HeadRef,
  [layers, heads]: [number, number],
  nLayers: number,
  nHeads: number,
): HeadRef {
  const clamp = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value));
  return { layer: clamp(layer + layers, nLayers), head: clamp(head + heads, nHeads) };
}

export function HeadGrid({ aside, compact }: { aside: boolean; compact: boolean }): JSX.Element {
  const band = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const chosen = { layer: chosenLayer.value, head: chosenHead.value };
  const [active, setActive] = useState(chosen);
  const { nLayers = 0, nHeads = 0 } = view.value?.analysis ?? {};
  const pictures = thumbnails.value;
  const grid = layoutGrid({
    width: (aside ? Math.floor(document.documentElement.clientWidth * ASIDE_SHARE) : width.value) - BAND_PADDING.x,
    nLayers,
    nHeads,
    size: pictures?.size ?? 1,
    dpr: window.devicePixelRatio,
    aside,
    compact,
  });
  useEffect(() => {
    const observer = new ResizeObserver(() => (width.value = band.current?.clientWidth ?? 0));
    observer.observe(band.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (!pictures || !canvas.current) return;
    const target = canvas.current;
    return effect(() => paintThumbnails(target, pictures, nHeads, grid, themeKind.value));
  }, [pictures, nHeads, JSON.stringify(grid)]);
  const reveal = (head: HeadRef): void =>
    band.current?.querySelector(`[data-head=${headName(head)}]`)?.scrollIntoView({ block: 'nearest' });
  useEffect(() => {
    setActive(chosen);
    reveal(chosen);
  }, [chosen.layer, chosen.head, grid.height]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const move = MOVES[event.key];
    if (move) {
      const next = moveHead(active, move, nLayers, nHeads);
      setActive(next);
      reveal(next);
      dispatch({ kind: 'hoverHead', head: next });
    } else if (event.key === 'Enter' || event.key === ' ') dispatch({ kind: 'chooseHead', head: active });
    else return;
    event.preventDefault();
  };
  const cut = !aside && nLayers > ROWS.all;
  const maxHeight = cut ? `${BAND_PADDING.y / 2 + grid.top + ROWS.cut * grid.stepY}px` : undefined;
  return (
    <div class="band" ref={band} style={{ maxHeight }}>
      <div
        class="grid"
        role="grid"
        aria-label={l10n.t('{0} layers of {1} attention heads. Arrow keys move, Enter chooses.', nLayers, nHeads)}
        aria-activedescendant={`head-${headName(active)}`}
        tabIndex={0}
        style={{ width: `${grid.width}px`, height: `${grid.height}px` }}
        onKeyDown={onKeyDown}
        onBlur={() => dispatch({ kind: 'leave' })}
        onPointerLeave={() => dispatch({ kind: 'leave' })}
      >
        <canvas ref={canvas} class="grid-canvas" aria-hidden="true" />
        {grid.names === 'edges' ? <EdgeNames grid={grid} nLayers={nLayers} nHeads={nHeads} /> : null}
        <Rows grid={grid} nLayers={nLayers} nHeads={nHeads} />
        <i class="grid-focus" style={box(grid, active)} />
      </div>
    </div>
  );
}
