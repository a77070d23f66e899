import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExtensionParts } from '../../src/extension';
import type { ResultView } from '../../src/host/resultEditor';
import { readResult } from '../../src/protocol/readResult';
import { writeResult, type ResultFile } from '../../src/protocol/resultFile';
import { answering, closeEverything, errorsDuring, eventually, openTotal, parts, run, sample } from './support';

const HEAD = { layer: 1, head: 5 };
/** The second ` add` of prompt 0. */
const ADD = 27;

describe('saved results', () => {
  let p: ExtensionParts;
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-result-'));
  const file = path.join(folder, 'head.circuitscope.json');
  const uri = vscode.Uri.file(file);
  let asked: unknown;
  const read = (): ResultFile => {
    const found = readResult(readFileSync(file, 'utf8'), file);
    assert.ok('result' in found, JSON.stringify(found));
    return found.result;
  };
  const openPage = async (): Promise<ResultView> => {
    await vscode.commands.executeCommand('vscode.open', uri);
    return eventually('page', () => p.resultEditor.viewOf(uri));
  };
  const checked = (view: ResultView): ResultView['page']['check'] => view.page.check;
  const found = (view: ResultView): Promise<unknown> => eventually('its files', () => view.page.checkpoint);

  before(async () => {
    p = await parts();
    await p.checkpoints.open(sample('attn-only-2l'));
    await openTotal();
    await run('analyzeSelection');
    p.selection.apply({ kind: 'chooseHead', head: HEAD }, 'test');
    p.selection.apply({ kind: 'lockToken', token: ADD }, 'test');
    [asked] = await answering('showSaveDialog', [uri], () => run('saveResult', 'attention'));
  });
  after(async () => {
    await closeEverything();
    rmSync(folder, { recursive: true, force: true });
  });

  it('keep the name that was offered: VS Code adds an ending where the last one is not among the filters', () => {
    const { defaultUri, filters } = asked as vscode.SaveDialogOptions;
    const last = path.extname(defaultUri!.path).slice(1);
    assert.ok(Object.values(filters!).flat().includes(last), JSON.stringify(filters));
  });

  it('say what was looked at, with a path from where they are', () => {
    const { view, tokens, ids, source, checkpoint, numbers } = read();
    assert.deepEqual(view, {
      ...{ panel: 'attention', head: 'L1H5', destination: ADD },
      ...{ weighting: 'pattern', reduction: 'one' },
    });
    assert.deepEqual([tokens.length, ids.length, source], [42, 42, 'total.ts:4–9']);
    assert.equal(path.resolve(folder, checkpoint.path), sample('attn-only-2l'));
    const strongest = Object.entries(numbers['sources']!).sort(([, a], [, b]) => b - a)[0]![0];
    assert.match(strongest, /^27 → /);
  });

  it('open as a page; the panels come back as they were', async () => {
    await closeEverything();
    const view = await openPage();
    await found(view);
    assert.deepEqual([view.page.checkpoint!.problem, view.page.checkpoint!.changes], [undefined, []]);
    assert.equal(p.checkpoints.all.length, 0, 'looking opens nothing');
    await view.act('open');
    assert.equal(p.analyses.current!.checkpoint.name, 'attn-only-2l');
    assert.deepEqual([p.selection.value.head, p.selection.value.locked], [HEAD, { destination: ADD }]);
    assert.equal(p.panel.isOpen, true);
  });

  it('run again: the same numbers; then a number that is another, after the file was changed', async () => {
    const view = await openPage();
    await found(view);
    await view.act('check');
    assert.equal(view.page.check?.same, true, JSON.stringify(view.page.check?.rows.filter((r) => r.differs)));
    const saved = read();
    const sources = { ...saved.numbers['sources'], [`${ADD} → 0`]: 0.9 };
    writeFileSync(file, writeResult({ ...saved, numbers: { ...saved.numbers, sources } }));
    await eventually('page of the changed file', () => {
      const { result } = view.page;
      return 'numbers' in result && result.numbers['sources']![`${ADD} → 0`] === 0.9 ? true : undefined;
    });
    assert.equal(checked(view), undefined, 'an answer to what the file said before');
    await found(view);
    await view.act('check');
    assert.deepEqual(
      checked(view)!
        .rows.filter(({ differs }) => differs)
        .map(({ name }) => name),
      [`${ADD} → 0`],
    );
    assert.equal(readFileSync(file, 'utf8').includes('0.9'), true, 'read only');
  });

  it('without their checkpoint say so; another one can be chosen', async () => {
    const saved = read();
    const other = path.join(folder, 'elsewhere');
    cpSync(sample('attn-only-1l'), other, { recursive: true });
    const gone = { ...saved, checkpoint: { ...saved.checkpoint, name: 'gone', path: 'gone' } };
    writeFileSync(file, writeResult(gone));
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const view = await openPage();
    await found(view);
    assert.match(view.page.checkpoint!.problem!, /gone does not exist/);
    await view.act('check');
    assert.equal(checked(view), undefined);
    await answering('showOpenDialog', [[vscode.Uri.file(other)]], () => view.act('chooseCheckpoint'));
    const { problem, at, changes } = view.page.checkpoint!;
    assert.deepEqual([problem, at], [undefined, other]);
    assert.match(changes.join(), /weights of the checkpoint elsewhere are others/);
    await view.act('check');
    assert.match(view.page.failed ?? '', /no head L1H5/i);
  });

  it('of another tool’s patterns open as a page without a checkpoint', async () => {
    const [from, out, target] = ['theirs.json', 'theirs.circuitscope.json', 'others.json'].map((name) =>
      vscode.Uri.file(path.join(folder, name)),
    );
    writeFileSync(
      from!.fsPath,
      JSON.stringify({
        tokens: ['a', 'b'],
        attention: [
          [
            [1, 0],
            [0.25, 0.75],
          ],
        ],
      }),
    );
    let asked: unknown[] = [];
    const warnings = await answering('showWarningMessage', [], () =>
      answering('showOpenDialog', [[from]], async () => {
        asked = await answering('showSaveDialog', [out], () => run('openPatternFile'));
      }),
    );
    assert.equal((asked[0] as vscode.SaveDialogOptions).defaultUri?.fsPath, out!.fsPath);
    assert.deepEqual(warnings, []);
    const { page } = await eventually('page', () => p.resultEditor.viewOf(out!));
    const saved = readResult(readFileSync(out!.fsPath, 'utf8'), 'theirs');
    assert.ok('result' in saved, JSON.stringify(saved));
    const { tokens, patterns } = saved.result;
    assert.deepEqual([tokens, patterns], [['a', 'b'], [{ head: 'H0', rows: ['1', '0.25 0.75'] }]]);
    assert.deepEqual(page.result, saved.result, 'the page has what was kept');
    // another ending would open as text; what is unusual is said
    writeFileSync(from!.fsPath, '{ "tokens": ["a"], "attention": [[[0.5]]] }');
    const said = await answering('showWarningMessage', [], async () => {
      await answering('showSaveDialog', [target], () => run('openPatternFile', from));
    });
    assert.deepEqual(said, ['1 of 1 rows do not add up to 1; they are shown as they are.']);
    const named = target!.with({ path: target!.path.replace(/\.json$/, '.circuitscope.json') });
    await eventually('page', () => p.resultEditor.viewOf(named));
    writeFileSync(from!.fsPath, '{ "tokens": ["a"] }');
    const errors = await errorsDuring(async () => {
      await answering('showSaveDialog', [out], () => run('openPatternFile', from));
    });
    assert.match(errors.join('\n'), /theirs\.json.*attention/);
    assert.deepEqual(readResult(readFileSync(out!.fsPath, 'utf8'), 'theirs'), saved, 'what was there stays');
  });

  it('that are damaged say where; they open as text', async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    writeFileSync(file, '{ "format": "circuitscope-result", "formatVersion": 1 }');
    const view = await openPage();
    const { result } = view.page;
    assert.match('error' in result ? result.error : '', /^head\.circuitscope\.json: circuitscope is missing/);
    await view.act('text');
    assert.equal(vscode.window.activeTextEditor?.document.uri.fsPath, file);
  });
});
