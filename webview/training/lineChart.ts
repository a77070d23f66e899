/** Lines over steps, drawn by chart.js, with their names at their ends. */
import {
  Chart,
  type ChartDataset,
  type ChartOptions,
  type ChartType,
  LinearScale,
  LogarithmicScale,
  LineController,
  LineElement,
  type Plugin,
  PointElement,
} from 'chart.js';
import type { CanvasColours } from '../shared/theme';
import { nearest, type LineSeries, type LineSpec } from './series';

Chart.register(LineController, LineElement, PointElement, LinearScale, LogarithmicScale);

/** What is drawn; plugins read it when the chart is drawn anew. */
export interface Look {
  spec: LineSpec;
  colours: CanvasColours;
  /** Where the crosshair is. */
  x?: number;
}

const COLOURS = ['bar', 'kind-q', 'kind-k', 'kind-v'] as const;
/** Lines of one colour differ in their dashes. */
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];
const FONT = 11;
/** Room for names at the right. */
const NAMES = 56;

/** Colours and dashes are no two the same, for as many lines as there are pairs. */
export function styleOf(style: number): { colour: (typeof COLOURS)[number]; dash: number[] } {
  const colour = COLOURS[style % COLOURS.length]!;
  // neighbours differ in both: nobody has to tell them apart by colour
  return { colour, dash: DASHES[(style + Math.floor(style / COLOURS.length)) % DASHES.length]! };
}

function dataset(
  { name, points, style }: LineSeries,
  colours: CanvasColours,
): ChartDataset<'line', { x: number; y: number }[]> {
  const { colour, dash } = style === undefined ? { colour: 'ws' as const, dash: [] } : styleOf(style);
  return {
    label: name,
    data: [...points],
    borderColor: colours[colour],
    backgroundColor: colours[colour],
    borderDash: dash,
    borderWidth: style === undefined ? 0.75 : 1.5,
    // one point is no line
    pointRadius: points.length === 1 ? 2 : 0,
    order: style === undefined ? 1 : 0,
  };
}

/** Names at the ends of lines, moved apart where they would cover one another; those without room are left out. */
const endNames = (look: Look): Plugin => ({
  id: 'endNames',
  afterDatasetsDraw({ ctx, chartArea, scales }: Chart<ChartType>) {
    const named = look.spec.series.filter(({ style, points }) => style !== undefined && points.length > 0);
    if (named.length < 2) return;
    ctx.save();
    ctx.font = `${FONT}px ${look.colours.mono}`;
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'left';
    const places = named
      .map(({ name, style, points }) => ({ name, style: style!, y: scales['y']!.getPixelForValue(points.at(-1)!.y) }))
      .sort((a, b) => a.y - b.y);
    const ys = apart(
      places.map(({ y }) => y),
      chartArea,
    );
    places.forEach(({ name, style }, i) => {
      if (ys[i]! < chartArea.top) return;
      ctx.fillStyle = look.colours[styleOf(style).colour];
      ctx.fillText(cut(ctx, name), chartArea.right + 4, ys[i]!);
    });
    ctx.restore();
  },
});

/** Heights, in their order, that leave every name its line: first downwards, then up from the bottom. */
function apart(wanted: readonly number[], { top, bottom }: { top: number; bottom: number }): number[] {
  const ys = [...wanted];
  for (let i = 0; i < ys.length; i++) ys[i] = Math.max(ys[i]!, i === 0 ? top : ys[i - 1]! + FONT);
  for (let i = ys.length - 1; i >= 0; i--) ys[i] = Math.min(ys[i]!, i === ys.length - 1 ? bottom : ys[i + 1]! - FONT);
  return ys;
}

/** Names of trainings differ at their ends. */
function cut(ctx: CanvasRenderingContext2D, name: string): string {
  let text = name;
  while (text.length > 2 && ctx.measureText(text).width > NAMES - 4) text = `…${text.replace(/^…/, '').slice(1)}`;
  return text;
}

