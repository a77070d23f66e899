/** Layer × token: activations of the locked latent or the one under the pointer; with none, the largest of any latent. */
import * as l10n from '@vscode/l10n';
import { computed, effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { tokenMax } from '../../src/protocol/latents/encoding';
import { visibleText } from '../../src/protocol/tokens';
import { fixed } from '../shared/numbers';
import { colours, themeKind } from '../shared/theme';
import { prepareCanvas, revealX, Tip, watchView } from './canvasView';
import { largestAt, largestMap, mapOf } from './entries';
import { mapLatent, pictureNow } from './state';
import { dispatch, encoding, entries, hoveredToken, locked, names, selection, tokens } from './store';
import { cellAt, cellX, cellY, layoutTokenMap, type MapCell } from './tokenMapLayout';
import { drawTokenMap, type TokenMapLook } from './tokenMapPaint';
import { valueImage } from './valueImage';

const seen = signal({ width: 0, left: 0 });

const largest = computed(() => encoding.value && largestMap(encoding.value));
/** What is drawn, and the end of its scale. */
export const drawnMap = computed(() => {
  const e = encoding.value;
  if (!e || !entries.value || !largest.value) return undefined;
  const latent = mapLatent.value;
  const map = latent === undefined ? largest.value : mapOf(e, entries.value, latent);
  return { latent, map, top: map.reduce((most, value) => Math.max(most, value), 0) || 1 };
});

/** Made anew for another map or theme, never for a hover. */
const picture = computed(() => {
  const [drawn, e] = [drawnMap.value, encoding.value];
  if (!drawn || !e) return undefined;
  const { nTokens, layers } = e;
  const rows = layers.map((_, l) => drawn.map.subarray(l * nTokens, (l + 1) * nTokens)).reverse();
  const flipped = new Float32Array(drawn.map.length);
  rows.forEach((row, i) => flipped.set(row, i * nTokens));
  return {
    image: valueImage(flipped, nTokens, layers.length, drawn.top, themeKind.value),
    values: tokenMax(drawn.map, nTokens),
  };
});

const layout = computed(() => {
  const e = encoding.value;
  return e && layoutTokenMap(seen.value.width, e.layers.length, e.nTokens);
});

/** The latent of a cell: the one that the map is of, or the one that is strongest there. */
const latentAt = ({ layer, token }: MapCell): number | undefined =>
  mapLatent.value ?? (encoding.value && largestAt(encoding.value, layer, token));

/** The cell under the pointer, here or as another view says it. */
export const hoveredCell = computed<MapCell | undefined>(() => {
  const { previewLayer } = selection.value;
  const layer = encoding.value?.layers.indexOf(previewLayer ?? -1) ?? -1;
  const token = hoveredToken.value;
  return layer < 0 || token === undefined || token >= tokens.value.length ? undefined : { layer, token };
});

export const valueAt = ({ layer, token }: MapCell): number =>
  drawnMap.value?.map[layer * tokens.value.length + token] ?? 0;

export const look = (): TokenMapLook | undefined =>
  picture.value && {
    ...picture.value,
    layers: encoding.value?.layers ?? [],
    tokens: tokens.value,
    locked: locked.value,
    hoveredToken: hoveredToken.value,
    hovered: hoveredCell.value,
    colours: colours.value,
  };

function paint(canvas: HTMLCanvasElement): void {
  const place = layout.value;
  const shown = look();
  if (!place || !shown || seen.value.width === 0) return;
  const context = prepareCanvas(canvas, seen.value.width, place.bottom);
  if (!context) return;
  drawTokenMap(context, place, seen.value, shown);
  Object.assign(canvas.dataset, {
    x0: place.left - seen.value.left,
    y0: place.top,
    width: place.width,
    height: place.height,
    latent: drawnMap.value?.latent ?? 'max',
  });
}

function hover(cell: MapCell | undefined): void {
  const layer = cell && encoding.peek()?.layers[cell.layer];
  const latent = cell && latentAt(cell);
  if (!cell) dispatch({ kind: 'leave' });
  else if (latent === undefined) dispatch({ kind: 'hoverToken', token: cell.token });
  else dispatch({ kind: 'hoverLatent', latent, layer, token: cell.token });
}

/** Locks latent, layer and token; all of them again: lets them go. */
function choose(cell: MapCell): void {
  const now = selection.peek();
  const layer = encoding.peek()?.layers[cell.layer];
  const latent = latentAt(cell);
  const sameToken = locked.peek() === cell.token;
  const sameLatent = latent === undefined || (now.latent === latent && now.layer === layer);
  if (latent !== undefined && (!sameLatent || sameToken)) dispatch({ kind: 'chooseLatent', latent, layer });
  if (!sameToken || sameLatent) dispatch({ kind: 'lockToken', token: cell.token });
}

const MOVES: Record<string, [layers: number, tokens: number]> = {
  ArrowUp: [1, 0],
  ArrowDown: [-1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [Infinity, 0],
  PageDown: [-Infinity, 0],
  Home: [0, -Infinity],
  End: [0, Infinity],
};
const clamp = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value));

