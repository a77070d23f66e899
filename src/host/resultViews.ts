import * as vscode from 'vscode';
import { headName, type HeadRef } from '../protocol/checkpoint';
import type { ResultPanel, ResultView } from '../protocol/resultFile';
import type { Selection } from '../protocol/selection';
import type { Analysis } from './analyses';
import type { Reports } from './reports';

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
  importance: {
    label: vscode.l10n.t('Term Importance'),
    detail: vscode.l10n.t('The loss with paths through at most n heads.'),
  },
  ablate: { label: vscode.l10n.t('Ablation'), detail: vscode.l10n.t('The loss with and without the ablated heads.') },
  latents: {
    label: vscode.l10n.t('Latents'),
    detail: vscode.l10n.t('The most active latents, and FVU of every layer.'),
  },
};

/** `L1H5` as layer and head. A file's heads have been checked to be heads. */
export function headOf(name: string): HeadRef {
  const [, layer, head] = /^L(\d+)H(\d+)$/.exec(name) ?? [];
  return { layer: Number(layer), head: Number(head) };
}

/** What a panel looks at now. */
export function viewOf(panel: ResultPanel, selection: Selection, analysis: Analysis, reports: Reports): ResultView {
  const { locked, head, weighting, reduction, pair, latent, layer } = selection;
  const { tokens, predictions, nLayers } = analysis.info;
  const position = locked.destination === undefined ? {} : { destination: locked.destination };
  const ownHead = nLayers > 0 ? { head: headName(head) } : {};
  switch (panel) {
    case 'attention': {
      const source = locked.source === undefined ? {} : { source: locked.source };
      return { panel, ...ownHead, weighting, reduction, ...position, ...source };
    }
    case 'circuits': {
      const locked = pair && { earlier: headName(pair.earlier), later: headName(pair.later), kind: pair.kind };
      return { panel, ...ownHead, ...locked };
    }
    case 'paths': {
      const asked = reports.paths.lastAnswer?.result;
      const at = locked.destination ?? tokens.length - 1;
      const same = asked?.position === at && asked.tokens.every(({ id }, i) => id === tokens[i]?.id);
      const token = same ? asked.token.id : predictions[at]?.[0]?.id;
      return { panel, destination: at, ...(token !== undefined && { token }) };
    }
    case 'lens':
      return { panel, ...position };
    case 'importance':
      return { panel };
    case 'ablate': {
      const { heads = [], mean = false } = reports.ablate.lastAnswer?.question ?? {};
      return { panel, heads: heads.map(headName), mean };
    }
    case 'latents':
      return { panel, ...(latent !== undefined && { latent }), ...(layer !== undefined && { layer }) };
  }
}
