/** Eigenvalues as points of the complex plane, both axes on one scale. */
import { Chart, LinearScale, PointElement, ScatterController } from 'chart.js';
import type { Complex } from '../../src/protocol/circuits/headCircuit';
import type { CanvasColours } from '../shared/theme';

Chart.register(LinearScale, PointElement, ScatterController);

/** Room outside the outermost point. */
const ROOM = 1.1;

export function drawEigenvalues(canvas: HTMLCanvasElement, values: readonly Complex[], colours: CanvasColours): Chart {
  const end = ROOM * Math.max(1e-9, ...values.map(([re, im]) => Math.hypot(re, im)));
  const axis = {
    min: -end,
    max: end,
    border: { display: false },
    grid: {
      // the axes through zero alone
      color: ({ tick }: { tick?: { value: number } }) => (tick?.value === 0 ? colours.faint : 'transparent'),
      drawTicks: false,
    },
    ticks: { display: false, includeBounds: false },
  };
  return new Chart(canvas, {
    type: 'scatter',
    data: {
      datasets: [
        { data: values.map(([x, y]) => ({ x, y })), pointRadius: 2.5, backgroundColor: colours.bar, borderWidth: 0 },
      ],
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      events: [],
      scales: { x: axis, y: axis },
    },
  });
}
