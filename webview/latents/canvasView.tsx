/** A canvas of the size of the view in a box that scrolls sideways, and the tip beside what the pointer is on. */
import type { Signal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

/** A cleared context in CSS pixels, on a canvas of whole device pixels. */
export function prepareCanvas(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const dpr = window.devicePixelRatio;
  canvas.width = Math.round(width * dpr);
  canvas.height = Math.round(height * dpr);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  context?.scale(dpr, dpr);
  return context;
}

export interface Seen {
  width: number;
  /** Scrolled to. */
  left: number;
}

/** Follows size and scrolling of a box. */
export function watchView(box: HTMLElement, seen: Signal<Seen>): () => void {
  const read = (): void => {
    const { clientWidth: width, scrollLeft: left } = box;
    if (width !== seen.peek().width || left !== seen.peek().left) seen.value = { width, left };
  };
  const observer = new ResizeObserver(read);
  observer.observe(box);
  box.addEventListener('scroll', read);
  read();
  return () => {
    observer.disconnect();
    box.removeEventListener('scroll', read);
  };
}

/** Scrolls so far that something at `x` can be seen whole, beside a gutter that stays. */
export function revealX(box: HTMLElement, gutter: number, x: number, width: number): void {
  if (x - gutter < box.scrollLeft) box.scrollLeft = x - gutter;
  else if (x + width > box.scrollLeft + box.clientWidth) box.scrollLeft = x + width - box.clientWidth + 2;
}

interface TipProps {
  at: { x: number; y: number; width: number; height: number };
  /** Width of the view. */
  room: number;
  children: ComponentChildren;
}

/** Right of and below what it is about, or left where there is no room. */
export function Tip({ at, room, children }: TipProps): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const tip = element.current;
    if (!tip) return;
    const right = at.x + at.width + 6;
    const fits = right + tip.offsetWidth <= room - 4;
    tip.style.left = `${Math.max(4, fits ? right : at.x - 6 - tip.offsetWidth)}px`;
    tip.style.top = `${at.y + at.height}px`;
  });
  return (
    <div class="tip" ref={element} aria-hidden="true">
      {children}
    </div>
  );
}
