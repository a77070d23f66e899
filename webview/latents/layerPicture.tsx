/** Latents sorted by layer mean × layers, for the text or the corpus: which part of a latent's activations each layer has. */
import * as l10n from '@vscode/l10n';
import { computed, effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ThemeKind } from '../shared/colour';
import { fixed } from '../shared/numbers';
import { type CanvasColours, colours, themeKind } from '../shared/theme';
import { prepareCanvas, Tip, watchView } from './canvasView';
import { columnShares, corpusShares, latentX, layoutLayers, placeAt, textShares } from './layers';
import type { LayerShares, LayersLayout } from './layers';
import { pictureNow } from './state';
import { valueImage } from './valueImage';
import { chosen, corpus, dispatch, encoding, names, selection } from './store';
import { latentsText } from '../shared/plurals';

const seen = signal({ width: 0, left: 0 });
/** Layer under the pointer: index into the layers. */
const hoveredLayer = signal<number | undefined>(undefined);

const ofText = computed(() => encoding.value && textShares(encoding.value));
const ofCorpus = computed(() => (corpus.value ? corpusShares(corpus.value) : undefined));
export const shownShares = computed(() => (pictureNow.value === 'corpus' ? ofCorpus.value : ofText.value));
const layout = computed(
  () =>
    shownShares.value &&
    layoutLayers(seen.value.width, shownShares.value.latents.length, shownShares.value.layers.length),
);
const placeOf = (latent: number | undefined): number | undefined => {
  const at = latent === undefined ? -1 : (shownShares.value?.latents.indexOf(latent) ?? -1);
  return at < 0 ? undefined : at;
};
export const hoveredPlace = computed(() => placeOf(selection.value.previewLatent));

let kept: { of: [LayerShares, number, ThemeKind]; image: HTMLCanvasElement | undefined } | undefined;
/** Made anew for another picture, width or theme, never for a hover. */
function imageOf(shown: LayerShares, place: LayersLayout, theme: ThemeKind): HTMLCanvasElement | undefined {
  const of: [LayerShares, number, ThemeKind] = [shown, place.columns, theme];
  if (!kept?.of.every((part, i) => part === of[i]))
    kept = { of, image: valueImage(columnShares(shown, place), place.columns, place.nLayers, 1, theme) };
  return kept.image;
}

/** The picture with a name at every layer; the caller sets the scale. */
export function drawShares(
  context: CanvasRenderingContext2D,
  place: LayersLayout,
  shown: LayerShares,
  theme: ThemeKind,
  palette: CanvasColours,
): void {
  const image = imageOf(shown, place, theme);
  context.imageSmoothingEnabled = false;
  if (image) context.drawImage(image, place.left, place.top, place.width, place.nLayers * place.height);
  context.strokeStyle = palette.hair;
  context.lineWidth = 1;
  context.strokeRect(place.left - 0.5, place.top - 0.5, place.width + 1, place.nLayers * place.height + 1);
  context.font = `11px ${palette.mono}`;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.fillStyle = palette.muted;
  shown.layers.forEach((name, layer) => {
    if (layer % place.every !== 0) return;
    const y = place.top + (place.nLayers - 1 - layer) * place.height + place.height / 2 + 0.5;
    context.fillText(`L${name}`, place.left - 6, y);
  });
}

function drawMark(context: CanvasRenderingContext2D, place: LayersLayout, at: number, colour: string): number {
  const x = latentX(place, at);
  context.strokeStyle = colour;
  context.lineWidth = 1;
  const width = Math.max(1, place.cell);
  context.strokeRect(x - 0.5, place.top - 1.5, width + 1, place.nLayers * place.height + 3);
  return x + width / 2;
}

function paint(canvas: HTMLCanvasElement): void {
  const place = layout.value;
  const shown = shownShares.value;
  if (!place || !shown || seen.value.width === 0) return;
  const context = prepareCanvas(canvas, seen.value.width, place.bottom);
  if (!context) return;
  const palette = colours.value;
  drawShares(context, place, shown, themeKind.value, palette);
  if (hoveredPlace.value !== undefined) drawMark(context, place, hoveredPlace.value, palette.strong);
  const locked = placeOf(chosen.value);
  if (locked !== undefined) {
    const x = drawMark(context, place, locked, palette.lock);
    const text = `#${chosen.value}`;
    const width = context.measureText(text).width + 8;
    const left = Math.max(0, Math.min(seen.value.width - width, x - width / 2));
    const y = place.top + place.nLayers * place.height + 4;
    context.fillStyle = palette.lock;
    context.beginPath();
    context.roundRect(left, y, width, 14, 2);
    context.fill();
    context.fillStyle = palette.bg;
    context.textAlign = 'left';
    context.fillText(text, left + 4, y + 7.5);
  }
  const { left: x0, top: y0, cell, columns, height, count } = place;
  Object.assign(canvas.dataset, { x0, y0, cell, columns, height, count });
}

