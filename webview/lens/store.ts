/** What the logit lens panel shows. */
import { computed, signal } from '@preact/signals';
import type { Cell } from '../shared/cellMap';
import { connectReport } from '../shared/report';

export const report = connectReport('lens');
const { answer, selection } = report;
export const { tokens } = report;

/** Whose probability a cell's colour is. */
export type Of = 'answer' | 'next' | 'top';
export const of = signal<Of>('answer');

export const lens = computed(() => answer.value?.result);
/** The layer under the pointer; its token is the selection's. */
export const hoveredRow = signal<number | undefined>(undefined);

/** The token that the pointer is on, here or in another view. */
export const hoveredToken = computed(() => {
  const { preview, side } = selection.value;
  return preview[side] ?? preview.destination ?? preview.source;
});

/** Rows are drawn with the output at the top. */
export const stageOf = (row: number): number => (lens.value?.stages.length ?? 0) - 1 - row;

/** Index into `[stage, pos]`. */
const at = ({ row, column }: Cell): number => stageOf(row) * (lens.value?.answers.length ?? 0) + column;

export function probability(cell: Cell, which: Of): number {
  const shown = lens.value;
  if (!shown) return NaN;
  if (which === 'top') return shown.topP[at(cell) * shown.k] ?? NaN;
  return (which === 'answer' ? shown.answerP : shown.nextP)[at(cell)] ?? NaN;
}

export const rank = (cell: Cell): number => lens.value?.answerRank[at(cell)] ?? -1;

export interface Ranked {
  id: number;
  text: string;
  p: number;
}

/** Most probable first. */
export function topTokens(cell: Cell): Ranked[] {
  const shown = lens.value;
  if (!shown) return [];
  return Array.from({ length: shown.k }, (_, i) => {
    const id = shown.topIds[at(cell) * shown.k + i] ?? -1;
    return { id, text: shown.texts[id] ?? `#${id}`, p: shown.topP[at(cell) * shown.k + i] ?? 0 };
  });
}
