import type { CheckpointInfo } from '../protocol/checkpoint';
import type { ResultFile, ResultPanel } from '../protocol/resultFile';
import { initialSelection, type Selection } from '../protocol/selection';
import type { AttentionPanel } from './attentionPanel';
import type { CircuitsPanel } from './circuitsPanel';
import type { ComparePanel } from './comparePanel';
import type { LatentsPanel } from './latentsPanel';
import type { LayersPanel } from './layersPanel';
import { BIGRAMS, type Reports } from './reports';
import { headOf } from './resultViews';

export interface ShowParts {
  panel: AttentionPanel;
  circuitsPanel: CircuitsPanel;
  latentsPanel: LatentsPanel;
  layersPanel: LayersPanel;
  comparePanel: ComparePanel;
  reports: Reports;
}

/** The panel that a result is of, with its question. */
export function showPanel({ reports, ...panels }: ShowParts, { view, ids }: ResultFile): void {
  const { heads = [], mean = false, token, corrupted = [], answer = 0, wrong = 0 } = view;
  const own = token === undefined ? {} : { token: { id: token } };
  const show: Record<ResultPanel, () => void> = {
    attention: () => panels.panel.show(),
    circuits: () => panels.circuitsPanel.show(),
    latents: () => panels.latentsPanel.show(),
    layers: () => panels.layersPanel.show(),
    compare: () => panels.comparePanel.show(view.section),
    paths: () => reports.paths.show(own),
    lens: () => reports.lens.show(),
    importance: () => reports.importance.show(),
    bigrams: () => reports.bigrams.show(token === undefined ? { top: BIGRAMS.all } : { token, top: BIGRAMS.one }),
    patch: () =>
      reports.patch.show({
        clean: { ids },
        corrupted: { ids: corrupted },
        answer: { id: answer },
        wrong: { id: wrong },
      }),
    ablate: () => reports.ablate.show({ heads: heads.map(headOf), mean }),
  };
  show[view.panel]();
}

/** What was chosen, as far as the model has it. */
export function selectionOf({ view }: ResultFile, { nLayers, nHeads }: CheckpointInfo): Selection {
  const has = (name: string | undefined): boolean => {
    if (name === undefined) return false;
    const { layer, head } = headOf(name);
    return layer < nLayers && head < nHeads;
  };
  const { head, earlier, later, kind, latent, layer, destination, source, reduction, weighting } = view;
  const start = initialSelection(has(head) ? headOf(head!) : undefined);
  const pair =
    has(earlier) && has(later) && kind ? { earlier: headOf(earlier!), later: headOf(later!), kind } : undefined;
  return {
    ...start,
    locked: { ...(destination !== undefined && { destination }), ...(source !== undefined && { source }) },
    ...(reduction && { reduction }),
    ...(weighting && { weighting }),
    ...(pair && { pair }),
    ...(latent !== undefined && { latent }),
    ...(layer !== undefined && { layer }),
  };
}
