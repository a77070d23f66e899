import type { ModelDescription } from '../checkpoint/description';

/** Whether there is a norm to fold, and it is folded. */
export const folds = (d: ModelDescription, foldNorm = true): boolean => foldNorm && d.norm.kind !== 'none';

/** What a person must know to read numbers that come from the weights alone. */
export function weightNotices(
  d: ModelDescription,
  foldNorm: boolean | undefined,
  reads: { qk?: boolean } = { qk: true },
): string[] {
  const notices: string[] = [];
  const what = d.norm.kind === 'layer' ? 'gain and centring are' : 'gain is';
  if (folds(d, foldNorm))
    notices.push(`The norms’ ${what} folded into the weights that read the residual stream; their scale is left out.`);
  else if (d.norm.kind !== 'none') notices.push('The norms are not folded into the weights: their gain is left out.');
  if (reads.qk && d.positions.kind === 'rotary')
    notices.push('The positions of this model are rotary: W_QK is taken at relative position 0.');
  return notices;
}
