/**
 * Language of the engine's process. Its first argument is the file of VS Code's translations (`src/host/engineLanguage.ts`);
 * `main.ts` imports this file before all others, so that constants of modules can be translated, too. What a person reads is
 *
 *     import * as l10n from '@vscode/l10n';
 *     l10n.t('{0}: "{1}" is missing', file, field)
 *
 * with the rules of `webview/shared/l10n.ts`. The command line, the Model Context Protocol and the tests load nothing: English.
 */
import { config } from '@vscode/l10n';
import { readFileSync } from 'node:fs';

/** Gives the translations of a bundle to the library. What cannot be read leaves English, and a line on stderr for the log. */
export function loadTranslations(file: string): void {
  try {
    const table: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof table !== 'object' || table === null) throw new Error('an object was expected');
    // the library takes what is there; only texts can be shown
    const texts = Object.entries(table).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    config({ contents: Object.fromEntries(texts) });
  } catch (error) {
    console.error(`The engine speaks English, as its translations cannot be read: ${String(error)}`);
  }
}

const [, , file] = process.argv;
if (file) loadTranslations(file);
