import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { ExtensionParts } from '../../src/extension';
import { closeEverything, eventually, openTotal, parts, reference, referencePattern, run, sample } from './support';

const lockedAdd = 27;

describe('analyzing a selection', () => {
  let p: ExtensionParts;
  let editor: vscode.TextEditor;
  before(async () => {
    p = await parts();
    await p.checkpoints.open(sample('attn-only-2l'));
    editor = await openTotal();
    await run('analyzeSelection');
  });
  after(closeEverything);
  beforeEach(() => run('unlock'));

  it('shows the checkpoint, its size and what runs it', () => {
    const { active } = p.checkpoints;
    assert.equal(active?.name, 'attn-only-2l');
    assert.deepEqual([active.nLayers, active.nHeads, active.dModel, active.dHead], [2, 8, 256, 32]);
    assert.equal(active.nParams, 2_686_976);
    assert.ok(active.provider.length > 0);
  });

  it('has the tokens of the reference, where they are in the text', () => {
    const { info, source } = p.analyses.current!;
    const { ids, text } = reference('attn-only-2l').prompts[0]!;
    assert.deepEqual(
      info.tokens.map(({ id }) => id),
      ids,
    );
    assert.equal(source.name, 'total.ts:4–9');
    assert.equal(info.tokens.map(({ start, end }) => text.slice(start, end)).join(''), text);
  });

  it('has the pattern of the induction head', async () => {
    const key = { reduction: 'one', weighting: 'pattern', head: { layer: 1, head: 5 } } as const;
    const { n, values } = await p.analyses.matrix(p.analyses.current!, key);
    assert.equal(n, 42);
    const expected = referencePattern('attn-only-2l', 0, { layer: 1, head: 5 });
    assert.equal(values.length, expected.length);
    values.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-4, `cell ${i}`));
  });

  it('predicts what the reference predicts', () => {
    const { predictions } = p.analyses.current!.info;
    const expected = reference('attn-only-2l').prompts[0]!.next_token_top5;
    assert.deepEqual(
      predictions.at(-1)!.map(({ id }) => id),
      expected.map(([id]) => id),
    );
    predictions.at(-1)!.forEach(({ p: got }, i) => assert.ok(Math.abs(got - expected[i]![1]) < 1e-5));
  });

  it('marks the locked token, its twin and what it attends to', async () => {
    p.selection.apply({ kind: 'chooseHead', head: { layer: 1, head: 5 } }, 'test');
    await run('lockToken', lockedAdd);
    const drawn = await eventually('tint', () => {
      const { current } = p.decorations;
      return current.locked[0] === lockedAdd && current.tinted.length > 0 ? current : undefined;
    });
    assert.deepEqual(drawn.same, [2]);
    const [strongest] = [...drawn.tinted].sort((a, b) => b[1] - a[1]);
    assert.equal(strongest![0], 3);
    const expected = referencePattern('attn-only-2l', 0, { layer: 1, head: 5 })[lockedAdd * 42 + 3]!;
    assert.ok(Math.abs(strongest![1] - expected) < 1e-4);
    await run('unlock');
    await eventually('rest', () => (p.decorations.current.locked.length === 0 ? true : undefined));
  });

  it('follows the cursor', async () => {
    const { document } = editor;
    const at = document.positionAt(p.analyses.current!.tracked!.token(lockedAdd)!.start + 1);
    editor.selection = new vscode.Selection(at, at);
    await eventually('preview', () => (p.selection.value.preview.destination === lockedAdd ? true : undefined));
    editor.selection = new vscode.Selection(0, 0, 0, 0);
    await eventually('end of the preview', () =>
      p.selection.value.preview.destination === undefined ? true : undefined,
    );
  });

  it('has a card for a token', async () => {
    const { document } = editor;
    const { start } = p.analyses.current!.tracked!.token(lockedAdd)!;
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      document.positionAt(start + 1),
    );
    const text = hovers.flatMap((hover) => hover.contents.map((c) => (c as vscode.MarkdownString).value)).join('\n');
    const card = text.replaceAll(/!\[\]\([^)]*\)/g, 'BAR');
    assert.match(card, /\*\*·add\*\* token 27 · id 1006 · also token 2/);
    assert.match(card, /\| ·\\= \| 26 \| BAR \| 1\.00 \| L0H4 \|/);
    assert.match(card, /\| \\\( \| 3 \| BAR \| 0\.89 \| L1H5 \|/);
    assert.match(card, /\| \\\( \| ✓ \| BAR \| 0\.26 \|/);
    assert.match(card, /surprisal of next 1\.9\d bits/);
    assert.match(card, /\[Lock\]\(command:circuitscope\.lockToken\?%5B27%5D\)/);
  });

  it('has a code lens above the text', async () => {
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      editor.document.uri,
    );
    const titles = lenses.filter((l) => l.range.start.line === 3).map((l) => l.command?.title);
    assert.deepEqual(titles, ['attn-only-2l · 42 tokens', 'Show attention', 'Re-run']);
  });

  it('moves with edits, says that it is stale, and is not after undo', async () => {
    const { document } = editor;
    const analysis = p.analyses.current!;
    const word = (): string => {
      const { start, end } = analysis.tracked!.token(lockedAdd)!;
      return document.getText(new vscode.Range(document.positionAt(start), document.positionAt(end)));
    };
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '// one more line\n'));
    assert.equal(word(), ' add');
    assert.equal(analysis.stale, false);
    await editor.edit((edit) => edit.insert(document.positionAt(analysis.tracked!.token(4)!.start), 'first'));
    assert.equal(word(), ' add');
    assert.equal(analysis.stale, true);
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      document.uri,
    );
    assert.ok(lenses.some((l) => l.command?.title === 'attn-only-2l · 42 tokens · edited since'));
    await vscode.commands.executeCommand('undo');
    assert.equal(analysis.stale, false);
    await run('rerun');
    assert.equal(p.analyses.current!.info.tokens.length, 42);
    assert.equal(p.analyses.current!.source.name, 'total.ts:5–10');
  });

  it('goes to a head from the tree', async () => {
    await run('showHead', { layer: 0, head: 4 }, sample('attn-only-2l'));
    assert.deepEqual(p.selection.value.head, { layer: 0, head: 4 });
    assert.equal(p.panel.isOpen, true);
  });
});

