/** Loss when only paths through at most n heads are kept, as bars; the dashed line is the model's own. */
import { BarController, BarElement, CategoryScale, Chart, LinearScale } from 'chart.js';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Importance } from '../../src/protocol/circuits/paths';
import { fixed } from '../shared/numbers';
import { colours } from '../shared/theme';

Chart.register(BarController, BarElement, CategoryScale, LinearScale);

const nameOf = (n: number): string => (n === 0 ? 'no head' : n === 1 ? '≤ 1 head' : `≤ ${n} heads`);

export function Orders({ shown }: { shown: Importance }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { bar, muted, hair2, mono } = colours.value;
  useEffect(() => {
    const font = { family: mono, size: 11 };
    const chart = new Chart(canvas.current!, {
      type: 'bar',
      data: {
        labels: shown.orders.map(({ n, loss }) => [nameOf(n), fixed(loss)]),
        datasets: [{ data: shown.orders.map(({ loss }) => loss), backgroundColor: bar, maxBarThickness: 48 }],
      },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        events: [],
        scales: {
          x: { grid: { display: false }, border: { color: hair2 }, ticks: { color: muted, font, autoSkip: true } },
          y: {
            min: 0,
            grid: { color: hair2, drawTicks: false },
            border: { display: false },
            ticks: { color: muted, font, maxTicksLimit: 5 },
          },
        },
      },
    });
    return () => chart.destroy();
  }, [shown, bar, muted, hair2, mono]);
  const words = shown.orders.map(({ n, loss }) => `${nameOf(n)} ${fixed(loss)}`).join(', ');
  return (
    <section class="block">
      <h2>
        Loss with paths through at most n heads
        <small>
          nats; the model’s own <span class="number">{fixed(shown.loss)}</span>
        </small>
      </h2>
      <div class="orders" role="img" aria-label={`Loss with paths through at most n heads: ${words}.`}>
        <canvas ref={canvas} data-orders={shown.orders.length} />
      </div>
    </section>
  );
}
