/** What is shown, in which order, and what can be taken out of it. */
import type { JSX } from 'preact';
import { plural } from '../../src/protocol/tokens';
import { type Choice, IconMenu, Segmented } from '../shared/controls';
import { exportItems } from './exports';
import type { Sort } from './rows';
import { sort, sortNow } from './state';
import { corpus, view } from './store';
import { Concept } from '../shared/concept';

export const NEEDS_SWEEP = 'Run a sweep over a corpus, or open one: there is nothing to compare with yet';

const sorts = (swept: boolean): Choice<Sort>[] => [
  { value: 'activation', label: 'activation', short: 'act', title: 'Largest activation first' },
  { value: 'layerMean', label: 'layer mean', short: 'mean', title: 'Early layers first, by the mean of the layer' },
  {
    value: 'surprise',
    label: 'surprise',
    short: 'surpr',
    disabled: !swept,
    title: swept ? 'What is more active here than in the corpus first' : NEEDS_SWEEP,
  },
];

export function Toolbar(): JSX.Element | null {
  const shown = view.value;
  if (!shown) return null;
  const items = exportItems();
  return (
    <header class="toolbar">
      <div class="title">
        <h1 title={shown.sae.path}>{shown.sae.label}</h1>
        <Concept id="multi-layer-sae" />
        <span class="what" title={shown.sourceName}>
          {shown.checkpoint.name} · <span class="source-name">{shown.sourceName} · </span>
          {plural(shown.analysis.tokens.length, 'token')}
        </span>
      </div>
      <span class="sort-label" aria-hidden="true">
        sort
      </span>
      <Segmented
        label="Sort latents by"
        choices={sorts(corpus.value !== null)}
        value={sortNow.value}
        onChange={(next) => (sort.value = next)}
      />
      <IconMenu
        label="Export"
        icon="export"
        items={items.map(({ label }) => ({ value: label, label }))}
        onPick={(picked) => items.find(({ label }) => label === picked)?.run()}
      />
    </header>
  );
}
