/** Under the heatmap: its scale, and which part of the matrix it shows. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { TensorHeatmap } from '../../src/protocol/tensors';
import { divergingGradient } from '../shared/diverging';
import { themeKind } from '../shared/theme';
import { isWhole } from './heatLayout';
import { countText, valueText } from './rows';

export function HeatLegend({ map, end }: { map: TensorHeatmap; end: number }): JSX.Element {
  const { whole, window, rowStep, columnStep } = map;
  const part = isWhole(map)
    ? ''
    : ` ${l10n.t('of {0} × {1}, from [{2}, {3}]', countText(whole.rows), countText(whole.columns), window.row, window.column)}`;
  const block = rowStep * columnStep > 1 ? ` · ${l10n.t('a cell is {0} × {1} values', rowStep, columnStep)}` : '';
  return (
    <div class="heat-legend">
      <span class="scale">
        {valueText(-end, 3)}
        <i style={{ background: divergingGradient(themeKind.value) }} aria-hidden="true" />
        {valueText(end, 3)}
      </span>
      <span class="none">
        {countText(window.rows)} × {countText(window.columns)}
        {part}
        {block}
        {map.values.every(Number.isFinite) ? '' : ` · ${l10n.t('grey: NaN or infinite')}`}
      </span>
    </div>
  );
}
