/**
 * A heatmap of few rows and possibly many columns: cells of one size with text where it fits, row labels that stay in view,
 * native scrolling. Everything that can be seen is drawn anew on one canvas of the size of the view.
 */
import { effect, signal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { type CellPlace, layoutCells, type MapLayout, paintCells } from './cellMapPaint';
import type { Rgba, ThemeKind } from './colour';
import { colours, themeKind } from './theme';

export interface Cell {
  row: number;
  column: number;
}

export interface CellMapProps {
  /** Says what it is and which keys it takes. */
  label: string;
  /** For tests and for the live region's owner. */
  name: string;
  /** Top to bottom. */
  rows: readonly string[];
  columns: readonly string[];
  size: { width: number; height: number };
  colour: (cell: Cell, theme: ThemeKind) => Rgba;
  /** Drawn where it fits. */
  text?: (cell: Cell) => string;
  /** Read inside an effect. */
  marks: () => { hovered?: Cell; hoveredColumn?: number; lockedColumn?: number; locked?: Cell };
  onHover: (cell: Cell | undefined) => void;
  onChoose?: (cell: Cell) => void;
  /** Beside the hovered cell. */
  tip: (cell: Cell) => ComponentChildren;
  /** The hovered cell in words. */
  speak: (cell: Cell) => string;
}

const MOVES: Record<string, (cell: Cell, rows: number, columns: number) => Cell> = {
  ArrowUp: ({ row, column }) => ({ row: row - 1, column }),
  ArrowDown: ({ row, column }) => ({ row: row + 1, column }),
  ArrowLeft: ({ row, column }) => ({ row, column: column - 1 }),
  ArrowRight: ({ row, column }) => ({ row, column: column + 1 }),
  Home: ({ row }) => ({ row, column: 0 }),
  End: ({ row }, _, columns) => ({ row, column: columns - 1 }),
  PageUp: ({ column }) => ({ row: 0, column }),
  PageDown: ({ column }, rows) => ({ row: rows - 1, column }),
};

const clamp = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value));

/** Scrolls so far that a column can be seen whole. */
function revealColumn(box: HTMLElement, { gutter, width }: MapLayout, column: number): void {
  const left = column * width;
  const seen = box.clientWidth - gutter;
  if (left < box.scrollLeft) box.scrollLeft = left;
  else if (left + width > box.scrollLeft + seen) box.scrollLeft = left + width - seen;
}

function Tip({ at, view, children }: { at: CellPlace; view: number; children: ComponentChildren }): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const tip = element.current;
    if (!tip) return;
    const right = at.x + at.width + 8;
    const fits = right + tip.offsetWidth <= view - 4;
    tip.style.left = `${Math.max(4, fits ? right : at.x - 8 - tip.offsetWidth)}px`;
    tip.style.top = `${at.y + at.height + 4}px`;
  });
  return (
    <div class="tip cell-tip" ref={element} aria-hidden="true">
      {children}
    </div>
  );
}

export function CellMap(props: CellMapProps): JSX.Element {
  const { rows, columns, size } = props;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = useMemo(() => signal({ width: 0, left: 0 }), []);
  const latest = useRef(props);
  latest.current = props;
  const font = colours.value.mono;
  const layout = useMemo(() => layoutCells(rows, columns, size, font), [rows, columns, size, font]);
  const measure = (): void => {
    const { clientWidth = 0, scrollLeft = 0 } = box.current ?? {};
    if (clientWidth !== view.peek().width || scrollLeft !== view.peek().left)
      view.value = { width: clientWidth, left: scrollLeft };
  };
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(
    () =>
      effect(() => {
        if (!canvas.current || view.value.width === 0) return;
        const { colour, text, marks } = latest.current;
        const theme = themeKind.value;
        const look = { rows, columns, colour, text, marks: marks(), theme, colours: colours.value };
        paintCells(canvas.current, layout, view.value, look);
      }),
    [layout, props.colour, props.text],
  );
  const cellAt = (event: PointerEvent | MouseEvent): Cell | undefined => {
    const bounds = box.current!.getBoundingClientRect();
    const x = event.clientX - bounds.left;
    const y = event.clientY - bounds.top;
    if (x < layout.gutter || y < layout.header) return undefined;
    const column = Math.floor((x - layout.gutter + view.peek().left) / layout.width);
    const row = Math.floor((y - layout.header) / layout.height);
    return row < rows.length && column < columns.length ? { row, column } : undefined;
  };
  const { hovered } = props.marks();
  const current = (): Cell =>
    hovered ?? props.marks().locked ?? { row: 0, column: props.marks().lockedColumn ?? columns.length - 1 };
  const onKeyDown = (event: KeyboardEvent): void => {
    const move = MOVES[event.key];
    if (move) {
      const to = hovered ? move(hovered, rows.length, columns.length) : current();
      const next = { row: clamp(to.row, rows.length), column: clamp(to.column, columns.length) };
      revealColumn(box.current!, layout, next.column);
      props.onHover(next);
    } else if (event.key === 'Enter' || event.key === ' ') props.onChoose?.(current());
    else return;
    event.preventDefault();
  };
  const place = hovered && {
    x: layout.gutter + hovered.column * layout.width - view.value.left,
    y: layout.header + hovered.row * layout.height,
    width: layout.width,
    height: layout.height,
  };
  return (
    <div class="cell-map">
      <div
        class="cell-scroll"
        ref={box}
        role="application"
        aria-label={props.label}
        data-map={props.name}
        tabIndex={0}
        onScroll={measure}
        onPointerMove={(event) => props.onHover(cellAt(event))}
        onPointerLeave={() => props.onHover(undefined)}
        onClick={(event) => {
          const cell = cellAt(event);
          if (cell) props.onChoose?.(cell);
        }}
        onKeyDown={onKeyDown}
        onBlur={() => props.onHover(undefined)}
      >
        <div class="cell-space" style={{ width: `${layout.whole.width}px`, height: `${layout.whole.height}px` }}>
          <canvas ref={canvas} class="cell-canvas" style={{ height: `${layout.whole.height}px` }} />
        </div>
      </div>
      {hovered && place && place.x + place.width > layout.gutter && place.x < view.value.width ? (
        <Tip at={place} view={view.value.width}>
          {props.tip(hovered)}
        </Tip>
      ) : null}
      <div class="sr-only" aria-live="polite">
        {hovered ? props.speak(hovered) : ''}
      </div>
    </div>
  );
}
