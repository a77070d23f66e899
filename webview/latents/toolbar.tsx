/** What is shown, in which order, and what can be taken out of it. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { tokensText } from '../shared/plurals';
import { type Choice, IconMenu, Segmented } from '../shared/controls';
import { exportItems } from './exports';
import type { Sort } from './rows';
import { sort, sortNow } from './state';
import { corpus, view } from './store';
import { Concept } from '../shared/concept';

export const NEEDS_SWEEP = l10n.t('Run a sweep over a corpus, or open one: there is nothing to compare with yet');

const sorts = (swept: boolean): Choice<Sort>[] => [
  { value: 'activation', label: l10n.t('activation'), short: l10n.t('act'), title: l10n.t('Largest activation first') },
  {
    value: 'layerMean',
    label: l10n.t('layer mean'),
    short: l10n.t('mean'),
    title: l10n.t('Early layers first, by the mean of the layer'),
  },
  {
    value: 'surprise',
    label: l10n.t('surprise'),
    short: l10n.t('surpr'),
    disabled: !swept,
    title: swept ? l10n.t('What is more active here than in the corpus first') : NEEDS_SWEEP,
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
          {tokensText(shown.analysis.tokens.length)}
        </span>
      </div>
      <span class="sort-label" aria-hidden="true">
        {l10n.t('sort')}
      </span>
      <Segmented
        label={l10n.t('Sort latents by')}
        choices={sorts(corpus.value !== null)}
        value={sortNow.value}
        onChange={(next) => (sort.value = next)}
      />
      <IconMenu
        label={l10n.t('Export')}
        icon="export"
        items={items.map(({ label }) => ({ value: label, label }))}
        onPick={(picked) => items.find(({ label }) => label === picked)?.run()}
      />
    </header>
  );
}
