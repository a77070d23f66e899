/** Languages: the bundles are complete, and what people read is asked for through them. */
import glob from 'fast-glob';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';

const ROOT = path.resolve(__dirname, '..', '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
type Table = Record<string, string | { message: string; comment: string[] }>;
const table = (file: string): Table => JSON.parse(read(file)) as Table;
const messageOf = (entry: Table[string]): string => (typeof entry === 'string' ? entry : entry.message);

/** `{0}` and what else must be in a translation as it is: links with their commands, code. */
const kept = (text: string): string[] => text.match(/\{\w+\}|\]\([^)]*\)|`[^`]*`/g)?.sort() ?? [];

function assertTranslated(english: Table, translated: Table): void {
  const lacking = (table: Table, other: Table): string[] => Object.keys(other).filter((key) => !(key in table));
  assert.deepEqual(
    { missing: lacking(translated, english), superfluous: lacking(english, translated) },
    { missing: [], superfluous: [] },
  );
  for (const [key, entry] of Object.entries(english)) {
    const text = messageOf(translated[key]!);
    assert.ok(text.trim() !== '', `${key}: empty`);
    assert.deepEqual(kept(text), kept(messageOf(entry)), key);
  }
}

/** What `l10n.t` is called with, as the bundle has it: found with another parser than that of `npm run l10n`. */
function texts(file: string, into: Table): void {
  const parsed = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
  const literal = (node: ts.Node | undefined): string => {
    assert.ok(node && ts.isStringLiteralLike(node), `${file}: a literal was expected: ${node?.getText(parsed)}`);
    return node.text;
  };
  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit);
    if (!ts.isCallExpression(node) || !/^(vscode\.)?l10n\.t$/.test(node.expression.getText(parsed))) return;
    const [asked] = node.arguments;
    if (!asked || !ts.isObjectLiteralExpression(asked)) {
      into[literal(asked)] = literal(asked);
      return;
    }
    const field = (name: string): ts.Node | undefined =>
      asked.properties.filter(ts.isPropertyAssignment).find((p) => p.name.getText(parsed) === name)?.initializer;
    const comments = field('comment');
    assert.ok(comments && ts.isArrayLiteralExpression(comments), `${file}: a list of comments was expected`);
    const [message, comment] = [literal(field('message')), comments.elements.map(literal)];
    into[`${message}/${comment.join('')}`] = { message, comment };
  };
  visit(parsed);
}

/** English words that a person would read, in a literal that is not an argument of `l10n.t`. */
const isSentence = (text: string): boolean => /[A-Za-z]{2,}/.test(text) && !/^[a-z]\w*(\.\w+)*$/.test(text);

/** Properties and calls of VS Code's API whose texts people see. */
const SEEN_PROPERTIES = new Set(
  'title label description detail placeHolder placeholder prompt tooltip openLabel saveLabel message empty name'.split(
    ' ',
  ),
);
const SEEN_CALLS = /(show(Information|Warning|Error)Message|showError|new Error|new vscode\.TreeItem|sentence|wrong)$/;
/** The names of things are the same in all languages. */
const NAMES = /^(Circuitscope|CircuitsVis|CSV|JSON|PNG|safetensors|ONNX|stories260K|Engine\w+Error)$/;
/** Errors that other extensions get. */
const ENGLISH = new Set(['src/host/api.ts']);

/** Texts in places that people see and that no language but English can say, as `file:line: text`. */
function untranslated(file: string, source: string): string[] {
  const parsed = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const look = (node: ts.Node): void => {
    if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach(look);
    if (ts.isParenthesizedExpression(node)) look(node.expression);
    if (ts.isBinaryExpression(node)) [node.left, node.right].forEach(look);
    const parts = ts.isTemplateExpression(node)
      ? [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)]
      : ts.isStringLiteralLike(node)
        ? [node.text]
        : [];
    const text = parts.map((part) => part.replace(/\$\([\w~-]+\)/g, '')).join('…');
    if (
      parts.length > 0 &&
      isSentence(text) &&
      !NAMES.test(
        text
          .replaceAll('…', '')
          .replace(/[^\w]+$/, '')
          .trim(),
      )
    ) {
      found.push(`${file}:${parsed.getLineAndCharacterOfPosition(node.getStart(parsed)).line + 1}: ${text}`);
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) && /^[A-Z][a-z]+ [\w{]/.test(node.text)) look(node);
    if (ts.isPropertyAssignment(node) && SEEN_PROPERTIES.has(node.name.getText(parsed))) look(node.initializer);
    if (ts.isBinaryExpression(node) && ts.isPropertyAccessExpression(node.left)) {
      if (SEEN_PROPERTIES.has(node.left.name.text) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken)
        look(node.right);
    }
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const called = `${ts.isNewExpression(node) ? 'new ' : ''}${node.expression.getText(parsed)}`;
      if (/l10n\.t$|\blog\.\w+$|\.log$/.test(called)) return;
      if (SEEN_CALLS.test(called)) node.arguments?.forEach(look);
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return [...new Set(found)];
}

describe('languages', function () {
  this.timeout(20_000);

  it('the committed bundle has the texts of the sources: run `npm run l10n` where it does not', async () => {
    const files = await glob(['src/extension.ts', 'src/{host,engine,protocol}/**/*.ts', 'webview/**/*.{ts,tsx}'], {
      cwd: ROOT,
    });
    const found: Table = {};
    files.forEach((file) => texts(file, found));
    assert.deepEqual(table('l10n/bundle.l10n.json'), found);
  });

  it('Simplified Chinese says everything, with the same places for values', () => {
    assertTranslated(table('l10n/bundle.l10n.json'), table('l10n/bundle.l10n.zh-cn.json'));
  });

  it('Simplified Chinese says everything of package.json', () => {
    assertTranslated(table('package.nls.json'), table('package.nls.zh-cn.json'));
  });

  it('package.json asks for exactly the texts that there are', () => {
    const keys = [...read('package.json').matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key!);
    assert.deepEqual(keys.sort(), Object.keys(table('package.nls.json')).sort());
  });

  it('package.json has no text of its own where people read', () => {
    const lines = read('package.json').split('\n');
    // nested deeper are the fields of the tools, which language models read
    const plain = lines.filter((line) =>
      /^ {2,12}"(title|name|contents|altText|markdownDescription|displayName|description)": "[^%]*[ …]/.test(line),
    );
    assert.deepEqual(plain, []);
  });

  it('the host says nothing in English alone', async () => {
    const files = (await glob(['src/extension.ts', 'src/host/**/*.ts'], { cwd: ROOT })).filter((f) => !ENGLISH.has(f));
    assert.deepEqual(
      files.flatMap((file) => untranslated(file, read(file))),
      [],
    );
  });

  it('is noticed where it does', () => {
    const source = `
      showError(\`\${x} is gone\`); const a = { title: 'Open it', kind: 'someThing' };
      item.tooltip = late ? 'Too late' : vscode.l10n.t('In time'); showError(vscode.l10n.t('Told'));
      const said = 'Show it'; log.info('Read it');`;
    assert.deepEqual(untranslated('x.ts', source), [
      'x.ts:2: … is gone',
      'x.ts:2: Open it',
      'x.ts:3: Too late',
      'x.ts:4: Show it',
    ]);
  });
});
