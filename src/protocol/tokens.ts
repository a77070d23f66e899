/** White space made visible: `·` space, `⏎` line feed, `␍` carriage return, `→` tab. Anything else is left as it is. */
const GLYPHS: Record<string, string> = { ' ': '·', '\n': '⏎', '\r': '␍', '\t': '→' };

export interface TextPart {
  text: string;
  /** A stand-in for white space: drawn quieter. */
  quiet: boolean;
}

/** Splits a token into runs that are drawn as they are and quiet stand-ins for white space. */
export function visibleParts(text: string): TextPart[] {
  const parts: TextPart[] = [];
  for (const char of text) {
    const glyph = GLYPHS[char];
    const quiet = glyph !== undefined;
    const last = parts.at(-1);
    if (last && last.quiet === quiet) last.text += glyph ?? char;
    else parts.push({ text: glyph ?? char, quiet });
  }
  return parts;
}

export const visibleText = (text: string): string =>
  visibleParts(text)
    .map((p) => p.text)
    .join('');

/** Weights under this are not tinted (ui/README, Colour). */
export const TINT_FROM = 0.05;

/** Opacity of the tint under a token of weight 0–1. Weak on purpose: syntax colours stay readable. */
export const tintAlpha = (weight: number, dark: boolean): number =>
  weight < TINT_FROM ? 0 : Math.min(1, weight) * (dark ? 0.46 : 0.4);

/** Two decimals with a true minus sign. */
export const formatWeight = (value: number): string => value.toFixed(2).replace('-', '−');

/** What a person typed for a token, with the stand-ins for white space turned back: `·add` is ` add`. */
export const typedText = (text: string): string =>
  Object.entries(GLYPHS).reduce((typed, [char, glyph]) => typed.replaceAll(glyph, char), text);

/** `1 token`, `1,024 tokens`. */
export const plural = (n: number, word: string): string => `${n.toLocaleString('en-US')} ${word}${n === 1 ? '' : 's'}`;
