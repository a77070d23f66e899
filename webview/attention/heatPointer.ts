/** Pointer on the heatmap: hover, click, drag to pan, ctrl-wheel to zoom. */
import { type Cell, cellAt, scrollTo, zoomAround } from './heatmapLayout';
import { placed, viewport } from './heatState';
import { dispatch, drawn } from './store';

/** Pointer travel, in CSS pixels, that makes a click a drag. */
const DRAG_FROM = 4;

/** The cell of the pattern at a point; in a causal pattern there is none above the diagonal. */
function patternCell(x: number, y: number): Cell | undefined {
  const place = placed.peek();
  const cell = place && cellAt(place.layout, x, y);
  return cell && drawn.peek()?.causal && cell.source > cell.destination ? undefined : cell;
}

/** Time from the pointer's event to the end of drawing. */
function timed(work: () => void): void {
  const start = performance.now();
  work();
  document.body.dataset.lastHoverMs = (performance.now() - start).toFixed(2);
  performance.measure('circuitscope.hover', { start, end: performance.now() });
  performance.clearMeasures('circuitscope.hover');
}

export function zoomBy(by: number, at: Cell): void {
  const place = placed.peek();
  if (place) viewport.value = zoomAround(place.input, place.layout, at, by);
}

/** Scrolls a zoomed map until a cell is in view. */
export function reveal(at: Cell): void {
  const place = placed.peek();
  if (place && viewport.peek().zoom > 0) viewport.value = scrollTo(place.layout, viewport.peek(), at);
}

/** Listens on the overlay; returns how to stop. */
export function heatPointer(canvas: HTMLCanvasElement): () => void {
  let drag: { x: number; y: number; row: number; column: number; moved: boolean } | undefined;

  const pan = (event: PointerEvent, from: NonNullable<typeof drag>): void => {
    const place = placed.peek();
    const { zoom } = viewport.peek();
    from.moved ||= Math.hypot(event.offsetX - from.x, event.offsetY - from.y) > DRAG_FROM;
    if (!place || !from.moved || zoom === 0) return;
    const { cell, n, rows, columns } = place.layout;
    const moveTo = (first: number, by: number, inView: number): number =>
      Math.max(0, Math.min(n - inView, Math.round(first - by / cell)));
    viewport.value = {
      zoom,
      row: moveTo(from.row, event.offsetY - from.y, rows),
      column: moveTo(from.column, event.offsetX - from.x, columns),
    };
  };
  const onMove = (event: PointerEvent): void => {
    if (drag) pan(event, drag);
    if (drag?.moved) return;
    const cell = patternCell(event.offsetX, event.offsetY);
    timed(() => dispatch(cell ? { kind: 'hoverCell', ...cell } : { kind: 'leave' }));
    canvas.style.cursor = cell ? 'crosshair' : 'default';
  };
  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    const place = placed.peek();
    drag = {
      x: event.offsetX,
      y: event.offsetY,
      row: place?.layout.row ?? 0,
      column: place?.layout.column ?? 0,
      moved: false,
    };
    canvas.setPointerCapture(event.pointerId);
  };
  const onUp = (event: PointerEvent): void => {
    const clicked = drag && !drag.moved ? patternCell(event.offsetX, event.offsetY) : undefined;
    drag = undefined;
    if (clicked) dispatch({ kind: 'lockCell', ...clicked });
  };
  const onLeave = (): void => {
    if (!drag) dispatch({ kind: 'leave' });
  };
  const onWheel = (event: WheelEvent): void => {
    const place = placed.peek();
    if (!event.ctrlKey || !place) return;
    event.preventDefault();
    const at = cellAt(place.layout, event.offsetX, event.offsetY);
    if (at) zoomBy(event.deltaY < 0 ? 1 : -1, at);
  };
  const stop = new AbortController();
  const { signal } = stop;
  canvas.addEventListener('pointermove', onMove, { signal });
  canvas.addEventListener('pointerdown', onDown, { signal });
  canvas.addEventListener('pointerup', onUp, { signal });
  canvas.addEventListener('pointercancel', () => (drag = undefined), { signal });
  canvas.addEventListener('pointerleave', onLeave, { signal });
  canvas.addEventListener('wheel', onWheel, { signal, passive: false });
  return () => stop.abort();
}
