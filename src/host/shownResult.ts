import { headName, type CheckpointInfo } from '../protocol/checkpoint';
import type { SaeInfo } from '../protocol/latents';
import type { ResultPanel, ResultView } from '../protocol/resultFile';
import type { Analyses, Analysis } from './analyses';
import type { Checkpoints } from './checkpoints';
import type { ComparePanel } from './comparePanel';
import { idsOf } from './compareSections';
import type { Latents } from './latents';
import type { LayersPanel } from './layersPanel';
import type { Reports } from './reports';
import type { SelectionStore } from './selection';

/** What a panel shows now, as far as it is needed to measure it. */
export interface ShownResult {
  view: ResultView;
  /** A of a comparison. */
  checkpoint: CheckpointInfo;
  /** B of it. */
  other?: CheckpointInfo;
  sae?: SaeInfo;
  /** Of B, where each of the two is read with its own. */
  otherSae?: SaeInfo;
  /** Where the text was; empty without one. */
  source: string;
  text?: string;
  ids: number[];
}

export interface ShownParts {
  checkpoints: Checkpoints;
  analyses: Analyses;
  selection: SelectionStore;
  latents: Latents;
  reports: Reports;
  layersPanel: LayersPanel;
  comparePanel: ComparePanel;
}

type Text = Pick<ShownResult, 'source' | 'text' | 'ids'>;
const NO_TEXT: Text = { source: '', ids: [] };

/** The tokens that were analyzed: what was cut from the text stays cut. */
const textOf = (analysis: Analysis): Text => ({
  source: analysis.source.name,
  ...(!analysis.source.ids && { text: analysis.source.text }),
  ids: idsOf(analysis),
});

type Of = (parts: ShownParts) => ShownResult | undefined;
/** What an analysis shows. */
type OfAnalysis = (
  parts: ShownParts,
  analysis: Analysis,
) => (Pick<ShownResult, 'view'> & { sae?: SaeInfo }) | undefined;

const ofText =
  (of: OfAnalysis): Of =>
  (parts) => {
    const analysis = parts.analyses.current;
    const shown = analysis && of(parts, analysis);
    return shown && { ...shown, ...textOf(analysis), checkpoint: analysis.checkpoint };
  };

const position = ({ selection }: ShownParts): { destination?: number } => {
  const { destination } = selection.value.locked;
  return destination === undefined ? {} : { destination };
};
const ownHead = ({ selection }: ShownParts, { nLayers }: { nLayers: number }): { head?: string } =>
  nLayers > 0 ? { head: headName(selection.value.head) } : {};

const PANELS: Record<ResultPanel, Of> = {
  attention: ofText((parts, { info }) => {
    const { locked, weighting, reduction } = parts.selection.value;
    const source = locked.source === undefined ? {} : { source: locked.source };
    return {
      view: { panel: 'attention', ...ownHead(parts, info), weighting, reduction, ...position(parts), ...source },
    };
  }),
  circuits: (parts) => {
    const { checkpoints, analyses, selection } = parts;
    const checkpoint = checkpoints.active;
    if (!checkpoint || checkpoint.nLayers === 0) return undefined;
    const { pair } = selection.value;
    const locked = pair && { earlier: headName(pair.earlier), later: headName(pair.later), kind: pair.kind };
    const { current } = analyses;
    const text = current?.checkpoint.path === checkpoint.path ? textOf(current) : NO_TEXT;
    return { view: { panel: 'circuits', ...ownHead(parts, checkpoint), ...locked }, checkpoint, ...text };
  },
  paths: ofText((parts, { info: { tokens, predictions }, checkpoint }) => {
    const asked = parts.reports.paths.answerAbout(checkpoint.path)?.result;
    const at = parts.selection.value.locked.destination ?? tokens.length - 1;
    const same = asked?.position === at && asked.tokens.every(({ id }, i) => id === tokens[i]?.id);
    const token = same ? asked.token.id : predictions[at]?.[0]?.id;
    return { view: { panel: 'paths', destination: at, ...(token !== undefined && { token }) } };
  }),
  lens: ofText((parts) => ({ view: { panel: 'lens', ...position(parts) } })),
  bigrams: ({ checkpoints, reports }) => {
    const checkpoint = checkpoints.active;
    if (!checkpoint) return undefined;
    const token = reports.bigrams.answerAbout(checkpoint.path)?.result.token?.id;
    return { view: { panel: 'bigrams', ...(token !== undefined && { token }) }, checkpoint, ...NO_TEXT };
  },
  importance: ofText((_, { info }) => (info.nLayers > 0 ? { view: { panel: 'importance' } } : undefined)),
  patch: ({ checkpoints, reports }) => {
    const checkpoint = checkpoints.active;
    const asked = checkpoint && reports.patch.answerAbout(checkpoint.path);
    if (!asked) return undefined;
    const { cleanTokens, corruptedTokens, answer, wrong } = asked.result;
    const corrupted = corruptedTokens.map(({ id }) => id);
    const { text } = asked.question.clean;
    return {
      view: { panel: 'patch', corrupted, answer: answer.id, wrong: wrong.id },
      ...{ checkpoint, source: 'prompt', ...(text !== undefined && { text }), ids: cleanTokens.map(({ id }) => id) },
    };
  },
  ablate: ofText(({ reports }, { checkpoint }) => {
    const asked = reports.ablate.answerAbout(checkpoint.path)?.question;
    return asked && { view: { panel: 'ablate', heads: asked.heads.map(headName), mean: asked.mean ?? false } };
  }),
  latents: ofText(({ latents, selection }, { checkpoint }) => {
    const sae = latents.of(checkpoint);
    const { latent, layer } = selection.value;
    const chosen = { ...(latent !== undefined && { latent }), ...(layer !== undefined && { layer }) };
    return sae && { view: { panel: 'latents', ...chosen }, sae };
  }),
  layers: ofText(({ latents, layersPanel }, { checkpoint }) => {
    const sae = latents.of(checkpoint);
    return sae && { view: { panel: 'layers', ...(layersPanel.spliced && { spliced: true }) }, sae };
  }),
  compare: (parts) => {
    const shown = parts.comparePanel.shown;
    if (!shown) return undefined;
    const { section, subject } = shown;
    const { a, b, analysis, sae, otherSae, selection } = subject;
    const looked = section === 'patterns' ? { weighting: selection.weighting } : {};
    const head = section === 'patterns' || section === 'scores' ? ownHead(parts, a) : {};
    return {
      view: { panel: 'compare', section, ...head, ...looked },
      ...{ checkpoint: a, other: b, ...(analysis ? textOf(analysis) : NO_TEXT) },
      ...(section === 'latents' && { ...(sae && { sae }), ...(otherSae && { otherSae }) }),
    };
  },
};

/** What a panel shows now; undefined: nothing yet that could be saved. */
export const shownResult = (panel: ResultPanel, parts: ShownParts): ShownResult | undefined => PANELS[panel](parts);