const crosshair = (look: Look): Plugin => ({
  id: 'crosshair',
  afterDraw({ ctx, chartArea, scales }: Chart<ChartType>) {
    if (look.x === undefined) return;
    const x = scales['x']!.getPixelForValue(look.x);
    if (x < chartArea.left - 1 || x > chartArea.right + 1) return;
    ctx.save();
    ctx.strokeStyle = look.colours.muted;
    ctx.beginPath();
    ctx.moveTo(x, chartArea.top);
    ctx.lineTo(x, chartArea.bottom);
    ctx.stroke();
    for (const { points, style } of look.spec.series) {
      if (style === undefined || points.length === 0) continue;
      const point = points[nearest(points, look.x)]!;
      ctx.fillStyle = look.colours[styleOf(style).colour];
      ctx.beginPath();
      ctx.arc(scales['x']!.getPixelForValue(point.x), scales['y']!.getPixelForValue(point.y), 3, 0, 2 * Math.PI);
      ctx.fill();
    }
    ctx.restore();
  },
});

export type LineChart = Chart<'line', { x: number; y: number }[]>;

export function createLines(canvas: HTMLCanvasElement, look: Look): LineChart {
  return new Chart<'line', { x: number; y: number }[]>(canvas, {
    type: 'line',
    data: { datasets: datasets(look) },
    options: {
      ...{ responsive: true, maintainAspectRatio: false, animation: false, events: [] },
      ...{ parsing: false, normalized: true, layout: layout(look), scales: scales(look) },
    },
    plugins: [endNames(look), crosshair(look)],
  });
}

/** After `look` was changed. */
export function updateLines(chart: LineChart, look: Look): void {
  chart.data.datasets = datasets(look);
  chart.options.layout = layout(look);
  chart.options.scales = scales(look);
  chart.update('none');
}

/** Without zeros at its end. */
const tick = (value: number, { text }: LineSpec): string =>
  text(value)
    .replace(/(\.\d*?)0+(?= |$)/, '$1')
    .replace(/\.(?= |$)/, '');

/** 1, 2 and 5 times powers of ten; where there is none of them, the ends. */
function logTicks(min: number, max: number): { value: number }[] {
  const values: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(min)); power <= max; power *= 10)
    values.push(...[1, 2, 5].map((digit) => digit * power).filter((value) => value >= min && value <= max));
  return (values.length > 0 ? values : [min, max]).map((value) => ({ value }));
}

const datasets = ({ spec, colours }: Look): ChartDataset<'line', { x: number; y: number }[]>[] =>
  spec.series.map((series) => dataset(series, colours));

const layout = ({ spec }: Look): { padding: { top: number; right: number } } => {
  const named = spec.series.filter(({ style }) => style !== undefined).length;
  return { padding: { top: 4, right: named > 1 ? NAMES : 8 } };
};

function scales({ spec, colours }: Look): NonNullable<ChartOptions<'line'>['scales']> {
  const font = { family: colours.mono, size: FONT };
  const xs = spec.series.flatMap(({ points }) => (points.length > 0 ? [points[0]!.x, points.at(-1)!.x] : []));
  return {
    x: {
      type: 'linear',
      min: Math.min(...xs, 1),
      max: Math.max(...xs, 2),
      grid: { display: false },
      border: { color: colours.hair2 },
      ticks: { color: colours.muted, font, maxTicksLimit: 5, maxRotation: 0, precision: 0 },
    },
    y: {
      type: spec.log ? 'logarithmic' : 'linear',
      ...(spec.log && {
        bounds: 'data',
        afterBuildTicks: (axis: { min: number; max: number; ticks: { value: number }[] }) =>
          void (axis.ticks = logTicks(axis.min, axis.max)),
      }),
      ...(spec.min !== undefined && { min: spec.min }),
      ...(spec.max !== undefined && { suggestedMax: spec.max }),
      grid: { color: colours.hair },
      border: { display: false },
      ticks: {
        color: colours.muted,
        font,
        maxTicksLimit: spec.log ? 8 : 4,
        callback: (value) => tick(Number(value), spec),
      },
    },
  };
}
