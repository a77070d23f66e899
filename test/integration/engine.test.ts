import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExtensionParts } from '../../src/extension';
import { closeEverything, errorsDuring, eventually, openTotal, parts, run, sample } from './support';

const inductionHead = { reduction: 'one', weighting: 'pattern', head: { layer: 1, head: 5 } } as const;

describe('the engine', () => {
  let p: ExtensionParts;
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-broken-'));
  before(async () => {
    p = await parts();
    await p.checkpoints.open(sample('attn-only-2l'));
    await openTotal();
    await run('analyzeSelection');
  });
  after(async () => {
    await closeEverything();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is started again when it was killed, with the checkpoint and the analysis', async () => {
    const { pid } = p.engine;
    const analysis = p.analyses.current!;
    const before = await p.analyses.matrix(analysis, { ...inductionHead, head: { layer: 1, head: 6 } });
    const messages = await errorsDuring(async (said) => {
      process.kill(pid!, 'SIGKILL');
      await eventually('message', () => (said.length > 0 ? true : undefined));
      const again = await p.analyses.matrix(analysis, { ...inductionHead, head: { layer: 1, head: 7 } });
      assert.equal(again.n, 42);
    });
    assert.equal(messages.length, 1, messages.join('\n'));
    assert.match(messages[0]!, /analysis engine stopped \((SIGKILL|exit code 1)\)/);
    assert.notEqual(p.engine.pid, pid);
    assert.equal(p.checkpoints.active?.name, 'attn-only-2l');
    await run('rerun');
    const after = await p.analyses.matrix(p.analyses.current!, { ...inductionHead, head: { layer: 1, head: 6 } });
    assert.deepEqual(after.values, before.values);
  });

  it('does not mix up analyses that were made before and after it died', async () => {
    const { active } = p.checkpoints;
    const current = p.analyses.current!;
    const first = (await p.analyses.run(active!, { name: 'first', text: 'one two' }))!;
    const second = (await p.analyses.run(active!, { name: 'second', text: 'one two three four' }))!;
    const matrices = async (): Promise<Float32Array[]> => [
      (await p.analyses.matrix(second, inductionHead)).values,
      (await p.analyses.matrix(first, inductionHead)).values,
    ];
    const before = await matrices();
    await errorsDuring(async (said) => {
      process.kill(p.engine.pid!, 'SIGKILL');
      await eventually('message', () => (said.length > 0 ? true : undefined));
    });
    // nothing of this is cached: the engine is asked, and runs both again
    for (const analysis of [second, first]) await p.analyses.sources(analysis, 1, 1);
    assert.notEqual(first.info.id, second.info.id);
    assert.deepEqual(await matrices(), before);
    p.analyses.show(current);
  });

  it('says so once when it dies during an analysis, and the next one works', async () => {
    const analysis = p.analyses.current!;
    const messages = await errorsDuring(async (said) => {
      const running = p.analyses.run(analysis.checkpoint, { name: 'prompt', text: 'some text' });
      process.kill(p.engine.pid!, 'SIGKILL');
      assert.equal(await running, undefined);
      await eventually('message', () => (said.length > 0 ? true : undefined));
      const next = await p.analyses.run(p.checkpoints.active!, { name: 'prompt', text: 'some text' });
      assert.ok(next!.info.tokens.length > 0);
    });
    assert.equal(messages.length, 1, messages.join('\n'));
    p.analyses.show(analysis);
  });

  it('says in one sentence why a checkpoint cannot be opened, and loses nothing', async () => {
    const broken = path.join(folder, 'broken');
    cpSync(sample('attn-only-2l'), broken, { recursive: true });
    truncateSync(path.join(broken, 'model.safetensors'), 1_000_000);
    const analysis = p.analyses.current;
    const messages = await errorsDuring(async () => {
      await run('openCheckpoint', vscode.Uri.file(broken));
    });
    assert.equal(messages.length, 1);
    assert.match(messages[0]!, /model\.safetensors/);
    assert.doesNotMatch(messages[0]!, /\n/);
    assert.equal(p.checkpoints.all.length, 1);
    assert.equal(p.analyses.current, analysis);
    await run('rerun');
    assert.equal(p.analyses.current?.info.tokens.length, 42);
  });

  it('gives up a cancelled analysis quietly and keeps the one before', async () => {
    const analysis = p.analyses.current!;
    const messages = await errorsDuring(async () => {
      const running = p.analyses.run(analysis.checkpoint, { name: 'prompt', text: 'some other text' });
      p.work.cancel();
      assert.equal(await running, undefined);
    });
    assert.deepEqual(messages, []);
    assert.equal(p.analyses.current, analysis);
    assert.equal((await p.analyses.matrix(analysis, inductionHead)).n, 42);
  });

  it('tells what is wrong with a prompt and keeps the analysis', async () => {
    const analysis = p.analyses.current!;
    const messages = await errorsDuring(async () => {
      await p.analyses.run(analysis.checkpoint, { name: 'prompt', text: '' });
    });
    assert.deepEqual(messages, ['The prompt is empty.']);
    assert.equal(p.analyses.current, analysis);
  });

  it('cuts a long prompt and says so', async () => {
    const analysis = await p.analyses.run(p.checkpoints.active!, { name: 'prompt', text: 'word '.repeat(400) });
    assert.equal(analysis!.info.tokens.length, 256);
    assert.match(analysis!.info.notices[0]!, /first 256 are shown \(context length of the model\)/);
  });
});
