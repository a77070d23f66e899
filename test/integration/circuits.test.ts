import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExtensionParts } from '../../src/extension';
import { exportCircuits } from '../../src/host/exportCircuits';
import type { CheckpointInfo } from '../../src/protocol/checkpoint';
import { closeEverything, errorsDuring, eventually, extensionPath, parts, run, sample } from './support';

interface Reference {
  composition: { scores: Record<'0->1', Record<'K', number[][]>> };
}

describe('circuits', () => {
  let p: ExtensionParts;
  let checkpoint: CheckpointInfo;
  before(async () => {
    p = await parts();
    checkpoint = (await p.checkpoints.open(sample('attn-only-2l')))!;
  });
  after(async () => {
    await vscode.workspace.getConfiguration('circuitscope').update('headNameThresholds', undefined, true);
    await closeEverything();
  });
  const names = (): string[] | undefined => {
    const all = p.circuits.names(checkpoint);
    return all?.map((own) => own.map(({ name }) => name).join());
  };

  it('name the heads of a small checkpoint without being asked', async () => {
    const found = await eventually('names', names);
    assert.match(found[4]!, /^previousToken/);
    for (const head of [5, 7]) assert.equal(found[8 + head], 'induction,ovCopying');
    assert.equal(found.filter((name) => /previous|induction/.test(name)).length, 3, found.join('; '));
  });

  it('are named anew when a threshold changes', async () => {
    const settings = vscode.workspace.getConfiguration('circuitscope');
    const changed = new Promise<void>((resolve) => {
      const listening = p.circuits.onDidChange(() => (listening.dispose(), resolve()));
    });
    await settings.update('headNameThresholds', { induction: 2, ovCopying: 0.5 }, true);
    await changed;
    assert.equal(names()![13], 'ovCopying');
    await settings.update('headNameThresholds', undefined, true);
    await eventually('the old names', () => (names()![13] === 'induction,ovCopying' ? true : undefined));
  });

  it('are computed once, and again by an engine that was started again', async () => {
    const first = await p.circuits.composition(checkpoint);
    assert.equal(await p.circuits.composition(checkpoint), first);
    await errorsDuring(async (said) => {
      process.kill(p.engine.pid!, 'SIGKILL');
      await eventually('message', () => (said.length > 0 ? true : undefined));
      await p.engine.whenReady();
    });
    const again = await p.circuits.composition(checkpoint);
    assert.notEqual(again, first);
    assert.deepEqual(again.scores.K, first.scores.K);
    await eventually('names', names);
  });

  it('are exported whole', async () => {
    const file = path.join(tmpdir(), `circuits-${process.pid}.csv`);
    const original = vscode.window.showSaveDialog;
    Object.assign(vscode.window, { showSaveDialog: () => Promise.resolve(vscode.Uri.file(file)) });
    try {
      await p.circuits.scores(checkpoint);
      await exportCircuits(checkpoint, p.circuits.now(checkpoint), 'composition.csv');
    } finally {
      Object.assign(vscode.window, { showSaveDialog: original });
    }
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    rmSync(file);
    assert.equal(lines.length, 1 + 3 * 64);
    const json = readFileSync(extensionPath('test/fixtures/reference/attn-only-2l/reference.json'), 'utf8');
    const expected = (JSON.parse(json) as Reference).composition.scores['0->1'].K[4]![5]!;
    const [, , , score] = lines.find((line) => line.startsWith('L0H4,L1H5,K,'))!.split(',');
    assert.ok(Math.abs(Number(score) - expected) < 1e-4, `${score} is not ${expected}`);
  });

  it('leave the selection of an analysis alone while they are about another checkpoint', async () => {
    await p.analyses.run(checkpoint, { name: 'prompt', text: 'one two three' });
    const head = { layer: 1, head: 5 };
    p.selection.apply({ kind: 'chooseHead', head }, 'test');
    await p.checkpoints.open(sample('attn-only-1l'));
    await run('showCircuits');
    assert.deepEqual(p.selection.value.head, head);
    assert.equal(p.analyses.current?.checkpoint.name, 'attn-only-2l');
  });

  it('are forgotten with their checkpoint', async () => {
    await p.checkpoints.close(p.checkpoints.at(checkpoint.path)!);
    assert.equal(p.circuits.names(checkpoint), undefined);
  });
});
