/** What is shown and how. */
import { computed } from '@preact/signals';
import type { JSX } from 'preact';
import type { Reduction, Weighting } from '../../src/protocol/analysis';
import type { ExportFormat } from '../../src/protocol/attentionPanel';
import type { Side } from '../../src/protocol/selection';
import { plural } from '../../src/protocol/tokens';
import { type Choice, IconMenu, Segmented } from '../shared/controls';
import { exportPng } from './exportPng';
import { dispatch, selection, sendExport, view } from './store';
import { Concept } from '../shared/concept';

const SIDES: Choice<Side>[] = [
  {
    value: 'destination',
    label: 'destination',
    short: 'dst',
    title: 'A token by itself is a destination: what it attends to',
  },
  { value: 'source', label: 'source', short: 'src', title: 'A token by itself is a source: what attends to it' },
];
const WEIGHTINGS: Choice<Weighting>[] = [
  { value: 'pattern', label: 'weights', title: 'Attention pattern' },
  {
    value: 'value-weighted',
    label: 'value-weighted',
    short: 'value',
    title: 'Pattern times the size of what each source writes',
  },
];
const REDUCTIONS: Choice<Reduction>[] = [
  { value: 'mean', label: 'mean', title: 'Mean over all heads' },
  { value: 'max', label: 'max', title: 'Maximum over all heads' },
  { value: 'one', label: 'one', title: 'The chosen head' },
];
const FORMATS: { value: ExportFormat; label: string }[] = [
  { value: 'png', label: 'Picture (PNG)' },
  { value: 'csv', label: 'Table (CSV)' },
  { value: 'safetensors', label: 'Tensor (safetensors)' },
];

function pickFormat(format: ExportFormat): void {
  if (format === 'png') void exportPng();
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
          {plural(shown.analysis.tokens.length, 'token')}
        </span>
      </div>
      <Segmented
        label="A token is"
        choices={SIDES}
        value={side}
        onChange={(next) => dispatch({ kind: 'side', side: next })}
      />
      <Segmented
        label="Weights"
        choices={WEIGHTINGS}
        value={weighting}
        onChange={(next) => dispatch({ kind: 'weighting', weighting: next })}
      />
      <Segmented
        label="Heads"
        choices={REDUCTIONS}
        value={reduction}
        onChange={(next) => dispatch({ kind: 'reduction', reduction: next })}
      />
      <IconMenu label="Export" icon="export" items={FORMATS} onPick={pickFormat} />
    </header>
  );
}
