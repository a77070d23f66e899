/** What a person calls a term. In results and files it has its English name; heads, `L3 MLP` and `b_U` are the same in all languages. */
import * as l10n from '@vscode/l10n';
import type { PathTerm } from '../../src/protocol/circuits/paths';

export function termName({ name, kind }: Pick<PathTerm, 'name' | 'kind'>): string {
  if (kind === 'direct') return l10n.t('direct path');
  if (kind === 'embedding') return l10n.t('embedding');
  if (kind === 'position') return l10n.t('positions');
  if (kind === 'rest') return l10n.t('paths of more than {0} heads', /\d+/.exec(name)?.[0] ?? '');
  return name === 'final norm bias' ? l10n.t('final norm bias') : name;
}
