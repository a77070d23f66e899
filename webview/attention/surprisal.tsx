/** Surprisal of each token given those before it: one bar a token, in bits. */
import * as l10n from '@vscode/l10n';
import { BarController, BarElement, CategoryScale, Chart, LinearScale } from 'chart.js';
import { effect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { colours } from '../shared/theme';
import { dispatch, focus, selection, view } from './store';
import { Sentence } from '../shared/sentence';

Chart.register(BarController, BarElement, CategoryScale, LinearScale);

const inBits = (bits: number): string => (Number.isFinite(bits) ? bits.toFixed(2) : '–');
const finite = (bits: number): number => (Number.isFinite(bits) ? bits : 0);

/** Over all positions but the first, which nothing predicts; NaN when there is no other. */
function mean(surprisal: Float32Array): number {
  const known = surprisal.filter((bits) => Number.isFinite(bits));
  return known.reduce((sum, bits) => sum + bits, 0) / known.length;
}

function makeChart(canvas: HTMLCanvasElement, bits: number[], colour: string): Chart {
  return new Chart(canvas, {
    type: 'bar',
    data: {
      labels: bits.map((_, i) => i),
      datasets: [{ data: bits, backgroundColor: colour, barPercentage: 0.8, categoryPercentage: 1 }],
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      // hovering is the panel's own: it must not redraw a thousand bars
      events: [],
      scales: { x: { display: false }, y: { display: false, min: 0, max: Math.max(1, ...bits) } },
    },
  });
}

export function Surprisal(): JSX.Element | null {
  const canvas = useRef<HTMLCanvasElement>(null);
  const surprisal = view.value?.analysis.surprisal;
  const average = useMemo(() => (surprisal ? mean(surprisal) : NaN), [surprisal]);
  const { preview, locked } = selection.value;
  const about = preview.destination ?? preview.source ?? focus.value?.token;
  useEffect(() => {
    if (!canvas.current || !surprisal) return;
    const target = canvas.current;
    return effect(() => {
      const chart = makeChart(target, Array.from(surprisal, finite), colours.value.bar);
      return () => chart.destroy();
    });
  }, [surprisal]);
  if (!surprisal || surprisal.length === 0) return null;
  const tokenAt = (event: PointerEvent): number => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    const at = Math.floor(((event.clientX - left) / width) * surprisal.length);
    return Math.max(0, Math.min(surprisal.length - 1, at));
  };
  const mark = (token: number | undefined, kind: string): JSX.Element | null =>
    token === undefined ? null : (
      <i
        class={`surprisal-mark ${kind}`}
        style={{ left: `${(token / surprisal.length) * 100}%`, width: `${100 / surprisal.length}%` }}
      />
    );
  const bits = about === undefined ? average : surprisal[about]!;
  return (
    <div class="surprisal">
      <div class="surprisal-value">
        <span>{about === undefined ? l10n.t('mean surprisal') : l10n.t('surprisal')}</span>
        <span>
          <Sentence text={l10n.t('{0} bits')} parts={[<span class="mono">{inBits(bits)}</span>]} />
        </span>
      </div>
      <div
        class="surprisal-chart"
        onPointerMove={(event) => dispatch({ kind: 'hoverToken', token: tokenAt(event) })}
        onPointerLeave={() => dispatch({ kind: 'leave' })}
        onClick={(event) => dispatch({ kind: 'lockToken', token: tokenAt(event as unknown as PointerEvent) })}
      >
        <canvas
          ref={canvas}
          role="img"
          aria-label={l10n.t('Surprisal of each token in bits, mean {0}', inBits(average))}
        />
        {mark(about, 'hover')}
        {mark(locked.destination ?? locked.source, 'locked')}
      </div>
    </div>
  );
}
