import * as l10n from '@vscode/l10n';
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
  if (folds(d, foldNorm))
    notices.push(
      d.norm.kind === 'layer'
        ? l10n.t(
            'The norms’ gain and centring are folded into the weights that read the residual stream; their scale is left out.',
          )
        : l10n.t('The norms’ gain is folded into the weights that read the residual stream; their scale is left out.'),
    );
  else if (d.norm.kind !== 'none')
    notices.push(l10n.t('The norms are not folded into the weights: their gain is left out.'));
  if (reads.qk && d.positions.kind === 'rotary')
    notices.push(l10n.t('The positions of this model are rotary: W_QK is taken at relative position 0.'));
  return notices;
}