/** In a picture of the corpus there are latents that the text does not have. */
function onKeyDown(event: KeyboardEvent): void {
  const shown = shownShares.peek();
  const place = layout.peek();
  if (!shown || !place || place.count === 0) return;
  const now = hoveredPlace.peek() ?? placeOf(chosen.peek());
  const page = Math.max(1, Math.floor(place.count / 20));
  const start = now ?? 0;
  const to = {
    ArrowLeft: start - 1,
    ArrowRight: start + (now === undefined ? 0 : 1),
    PageUp: start - page,
    PageDown: start + page,
    Home: 0,
    End: place.count - 1,
  }[event.key];
  if (to !== undefined) {
    const latent = shown.latents[Math.max(0, Math.min(place.count - 1, to))]!;
    hoveredLayer.value = undefined;
    dispatch({ kind: 'hoverLatent', latent });
  } else if ((event.key === 'Enter' || event.key === ' ') && now !== undefined) choose(shown.latents[now]!);
  else return;
  event.preventDefault();
}

function choose(latent: number): void {
  const { latent: now, layer } = selection.peek();
  dispatch(latent === now ? { kind: 'chooseLatent', latent, layer } : { kind: 'chooseLatent', latent });
}

function LatentTip(): JSX.Element | null {
  const [at, place, shown] = [hoveredPlace.value, layout.value, shownShares.value];
  if (at === undefined || !place || !shown) return null;
  const latent = shown.latents[at]!;
  const layer = hoveredLayer.value;
  return (
    <Tip
      at={{ x: latentX(place, at), y: place.top, width: place.cell, height: place.nLayers * place.height + 4 }}
      room={seen.value.width}
    >
      #{latent} {names.value[latent]?.name} · {l10n.t('mean {0}', fixed(shown.mean[at]!))}
      {layer === undefined ? null : (
        <>
          {' '}
          · L{shown.layers[layer]}
          <b>{fixed(shown.shares[at * shown.layers.length + layer]!)}</b>
        </>
      )}
    </Tip>
  );
}

/** What the picture is, for screen readers. */
const pictureLabel = (of: 'text' | 'corpus', latents: number): string =>
  of === 'corpus'
    ? l10n.t(
        'Distribution over layers of {0} latents of the corpus, sorted by layer mean. Arrow keys move, Enter locks, Escape unlocks.',
        latents,
      )
    : l10n.t(
        'Distribution over layers of {0} latents of the text, sorted by layer mean. Arrow keys move, Enter locks, Escape unlocks.',
        latents,
      );

/** Under the picture: how to read it. */
function Caption(): JSX.Element | null {
  const place = layout.value;
  if (!place) return null;
  return (
    <p class="picture-caption">
      {place.count === 0
        ? l10n.t('No latent is active.')
        : l10n.t('{0}, early layers first →', latentsText(place.count))}
      {place.columns < place.count ? ` · ${l10n.t('{0} in a pixel', (place.count / place.columns).toFixed(1))}` : ''}
    </p>
  );
}

export function LayerPicture({ of }: { of: 'text' | 'corpus' }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const stops = [watchView(box.current!, seen), effect(() => paint(canvas.current!))];
    return () => stops.forEach((stop) => stop());
  }, []);
  const placeUnder = (event: MouseEvent): number | undefined => {
    const place = layout.peek();
    if (!place) return undefined;
    const bounds = box.current!.getBoundingClientRect();
    const layer = place.nLayers - 1 - Math.floor((event.clientY - bounds.top - place.top) / place.height);
    const inside = layer >= 0 && layer < place.nLayers;
    hoveredLayer.value = inside ? layer : undefined;
    return inside ? placeAt(place, event.clientX - bounds.left) : undefined;
  };
  const latentUnder = (event: MouseEvent): number | undefined => {
    const at = placeUnder(event);
    return at === undefined ? undefined : shownShares.peek()?.latents[at];
  };
  return (
    <div class="canvas-view">
      <div
        class="canvas-scroll"
        ref={box}
        role="application"
        aria-roledescription={l10n.t('picture of latents and layers')}
        aria-label={pictureLabel(of, shownShares.value?.latents.length ?? 0)}
        data-picture={of}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onBlur={() => dispatch({ kind: 'leave' })}
        onPointerMove={(event) => {
          const latent = latentUnder(event);
          dispatch(latent === undefined ? { kind: 'leave' } : { kind: 'hoverLatent', latent });
        }}
        onPointerLeave={() => dispatch({ kind: 'leave' })}
        onClick={(event) => {
          const latent = latentUnder(event);
          if (latent !== undefined) choose(latent);
        }}
      >
        <canvas ref={canvas} class="picture-canvas" />
      </div>
      <LatentTip />
      <Caption />
    </div>
  );
}
