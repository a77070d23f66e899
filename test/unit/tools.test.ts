/** The tools for coding agents over an engine that is not there, and what package.json says of them. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../src/engine/checkpoint/errors';
import { requestSteps } from '../../src/engine/mcp';
import { rounded, window } from '../../src/engine/tools/common';
import { toolHandlers, type ToolEngine } from '../../src/engine/tools/handlers';
import { tools } from '../../src/engine/tools/table';
import type { OpenCheckpoint } from '../../src/engine/tools/tool';
import type { SaeInfo } from '../../src/protocol/latents';
import type { ToolAnswer, ToolCall } from '../../src/protocol/tools';
import { ROOT, SAMPLES, tempFolder, writeFile } from './support/files';

const context = { steps: { step: async () => undefined } };

/** An engine whose checkpoints have two layers of two heads. */
class FakeEngine {
  readonly open: OpenCheckpoint[] = [];
  readonly openedSaes: SaeInfo[] = [];
  readonly asked: [method: string, params: unknown][] = [];

  readonly engine = {
    checkpoints: () => this.open,
    saes: () => this.openedSaes,
    prompt: () => assert.fail('no prompt'),
    handlers: new Proxy({}, { get: (_, method) => (params: object) => this.answer(String(method), params) }),
  } as unknown as ToolEngine;

  private async answer(method: string, params: object): Promise<unknown> {
    this.asked.push([method, params]);
    await new Promise((resolve) => setTimeout(resolve, 1));
    const { path, checkpointId } = params as { path: string; checkpointId: string };
    if (method === 'openCheckpoint') {
      if (path.includes('broken')) throw new InputError(`${path} is broken.`);
      const folder = path.replace(/\/config\.json$/, '');
      const info = { id: `c${this.asked.length}`, name: folder, path: folder, nLayers: 2, nHeads: 2, notices: [] };
      this.open.push(info as unknown as OpenCheckpoint);
      return info;
    }
    if (method === 'openSae') {
      this.openedSaes.push({ id: `s${this.asked.length}`, checkpointId, path, label: path } as SaeInfo);
      return this.openedSaes.at(-1);
    }
    if (method === 'closeCheckpoint') {
      const at = this.open.findIndex(({ id }) => id === checkpointId);
      return void this.open.splice(at, 1);
    }
    if (method === 'headScores') return { heads: [], length: 1, batch: 1, seed: 0, notices: [] };
    throw new Error(`nobody asked for ${method}`);
  }

  times(method: string): number {
    return this.asked.filter(([name]) => name === method).length;
  }
}

