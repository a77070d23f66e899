/** The chosen tensor: what it is, its statistics, its histogram, its picture. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { ShownFile } from '../../src/protocol/safetensorsEditor';
import type { TensorEntry, TensorSummary } from '../../src/protocol/tensors';
import type { BarSpec } from '../shared/barChart';
import { Bars } from '../shared/bars';
import { Concept } from '../shared/concept';
import { IconMenu } from '../shared/controls';
import { Heat } from './heatmap';
import { bytesText, countText, pythonOf, shapeText, valuesOf, valueText } from './rows';
import * as store from './store';
import { Wait } from './wait';

const Facts = ({ facts }: { facts: readonly (readonly [string, string])[] }): JSX.Element => (
  <dl class="facts">
    {facts.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd class="number">{value}</dd>
      </div>
    ))}
  </dl>
);

const about = ({ dtype, shape, bytes, offset }: TensorEntry): [string, string][] => [
  [l10n.t('shape'), shapeText(shape)],
  ['dtype', dtype],
  [l10n.t('values'), countText(valuesOf(shape))],
  [l10n.t('bytes'), bytes < 1000 ? String(bytes) : `${countText(bytes)} (${bytesText(bytes)})`],
  [l10n.t('first byte'), countText(offset)],
];

const orNone = (value: number): string => (Number.isNaN(value) ? '–' : valueText(value));

const statistics = (s: TensorSummary): [string, string][] => [
  [l10n.t('min'), orNone(s.min)],
  [l10n.t('max'), orNone(s.max)],
  [l10n.t('mean'), orNone(s.mean)],
  [l10n.t('std'), orNone(s.std)],
  [l10n.t('zeros'), countText(s.zeros)],
  ['NaN', countText(s.nan)],
  [l10n.t('infinite'), countText(s.infinite)],
];

export function histogramSpec({ histogram }: TensorSummary): BarSpec {
  const { counts, from, to } = histogram;
  const lower = (bin: number): number => from + (to / counts.length - from / counts.length) * bin;
  return {
    labels: Array.from(counts, (_, bin) => valueText(lower(bin), 3)),
    series: [{ name: 'count', values: counts }],
    text: () => '',
    gapless: true,
  };
}

function Statistics({ summary }: { summary: TensorSummary }): JSX.Element {
  const { count, read, histogram, rounded } = summary;
  const most = histogram.counts.reduce((a, b) => Math.max(a, b), 0);
  const { from, to } = histogram;
  return (
    <>
      {read < count ? (
        <p class="none sampled">
          {l10n.t(
            'Of a sample: {0} of {1} values ({2} %), in evenly spaced pieces.',
            countText(read),
            countText(count),
            valueText((100 * read) / count, 2),
          )}{' '}
          <button type="button" class="link" onClick={() => store.askSummary(true)}>
            {l10n.t('All of it')}
          </button>
        </p>
      ) : null}
      <Facts facts={statistics(summary)} />
      {rounded ? <p class="none">{l10n.t('Integers beyond ±2⁵³ are shown to the nearest float64.')}</p> : null}
      {histogram.counts.length > 0 ? (
        <div class="tensor-histogram">
          <Bars
            name="histogram"
            spec={histogramSpec(summary)}
            label={l10n.t(
              'Histogram of the finite values from {0} to {1}, at most {2} in a bin',
              valueText(from),
              valueText(to),
              countText(most),
            )}
          />
        </div>
      ) : null}
    </>
  );
}

export function Detail({ file, tensor }: { file: ShownFile; tensor: TensorEntry }): JSX.Element {
  const summary = store.lastSummary.value;
  const now = store.summary.value;
  return (
    <article class="detail" data-tensor={tensor.name}>
      <header class="detail-head">
        <h2 class="mono" title={tensor.name}>
          {tensor.name}
        </h2>
        <Concept id="stored-tensors" />
        <IconMenu
          label={l10n.t('Copy')}
          icon="copy"
          items={[
            { value: 'name', label: l10n.t('Copy name') },
            { value: 'python', label: l10n.t('Copy as Python') },
          ]}
          onPick={(what) => store.copy(what === 'name' ? tensor.name : pythonOf(file.path, tensor.name))}
        />
      </header>
      <section class="block">
        <Facts facts={about(tensor)} />
        <Wait
          answer={now}
          what={l10n.t('Statistics')}
          cancel={() => store.cancel('summary')}
          again={() => store.askSummary(summary !== undefined)}
        />
        {summary ? <Statistics summary={summary} /> : null}
      </section>
      {now?.kind === 'error' && !summary ? null : <Heat tensor={tensor} />}
    </article>
  );
}
