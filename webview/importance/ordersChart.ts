/** The chart of the orders, for the page and for its picture. */
import * as l10n from '@vscode/l10n';
import { BarController, BarElement, CategoryScale, Chart, type ChartOptions, LinearScale } from 'chart.js';
import type { Importance } from '../../src/protocol/circuits/paths';
import { fixed } from '../shared/numbers';
import type { CanvasColours } from '../shared/theme';

Chart.register(BarController, BarElement, CategoryScale, LinearScale);

export const orderName = (n: number): string =>
  n === 0 ? l10n.t('no head') : n === 1 ? l10n.t('≤ 1 head') : l10n.t('≤ {0} heads', n);

/** `options` say how the canvas is sized. */
export function drawOrders(
  canvas: HTMLCanvasElement,
  { orders }: Importance,
  { bar, muted, hair2, mono }: Pick<CanvasColours, 'bar' | 'muted' | 'hair2' | 'mono'>,
  options: ChartOptions<'bar'>,
): Chart {
  const font = { family: mono, size: 11 };
  return new Chart(canvas, {
    type: 'bar',
    data: {
      labels: orders.map(({ n, loss }) => [orderName(n), fixed(loss)]),
      datasets: [{ data: orders.map(({ loss }) => loss), backgroundColor: bar, maxBarThickness: 48 }],
    },
    options: {
      animation: false,
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
      ...options,
    },
  });
}
