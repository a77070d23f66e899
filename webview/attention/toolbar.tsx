/** What is shown and how. */
import * as l10n from '@vscode/l10n';
import { computed } from '@preact/signals';
import type { JSX } from 'preact';
import type { Reduction, Weighting } from '../../src/protocol/analysis';
import type { ExportFormat } from '../../src/protocol/attentionPanel';
import type { Side } from '../../src/protocol/selection';
import { tokensText } from '../shared/plurals';
import { type Choice, IconMenu, Segmented } from '../shared/controls';
import { exportPng } from './exportPng';
import { command, dispatch, selection, sendExport, view } from './store';
import { Concept } from '../shared/concept';

const SIDES: Choice<Side>[] = [
  {
    value: 'destination',
    label: l10n.t('destination'),
    short: l10n.t('dst'),
    title: l10n.t('A token by itself is a destination: what it attends to'),
  },
  {
    value: 'source',
    label: l10n.t('source'),
    short: l10n.t('src'),
    title: l10n.t('A token by itself is a source: what attends to it'),
  },
];
const WEIGHTINGS: Choice<Weighting>[] = [
  { value: 'pattern', label: l10n.t('weights'), title: l10n.t('Attention pattern') },
  {
    value: 'value-weighted',
    label: l10n.t('value-weighted'),
    short: l10n.t('value'),
    title: l10n.t('Pattern times the size of what each source writes'),
  },
];
const REDUCTIONS: Choice<Reduction>[] = [
  { value: 'mean', label: l10n.t('mean'), title: l10n.t('Mean over all heads') },
  { value: 'max', label: l10n.t('max'), title: l10n.t('Maximum over all heads') },
  { value: 'one', label: l10n.t('one'), title: l10n.t('The chosen head') },
];
const FORMATS: { value: ExportFormat | 'result'; label: string }[] = [
  { value: 'png', label: l10n.t('Picture (PNG)') },
  { value: 'csv', label: l10n.t('Table (CSV)') },
  { value: 'safetensors', label: l10n.t('Tensor (safetensors)') },
  { value: 'circuitsvis', label: l10n.t('CircuitsVis (JSON)') },
  { value: 'python', label: l10n.t('Copy as TransformerLens Code') },
  { value: 'result', label: l10n.t('Save Result…') },
];

function pickFormat(format: ExportFormat | 'result'): void {
  if (format === 'png') void exportPng();
  else if (format === 'result') command('saveResult');
  else sendExport(format);
}

// not the whole selection: that changes with every hover
const chosenSide = computed(() => selection.value.side);
const chosenWeighting = computed(() => selection.value.weighting);
const chosenReduction = computed(() => selection.value.reduction);

export function Toolbar(): JSX.Element | null {
  const shown = view.value;
  const [side, weighting, reduction] = [chosenSide.value, chosenWeighting.value, chosenReduction.value];
  if (!shown) return null;
  return (
    <header class="toolbar">
      <div class="title">
        <h1 title={shown.checkpoint.path}>{shown.checkpoint.name}</h1>
        <Concept id="attention-pattern" />
        <span class="what" title={shown.sourceName}>
          <span class="source-name">{shown.sourceName} · </span>
          {tokensText(shown.analysis.tokens.length)}
        </span>
      </div>
      <Segmented
        label={l10n.t('A token is')}
        choices={SIDES}
        value={side}
        onChange={(next) => dispatch({ kind: 'side', side: next })}
      />
      <Segmented
        label={l10n.t('Weights')}
        choices={WEIGHTINGS}
        value={weighting}
        onChange={(next) => dispatch({ kind: 'weighting', weighting: next })}
      />
      <Segmented
        label={l10n.t('Heads')}
        choices={REDUCTIONS}
        value={reduction}
        onChange={(next) => dispatch({ kind: 'reduction', reduction: next })}
      />
      <IconMenu label={l10n.t('Export')} icon="export" items={FORMATS} onPick={pickFormat} />
    </header>
  );
}
