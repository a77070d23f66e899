/**
 * The diverging colour scale: score − baseline, effects. Blue above zero, rose below, with the same lightness (OKLab),
 * zero transparent. Touches no DOM.
 */
import { cssColour, isDark, type Rgba, type ThemeKind } from './colour';

const ENDS = {
  dark: { above: [112, 178, 240], below: [244, 134, 154] },
  light: { above: [29, 90, 160], below: [160, 32, 66] },
} as const;

/** Colour of a share of the scale's end, −1 to 1 (clamped); NaN is transparent. Opacity is the share's size. */
export function diverging(share: number, theme: ThemeKind): Rgba {
  const [r, g, b] = ENDS[isDark(theme) ? 'dark' : 'light'][share < 0 ? 'below' : 'above'];
  return [r, g, b, Math.round(255 * Math.min(1, Math.abs(share || 0)))];
}

/** CSS gradient of the whole scale, left −1 to right 1. */
export const divergingGradient = (theme: ThemeKind): string =>
  `linear-gradient(90deg, ${Array.from({ length: 17 }, (_, i) => cssColour(diverging((i - 8) / 8, theme))).join(', ')})`;
