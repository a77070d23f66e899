import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './support/files';

const HOST = join(ROOT, 'src', 'host');
const count = (text: string, what: RegExp): number => [...text.matchAll(what)].length;

describe('questions of the extension', () => {
  // A panel that had the keyboard gets it back some frames after the command palette has closed: VS Code then closes a list or an
  // input box that does not say this, with what a person has typed. Escape still closes them.
  it('all stay when a panel takes the focus', () => {
    let asked = 0;
    for (const name of readdirSync(HOST, { recursive: true }).map(String)) {
      if (!name.endsWith('.ts')) continue;
      const text = readFileSync(join(HOST, name), 'utf8');
      const questions = count(text, /\b(showQuickPick|createQuickPick|showInputBox|createInputBox)\b/g);
      const stay = count(text, /\bignoreFocusOut(:| =) true\b/g);
      assert.equal(stay, questions, `${name}: questions with ignoreFocusOut`);
      asked += questions;
    }
    assert.ok(asked > 10, 'questions were found');
  });
});
