// Writes l10n/bundle.l10n.json: the texts of the extension host, the engine, the panels and what they share. Sorts the translations and says what they lack.
import { getL10nJson } from '@vscode/l10n-dev';
import glob from 'fast-glob';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { main, root, say } from './common.mjs';

/** Everything that can ask for a text in the person's language. */
const SOURCES = ['src/extension.ts', 'src/{host,engine,protocol}/**/*.ts', 'webview/**/*.{ts,tsx}'];
const LANGUAGES = ['zh-cn'];

const bundle = (language) => path.join(root, 'l10n', ['bundle.l10n', language, 'json'].filter(Boolean).join('.'));
const read = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});
const write = (file, table) => writeFileSync(file, `${JSON.stringify(table, null, 2)}\n`);

/** English text → itself, sorted, as calls of `l10n.t` in the sources have them. */
async function texts() {
  const files = (await glob(SOURCES, { cwd: root })).sort();
  const contents = files.map((file) => readFileSync(path.join(root, file), 'utf8'));
  const found = await getL10nJson(contents.map((text, at) => ({ extension: path.extname(files[at]), contents: text })));
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

await main(async () => {
  const english = await texts();
  write(bundle(), english);
  say(`${Object.keys(english).length} texts in l10n/bundle.l10n.json`);
  for (const language of LANGUAGES) {
    const known = read(bundle(language));
    const keys = Object.keys(english);
    write(bundle(language), Object.fromEntries(keys.filter((key) => known[key]).map((key) => [key, known[key]])));
    const missing = keys.filter((key) => !known[key]);
    if (missing.length > 0) say(`l10n/bundle.l10n.${language}.json lacks ${missing.length}:\n${missing.join('\n')}`);
  }
});
