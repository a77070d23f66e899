/** One small chart for each quantity of the layers. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { Bars } from '../shared/bars';
import type { BarSpec } from '../shared/barChart';
import { Button, Icon } from '../shared/controls';
import { type LayerRow, quantities, type Quantity } from './rows';
import { command, of, runSplice, splice } from './store';
import { Concept } from '../shared/concept';
import { Sentence } from '../shared/sentence';

/** Between layers: these have one bar less. */
const BETWEEN: readonly Quantity[] = ['similarity', 'centred'];

export function specOf(rows: readonly LayerRow[], quantity: Quantity): BarSpec {
  const { text, short = text, max, title } = quantities[quantity];
  const between = BETWEEN.includes(quantity);
  const shown = between ? rows.slice(0, -1) : rows;
  return {
    labels: shown.map(({ layer }, i) => (between ? `${layer}–${rows[i + 1]!.layer}` : `L${layer}`)),
    series: [{ name: title, values: shown.map((row) => row[quantity]) }],
    text: short,
    ...(max !== undefined && { max }),
  };
}

const wordsOf = ({ labels, series, text }: BarSpec): string =>
  labels.map((label, i) => `${label} ${text(series[0]!.values[i]!)}`).join(', ');

export function Chart({ rows, quantity }: { rows: readonly LayerRow[]; quantity: Quantity }): JSX.Element {
  const { title, unit, about, concept } = quantities[quantity];
  const spec = specOf(rows, quantity);
  return (
    <section class="layer-chart" data-chart={quantity}>
      <h2 title={about}>
        {title} <Concept id={concept} /> <small>{unit}</small>
      </h2>
      <Bars name={quantity} spec={spec} label={l10n.t('{0} by layer: {1}', title, wordsOf(spec))} />
    </section>
  );
}

/** Where loss delta and KL will be. */
function Unmeasured(): JSX.Element {
  const now = splice.value;
  return (
    <section class="layer-chart unmeasured" data-splice={now.kind}>
      <h2>
        {l10n.t('Loss with reconstructions')} <Concept id="loss-delta" />
      </h2>
      {now.kind === 'busy' ? (
        <>
          <p role="status">{now.message}</p>
          <div
            class={`progress ${now.fraction === undefined ? 'unknown' : ''}`}
            role="progressbar"
            aria-label={l10n.t('Progress')}
            aria-valuenow={now.fraction === undefined ? undefined : Math.round(now.fraction * 100)}
          >
            <i style={{ width: now.fraction === undefined ? undefined : `${now.fraction * 100}%` }} />
          </div>
          <Button secondary onClick={() => command('cancel')}>
            {l10n.t('Cancel')}
          </Button>
        </>
      ) : (
        <>
          {now.kind === 'error' ? (
            <p class="card-error" role="alert">
              <Icon name="error" /> {now.message}
            </p>
          ) : (
            <p class="none">
              {l10n.t(
                'Loss delta, KL and changed predictions when one layer’s residual is replaced by its reconstruction: one run of the model for each layer.',
              )}
            </p>
          )}
          <Button onClick={runSplice}>{now.kind === 'error' ? l10n.t('Try Again') : l10n.t('Measure Loss')}</Button>
        </>
      )}
    </section>
  );
}

export function Charts({ rows }: { rows: readonly LayerRow[] }): JSX.Element {
  const all = Object.keys(quantities) as Quantity[];
  const spliced = all.filter((quantity) => quantities[quantity].spliced);
  const measured = of.value === 'prompt' && splice.value.kind === 'ready';
  const alone = rows.length < 2 ? BETWEEN : [];
  const rest = all.filter((quantity) => !spliced.includes(quantity) && !alone.includes(quantity));
  const [first, last] = [rest.filter((q) => !BETWEEN.includes(q)), rest.filter((q) => BETWEEN.includes(q))];
  let middle: JSX.Element | JSX.Element[] = <Unmeasured />;
  if (measured) middle = spliced.map((quantity) => <Chart key={quantity} rows={rows} quantity={quantity} />);
  else if (of.value === 'corpus')
    middle = (
      <section class="layer-chart unmeasured">
        <h2>{l10n.t('Loss with reconstructions')}</h2>
        <p class="none">
          <Sentence
            text={l10n.t('Over a corpus {0} measures loss delta, KL and changed predictions.')}
            parts={[<code class="mono">circuitscope evaluate</code>]}
          />
        </p>
      </section>
    );
  return (
    <div class="layer-charts">
      {first.map((quantity) => (
        <Chart key={quantity} rows={rows} quantity={quantity} />
      ))}
      {middle}
      {last.map((quantity) => (
        <Chart key={quantity} rows={rows} quantity={quantity} />
      ))}
    </div>
  );
}
