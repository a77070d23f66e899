/** An attention pattern: its tokens, tinted by what the chosen one attends to, and the heatmap. */
import { effect } from '@preact/signals';
import * as l10n from '@vscode/l10n';
import { formatWeight, visibleText } from '../../src/protocol/tokens';
import { valueImage } from '../attention/heatmapPaint';
import { cssColour, ramp } from '../shared/colour';
import { themeKind, watchTheme } from '../shared/theme';
import type { Pattern } from './data';
import { el } from './dom';

/** CSS pixels of the whole picture, and of a cell at most. */
const LARGEST = 480;
const LARGEST_CELL = 18;

let watching = false;

/** @param told what the map is, for screen readers */
export function drawPattern({ title, tokens, values }: Pattern, told?: string): HTMLElement {
  if (!watching) watchTheme();
  watching = true;
  const n = tokens.length;
  const cell = Math.min(LARGEST_CELL, LARGEST / n);
  const canvas = el('canvas', { 'aria-hidden': 'true' });
  const readout = el('p', { class: 'readout', 'aria-live': 'polite' });
  const help =
    told ?? l10n.t('Attention pattern of {0} tokens: rows are destinations, columns sources. Arrow keys move.', n);
  const map = el('div', { class: 'map', role: 'application', tabindex: '0', 'aria-label': help }, canvas);
  const strip = el('div', { class: 'strip' });
  const spans = tokens.map((token, i) => {
    const span = el('span', { 'data-token': String(i) }, visibleText(token));
    span.addEventListener('pointerenter', () => show(i, undefined));
    return span;
  });
  strip.append(...spans);
  /** Where the pointer or the keyboard is. */
  let at: { destination: number; source?: number } = { destination: n - 1 };
  const paint = (): void => {
    const dpr = window.devicePixelRatio;
    canvas.width = canvas.height = Math.round(cell * n * dpr);
    canvas.style.width = `${cell * n}px`;
    const context = canvas.getContext('2d');
    if (!context) return;
    context.imageSmoothingEnabled = cell * dpr < 1;
    context.drawImage(valueImage(values, n, themeKind.value), 0, 0, canvas.width, canvas.height);
    context.scale(dpr, dpr);
    context.strokeStyle = getComputedStyle(map).color;
    context.strokeRect(0.5, at.destination * cell + 0.5, cell * n - 1, Math.max(1, cell - 1));
    if (at.source !== undefined)
      context.strokeRect(
        at.source * cell + 0.5,
        at.destination * cell + 0.5,
        Math.max(1, cell - 1),
        Math.max(1, cell - 1),
      );
  };
  const name = (i: number): string => `${i} “${visibleText(tokens[i]!)}”`;
  function show(destination: number, source: number | undefined): void {
    at = { destination, ...(source !== undefined && { source }) };
    const row = values.subarray(destination * n, (destination + 1) * n);
    spans.forEach((span, i) => {
      span.style.backgroundColor = cssColour(ramp(row[i]! * 0.6, themeKind.value));
      span.classList.toggle('chosen', i === destination);
    });
    const strongest = row.reduce((best, weight, i) => (weight > row[best]! ? i : best), 0);
    const shown = source ?? strongest;
    readout.textContent = `${name(destination)} → ${name(shown)} ${formatWeight(row[shown]!)}`;
    paint();
  }
  const clamp = (value: number): number => Math.min(n - 1, Math.max(0, value));
  map.addEventListener('pointermove', (event) => {
    // a narrow page makes it smaller
    const { top, left, width } = canvas.getBoundingClientRect();
    const of = (offset: number): number => clamp(Math.floor((offset / width) * n));
    show(of(event.clientY - top), of(event.clientX - left));
  });
  map.addEventListener('keydown', (event) => {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!by) return;
    event.preventDefault();
    // the cell has the keys, not the list of cells around it
    event.stopPropagation();
    show(clamp(at.destination + by[0]!), clamp((at.source ?? at.destination) + by[1]!));
  });
  const root = el('figure', {}, ...(title ? [el('figcaption', {}, title)] : []), strip, map, readout);
  const stop = effect(() => {
    void themeKind.value;
    // not before it is in its cell, whose colours it has; later it may have gone with it
    queueMicrotask(() => (root.isConnected ? show(at.destination, at.source) : stop()));
  });
  return root;
}
