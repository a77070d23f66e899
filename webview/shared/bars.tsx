/** A small bar chart in the page. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { type BarSpec, drawBars } from './barChart';
import { colours } from './theme';

interface BarsProps {
  spec: BarSpec;
  /** The chart in words. */
  label: string;
  /** For tests. */
  name: string;
}

export function Bars({ spec, label, name }: BarsProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = colours.value;
  // a spec is small and made anew with every drawing of the page
  const key = JSON.stringify([
    spec.labels,
    spec.series.map(({ values, ...rest }) => [rest, Array.from(values)]),
    spec.whisker,
  ]);
  useEffect(() => {
    const chart = drawBars(canvas.current!, spec, palette, { responsive: true, maintainAspectRatio: false });
    return () => chart.destroy();
  }, [key, palette]);
  return (
    <div class="bars" role="img" aria-label={label}>
      <canvas ref={canvas} data-bars={name} />
    </div>
  );
}
