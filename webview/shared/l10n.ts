/**
 * Languages of the panels. How to write a text that a person reads:
 *
 *     import * as l10n from '@vscode/l10n';
 *     l10n.t('Layer {0}', layer)
 *
 * `npm run l10n` finds the calls by exactly this import and these two names: `t` alone, or through a file of our own, is not found.
 * The first argument is one literal with `{0}`, `{1}` … (or `{name}` with one object); sentences are never put together from parts,
 * and singular and plural are two literals. English is the key, so it needs no table; other languages are in
 * `l10n/bundle.l10n.LANGUAGE.json`.
 *
 * The host puts the table of VS Code's language into the page (src/host/webviewPage.ts). This file gives it to the library; the
 * bundler puts it before each panel's own code (`inject` in esbuild.mjs), so constants of modules can be translated, too.
 * No table (English, and panels without VS Code): English.
 *
 * src/protocol asks in the same way, in functions rather than constants (`sectionTitle`), so that it does not matter when its files
 * are read. Words of the Chinese translation: CONTRIBUTING.md, “Languages”.
 */
import { config } from '@vscode/l10n';

const table = document.getElementById('l10n')?.textContent;
if (table) config({ contents: table });
