/** The engine's process says what people read in VS Code's language; everything else says it in English. */
import glob from 'fast-glob';
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { EngineClient } from '../../src/host/engineClient';
import type { LogLine } from '../../src/protocol/engine';
import { ROOT, SAMPLES, tempFolder, writeFile } from './support/files';

/** Not in the engine's process: the command line and the server for agents. */
const ENGLISH = ['src/engine/cli.ts', 'src/engine/mcp.ts', 'src/engine/cli/**', 'src/engine/providerCheck.ts'];
/** Scripts of other programs. */
const SCRIPTS = ['src/engine/parentWatch.ts', 'src/engine/mlsae/corpus/slurm.ts'];
/** Of what all parts share: Python, and names that are headings of docs/concepts.md in every language. */
const SHARED_ENGLISH = ['src/protocol/*{Code,python}.ts', 'src/protocol/concepts.ts'];
/** English in files, and how it is shown. */
const SAVED = ['src/engine/mlsae/corpus/savedNotices.ts'];

/** What has words and is no text for people: keys, names in graphs and in saved files, which are the same in all languages. */
const NAMES = new Set([
  // keys of sessions and of what was tried
  ...['…, by name', 'top …', '… ranks', 'errors of kept', 'encode and decode', 'EE sum', 'UE sum', 'parent watch'],
  'top … of …–…',
  // values and weights in graphs
  ...['(not found)', 'onnx (…)', 'layer … by head', 'layer … …', 'float …', '…[times …]'],
  // places in files and folders, and what a record says of itself
  ...['…: layers', '…: …hook_name', '…0.weight', ' step …', 'file …', 'layer… …', 'topk …', '… of …'],
  ...['patterns[…].head', 'patterns[…].rows', 'patterns[…].rows[…]'],
  // how a sentence of an older engine ends, which is compared
  'give another folder, or delete it.',
  // columns of a training's history in files
  ...['fvu L…', 'loss …/…'],
  // what ONNX Runtime says, made shorter
  'node $2 ($1): ',
  // names of numbers in saved results
  ...[
    'after …: … (#…)',
    'L… at …',
    'KL(A ‖ B)',
    'L… MLP',
    'direct path',
    'paths of more than … heads',
    'final norm bias',
  ],
]);
/** Operators of a graph, patterns for what others say. */
const isNames = (text: string): boolean => NAMES.has(text) || /^[A-Z]\w+( [A-Z]\w+)+$/.test(text.trim());

/** Faults of the engine itself are the log's, in English. */
const FAULTS = /^(Error|RangeError|TypeError)$/;
/** Errors whose message a person reads. */
const ERRORS = /^(\w*Error|Unmatched|CancelledError)$/;

const textOf = (node: ts.Node): string | undefined =>
  ts.isTemplateExpression(node)
    ? [node.head, ...node.templateSpans.map(({ literal }) => literal)].map(({ text }) => text).join('…')
    : ts.isStringLiteralLike(node)
      ? node.text
      : undefined;

/** Literals that can be the value of an expression. */
function literals(node: ts.Node): string[] {
  if (ts.isConditionalExpression(node)) return [...literals(node.whenTrue), ...literals(node.whenFalse)];
  if (ts.isParenthesizedExpression(node)) return literals(node.expression);
  if (ts.isBinaryExpression(node)) return [...literals(node.left), ...literals(node.right)];
  return textOf(node) === undefined ? [] : [textOf(node)!];
}

