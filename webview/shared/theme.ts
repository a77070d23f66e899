/** The theme of the window as signals: VS Code changes classes and variables of the page while it lives. */
import { computed, signal } from '@preact/signals';
import type { ThemeKind } from './colour';

const CLASSES: [string, ThemeKind][] = [
  ['vscode-high-contrast-light', 'high-contrast-light'],
  ['vscode-high-contrast', 'high-contrast'],
  ['vscode-light', 'light'],
];

function detectTheme(): ThemeKind {
  const classes = document.body.classList;
  return CLASSES.find(([name]) => classes.contains(name))?.[1] ?? 'dark';
}

/** Colours that a canvas needs as values: names of the variables in theme.css without their dashes. */
const CANVAS_COLOURS = [
  'bg',
  'fg',
  'strong',
  'muted',
  'faint',
  'ws',
  'lock',
  'hair',
  'hair2',
  'bar',
  'kind-q',
  'kind-k',
  'kind-v',
] as const;
export type CanvasColours = Record<(typeof CANVAS_COLOURS)[number], string> & { mono: string };

const pixel = document.createElement('canvas').getContext('2d', { willReadFrequently: true });

/** Any CSS colour as `rgba()`, which chart.js understands too. */
function toRgba(colour: string): string {
  if (!pixel) return colour;
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  const [r = 0, g = 0, b = 0, a = 0] = pixel.getImageData(0, 0, 1, 1).data;
  return `rgba(${r}, ${g}, ${b}, ${(a / 255).toFixed(3)})`;
}

/** Resolved by a real element, because a variable's own value may be an unresolved color-mix(). */
function readColours(): CanvasColours {
  const probe = document.createElement('span');
  probe.className = 'mono';
  probe.hidden = true;
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const colours = Object.fromEntries(
    CANVAS_COLOURS.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, toRgba(style.color)];
    }),
  );
  const mono = style.fontFamily;
  probe.remove();
  return { ...colours, mono } as CanvasColours;
}

const changes = signal(0);
export const themeKind = signal<ThemeKind>(detectTheme());
export const colours = computed(() => {
  void changes.value;
  return readColours();
});

/** Follows the theme from now on. */
export function watchTheme(): void {
  const update = (): void => {
    themeKind.value = detectTheme();
    changes.value++;
  };
  const observer = new MutationObserver(update);
  observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style', 'class'] });
}
