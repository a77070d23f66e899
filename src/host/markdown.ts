import * as vscode from 'vscode';
import { visibleText } from '../protocol/tokens';

/** Every character that Markdown (or a table in it) could read as something else. */
const SPECIAL = /[\\`*_{}[\]()#+\-.!|<>&~$:@"'^=]/g;

/** Any sentence or name as itself in Markdown, on one line. */
export const escapeText = (text: string): string => text.replace(/\p{Cc}/gu, '�').replace(SPECIAL, '\\$&');

/** The same for tokens: white space is visible. */
export const escapeMarkdown = (text: string): string => escapeText(visibleText(text));

const isDark = (): boolean =>
  [vscode.ColorThemeKind.Dark, vscode.ColorThemeKind.HighContrast].includes(vscode.window.activeColorTheme.kind);
const barColour = (): string => (isDark() ? '#3ca7b4' : '#1d86b0');

const BAR = { width: 64, height: 8 };

const LAYERS = { width: 60, height: 14, gap: 1 };
const EMPTY = { fill: '#888', opacity: 0.18 };

/** A bar of 0–1 as an image: hovers are Markdown, which has no boxes. */
export function barImage(fraction: number): string {
  const filled = Math.max(1, Math.min(1, fraction) * BAR.width);
  return image(BAR, [
    { x: 0, width: BAR.width, height: BAR.height, ...EMPTY },
    { x: 0, width: filled, height: BAR.height, fill: barColour() },
  ]);
}

/** One small bar for each value, from the bottom, scaled to the largest; what is 0 is a faint line. */
export function layersImage(values: ArrayLike<number>): string {
  const { width, height, gap } = LAYERS;
  const step = Math.min(7, width / values.length);
  const max = Math.max(...Array.from(values));
  const bars = Array.from(values, (value, i): Bar => {
    const at = { x: i * step, width: Math.max(0.5, step - gap) };
    return value > 0
      ? { ...at, height: Math.max(1, (value / max) * height), fill: barColour() }
      : { ...at, height: 1, ...EMPTY };
  });
  const words = Array.from(values, (value) => value.toFixed(1)).join(' ');
  return image({ width: Math.ceil(step * values.length), height }, bars, vscode.l10n.t('by layer: {0}', words));
}

interface Bar {
  x: number;
  width: number;
  height: number;
  fill: string;
  opacity?: number;
}

/** `alt`: what the picture says and nothing beside it does. */
function image({ width, height }: { width: number; height: number }, bars: Bar[], alt = ''): string {
  const size = (n: number): string => String(Math.round(n * 10) / 10);
  const rects = bars.map(
    (bar) =>
      `<rect x="${size(bar.x)}" y="${size(height - bar.height)}" width="${size(bar.width)}" ` +
      `height="${size(bar.height)}" fill="${bar.fill}" fill-opacity="${bar.opacity ?? 1}"/>`,
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${rects.join('')}</svg>`;
  return `![${alt}](data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')})`;
}

/** Cells are Markdown. */
export interface Table {
  head: string[];
  /** `:--` or `--:` */
  align: string[];
  rows: string[][];
}

export const EMPTY_TABLE: Table = { head: [], align: [], rows: [] };

/** Two tables as one with a gap: Markdown has no columns. */
export function sideBySide(left: Table, right: Table): string {
  const line = (a: string[], b: string[], gap: string): string =>
    `| ${[...a, ...(a.length > 0 && b.length > 0 ? [gap] : []), ...b].join(' | ')} |`;
  const count = Math.max(left.rows.length, right.rows.length);
  const row = ({ rows, head }: Table, i: number): string[] => rows[i] ?? head.map(() => '');
  return [
    line(left.head, right.head, ''),
    line(left.align, right.align, ':--'),
    ...Array.from({ length: count }, (_, i) => line(row(left, i), row(right, i), '&emsp;')),
  ].join('\n');
}
