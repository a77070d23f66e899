/** The one tip: destination → source and their weight, in `max` also the head. */
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { formatWeight, visibleText } from '../../src/protocol/tokens';
import { headAt, weightAt } from './heads';
import { columnX, rowY } from './heatmapLayout';
import { crosshair } from './heatmapOverlay';
import { placed } from './heatState';
import { drawn, selection, tokens, view } from './store';

const ABOVE = 28;
const ASIDE = 8;

export function Tip(): JSX.Element | null {
  const element = useRef<HTMLDivElement>(null);
  const { destination, source } = crosshair(selection.value);
  const layout = placed.value?.layout;
  const shown = drawn.value;
  const visible = layout && shown && destination !== undefined && source !== undefined;
  useLayoutEffect(() => {
    const tip = element.current;
    if (!tip || !layout || destination === undefined || source === undefined) return;
    const place = (): void => {
      const x = columnX(layout, source);
      const y = rowY(layout, destination);
      const right = x + layout.cell + ASIDE;
      const width = tip.offsetWidth;
      const fits = right + width <= layout.width - 4;
      tip.style.left = `${Math.max(4, fits ? right : x - ASIDE - width)}px`;
      tip.style.top = `${y >= ABOVE ? y - ABOVE : y + layout.cell + ASIDE}px`;
    };
    // its width asks for a layout of the page: once, after all that the hover changes, and before it is painted
    const frame = requestAnimationFrame(place);
    return () => cancelAnimationFrame(frame);
  });
  if (!visible || destination >= shown.matrix.n || source >= shown.matrix.n) return null;
  if (shown.causal && source > destination) return null;
  const head = headAt(shown, destination, source, view.value?.analysis.nHeads ?? 1);
  return (
    <div class="tip" ref={element} aria-hidden="true">
      {visibleText(tokens.value[destination]?.text ?? '')} → {visibleText(tokens.value[source]?.text ?? '')}
      <b>{formatWeight(weightAt(shown, destination, source))}</b>
      {head ? <span class="tip-head">{head}</span> : null}
    </div>
  );
}
