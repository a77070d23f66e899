/** What the charts of trainings show, as numbers. Pure. */
import * as l10n from '@vscode/l10n';
import type { HeadGrid, MlsaePoint, ToyPoint } from '../../src/protocol/training';
import type { AnyPoint, TrainingInfo } from '../../src/protocol/trainingPanel';
import { fixed, signed } from '../shared/numbers';
import type { ConceptId } from '../../src/protocol/concepts';

export interface LineSeries {
  /** At the end of the line, and in words. */
  name: string;
  points: readonly { x: number; y: number }[];
  /** Which of the colours and dashes; undefined: in the background, without its name. */
  style?: number;
}

export interface LineSpec {
  name: string;
  title: string;
  unit: string;
  /** Definition. */
  about: string;
  concept: ConceptId;
  series: readonly LineSeries[];
  text: (value: number) => string;
  /** Ends of the axis, where they do not depend on the values. */
  min?: number;
  max?: number;
  /** The vertical axis is logarithmic. */
  log?: boolean;
  /** What the horizontal axis counts; default: steps. */
  x?: string;
}

/** A training with its points. */
export interface Run {
  info: TrainingInfo;
  points: readonly AnyPoint[];
}

/** Lines with a name in a chart of heads. */
const NAMED = 4;

const LOG = l10n.t('log scale');
const small = (value: number): string => fixed(value, Math.abs(value) < 0.1 ? 3 : 2);
const score = (value: number): string => fixed(value);
const percent = (value: number): string => `${fixed(100 * value, 1)} %`;

type Get<P> = (point: P) => number | undefined;

/** One line for each training. */
const lines = <P extends AnyPoint>(runs: readonly Run[], get: Get<P>): LineSeries[] =>
  runs.map(({ info, points }, style) => ({ name: info.name, style, points: line(points as readonly P[], get) }));

function line<P extends AnyPoint>(points: readonly P[], get: Get<P>): { x: number; y: number }[] {
  return points.flatMap((point) => {
    const y = get(point);
    return y === undefined || !Number.isFinite(y) ? [] : [{ x: point.step, y }];
  });
}

export function mlsaeCharts(runs: readonly Run[]): LineSpec[] {
  const first = runs[0]!;
  const points = first.points as readonly MlsaePoint[];
  const fvu: LineSeries[] = (points.at(-1)?.fvu ?? []).map((_, i) => ({
    name: layerName(first.info, i),
    style: i,
    points: line(points, (point) => point.fvu[i]),
  }));
  const each = (get: Get<MlsaePoint>): LineSeries[] => lines(runs, get);
  return [
    {
      ...{ name: 'loss', title: l10n.t('Loss'), unit: LOG, text: small, log: true },
      about: l10n.t('Mean over layers of FVU, and 1/32 of the auxiliary loss'),
      concept: 'mlsae-training',
      series: each(({ loss }) => loss),
    },
    {
      ...{
        name: 'fvu',
        title: l10n.t('FVU by layer'),
        unit: runs.length > 1 ? `${LOG} · ${first.info.name}` : LOG,
        text: small,
        log: true,
      },
      about: l10n.t('MSE(x, x̃) / Var(x) at every layer'),
      concept: 'fvu',
      series: fvu,
    },
    {
      ...{ name: 'l0', title: 'L0', unit: l10n.t('latents a token'), text: (v) => fixed(v, 1), min: 0 },
      about: l10n.t('Mean number of active latents of a token at a layer'),
      concept: 'fvu',
      series: each(({ l0 }) => l0),
    },
    {
      ...{ name: 'dead', title: l10n.t('Dead latents'), unit: l10n.t('of all'), text: percent, min: 0 },
      about: l10n.t('Latents that were active on none of the last tokens'),
      concept: 'dead-latents',
      series: each(({ deadFraction }) => deadFraction),
    },
  ];
}

export function layerName({ layers }: TrainingInfo, i: number): string {
  return `L${layers?.[i] ?? i}`;
}

