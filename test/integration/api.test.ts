import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { ApiAnalysis, CircuitscopeApi } from '../../src/protocol/api';
import { api, closeEverything, openTotal, parts, reference, referencePattern, run, sample } from './support';

/** As another extension uses it: nothing of ours but the exports. */
describe('the API for other extensions', () => {
  let circuitscope: CircuitscopeApi;
  const { text, ids } = reference('attn-only-2l').prompts[0]!;
  const checkPattern = async (analysis: ApiAnalysis): Promise<void> => {
    const expected = referencePattern('attn-only-2l', 0, { layer: 1, head: 5 });
    const pattern = await analysis.pattern(1, 5);
    assert.equal(pattern.length, expected.length);
    pattern.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-4, `weight ${i}`));
  };

  before(async () => {
    circuitscope = await api();
  });
  afterEach(closeEverything);

  it('has a version, and names that stay', () => {
    assert.equal(circuitscope.version, 1);
    assert.deepEqual(Object.keys(circuitscope).sort(), [
      ...['activeCheckpoint', 'analyze', 'composition', 'headScores', 'latents', 'onDidAnalyze', 'openCheckpoint'],
      'version',
    ]);
  });

  it('opens a checkpoint and runs a text, without touching what is shown', async () => {
    const { checkpoints, analyses } = await parts();
    const checkpoint = await circuitscope.openCheckpoint(sample('attn-only-2l'));
    assert.deepEqual([checkpoint.info.name, checkpoint.info.nLayers], ['attn-only-2l', 2]);
    assert.equal(circuitscope.activeCheckpoint?.id, checkpoint.id);
    const analysis = await circuitscope.analyze(checkpoint, text);
    assert.deepEqual(
      analysis.tokens.map(({ id }) => id),
      ids,
    );
    assert.equal(analysis.tokens.map((token) => text.slice(token.start, token.end)).join(''), text);
    const [top] = reference('attn-only-2l').prompts[0]!.next_token_top5;
    assert.equal(analysis.nextTokens.at(-1)![0]!.id, top![0]);
    await checkPattern(analysis);
    assert.equal(analyses.current, undefined);
    await assert.rejects(analysis.pattern(2, 0), /There is no head L2H0/);
    analysis.dispose();
    await assert.rejects(analysis.pattern(1, 5), /no longer held/);
    const again = await circuitscope.openCheckpoint(sample('attn-only-2l'));
    await again.close();
    assert.equal(checkpoints.all.length, 1, 'open before: it stays');
    await checkpoint.close();
    assert.equal(checkpoints.all.length, 0);
    await assert.rejects(circuitscope.analyze(checkpoint, text), /attn-only-2l is no longer open/);
    await assert.rejects(circuitscope.openCheckpoint(sample('none')), /none does not exist/);
  });

  it('runs a part of a document, and tells of what people analyze', async () => {
    const checkpoint = await circuitscope.openCheckpoint(sample('attn-only-2l'));
    const heard: ApiAnalysis[] = [];
    const listening = circuitscope.onDidAnalyze((analysis) => heard.push(analysis));
    const { document, selection } = await openTotal();
    const quiet = await circuitscope.analyze(checkpoint, { document, range: selection });
    assert.deepEqual([quiet.sourceName, heard.length], ['total.ts:4–9', 0]);
    await checkPattern(quiet);
    await run('analyzeSelection');
    assert.equal(heard.length, 1);
    await checkPattern(heard[0]!);
    const shown = await circuitscope.analyze(checkpoint, { ids: ids.slice(0, 5) }, { show: true });
    assert.deepEqual([heard.length, heard[1]!.tokens.length, shown.tokens.length], [2, 5, 5]);
    listening.dispose();
    await circuitscope.analyze(checkpoint, text, { show: true });
    assert.equal(heard.length, 2);
  });

  it('survives the engine', async () => {
    const { engine } = await parts();
    const checkpoint = await circuitscope.openCheckpoint(sample('attn-only-2l'));
    const analysis = await circuitscope.analyze(checkpoint, text);
    const original = vscode.window.showErrorMessage;
    Object.assign(vscode.window, { showErrorMessage: () => Promise.resolve(undefined) });
    try {
      process.kill(engine.pid!, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 50));
      await checkPattern(analysis);
    } finally {
      Object.assign(vscode.window, { showErrorMessage: original });
    }
  });

  it('gives scores, composition and latents', async () => {
    const checkpoint = await circuitscope.openCheckpoint(sample('neox-6l'));
    const scores = await circuitscope.headScores(checkpoint);
    const { nLayers, nHeads } = checkpoint.info;
    assert.equal(scores.length, nLayers * nHeads);
    const { scores: byKind, baseline } = await circuitscope.composition(checkpoint);
    assert.equal(byKind.K.length, (nLayers * nHeads) ** 2);
    assert.ok(baseline.K > 0 && baseline.K < 0.5);
    const analysis = await circuitscope.analyze(checkpoint, text);
    const { layers, k, indices, values, fvu } = await circuitscope.latents(analysis, sample('mlsae-neox-6l-x16-k16'));
    assert.deepEqual([layers.length, k, fvu.length], [6, 16, 6]);
    assert.equal(indices.length, layers.length * analysis.tokens.length * k);
    assert.ok(values[0]! >= values[k - 1]!);
    analysis.dispose();
  });
});
