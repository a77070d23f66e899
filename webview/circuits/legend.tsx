/** The matrices' one scale, which layers they are of, and the baseline. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { type Composition, compositionKinds } from '../../src/protocol/circuits';
import { divergingGradient } from '../shared/diverging';
import { themeKind } from '../shared/theme';
import { signed } from './excess';
import { LEGEND_WIDTH, type MatrixLayout } from './matrixLayout';
import type { LayerPair } from './matrixPaint';
import { end, view } from './store';

interface LegendProps {
  place: MatrixLayout;
  layers: LayerPair;
  choose: (layers: LayerPair) => void;
}

const from = (first: number, until: number): number[] =>
  Array.from({ length: Math.max(0, until - first) }, (_, i) => first + i);

function LayerSelect(props: {
  label: string;
  value: number;
  layers: number[];
  onChange: (layer: number) => void;
}): JSX.Element {
  return (
    <label class="layer-select">
      {props.label}{' '}
      <select value={props.value} onChange={(event) => props.onChange(Number(event.currentTarget.value))}>
        {props.layers.map((layer) => (
          <option key={layer} value={layer}>
            L{layer}
          </option>
        ))}
      </select>
    </label>
  );
}

/** In a model of two layers there is nothing to choose. */
function Layers({ layers: { earlier, later }, choose }: Omit<LegendProps, 'place'>): JSX.Element {
  const nLayers = view.value?.composition.nLayers ?? 0;
  if (nLayers <= 2) {
    return (
      <div class="legend-lines">
        <span>{l10n.t('rows L{0}', earlier)}</span>
        <span>{l10n.t('columns L{0}', later)}</span>
      </div>
    );
  }
  return (
    <div class="legend-lines" onKeyDown={(event) => event.stopPropagation()}>
      <LayerSelect
        label={l10n.t('rows')}
        value={earlier}
        layers={from(0, nLayers - 1)}
        onChange={(layer) => choose({ earlier: layer, later: Math.max(later, layer + 1) })}
      />
      <LayerSelect
        label={l10n.t('columns')}
        value={later}
        layers={from(1, nLayers)}
        onChange={(layer) => choose({ earlier: Math.min(earlier, layer - 1), later: layer })}
      />
    </div>
  );
}

/** One number where the kinds agree to three places. */
function Baseline({ baseline }: Composition): JSX.Element {
  const shown = compositionKinds.map((kind) => baseline[kind].toFixed(3));
  if (new Set(shown).size === 1) {
    return (
      <div class="legend-lines">
        <span>
          {l10n.t('baseline')} <b class="number">{shown[0]}</b>
        </span>
      </div>
    );
  }
  return (
    <div class="legend-lines">
      <span>{l10n.t('baseline')}</span>
      {compositionKinds.map((kind, i) => (
        <span key={kind}>
          <span class="mono">{kind}</span> <b class="number">{shown[i]}</b>
        </span>
      ))}
    </div>
  );
}

export function Legend({ place, layers, choose }: LegendProps): JSX.Element | null {
  const composition = view.value?.composition;
  if (!composition) return null;
  const label = (value: number): string => signed(value, 2).replace('0.', '.');
  const where = place.legendBeside
    ? { right: '12px', top: `${place.top}px`, width: `${LEGEND_WIDTH - 12}px` }
    : { left: '12px', right: '12px', bottom: '8px' };
  return (
    <div class={`matrix-legend ${place.legendBeside ? 'beside' : 'below'}`} style={where}>
      <div class="matrix-scale">
        <i
          role="img"
          aria-label={l10n.t('Colour scale from {0} to {1}', label(-end.value), label(end.value))}
          style={{ backgroundImage: divergingGradient(themeKind.value) }}
        />
        <div class="scale-marks number">
          <span>{label(-end.value)}</span>
          <span>0</span>
          <span>{label(end.value)}</span>
        </div>
      </div>
      <Layers layers={layers} choose={choose} />
      <Baseline {...composition} />
    </div>
  );
}