/** Texts of several words anywhere, and words in messages, that no other language can say; as `file:line: text`. */
function untranslated(file: string, source: string): string[] {
  const parsed = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const isTools = file.includes('/tools/');
  const found: string[] = [];
  const add = (node: ts.Node, text: string): void => {
    found.push(`${file}:${parsed.getLineAndCharacterOfPosition(node.getStart(parsed)).line + 1}: ${text}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeNode(node)) return;
    if (ts.isCallExpression(node)) {
      const called = node.expression.getText(parsed);
      if (/^console\.|(^|\.)log$/.test(called)) return;
      if (called === 'l10n.t') {
        const values = node.arguments.slice(1);
        values.forEach((value) =>
          literals(value).forEach((text) => /[A-Za-z]{2}/.test(text) && !isNames(text) && add(value, text)),
        );
        return values.forEach(visit);
      }
      if (/\.step$|otices\.push$/.test(called)) message(node.arguments[0]);
    }
    if (ts.isNewExpression(node)) {
      const made = node.expression.getText(parsed);
      if (FAULTS.test(made)) return;
      if (ERRORS.test(made)) message(node.arguments?.[0]);
    }
    if (ts.isPropertyAssignment(node)) return visit(node.initializer);
    // what tools say to language models
    const text = isTools ? undefined : textOf(node);
    if (text !== undefined && /[A-Za-z]{2}/.test(text) && /\S \S/.test(text) && !isNames(text)) add(node, text);
    ts.forEachChild(node, visit);
  };
  const message = (node: ts.Node | undefined): void => {
    if (node) literals(node).forEach((text) => /[A-Za-z]{2}/.test(text) && add(node, text));
  };
  visit(parsed);
  return [...new Set(found)];
}

describe('language of the engine', function () {
  this.timeout(20_000);

  it('is asked for by every text that people read', async () => {
    const files = (await glob('src/engine/**/*.ts', { cwd: ROOT, ignore: [...ENGLISH, ...SCRIPTS, ...SAVED] })).sort();
    assert.ok(files.length > 200);
    assert.deepEqual(
      files.flatMap((file) => untranslated(file, readFileSync(join(ROOT, file), 'utf8'))),
      [],
    );
  });

  it('is asked for by what it shares with the host and the panels', async () => {
    const files = (await glob('src/protocol/**/*.ts', { cwd: ROOT, ignore: SHARED_ENGLISH })).sort();
    assert.ok(files.length > 30);
    assert.deepEqual(
      files.flatMap((file) => untranslated(file, readFileSync(join(ROOT, file), 'utf8'))),
      [],
    );
  });

  it('is found out where it is not', () => {
    const source = `
      throw new InputError('Missing.'); throw new InputError(late ? \`\${x} is late\` : l10n.t('In time'));
      throw new GoneError(l10n.t('{0} files', n ? 'no' : String(n))); throw new Error('a fault of ours');
      const SAID = { notice: 'The prompt is empty.', kind: 'topk' }; await steps.step('Reading', 1);
      function why() { return \`\${part} were not found\`; } const type: 'two words' = x; notices.push('Cut.');`;
    assert.deepEqual(untranslated('x.ts', source), [
      'x.ts:2: Missing.',
      'x.ts:2: … is late',
      'x.ts:3: no',
      'x.ts:4: The prompt is empty.',
      'x.ts:4: Reading',
      'x.ts:5: … were not found',
      'x.ts:5: Cut.',
    ]);
  });

  it('is not loaded by the command line, the server for agents, and the process that tries providers', () => {
    const loads = (name: string): boolean =>
      readFileSync(join(ROOT, 'dist', name), 'utf8').includes('its translations cannot be read');
    assert.deepEqual(
      ['engine.js', 'cli.js', 'mcp.js', 'probe.js'].map((name) => [name, loads(name)]),
      Object.entries({ 'engine.js': true, 'cli.js': false, 'mcp.js': false, 'probe.js': false }),
    );
  });

  describe('process', () => {
    const chinese = join(ROOT, 'l10n/bundle.l10n.zh-cn.json');
    const table = JSON.parse(readFileSync(chinese, 'utf8')) as Record<string, string>;
    // a name that would be taken for places of a text
    const missing = join(tempFolder(), '{1}{0}\n');
    const shownMissing = resolve(missing).replace('\n', '\\u000a');
    const english = '{0} does not exist; a checkpoint folder was expected.';

    /** What an engine with these translations says about a path that it cannot open, and its log. */
    async function said(
      translations: string | undefined,
      path: string,
    ): Promise<{ message: string; lines: LogLine[] }> {
      const lines: LogLine[] = [];
      const client = new EngineClient(join(ROOT, 'dist/engine.js'), (line) => lines.push(line), { translations });
      try {
        await client.start();
        const asked = client.request('openCheckpoint', { path, providers: ['cpu'] });
        return {
          message: await asked.then(
            () => 'opened',
            (error: Error) => error.message,
          ),
          lines,
        };
      } finally {
        client.dispose();
      }
    }

    it('says in Chinese what it refuses, with values as they are', async () => {
      const { message, lines } = await said(chinese, missing);
      assert.match(table[english]!, /\p{Script=Han}/u);
      assert.equal(
        message,
        table[english]!.replace('{0}', () => shownMissing),
      );
      assert.deepEqual(lines, []);
    });

    it('translates what is asked for while modules load', async () => {
      const folder = tempFolder();
      const file = writeFile(join(folder, 'config.json'), '{"model_type": 5}');
      copyFileSync(join(SAMPLES, 'attn-only-2l/model.safetensors'), join(folder, 'model.safetensors'));
      const { message } = await said(chinese, folder);
      const expected = table['{0}: {1} is {2}, {3} was expected.']!;
      const values = [file, 'model_type', '5', table['a string']!];
      assert.equal(
        message,
        expected.replace(/\{(\d)\}/g, (_, at) => values[Number(at)]!),
      );
    });

    for (const [what, contents] of Object.entries({
      'no translations': undefined,
      'a missing file': null,
      'no JSON': '{"a',
      'another value': '7',
      'no texts': JSON.stringify({ [english]: { message: 7, comment: ['x'] } }),
    }))
      it(`speaks English with ${what}`, async () => {
        const file = contents === undefined ? undefined : join(tempFolder(), 'none.json');
        const given = typeof contents === 'string' ? writeFile(join(tempFolder(), 'bundle.json'), contents) : file;
        const { message, lines } = await said(given, missing);
        assert.equal(
          message,
          english.replace('{0}', () => shownMissing),
        );
        const isBroken = contents !== undefined && what !== 'no texts';
        assert.equal(lines.filter((line) => /speaks English/.test(line.message)).length, isBroken ? 1 : 0);
      });
  });
});
