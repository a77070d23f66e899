import * as vscode from 'vscode';
import type { HeadRef } from '../protocol/checkpoint';
import type { ResultPanel } from '../protocol/resultFile';

/** Names of the panels, and what they need beside an analysis. */
export const RESULT_PANELS: Record<ResultPanel, { label: string; detail: string }> = {
  attention: {
    label: vscode.l10n.t('Attention'),
    detail: vscode.l10n.t('Next tokens, the strongest sources of the locked token, scores of the head.'),
  },
  circuits: {
    label: vscode.l10n.t('Circuits'),
    detail: vscode.l10n.t('The strongest composition through Q, K and V, and the locked pair.'),
  },
  paths: { label: vscode.l10n.t('Paths'), detail: vscode.l10n.t('A logit and its largest terms.') },
  lens: {
    label: vscode.l10n.t('Logit Lens'),
    detail: vscode.l10n.t('The probability of the model’s answer at every layer.'),
  },
  bigrams: {
    label: vscode.l10n.t('Bigrams'),
    detail: vscode.l10n.t('The most probable pairs by the direct path alone.'),
  },
  importance: {
    label: vscode.l10n.t('Term Importance'),
    detail: vscode.l10n.t('The loss with paths through at most n heads.'),
  },
  patch: {
    label: vscode.l10n.t('Activation Patching'),
    detail: vscode.l10n.t('Both logit differences, the positions and heads with the largest effects.'),
  },
  ablate: { label: vscode.l10n.t('Ablation'), detail: vscode.l10n.t('The loss with and without the ablated heads.') },
  latents: {
    label: vscode.l10n.t('Latents'),
    detail: vscode.l10n.t('The most active latents, and FVU of every layer.'),
  },
  layers: {
    label: vscode.l10n.t('Layers'),
    detail: vscode.l10n.t('FVU, L0 and similarity of the layers on the text, variance ratios, the measured loss.'),
  },
  compare: {
    label: vscode.l10n.t({ message: 'Compare', comment: ['Title of a panel'] }),
    detail: vscode.l10n.t('What differs most between the two checkpoints, in the section that is shown.'),
  },
};

/** `L1H5` as layer and head. A file's heads have been checked to be heads. */
export function headOf(name: string): HeadRef {
  const [, layer, head] = /^L(\d+)H(\d+)$/.exec(name) ?? [];
  return { layer: Number(layer), head: Number(head) };
}