describe('several checkpoints and long texts', () => {
  after(closeEverything);

  it('goes back to the other analysis, with a selection of its own, when a checkpoint is closed', async () => {
    const p = await parts();
    const small = (await p.checkpoints.open(sample('attn-only-2l')))!;
    await p.analyses.run(small, { name: 'prompt', text: 'x' });
    const large = (await p.checkpoints.open(sample('neox-6l')))!;
    await p.analyses.run(large, { name: 'prompt', text: 'a much longer text' });
    p.selection.apply({ kind: 'chooseHead', head: { layer: 5, head: 2 } }, 'test');
    p.selection.apply({ kind: 'lockToken', token: 3 }, 'test');
    await p.checkpoints.close(large);
    assert.equal(p.analyses.current?.checkpoint.name, 'attn-only-2l');
    assert.equal(p.checkpoints.active?.name, 'attn-only-2l');
    assert.deepEqual(p.selection.value.head, { layer: 0, head: 0 });
    assert.deepEqual(p.selection.value.locked, {});
  });

  it('keeps of a long document what the model read', async () => {
    const p = await parts();
    const document = await vscode.workspace.openTextDocument({ content: 'word '.repeat(5000) });
    await vscode.window.showTextDocument(document, vscode.ViewColumn.One);
    await run('analyzeSelection');
    const { info, source, tracked } = p.analyses.current!;
    assert.equal(info.tokens.length, 256);
    assert.equal(source.text.length, info.tokens.at(-1)!.end);
    assert.equal(tracked!.range.end, info.tokens.at(-1)!.end);
    assert.equal(p.analyses.current!.stale, false);
  });

  it('reads the editor that had the focus last, not the log', async () => {
    const p = await parts();
    await openTotal();
    await run('showLog');
    await vscode.commands.executeCommand('workbench.panel.output.focus');
    await eventually('focus in the log', () =>
      vscode.window.activeTextEditor?.document.uri.scheme === 'output' ? true : undefined,
    );
    await run('analyzeSelection');
    assert.equal(p.analyses.current!.source.name, 'total.ts:4–9');
    await vscode.commands.executeCommand('workbench.action.closePanel');
  });
});

describe('a selection without a checkpoint', () => {
  after(closeEverything);

  it('opens the one that the settings name', async () => {
    const p = await parts();
    await openTotal();
    assert.equal(p.checkpoints.all.length, 0);
    await run('analyzeSelection');
    assert.equal(p.checkpoints.active?.name, 'attn-only-2l');
    assert.equal(p.analyses.current?.info.tokens.length, 42);
  });

  it('forgets analyses with their checkpoint', async () => {
    const p = await parts();
    await run('closeCheckpoint');
    assert.equal(p.checkpoints.active, undefined);
    assert.equal(p.analyses.current, undefined);
  });
});
