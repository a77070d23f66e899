/** The chosen tensor: what it is, its statistics, its histogram, its picture. */
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
  ['shape', shapeText(shape)],
  ['dtype', dtype],
  ['values', countText(valuesOf(shape))],
  ['bytes', bytes < 1000 ? String(bytes) : `${countText(bytes)} (${bytesText(bytes)})`],
  ['first byte', countText(offset)],
];

const orNone = (value: number): string => (Number.isNaN(value) ? '–' : valueText(value));

const statistics = (s: TensorSummary): [string, string][] => [
  ['min', orNone(s.min)],
  ['max', orNone(s.max)],
  ['mean', orNone(s.mean)],
  ['std', orNone(s.std)],
  ['zeros', countText(s.zeros)],
  ['NaN', countText(s.nan)],
  ['infinite', countText(s.infinite)],
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
          Of a sample: {countText(read)} of {countText(count)} values ({valueText((100 * read) / count, 2)} %), in
          evenly spaced pieces.{' '}
          <button type="button" class="link" onClick={() => store.askSummary(true)}>
            All of it
          </button>
        </p>
      ) : null}
      <Facts facts={statistics(summary)} />
      {rounded ? <p class="none">Integers beyond ±2⁵³ are shown to the nearest float64.</p> : null}
      {histogram.counts.length > 0 ? (
        <div class="tensor-histogram">
          <Bars
            name="histogram"
            spec={histogramSpec(summary)}
            label={`Histogram of the finite values from ${valueText(from)} to ${valueText(to)}, at most ${countText(most)} in a bin`}
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
          label="Copy"
          icon="copy"
          items={[
            { value: 'name', label: 'Copy name' },
            { value: 'python', label: 'Copy as Python' },
          ]}
          onPick={(what) => store.copy(what === 'name' ? tensor.name : pythonOf(file.path, tensor.name))}
        />
      </header>
      <section class="block">
        <Facts facts={about(tensor)} />
        <Wait
          answer={now}
          what="Statistics"
          cancel={() => store.cancel('summary')}
          again={() => store.askSummary(summary !== undefined)}
        />
        {summary ? <Statistics summary={summary} /> : null}
      </section>
      {now?.kind === 'error' && !summary ? null : <Heat tensor={tensor} />}
    </article>
  );
}
