/** The chosen head large: a base canvas that hovering never touches and an overlay that follows the pointer. */
import * as l10n from '@vscode/l10n';
import { computed, effect } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { colours, themeKind } from '../shared/theme';
import { drawnName } from './heads';
import { heatKey } from './heatKeys';
import { heatPointer } from './heatPointer';
import { FITTING, placed, size, viewport } from './heatState';
import { drawBase, heatImages } from './heatmapPaint';
import { drawOverlay } from './heatmapOverlay';
import { dispatch, drawn, selection, tokens, view } from './store';
import { Tip } from './tip';

const images = computed(() => drawn.value && heatImages(drawn.value, themeKind.value));

/** A cleared context in CSS pixels, on a canvas of whole device pixels. `data-draws` counts its uses. */
function prepare(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  const { width, height, dpr } = size.value;
  const [deviceWidth, deviceHeight] = [Math.round(width * dpr), Math.round(height * dpr)];
  if (canvas.width !== deviceWidth) canvas.width = deviceWidth;
  if (canvas.height !== deviceHeight) canvas.height = deviceHeight;
  canvas.dataset.draws = String(Number(canvas.dataset.draws ?? 0) + 1);
  const context = canvas.getContext('2d');
  context?.setTransform(dpr, 0, 0, dpr, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

function paintBase(canvas: HTMLCanvasElement): void {
  const place = placed.value;
  const shown = drawn.value;
  if (!place || !shown || !images.value) return;
  const { layout } = place;
  const context = prepare(canvas);
  if (!context) return;
  drawBase(context, {
    layout,
    causal: shown.causal,
    images: images.value,
    tokens: tokens.value,
    colours: colours.value,
  });
  const { cell, x0, y0, row, column, pool } = layout;
  const { key } = shown;
  Object.assign(canvas.dataset, { cell, x0, y0, row, column, pool });
  Object.assign(canvas.dataset, { reduction: key.reduction, weighting: key.weighting, name: shownName() });
}

function paintOverlay(canvas: HTMLCanvasElement): void {
  const place = placed.value;
  if (!place || !images.value) return;
  const context = prepare(canvas);
  if (!context) return;
  drawOverlay(context, {
    layout: place.layout,
    images: images.value,
    tokens: tokens.value,
    selection: selection.value,
    colours: colours.value,
  });
}

const shownName = (): string => (drawn.value && view.value ? drawnName(drawn.value, view.value) : '');

function watchSize(element: HTMLElement): () => void {
  const read = (): void => {
    const { clientWidth: width, clientHeight: height } = element;
    const dpr = window.devicePixelRatio;
    const old = size.peek();
    if (old.width !== width || old.height !== height || old.dpr !== dpr) size.value = { width, height, dpr };
  };
  const observer = new ResizeObserver(read);
  observer.observe(element);
  window.addEventListener('resize', read);
  read();
  return () => {
    observer.disconnect();
    window.removeEventListener('resize', read);
  };
}

/** `children`: what stands beside the map, in its empty triangle. */
export function Heatmap({ children }: { children: ComponentChildren }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const prompt = tokens.value.map(({ id }) => id).join();
  useEffect(() => void (viewport.value = FITTING), [prompt]);
  useEffect(() => {
    const stops = [
      watchSize(box.current!),
      effect(() => paintBase(base.current!)),
      effect(() => paintOverlay(overlay.current!)),
      heatPointer(overlay.current!),
    ];
    return () => stops.forEach((stop) => stop());
  }, []);
  const count = tokens.value.length;
  return (
    <div class="heat" ref={box}>
      <canvas class="heat-base" ref={base} />
      <canvas
        class="heat-overlay"
        ref={overlay}
        tabIndex={0}
        role="application"
        aria-roledescription={l10n.t('attention heatmap')}
        aria-label={l10n.t(
          '{0}: {1} by {1} tokens. Arrow keys move the cell, Enter locks it, Escape unlocks, plus and minus zoom.',
          shownName(),
          count,
        )}
        onKeyDown={heatKey}
        onBlur={() => dispatch({ kind: 'leave' })}
      />
      <Tip />
      {children}
    </div>
  );
}