/** Where the keys are: the cell under the pointer, else the locked cell or token. */
function current(): MapCell {
  const { layer } = selection.peek();
  const at = encoding.peek()?.layers.indexOf(layer ?? -1) ?? -1;
  return hoveredCell.peek() ?? { layer: Math.max(0, at), token: locked.peek() ?? 0 };
}

function onKeyDown(event: KeyboardEvent, box: HTMLElement): void {
  const place = layout.peek();
  const move = MOVES[event.key];
  if (!place) return;
  if (move) {
    const from = current();
    const [layers, steps] = hoveredCell.peek() ? move : [0, 0];
    const cell = { layer: clamp(from.layer + layers, place.nLayers), token: clamp(from.token + steps, place.nTokens) };
    revealX(box, place.left, cellX(place, cell.token), place.width);
    hover(cell);
  } else if (event.key === 'Enter' || event.key === ' ') choose(current());
  else return;
  event.preventDefault();
}

function CellTip(): JSX.Element | null {
  const cell = hoveredCell.value;
  const place = layout.value;
  if (!cell || !place || !drawnMap.value) return null;
  const x = cellX(place, cell.token) - seen.value.left;
  if (x < place.left - place.width || x > seen.value.width) return null;
  const latent = mapLatent.value === undefined ? latentAt(cell) : undefined;
  const y = cellY(place, cell.layer);
  return (
    <Tip at={{ x, y, width: place.width, height: 2 * place.height }} room={seen.value.width}>
      {visibleText(tokens.value[cell.token]?.text ?? '')} · L{encoding.value?.layers[cell.layer]}
      <b>{fixed(valueAt(cell))}</b>
      {latent === undefined ? null : (
        <span class="tip-head">
          #{latent} {names.value[latent]?.name}
        </span>
      )}
    </Tip>
  );
}

export function TokenMap(): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const stops = [watchView(box.current!, seen), effect(() => paint(canvas.current!))];
    return () => stops.forEach((stop) => stop());
  }, []);
  useEffect(
    () =>
      effect(() => {
        const place = layout.value;
        if (place && locked.value !== undefined && pictureNow.peek() === 'latent')
          revealX(box.current!, place.left, cellX(place, locked.value), place.width);
      }),
    [],
  );
  const cellOf = (event: MouseEvent): MapCell | undefined => {
    const place = layout.peek();
    const bounds = box.current!.getBoundingClientRect();
    const x = event.clientX - bounds.left;
    if (!place || x < place.left) return undefined;
    return cellAt(place, x + seen.peek().left, event.clientY - bounds.top);
  };
  const of = drawnMap.value?.latent;
  const { whole = 0, bottom = 0 } = layout.value ?? {};
  return (
    <div class="canvas-view">
      <div
        class="canvas-scroll"
        ref={box}
        role="application"
        aria-roledescription={l10n.t('map of layers and tokens')}
        aria-label={l10n.t(
          '{0}: {1} layers by {2} tokens. Arrow keys move the cell, Enter locks it, Escape unlocks.',
          of === undefined ? l10n.t('Largest activation of any latent') : l10n.t('Activations of latent {0}', of),
          encoding.value?.layers.length ?? 0,
          tokens.value.length,
        )}
        data-picture="latent"
        tabIndex={0}
        onKeyDown={(event) => onKeyDown(event, box.current!)}
        onBlur={() => dispatch({ kind: 'leave' })}
        onPointerMove={(event) => hover(cellOf(event))}
        onPointerLeave={() => dispatch({ kind: 'leave' })}
        onClick={(event) => {
          const cell = cellOf(event);
          if (cell) choose(cell);
        }}
      >
        <div style={{ width: `${whole}px`, height: `${bottom}px` }}>
          <canvas ref={canvas} class="picture-canvas" />
        </div>
      </div>
      <CellTip />
    </div>
  );
}
