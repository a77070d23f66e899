/** How large the activations of each layer are: one small histogram a layer, all on one scale. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { LayersOfPrompt } from '../../src/protocol/layersPanel';
import type { BarSpec } from '../shared/barChart';
import { Bars } from '../shared/bars';
import { fixed } from '../shared/numbers';
import { Concept } from '../shared/concept';

export function histogramSpec({ perLayer, max, bins }: LayersOfPrompt, layer: number): BarSpec {
  const most = Math.max(1, ...perLayer.map(({ histogram }) => histogram.reduce((a, b) => Math.max(a, b), 0)));
  const from = (bin: number): string => fixed((bin * max) / bins, 1);
  return {
    labels: Array.from({ length: bins }, (_, bin) => from(bin)),
    series: [{ name: 'count', values: perLayer[layer]!.histogram }],
    text: () => '',
    max: most,
    gapless: true,
  };
}

export function Histograms({ prompt }: { prompt: LayersOfPrompt }): JSX.Element {
  return (
    <section class="block">
      <h2>
        {l10n.t('Activations by layer')} <Concept id="layer-distribution" />{' '}
        <small>{l10n.t('counts of activations over 0, all layers on one scale up to {0}', fixed(prompt.max))}</small>
      </h2>
      <div class="layer-charts histograms">
        {prompt.layers.map((layer, i) => {
          const total = prompt.perLayer[i]!.histogram.reduce((sum, count) => sum + count, 0);
          return (
            <section class="layer-chart" key={layer}>
              <h3>
                L{layer} <small>{total.toLocaleString('en-US')}</small>
              </h3>
              <Bars
                name={`histogram-${layer}`}
                spec={histogramSpec(prompt, i)}
                label={l10n.t(
                  'Histogram of {0} activations at layer {1}, from 0 to {2}',
                  total,
                  layer,
                  fixed(prompt.max),
                )}
              />
            </section>
          );
        })}
      </div>
    </section>
  );
}
