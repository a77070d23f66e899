import { signal } from '@preact/signals';
import type { Cell } from '../shared/cellMap';
import { connectReport } from '../shared/report';

export const report = connectReport('patch');

export type MapName = 'resid' | 'heads';
/** What the pointer or the keyboard is on. */
export const hovered = signal<{ map: MapName; cell: Cell } | undefined>(undefined);
