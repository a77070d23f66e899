/** Loss when only paths through at most n heads are kept, as bars; the model's own in words. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Importance } from '../../src/protocol/circuits/paths';
import { fixed } from '../shared/numbers';
import { colours } from '../shared/theme';
import { drawOrders, orderName } from './ordersChart';
import { Concept } from '../shared/concept';
import { Sentence } from '../shared/sentence';

export function Orders({ shown }: { shown: Importance }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { bar, muted, hair2, mono } = colours.value;
  useEffect(() => {
    const palette = { bar, muted, hair2, mono };
    const chart = drawOrders(canvas.current!, shown, palette, { responsive: true, maintainAspectRatio: false });
    return () => chart.destroy();
  }, [shown, bar, muted, hair2, mono]);
  const words = shown.orders.map(({ n, loss }) => `${orderName(n)} ${fixed(loss)}`).join(', ');
  return (
    <section class="block">
      <h2>
        {l10n.t('Loss with paths through at most n heads')} <Concept id="term-importance" />
        <small>
          <Sentence
            text={l10n.t('nats; the model’s own {0}')}
            parts={[<span class="number">{fixed(shown.loss)}</span>]}
          />
        </small>
      </h2>
      <div class="orders" role="img" aria-label={l10n.t('Loss with paths through at most n heads: {0}.', words)}>
        <canvas ref={canvas} data-orders={shown.orders.length} />
      </div>
    </section>
  );
}
