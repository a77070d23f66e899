/** The one scale, which way to read the map, and what ran it. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { rampGradient } from '../shared/colour';
import { themeKind } from '../shared/theme';
import { placed } from './heatState';
import { view } from './store';

const PROVIDERS: Record<string, string> = {
  cpu: 'CPU',
  cuda: 'CUDA',
  dml: 'DirectML',
  coreml: 'CoreML',
  webgpu: 'WebGPU',
};

export function Legend(): JSX.Element | null {
  const analysis = view.value?.analysis;
  if (!analysis || !placed.value) return null;
  const { pool, labels } = placed.value.layout;
  const zoomable = pool > 1 || labels === 'edges';
  return (
    <div
      class={`legend ${placed.value.legendBeside ? 'beside' : 'below'} ${placed.value.nextLine ? 'above-line' : ''}`}
    >
      <span class="legend-scale" role="img" aria-label={l10n.t('Colour scale from 0 to 1')}>
        0<i style={{ backgroundImage: rampGradient(themeKind.value) }} />1
      </span>
      <span class="legend-how">
        {l10n.t('row attends to column')}
        {zoomable ? ` · ${l10n.t('ctrl-wheel zooms')}` : ''}
      </span>
      <span class="legend-run">
        {PROVIDERS[analysis.provider] ?? analysis.provider} ·{' '}
        <span class="number">{Math.round(analysis.timings.run)}</span> ms
      </span>
    </div>
  );
}
