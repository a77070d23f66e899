/** Pieces that the numbers of results are made with. */
import * as l10n from '@vscode/l10n';
import type { MeasureParams } from '../../protocol/results';
import { InputError } from '../checkpoint/errors';

/** Name → number. */
export type Section = Record<string, number>;

export const HEAD_SCORES = [
  'previousToken',
  'duplicateToken',
  'induction',
  'firstToken',
  'ovCopying',
  'qkMatching',
] as const;

export const prompt = ({ checkpointId, ids }: MeasureParams): { checkpointId: string; ids: number[] } => ({
  checkpointId,
  ids,
});

export const named = <T>(list: readonly T[], entry: (each: T, i: number) => [string, number]): Section =>
  Object.fromEntries(list.map(entry));

/** The largest by absolute value; what is not finite is none of them. */
export const byAbsolute = <T>(list: readonly T[], value: (each: T) => number, top: number): T[] =>
  list
    .filter((each) => Number.isFinite(value(each)))
    .sort((a, b) => Math.abs(value(b)) - Math.abs(value(a)))
    .slice(0, top);

/** @throws InputError */
export function saeOf({ saeId }: MeasureParams): string {
  if (saeId === undefined) throw new InputError(l10n.t('The sparse autoencoder of this result is not open.'));
  return saeId;
}
