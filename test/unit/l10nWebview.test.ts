/** The panels say nothing in English alone: texts of elements and of attributes that people read or hear. */
import glob from 'fast-glob';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';

const ROOT = path.resolve(__dirname, '..', '..');

const READ = /^(title|label|placeholder|about|note|says|aside|alt|aria-(label|roledescription|valuetext|description))$/;
/** Properties of tables of labels. */
const READ_PROPERTY = /^(label|short|title|about|meaning|heading|words)$/;

/** What is the same in every language. */
const SAME = new Set([
  // abbreviations of quantities and units
  ...['FVU', 'MSE', 'KL', 'L0', 'SAE', 'MLPs', 'ms', 'nats', 'bits', 'logit'],
  // formulas
  ...['MSE(x, x̃) / Var(x)', '‖W_OV d̂ᵀ‖ / ‖W_OV‖', 'P(layer | latent)', 'P(layer | latent), …', 'Δ ln p'],
  // a command, and a paper
  ...['circuitscope evaluate', 'Lawson et al. 2024'],
]);
const isText = (text: string): boolean => /[A-Za-z]{2}/.test(text) && !SAME.has(text);

/** Literals in a value: `'Run'`, `` `Layer ${l}` ``, `late ? 'Late' : word`; not what is asked for by `l10n.t`. */
function literals(node: ts.Node): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isTemplateExpression(node))
    return [[node.head, ...node.templateSpans.map(({ literal }) => literal)].map(({ text }) => text).join('…')];
  if (ts.isConditionalExpression(node)) return [...literals(node.whenTrue), ...literals(node.whenFalse)];
  if (ts.isBinaryExpression(node) && /^(\?\?|\|\||&&|\+)$/.test(node.operatorToken.getText()))
    return [...literals(node.left), ...literals(node.right)];
  if (ts.isParenthesizedExpression(node)) return literals(node.expression);
  if (ts.isJsxExpression(node) && node.expression) return literals(node.expression);
  return [];
}

/** As `file:line: text`. */
function untranslated(file: string, source: string): string[] {
  const parsed = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const add = (node: ts.Node, texts: string[]): void => {
    const line = parsed.getLineAndCharacterOfPosition(node.getStart(parsed)).line + 1;
    for (const text of texts.map((each) => each.trim().replace(/\s+/g, ' ')))
      if (isText(text)) found.push(`${file}:${line}: ${text}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node)) add(node, [node.text]);
    // a child in braces
    else if (ts.isJsxExpression(node) && !ts.isJsxAttribute(node.parent)) add(node, literals(node));
    else if (ts.isJsxAttribute(node) && READ.test(node.name.getText(parsed)) && node.initializer)
      add(node, literals(node.initializer));
    else if (ts.isPropertyAssignment(node) && READ_PROPERTY.test(node.name.getText(parsed)))
      add(node, literals(node.initializer));
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return found;
}

describe('languages of the panels', function () {
  // parses every file of the panels
  this.timeout(20_000);

  it('ask for every text that people read', async () => {
    const files = (await glob('webview/**/*.{ts,tsx}', { cwd: ROOT })).sort();
    assert.ok(files.length > 100);
    const found = files.flatMap((file) => untranslated(file, readFileSync(path.join(ROOT, file), 'utf8')));
    assert.deepEqual(found, []);
  });

  it('are found out where they do not', () => {
    const source = `const a = { label: 'Open it', kind: 'Some thing' };
      const b = <p title="Too late" class="not this">Run {l10n.t('well')} {late ? 'so late' : '·'}</p>;
      const c = <i aria-label={\`Layer \${l}\`}>{l10n.t('Layer {0}', name('of it'))} ms</i>;`;
    assert.deepEqual(untranslated('x.tsx', source), [
      'x.tsx:1: Open it',
      'x.tsx:2: Too late',
      'x.tsx:2: Run',
      'x.tsx:2: so late',
      'x.tsx:3: Layer …',
    ]);
  });
});
