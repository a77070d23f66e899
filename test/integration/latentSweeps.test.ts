import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExtensionParts } from '../../src/extension';
import { askSweep } from '../../src/host/sweepQuestions';
import { Sweeps, type SweepPlan } from '../../src/host/sweeps';
import type { CheckpointInfo } from '../../src/protocol/checkpoint';
import type { SaeInfo } from '../../src/protocol/latents';
import { answering, closeEverything, eventually, parts, sample } from './support';

describe('latents in a sweep', () => {
  let p: ExtensionParts;
  let checkpoint: CheckpointInfo;
  let folder: string;
  let own: SaeInfo;
  let plan: SweepPlan;
  let out: string;
  before(async () => {
    p = await parts();
    folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-sweep-'));
    checkpoint = (await p.checkpoints.open(sample('neox-6l')))!;
    own = (await p.latents.open(checkpoint, sample('mlsae-neox-6l-x16-k16')))!;
    out = path.join(folder, 'sweep');
    const texts = path.join(folder, 'texts');
    mkdirSync(texts);
    const text = readFileSync(sample('workspace/src/total.ts'), 'utf8');
    for (let i = 0; i < 60; i++) writeFileSync(path.join(texts, `${i}.txt`), `${i} ${text} ${text}`);
    plan = p.sweeps.planOf(own, { globs: ['*.txt'], folder: texts }, out)!;
  });
  after(async () => {
    await closeEverything();
    rmSync(folder, { recursive: true });
  });
  const begun = (): Promise<number> =>
    eventually('begun sweep', () => (existsSync(out) && readdirSync(out).length > 0 ? p.sweeps.pid : undefined));

  it('that is cancelled are asked about, and not forgotten', async () => {
    const pid = p.engine.pid;
    const asked = await answering('showWarningMessage', [undefined], async () => {
      const running = p.sweeps.run(plan);
      assert.notEqual(await begun(), pid);
      p.sweeps.cancel();
      assert.equal(await running, undefined);
    });
    assert.deepEqual(asked, ['The sweep into sweep was cancelled.']);
    assert.equal(p.sweeps.running, false);
    assert.deepEqual(p.sweeps.unfinished, plan);
    assert.equal(p.engine.pid, pid);
  });

  it('that was not finished are offered after a reload, once', async () => {
    const state = { get: () => plan } as unknown as vscode.Memento;
    const { latents, checkpoints } = p;
    const asked = await answering('showWarningMessage', [undefined, undefined], async () => {
      const reloaded = new Sweeps({ enginePath: '', checkpoints, latents, state, log: undefined! });
      for (let i = 0; i < 2; i++) own = (await latents.open(checkpoint, own.path))!;
      reloaded.dispose();
    });
    assert.deepEqual(asked, ['The sweep into sweep was not finished.']);
  });

  it('whose engine dies go on when that is wanted, and what is found is open then', async () => {
    const asked = await answering('showWarningMessage', ['Resume'], async () => {
      const running = p.sweeps.run(plan);
      process.kill(await begun(), 'SIGKILL');
      await running;
      await eventually('results', () => p.latents.corpus(own));
    });
    assert.equal(asked.length, 1);
    assert.match(String(asked[0]), /SIGKILL|exit code 1/);
    const corpus = p.latents.corpus(own)!;
    assert.deepEqual([corpus.documents, corpus.complete, corpus.dir], [60, true, out]);
    assert.equal(p.sweeps.unfinished, undefined);
    // as after a reload of the window
    await p.latents.close(own);
    const again = (await p.latents.open(checkpoint, own.path))!;
    own = again;
    await eventually('the sweep', () => p.latents.corpus(again));
  });

  it('have as many dead latents as the setting says, also when it changes', async () => {
    const settings = vscode.workspace.getConfiguration('circuitscope');
    const { dead } = p.latents.corpus(own)!;
    assert.equal(dead.threshold, 1e-7);
    await settings.update('deadLatentThreshold', 0.5, vscode.ConfigurationTarget.Global);
    try {
      const changed = await eventually('another threshold', () => {
        const now = p.latents.corpus(own)!.dead;
        return now.threshold === 0.5 ? now : undefined;
      });
      assert.ok(changed.count > dead.count, `${changed.count}, ${dead.count}`);
    } finally {
      await settings.update('deadLatentThreshold', undefined, vscode.ConfigurationTarget.Global);
    }
    await eventually('the default', () => (p.latents.corpus(own)!.dead.threshold === 1e-7 ? true : undefined));
  });

  it('that are of other texts by now start over in another folder, when that is wanted', async () => {
    writeFileSync(path.join(plan.corpus.folder, '0.txt'), 'edited');
    const asked = await answering('showWarningMessage', [undefined], () => p.sweeps.run(plan));
    assert.equal(asked.length, 1);
    assert.match(String(asked[0]), /another size of the corpus .*: give another folder, or delete it\.$/);
    await eventually('forgotten sweep', () => (p.sweeps.unfinished ? undefined : true));
    const before = readFileSync(path.join(out, 'sweep.json'), 'utf8');
    await answering('showWarningMessage', ['Start Over'], async () => {
      await p.sweeps.run(plan);
      await eventually('results', () => (p.latents.corpus(own)?.dir === `${out}-2` ? true : undefined));
    });
    assert.equal(readFileSync(path.join(out, 'sweep.json'), 'utf8'), before);
  });

  it('that are finished are not offered to go on', async () => {
    const sweeps = path.join(vscode.workspace.workspaceFolders![0]!.uri.fsPath, '.circuitscope', 'sweeps');
    const usual = path.join(sweeps, own.name);
    mkdirSync(usual, { recursive: true });
    writeFileSync(path.join(usual, 'sweep.json'), '{"complete": true}');
    const { window } = vscode;
    const original = window.showInputBox;
    const offered: (string | undefined)[] = [];
    let typed: string | undefined;
    Object.assign(window, {
      showInputBox: ({ value }: vscode.InputBoxOptions) => {
        offered.push(value);
        return Promise.resolve(offered.length % 2 ? value : (typed ?? value));
      },
    });
    try {
      assert.equal((await askSweep(own))?.out, `${usual}-2`);
      typed = usual;
      const asked = await answering('showWarningMessage', ['Start Over', 'Cancel'], async () => {
        assert.equal((await askSweep(own))?.out, `${usual}-2`);
        assert.equal(await askSweep(own), undefined);
      });
      assert.deepEqual(asked, [`${usual} has a finished sweep.`, `${usual} has a finished sweep.`]);
      assert.equal(offered[1], `${usual}-2`);
    } finally {
      Object.assign(window, { showInputBox: original });
      rmSync(usual, { recursive: true });
    }
  });
});