describe('tools for coding agents', () => {
  let fake: FakeEngine;
  let handlers: ReturnType<typeof toolHandlers>;
  beforeEach(() => {
    fake = new FakeEngine();
    handlers = toolHandlers(fake.engine);
  });
  const whole = (name: string, input: unknown, more: Partial<ToolCall> = {}): ToolCall => ({
    ...{ name, input, roots: [SAMPLES], providers: ['abacus'] },
    ...more,
  });
  const call = async (...params: Parameters<typeof whole>): Promise<ToolAnswer> =>
    handlers.callTool(whole(...params), context);
  const asks = async (...params: Parameters<typeof whole>): Promise<string[]> =>
    (await handlers.prepareTool(whole(...params), context)).asks;
  const model = (name: string): string => join(SAMPLES, name);

  it('are contributed by package.json as the table has them', () => {
    const { contributes } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      contributes: { languageModelTools: Record<string, unknown>[]; mcpServerDefinitionProviders: object[] };
    };
    const english = JSON.parse(readFileSync(join(ROOT, 'package.nls.json'), 'utf8')) as Record<string, string>;
    assert.deepEqual(
      contributes.languageModelTools.map(({ displayName, ...rest }) => ({
        ...{ displayName: english[String(displayName).slice(1, -1)], ...rest },
      })),
      tools.map(({ name, title, description, inputSchema }) => ({
        name: `circuitscope_${name}`,
        displayName: title,
        toolReferenceName: name.replace(/(?:^|_)(.)/g, (_, first: string) => first.toUpperCase()).replace(/^/, 'circuitscope'), // prettier-ignore
        canBeReferencedInPrompt: true,
        icon: 'media/activity.svg',
        tags: ['interpretability'],
        modelDescription: description,
        inputSchema: JSON.parse(JSON.stringify(inputSchema)) as object,
      })),
    );
    assert.deepEqual(contributes.mcpServerDefinitionProviders, [{ id: 'circuitscope.mcp', label: 'Circuitscope' }]);
  });

  it('describe every field', () => {
    for (const { name, inputSchema } of tools)
      for (const [field, { description }] of Object.entries(inputSchema.properties))
        assert.match(description, /^\S.*[.]$/, `${name}.${field}`);
  });

  it('open what a call names, once, on the providers of the call', async () => {
    const answers = await Promise.all([
      call('head_scores', { checkpoint: 'attn-only-2l' }),
      call('head_scores', { checkpoint: model('attn-only-2l') }),
    ]);
    assert.deepEqual(fake.asked[0], ['openCheckpoint', { path: model('attn-only-2l'), providers: ['abacus'] }]);
    assert.equal(fake.times('openCheckpoint'), 1);
    assert.equal(answers.filter(({ opened }) => opened?.path === model('attn-only-2l')).length, 1);
    await call('head_scores', { checkpoint: join(model('attn-only-2l'), 'config.json') });
    await call('head_scores', {});
    assert.equal(fake.times('openCheckpoint'), 1);
    assert.equal(fake.times('headScores'), 4);
  });

  it('one that could not be opened can be tried again', async () => {
    await assert.rejects(call('head_scores', { checkpoint: '/broken' }), /^InputError: \/broken is broken\.$/);
    await assert.rejects(call('head_scores', { checkpoint: '/broken' }), /^InputError: \/broken is broken\.$/);
    await call('head_scores', { checkpoint: '/whole' });
  });

  it('take the default of the call, else what was opened last', async () => {
    await assert.rejects(call('head_scores', {}), /^InputError: No checkpoint is open: open one with open_checkpoint/);
    await assert.rejects(call('close_checkpoint', {}), /^InputError: No checkpoint is open\.$/);
    await call('open_checkpoint', { checkpoint: '/a' });
    await call('open_checkpoint', { checkpoint: '/b' });
    const usedBy = async (more: Partial<ToolCall>): Promise<unknown> =>
      ((await call('head_scores', {}, more)).output as { checkpoint: string }).checkpoint;
    assert.equal(await usedBy({}), '/b');
    assert.equal(await usedBy({ defaults: { checkpoint: '/a' } }), '/a');
    assert.deepEqual((await call('close_checkpoint', { checkpoint: '/b' })).closed, '/b');
    assert.equal(await usedBy({}), '/a');
    await assert.rejects(call('close_checkpoint', { checkpoint: '/b' }), /^InputError: \/b is not open\.$/);
  });

  it('open an autoencoder beside its checkpoint, and never that of another', async () => {
    const defaults = { checkpoint: '/a', mlsae: '/sae' };
    await call('open_checkpoint', { checkpoint: '/a', mlsae: '/sae' });
    await call('open_checkpoint', { checkpoint: '/a', mlsae: '/sae' });
    assert.equal(fake.times('openSae'), 1);
    await assert.rejects(call('latents', { checkpoint: '/b', text: 'x' }, { defaults }), /No sparse autoencoder is open beside \/b/); // prettier-ignore
    assert.equal(fake.times('openSae'), 1);
    await assert.rejects(call('latents', { text: 'x' }, { defaults }), /no prompt/);
  });

  it('refuse a ninth checkpoint', async () => {
    for (let i = 0; i < 8; i++) await call('open_checkpoint', { checkpoint: `/${i}` });
    await assert.rejects(call('open_checkpoint', { checkpoint: '/8' }), /^InputError: 8 checkpoints are open; close/);
    await call('open_checkpoint', { checkpoint: '/3' });
    await call('close_checkpoint', { checkpoint: '/3' });
    await call('open_checkpoint', { checkpoint: '/8' });
  });

  it('say beforehand what would be read, and only that', async () => {
    const { title } = await handlers.prepareTool(whole('attention', { head: 'L1H5', text: 'x' }), context);
    assert.equal(title, 'Attention of a Head, L1H5');
    const twoLayers = `Reads the checkpoint ${model('attn-only-2l')} (5.4 MB of weights).`;
    const sae = model('mlsae-neox-6l-x16-k16');
    assert.deepEqual(await asks('attention', { head: 'L1H5', checkpoint: 'attn-only-2l' }), [twoLayers]);
    assert.deepEqual(await asks('latents', { checkpoint: 'neox-6l', mlsae: sae }), [
      `Reads the checkpoint ${model('neox-6l')} (8.5 MB of weights).`,
      `Reads the sparse autoencoder ${sae} (4.7 MB of weights).`,
    ]);
    assert.deepEqual(await asks('list_checkpoints', {}), []);
    assert.match((await asks('list_checkpoints', { folder: '.' }))[0]!, new RegExp(`^Looks for .* in ${SAMPLES} and`));
    await assert.rejects(asks('composition', { checkpoint: 'nothing' }), /^InputError: .*nothing does not exist/);
    assert.deepEqual(fake.asked, []);

    await call('open_checkpoint', { checkpoint: model('attn-only-2l') });
    assert.deepEqual(await asks('attention', { head: 'L1H5', checkpoint: 'attn-only-2l' }), []);
    assert.match((await asks('close_checkpoint', {}))[0]!, /^Closes the checkpoint .*attn-only-2l, its analyses and/);
  });

  it('count the weights of shards, and of a .onnx', async () => {
    const folder = join(tempFolder(), 'sharded');
    cpSync(join(SAMPLES, 'attn-only-2l', 'config.json'), join(folder, 'config.json'));
    writeFile(join(folder, 'a.safetensors'), Buffer.alloc(1500));
    writeFile(join(folder, 'b.safetensors'), Buffer.alloc(2500));
    writeFile(join(folder, 'model.safetensors.index.json'), { weight_map: {} });
    assert.deepEqual(await asks('composition', { checkpoint: folder }), [`Reads the checkpoint ${folder} (4.0 kB of weights).`]); // prettier-ignore
    const onnx = writeFile(join(tempFolder(), 'small.onnx'), Buffer.alloc(1200));
    assert.deepEqual(await asks('composition', { checkpoint: onnx }), [`Reads the checkpoint ${onnx} (1.2 kB of weights).`]); // prettier-ignore
  });

  it('check their input', async () => {
    const refused = (input: unknown, message: RegExp): Promise<void> =>
      assert.rejects(call('head_scores', input), message);
    await refused([], /^InputError: head_scores: the input is \[\]; an object was expected\.$/);
    await refused('x', /an object was expected/);
    await refused({ top: 1.5 }, /“top” is 1\.5; a whole number from 1 to 200 was expected/);
    await refused({ __proto__: null, toString: 1 }, /there is no “toString”/);
    await refused({ checkpoint: 'x'.repeat(5000) }, /“checkpoint” is .*; a text of at most 4096 characters/);
    const ids = new Array<number>(1025).fill(1);
    await assert.rejects(call('attention', { head: 'L0H0', ids }), /an array of 1 to 1024 token ids was expected/);
    await assert.rejects(call('toString', {}), /There is no tool "toString"/);
    await call('open_checkpoint', { checkpoint: '/a', mlsae: null });
    assert.equal(fake.times('openSae'), 0);
  });

  it('stop between two steps when their client has cancelled', async () => {
    const source = new AbortController();
    const reported: unknown[] = [];
    const steps = requestSteps(source.signal, async (message, progress) => void reported.push([message, progress]));
    await steps.step('one', 0.5);
    await steps.step('two', 0);
    const third = steps.step('three');
    source.abort();
    await assert.rejects(third, { name: 'AbortError' });
    assert.deepEqual(reported, [['one', 1], ['two', 2]]); // prettier-ignore
  });

  it('round to four digits', () => {
    assert.deepEqual([0.123456, -12345.6, 1e-9, 0, NaN, Infinity].map(rounded), [0.1235, -12350, 1e-9, 0, null, null]);
  });

  it('give a part of a text and say how to get the rest', () => {
    assert.deepEqual(window(0, 5, 3), { positions: [0, 1, 2] });
    assert.deepEqual(window(0, 2, 3), { positions: [0, 1], more: 'Tokens 0 to 1 of 3 are given; “from”: 2 gives the next.' }); // prettier-ignore
    assert.deepEqual(window(2, 2, 3), { positions: [2], more: 'Tokens 2 to 2 of 3 are given.' });
    assert.throws(() => window(3, 1, 3), /“from” is 3; the text has tokens 0 to 2\./);
  });
});
