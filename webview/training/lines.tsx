/** A chart of lines that the pointer and the arrow keys read. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { colours } from '../shared/theme';
import { createLines, type LineChart, type Look, updateLines } from './lineChart';
import { Parts } from './parts';
import { nearest, type LineSeries, type LineSpec, wordsAt } from './series';
import { pointed } from './store';
import { Concept } from '../shared/concept';

const count = (value: number): string => value.toLocaleString('en-US');
const longest = ({ series }: LineSpec): LineSeries['points'] =>
  series.reduce<LineSeries['points']>((most, { points }) => (points.length > most.length ? points : most), []);

/** Arrow keys go from point to point; others as sliders have them. */
const MOVES: Record<string, (at: number, last: number) => number> = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  PageDown: (at) => at - 10,
  PageUp: (at) => at + 10,
  Home: () => 0,
  End: (_, last) => last,
};

export function Lines({ spec }: { spec: LineSpec }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chart = useRef<LineChart>(undefined);
  const palette = colours.value;
  const look = useRef<Look>({ spec, colours: palette });
  const overSteps = spec.x === undefined;
  const x = overSteps ? pointed.value : undefined;
  useEffect(() => {
    chart.current = createLines(canvas.current!, look.current);
    return () => chart.current?.destroy();
  }, []);
  useEffect(() => {
    look.current.spec = spec;
    look.current.colours = palette;
    updateLines(chart.current!, look.current);
  }, [spec, palette]);
  useEffect(() => {
    if (x === undefined) delete look.current.x;
    else look.current.x = x;
    chart.current!.draw();
  }, [x]);
  const points = longest(spec);
  const at = x === undefined ? points.length - 1 : nearest(points, x);
  const now = points[at]?.x ?? 0;
  const words = wordsAt(spec, x);
  const onPointerMove = (event: PointerEvent): void => {
    const left = canvas.current!.getBoundingClientRect().left;
    const value = chart.current?.scales['x']?.getValueForPixel(event.clientX - left);
    if (value !== undefined && points.length > 0) pointed.value = points[nearest(points, value)]!.x;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const move = MOVES[event.key];
    if (event.key === 'Escape') pointed.value = undefined;
    if (!move || points.length === 0) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(points.length - 1, move(at, points.length - 1)));
    pointed.value = points[next]!.x;
  };
  const reading = overSteps
    ? {
        ...{
          role: 'slider' as const,
          tabIndex: 0,
          'aria-valuemin': points[0]?.x ?? 0,
          'aria-valuemax': points.at(-1)?.x ?? 0,
        },
        ...{
          'aria-valuenow': now,
          'aria-valuetext': l10n.t('step {0}: {1}', count(now), words),
          'aria-label': spec.title,
        },
        ...{ onPointerMove, onPointerLeave: () => (pointed.value = undefined), onKeyDown },
      }
    : { role: 'img' as const, 'aria-label': `${spec.title}: ${positions(spec)}` };
  return (
    <section class="training-chart" data-chart={spec.name}>
      <h2 title={spec.about}>
        {spec.title} <Concept id={spec.concept} /> <small>{spec.unit}</small>
      </h2>
      <p class="reading number" aria-hidden="true">
        {overSteps && x !== undefined ? `${count(now)}: ` : ''}
        {overSteps ? <Parts of={words.split(', ')} between=", " /> : l10n.t('by {0} of the context', spec.x ?? '')}
      </p>
      <div class="lines" {...reading}>
        <canvas ref={canvas} data-lines={spec.name} />
      </div>
    </section>
  );
}

const positions = ({ series, text }: LineSpec): string =>
  series.map(({ name, points }) => `${name} ${points.map(({ y }) => text(y)).join(', ')}`).join('; ');
