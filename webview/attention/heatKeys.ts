/** Keys on the heatmap. */
import { crosshair } from './heatmapOverlay';
import type { Cell } from './heatmapLayout';
import { reveal, zoomBy } from './heatPointer';
import { FITTING, viewport } from './heatState';
import { dispatch, drawn, selection } from './store';

const MOVES: Record<string, (cell: Cell, n: number) => Cell> = {
  ArrowUp: ({ destination, source }) => ({ destination: destination - 1, source }),
  ArrowDown: ({ destination, source }) => ({ destination: destination + 1, source }),
  ArrowLeft: ({ destination, source }) => ({ destination, source: source - 1 }),
  ArrowRight: ({ destination, source }) => ({ destination, source: source + 1 }),
  Home: ({ destination }) => ({ destination, source: 0 }),
  End: ({ destination }, n) => ({ destination, source: n - 1 }),
  PageUp: ({ source }) => ({ destination: 0, source }),
  PageDown: ({ source }, n) => ({ destination: n - 1, source }),
};
const ACTIONS: Record<string, (cell: Cell) => void> = {
  Enter: (cell) => dispatch({ kind: 'lockCell', ...cell }),
  ' ': (cell) => dispatch({ kind: 'lockCell', ...cell }),
  '+': (cell) => zoomBy(1, cell),
  '=': (cell) => zoomBy(1, cell),
  '-': (cell) => zoomBy(-1, cell),
  '0': () => void (viewport.value = FITTING),
};

/** The cell that the keyboard is on: the previewed or locked one, else the last row's first. */
function currentCell(n: number): Cell {
  const { destination, source } = crosshair(selection.peek());
  return { destination: destination ?? n - 1, source: source ?? Math.min(0, n - 1) };
}

/** Inside the matrix, and not above the diagonal of a causal one. */
function inPattern({ destination, source }: Cell, n: number, causal: boolean): Cell {
  const row = Math.max(0, Math.min(n - 1, destination));
  return { destination: row, source: Math.max(0, Math.min(causal ? row : n - 1, source)) };
}

export function heatKey(event: KeyboardEvent): void {
  const shown = drawn.peek();
  if (!shown) return;
  const { n } = shown.matrix;
  const now = inPattern(currentCell(n), n, shown.causal);
  const move = MOVES[event.key];
  const act = ACTIONS[event.key];
  if (!move && !act) return;
  event.preventDefault();
  act?.(now);
  if (!move) return;
  const next = inPattern(move(now, n), n, shown.causal);
  reveal(next);
  dispatch({ kind: 'hoverCell', ...next });
}
