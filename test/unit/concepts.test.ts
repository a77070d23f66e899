import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { concepts, CONCEPTS_LANGUAGES, conceptsPage } from '../../src/protocol/concepts';

const root = join(__dirname, '..', '..');
const read = (language: string): string => readFileSync(join(root, 'docs', conceptsPage(language)), 'utf8');

/** The anchor that Markdown previews give a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');

/** By title; what comes before the first has none. */
const paragraphs = (page: string): Record<string, string> =>
  Object.fromEntries(
    page
      .replace(/^## .*$/gm, '')
      .split(/^### /m)
      .map((part, i) => (i === 0 ? ['', part] : [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n'))])),
  );

/** Code, cells of formulas, sources and numbers such as 1e-3: what no translation changes. */
const formulas = (text: string): string[] => {
  const line = text.replace(/\s+/g, ' ');
  const words = line.replace(/`[^`]+`/g, '');
  return [
    ...(line.match(/`[^`]+`|(?<=\| )‖.*?(?= \|)/g) ?? []),
    ...(words.match(/“[A-Za-z][^”→]*”|TransformerLens|MLSAE(?=\.\)|。）)|Framework|Induction Heads|\d+e-\d+/g) ?? []),
  ].sort();
};

const sources = (dir: string): string[] =>
  readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sources(join(dir, entry.name)) : entry.name.endsWith('.tsx') ? [join(dir, entry.name)] : [],
  );

describe('concepts', () => {
  for (const language of ['en', ...CONCEPTS_LANGUAGES])
    it(`have a paragraph each, in the page that the package ships: ${language}`, () => {
      const headings = [...read(language).matchAll(/^### (.+)$/gm)].map(([, heading]) => [anchor(heading!), heading]);
      assert.equal(headings.length, Object.keys(concepts).length);
      assert.deepEqual(Object.fromEntries(headings), { ...concepts });
      for (const [title, text] of Object.entries(paragraphs(read(language))))
        assert.ok(text.trim().length > 20, `${title}: ${text}`);
    });

  it('have the same formulas and sources in every language', () => {
    const english = paragraphs(read('en'));
    for (const language of CONCEPTS_LANGUAGES) {
      const translated = paragraphs(read(language));
      for (const [title, text] of Object.entries(english)) {
        assert.deepEqual(formulas(translated[title]!), formulas(text), `${language}: ${title}`);
        // and is a translation
        assert.match(translated[title]!, /\p{Script=Han}{4}/u, title);
      }
    }
  });

  it('are opened in VS Code’s language, else in English', () => {
    assert.deepEqual(['zh-cn', 'zh-CN', 'zh-tw', 'en', 'de'].map(conceptsPage), [
      ...['concepts.zh-cn.md', 'concepts.zh-cn.md', 'concepts.md', 'concepts.md', 'concepts.md'],
    ]);
    const shipped = readFileSync(join(root, '.vscodeignore'), 'utf8');
    assert.match(shipped, /^!docs\/concepts\.md\n!docs\/concepts\.\*\.md$/m);
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
