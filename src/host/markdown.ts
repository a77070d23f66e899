import { visibleText } from '../protocol/tokens';

/** Every character that Markdown (or a table in it) could read as something else. */
const SPECIAL = /[\\`*_{}[\]()#+\-.!|<>&~$:@"'^=]/g;

/** Any text as itself in Markdown, on one line, white space visible. */
export const escapeMarkdown = (text: string): string =>
  visibleText(text)
    .replace(/\p{Cc}/gu, '�')
    .replace(SPECIAL, '\\$&');

const BAR = { width: 64, height: 8 };

/** A bar of 0–1 as an image: hovers are Markdown, which has no boxes. */
export function barImage(fraction: number, colour: string): string {
  const filled = Math.max(1, Math.min(1, fraction) * BAR.width).toFixed(1);
  const rect = (width: string | number, fill: string, opacity: number): string =>
    `<rect width="${width}" height="${BAR.height}" rx="1" fill="${fill}" fill-opacity="${opacity}"/>`;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${BAR.width}" height="${BAR.height}">` +
    `${rect(BAR.width, '#888', 0.18)}${rect(filled, colour, 1)}</svg>`;
  return `![](data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')})`;
}
