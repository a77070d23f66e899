/**
 * The sequential colour scale of attention weights. Touches no DOM, so that tests can import it.
 * YlGnBu with its lightness resampled to be linear in OKLab; strength is always distance from the background.
 */
export type ThemeKind = 'dark' | 'light' | 'high-contrast' | 'high-contrast-light';
export type Rgba = readonly [r: number, g: number, b: number, a: number];

export const isDark = (theme: ThemeKind): boolean => theme === 'dark' || theme === 'high-contrast';

/** 33 evenly spaced stops each, from 0 to 1. */
const STOPS = {
  dark: stops(
    '081d58 081d59 0e2264 132770 182c7b 1d3185 20388f 224096 23489d 2351a2 225aa6 ' +
      '2163aa 216caf 2075b3 217eb6 2287ba 2490bd 2999bf 2fa1c1 38aac2 43b2c2 52bbc1 ' +
      '63c2bf 75c9bd 86d0bb 97d6b9 a7ddb7 b7e3b6 c8e9b4 d7efb3 e6f5b6 f3fac2 ffffd9',
  ),
  light: stops(
    'ffffd9 f9fccb ecf7ba ddf2b4 ceecb4 bfe6b5 afe0b6 a0dab8 8fd3ba 7dcdbc 6dc6be ' +
      '5bbfc0 4bb7c2 3fafc2 34a7c2 2c9ec1 2796bf 238dbc 2184b9 207bb5 2073b2 216aad ' +
      '2261a9 2258a5 234fa1 23479b 223e95 1f378d 1c3184 182b79 13266e 0e2163 081d58',
  ),
};
/** Below this value the colour stays and only the opacity falls, which keeps the lightness linear. */
const FADE_BELOW = 0.2;
const LEVELS = 4096;

function stops(hex: string): number[][] {
  return hex.split(' ').map((rgb) => [0, 2, 4].map((at) => parseInt(rgb.slice(at, at + 2), 16)));
}

/** Colour of a weight: channels and alpha 0–255, whole numbers. Values outside 0–1 are clamped; NaN is transparent. */
export function ramp(value: number, theme: ThemeKind): Rgba {
  const table = STOPS[isDark(theme) ? 'dark' : 'light'];
  const weight = Math.min(1, Math.max(0, value || 0));
  const at = Math.max(weight, FADE_BELOW) * (table.length - 1);
  const index = Math.min(table.length - 2, Math.floor(at));
  const mix = (channel: number): number => {
    const from = table[index]?.[channel] ?? 0;
    const to = table[index + 1]?.[channel] ?? 0;
    return Math.round(from + (to - from) * (at - index));
  };
  return [mix(0), mix(1), mix(2), Math.round(255 * Math.min(1, weight / FADE_BELOW))];
}

export const cssColour = ([r, g, b, a]: Rgba): string => `rgba(${r}, ${g}, ${b}, ${(a / 255).toFixed(4)})`;

/** CSS gradient of the whole scale, left 0 to right 1. */
export const rampGradient = (theme: ThemeKind): string =>
  `linear-gradient(90deg, ${Array.from({ length: 33 }, (_, i) => cssColour(ramp(i / 32, theme))).join(', ')})`;

const tables = new Map<ThemeKind, Uint32Array>();

/** The scale as pixels of an ImageData seen as little-endian words, `LEVELS` + 1 of them. */
function pixelTable(theme: ThemeKind): Uint32Array {
  let table = tables.get(theme);
  if (!table) {
    table = Uint32Array.from({ length: LEVELS + 1 }, (_, i) => {
      const [r, g, b, a] = ramp(i / LEVELS, theme);
      return ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
    });
    tables.set(theme, table);
  }
  return table;
}

/** Writes the colours of `values` (on a scale of 0 to `top`) into `pixels`, one to one. */
export function paintValues(values: ArrayLike<number>, pixels: Uint32Array, theme: ThemeKind, top = 1): void {
  const table = pixelTable(theme);
  const scale = LEVELS / top;
  for (let i = 0; i < pixels.length; i++) {
    const level = Math.min(LEVELS, Math.max(0, Math.round((values[i] ?? 0) * scale)));
    pixels[i] = table[level] ?? 0;
  }
}
