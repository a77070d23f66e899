/** Zoom of the matrices: the size of a cell in steps of whole pixels, with the same cell kept in its place. */
import { signal } from '@preact/signals';
import { type RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { MatrixLayout } from './matrixLayout';

/** Side of a cell that the person chose; undefined: what fits. */
export const zoomedCell = signal<number | undefined>(undefined);

const CELL = { least: 4, most: 48 };
const FACTOR = 1.25;
/** A notch of a wheel is about 100; a track pad sends many small ones. */
const WHEEL_STEP = 40;

/** The next size up (1) or down (−1): a quarter more or less, at least one pixel. */
export function zoomStep(cell: number, direction: number): number {
  const next = direction > 0 ? Math.max(cell + 1, Math.round(cell * FACTOR)) : Math.min(cell - 1, cell / FACTOR);
  return Math.max(CELL.least, Math.min(CELL.most, Math.round(next)));
}

export const ZOOM_KEYS: Record<string, number> = { '+': 1, '=': 1, '-': -1, '0': 0 };

interface Point {
  x: number;
  y: number;
}

/** A place in matrices of one layout, and where it is in those of another. */
export function moved({ x, y }: Point, from: MatrixLayout, to: MatrixLayout): Point {
  const matrix = Math.max(0, Math.min(2, Math.floor((x - from.left) / from.pitch)));
  const column = (x - from.left - matrix * from.pitch) / from.cell;
  const row = (y - from.top) / from.cell;
  return { x: to.left + matrix * to.pitch + column * to.cell, y: to.top + row * to.cell };
}

export interface MatrixZoom {
  /** 1: larger, −1: smaller, 0: as it fits. `at`: what stays where it is, in pixels of the scroller's box. */
  zoom: (direction: number, at: Point) => void;
  onWheel: (event: WheelEvent) => void;
}

/** Zoom of what `scroller` shows in `place`; `after` runs once the new size is laid out. */
export function useMatrixZoom(
  scroller: RefObject<HTMLElement | null>,
  place: MatrixLayout | undefined,
  after: () => void,
): MatrixZoom {
  const before = useRef<{ at: Point; place: MatrixLayout } | undefined>(undefined);
  const turned = useRef(0);
  useLayoutEffect(() => {
    const [box, last] = [scroller.current, before.current];
    before.current = undefined;
    if (!box || !last || !place) return;
    const { x, y } = moved({ x: last.at.x + box.scrollLeft, y: last.at.y + box.scrollTop }, last.place, place);
    box.scrollTo(x - last.at.x, y - last.at.y);
    after();
  }, [place?.cell]);
  const zoom = (direction: number, at: Point): void => {
    if (!place) return;
    const next = direction === 0 ? undefined : zoomStep(place.cell, direction);
    if (next === zoomedCell.peek() || next === place.cell) return;
    before.current = { at, place };
    zoomedCell.value = next;
  };
  const onWheel = (event: WheelEvent): void => {
    if (!event.ctrlKey || !scroller.current) return;
    event.preventDefault();
    turned.current += event.deltaY;
    if (Math.abs(turned.current) < WHEEL_STEP) return;
    const { left, top } = scroller.current.getBoundingClientRect();
    zoom(turned.current < 0 ? 1 : -1, { x: event.clientX - left, y: event.clientY - top });
    turned.current = 0;
  };
  return { zoom, onWheel };
}
