import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { concepts } from '../../src/protocol/concepts';

const root = join(__dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'concepts.md'), 'utf8');

/** The anchor that Markdown previews give a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');

const sources = (dir: string): string[] =>
  readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sources(join(dir, entry.name)) : entry.name.endsWith('.tsx') ? [join(dir, entry.name)] : [],
  );

describe('concepts', () => {
  it('have a paragraph each, in the page that the package ships', () => {
    const headings = [...page.matchAll(/^### (.+)$/gm)].map(([, heading]) => [anchor(heading!), heading]);
    assert.deepEqual(Object.fromEntries(headings), { ...concepts });
    assert.match(readFileSync(join(root, '.vscodeignore'), 'utf8'), /^!docs\/concepts\.md$/m);
  });

  it('of every panel’s headings are linked', () => {
    const without = sources('webview').filter((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return /<h[123][\s>]/.test(text) && !text.includes('<Concept');
    });
    // of the card, whose heading is a latent's number, the parts have links; what an example is needs no definition
    const cards = ['webview/latents/card/latentCard.tsx', 'webview/latents/card/title.tsx'];
    // of an empty panel, for screen readers
    assert.deepEqual(without.sort(), [...cards, 'webview/shared/status.tsx']);
  });
});
