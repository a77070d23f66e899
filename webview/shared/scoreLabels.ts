/** Names of scores as panels write them. The table of the protocol is for the command line and what is saved. */
import * as l10n from '@vscode/l10n';
import type { NamedScore } from '../../src/protocol/circuits';

export const scoreLabels: Record<NamedScore, string> = {
  previousToken: l10n.t('prev token'),
  duplicateToken: l10n.t('duplicate'),
  induction: l10n.t('induction'),
  firstToken: l10n.t('first token'),
  ovCopying: l10n.t('copying'),
};