export function toyCharts(runs: readonly Run[]): LineSpec[] {
  const first = runs[0]!;
  const each = (get: Get<ToyPoint>): LineSeries[] => lines(runs, get);
  const of = runs.length > 1 ? first.info.name : '';
  const heads = (name: 'previousToken' | 'induction', title: string, about: string): LineSpec => ({
    ...{ name, title, unit: of, about, concept: 'head-scores', text: score, min: 0, max: 1 },
    series: headLines(first.points as readonly ToyPoint[], (point) => point[name]),
  });
  const specs: LineSpec[] = [
    {
      ...{ name: 'loss', title: l10n.t('Loss'), unit: l10n.t('nats a token'), text: (v) => fixed(v, 3) },
      about: l10n.t('Mean cross-entropy of the next token, on the texts that are trained on'),
      concept: 'toy-training',
      series: each(({ loss }) => loss),
    },
    {
      ...{
        name: 'position',
        title: l10n.t('Loss by position'),
        unit: l10n.t('nats, held-out text'),
        text: (v) => fixed(v, 3),
      },
      about: l10n.t('Mean cross-entropy in 16 equal stretches of the context, as it was measured last'),
      concept: 'toy-training',
      x: l10n.t('sixteenth'),
      series: runs.map(({ info, points }, style) => ({ name: info.name, style, points: byPosition(points) })),
    },
    {
      ...{ name: 'inContext', title: l10n.t('In-context score'), unit: 'nats', text: (v) => signed(v, 3) },
      about: l10n.t('Loss late in the context minus loss early in it; negative: what was read helps'),
      concept: 'toy-training',
      series: each(({ inContext }) => inContext),
    },
    heads('previousToken', l10n.t('Previous-token heads'), l10n.t('Mean attention of every head to the token before')),
    heads(
      'induction',
      l10n.t('Induction heads'),
      l10n.t('Mean attention of every head to what followed the same token'),
    ),
    {
      ...{ name: 'kComposition', title: l10n.t('K-composition'), unit: of, text: score, min: 0 },
      about: l10n.t('Largest K-composition of every head of layer 1 with a head of layer 0'),
      concept: 'composition',
      series: headLines(first.points as readonly ToyPoint[], ({ kComposition }) => kComposition && [[], kComposition]),
    },
  ];
  // where there is no head, or nothing was measured yet
  return specs.filter(({ name, series }) => name === 'loss' || series.some(({ points }) => points.length > 0));
}

function byPosition(points: readonly AnyPoint[]): { x: number; y: number }[] {
  const measured = (points as readonly ToyPoint[]).findLast(({ lossByPosition }) => lossByPosition);
  return (measured?.lossByPosition ?? []).map((y, i) => ({ x: i + 1, y }));
}

/** A line for each head; the highest have a name and a colour. */
function headLines(points: readonly ToyPoint[], get: (point: ToyPoint) => HeadGrid | undefined): LineSeries[] {
  const measured = points.filter((point) => get(point));
  const last = measured.at(-1);
  const grid = (last && get(last)) ?? [];
  const all = grid.flatMap((heads, layer) => heads.map((value, head) => ({ layer, head, value })));
  const named = [...all].sort((a, b) => b.value - a.value).slice(0, NAMED);
  return all.map((each) => {
    const { layer, head } = each;
    const style = named.indexOf(each);
    return {
      name: `L${layer}H${head}`,
      ...(style >= 0 && { style }),
      points: line(measured, (point) => get(point)?.[layer]?.[head]),
    };
  });
}

/** Index of the point nearest to `x`; points are in the order of `x`. */
export function nearest(points: LineSeries['points'], x: number): number {
  let [low, high] = [0, points.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle]!.x < x) low = middle;
    else high = middle;
  }
  return high > 0 && x - points[low]!.x > points[high]!.x - x ? high : Math.max(0, low);
}

/** `L0 0.12, L1 0.31` at `x`, else at the end of each line; the named ones, in the order of their styles. One needs no name. */
export function wordsAt({ series, text }: LineSpec, x: number | undefined): string {
  const named = series.filter(({ style, points }) => style !== undefined && points.length > 0);
  return named
    .sort((a, b) => a.style! - b.style!)
    .map(({ name, points }) => {
      const value = text(points[x === undefined ? points.length - 1 : nearest(points, x)]!.y);
      return named.length > 1 ? `${name} ${value}` : value;
    })
    .join(', ');
}

/** `2 h 5 min`, `40 s`. */
export function timeLeft(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return l10n.t('{0} s', Math.max(0, Math.round(seconds)));
  return minutes < 90 ? l10n.t('{0} min', minutes) : l10n.t('{0} h {1} min', Math.floor(minutes / 60), minutes % 60);
}
