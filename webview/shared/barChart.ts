/** Bars by layer with their values, for pages and for pictures. */
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartOptions,
  type ChartType,
  LinearScale,
  type Plugin,
} from 'chart.js';
import type { CanvasColours } from './theme';

Chart.register(BarController, BarElement, CategoryScale, LinearScale);

export type BarColours = Pick<
  CanvasColours,
  'fg' | 'muted' | 'faint' | 'hair2' | 'bar' | 'kind-q' | 'kind-k' | 'kind-v' | 'mono'
>;

export interface BarSeries {
  name: string;
  /** NaN: no bar. */
  values: ArrayLike<number>;
  colour?: keyof BarColours;
}

export interface BarSpec {
  /** Under the bars. */
  labels: readonly string[];
  series: readonly BarSeries[];
  /** Over a bar, where it fits. */
  text: (value: number) => string;
  /** Ends of the axis; default: what the values need, with zero. */
  min?: number;
  max?: number;
  /** Below the axis: the mean and what it is give or take, in indices of bars. */
  whisker?: { mean: number; low: number; high: number };
  /** Bars of a histogram touch; labels are the lower ends of its bins. */
  gapless?: boolean;
}

const FONT = 11;
/** Between two values at the least. */
const GAP = 3;
/** Height of the whisker's line. */
const WHISKER = 12;

const canvasFont = (mono: string): string => `${FONT}px ${mono}`;

/** Text over every bar whose neighbours leave room for it. */
const valueLabels = ({ text, series }: BarSpec, colours: BarColours): Plugin => ({
  id: 'valueLabels',
  afterDatasetsDraw(chart: Chart<ChartType>) {
    const { ctx, chartArea } = chart;
    ctx.save();
    ctx.font = canvasFont(colours.mono);
    ctx.fillStyle = colours.fg;
    ctx.textAlign = 'center';
    series.forEach(({ values }, set) => {
      const bars = chart.getDatasetMeta(set).data;
      const pitch = bars.length > 1 ? bars[1]!.x - bars[0]!.x : chartArea.width;
      const beside =
        series.length > 1 ? chart.getDatasetMeta(1).data[0]!.x - chart.getDatasetMeta(0).data[0]!.x : pitch;
      const shown = Array.from(values, (value) => (Number.isNaN(value) ? '' : text(value)));
      const widest = Math.max(...shown.map((label) => ctx.measureText(label).width));
      if (widest + GAP > Math.min(pitch, beside)) return;
      bars.forEach(({ x, y }, i) => {
        const above = (values[i] ?? 0) >= 0;
        ctx.textBaseline = above ? 'bottom' : 'top';
        ctx.fillText(shown[i] ?? '', x, y + (above ? -2 : 2));
      });
    });
    ctx.restore();
  },
});

/** A dot at the mean on a line from low to high. */
const whiskerLine = (spec: BarSpec, { fg }: BarColours): Plugin => ({
  id: 'whisker',
  afterDraw({ ctx, scales, chartArea, height }: Chart<ChartType>) {
    const { whisker } = spec;
    if (!whisker || !scales['x'] || Number.isNaN(whisker.mean)) return;
    const at = (index: number): number =>
      Math.max(chartArea.left, Math.min(chartArea.right, scales['x']!.getPixelForValue(index)));
    const y = height - WHISKER / 2;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = fg;
    ctx.beginPath();
    ctx.moveTo(at(whisker.low), y);
    ctx.lineTo(at(whisker.high), y);
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(at(whisker.mean), y, 2.5, 0, 2 * Math.PI);
    ctx.fill();
    ctx.restore();
  },
});

/** `options` say how the canvas is sized. */
export function drawBars(
  canvas: HTMLCanvasElement,
  spec: BarSpec,
  colours: BarColours,
  options: ChartOptions<'bar'>,
): Chart<'bar', number[], string> {
  const { labels, series, min, max, whisker, gapless } = spec;
  const font = { family: colours.mono, size: FONT };
  const all = series.flatMap(({ values }) => Array.from(values)).filter(Number.isFinite);
  return new Chart(canvas, {
    type: 'bar',
    data: {
      labels: [...labels],
      datasets: series.map(({ values, colour = 'bar' }) => ({
        data: Array.from(values),
        backgroundColor: colours[colour],
        borderRadius: 1,
        categoryPercentage: gapless ? 1 : 0.82,
        barPercentage: 1,
        maxBarThickness: 40,
      })),
    },
    options: {
      animation: false,
      events: [],
      layout: {
        padding: { top: gapless ? 2 : 16, bottom: (whisker ? WHISKER : 0) + (all.some((v) => v < 0) ? FONT : 0) },
      },
      scales: {
        x: {
          grid: { display: false },
          border: { color: colours.hair2 },
          ticks: { color: colours.muted, font, autoSkip: true, autoSkipPadding: 8, maxRotation: 0 },
        },
        y: {
          display: false,
          min: min ?? Math.min(0, ...all),
          max: max ?? Math.max(1e-9, ...all),
        },
      },
      ...options,
    },
    plugins: [valueLabels(spec, colours), whiskerLine(spec, colours)],
  });
}
