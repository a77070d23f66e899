/** The built engine, as a process, on the samples. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineClient, EngineGoneError, EngineRequestError } from '../../src/host/engineClient';
import type { EngineExit } from '../../src/host/engineClient';
import type { AnalysisInfo } from '../../src/protocol/analysis';
import type { CheckpointInfo } from '../../src/protocol/checkpoint';
import type { EngineProgress, LogLine } from '../../src/protocol/engine';
import { assertClose } from './support/closeness';
import { readTensors, REFERENCE, ROOT, SAMPLES, tempFolder, writeFile } from './support/files';

describe('engine', function () {
  this.timeout(30_000);
  const sample = join(SAMPLES, 'attn-only-2l');
  const reference = JSON.parse(readFileSync(join(REFERENCE, 'attn-only-2l/reference.json'), 'utf8')) as {
    prompts: { text: string; ids: number[] }[];
  };
  const { text, ids } = reference.prompts[0]!;
  const expected = readTensors(join(REFERENCE, 'attn-only-2l/reference.safetensors'));
  const lines: LogLine[] = [];
  const client = new EngineClient(join(ROOT, 'dist/engine.js'), (line) => lines.push(line));

  const open = (path = sample): Promise<CheckpointInfo> =>
    client.request('openCheckpoint', { path, providers: ['cpu'] });
  const analyze = (checkpointId: string): Promise<AnalysisInfo> =>
    client.request('analyze', { checkpointId, text, topK: 5, maxTokens: 1024 });

  before(() => client.start());
  after(() => client.dispose());

  it('tells its version and its providers, the CPU last', async () => {
    const { onnxruntime, providers, pid } = await client.start();
    assert.match(onnxruntime, /^\d+\.\d+\.\d+$/);
    assert.equal(providers.at(-1), 'cpu');
    assert.equal(pid, client.pid);
  });

  it('finds the samples', async () => {
    const found = await client.request('findCheckpoints', { roots: [SAMPLES] });
    assert.ok(found.some(({ path, modelType }) => path === sample && modelType === 'attn_only'));
  });

  it("an analysis gives the reference's patterns, and exports them", async () => {
    const seen: EngineProgress[] = [];
    const params = { path: sample, providers: ['cpu'] };
    const info = await client.request('openCheckpoint', params, { onProgress: (progress) => seen.push(progress) });
    assert.deepEqual([info.name, info.provider, info.nParams, info.dtypes], ['attn-only-2l', 'cpu', 2686976, ['F16']]);
    assert.ok(seen.length > 0 && seen.every(({ message }) => message.length > 0));
    const { id, tokens, surprisal, predictions } = await analyze(info.id);
    assert.deepEqual(
      tokens.map((token) => token.id),
      ids,
    );
    assert.equal(surprisal.length, ids.length);
    assert.equal(predictions.length, ids.length);
    const file = join(tempFolder(), 'pattern.safetensors');
    await client.request('exportPattern', { analysisId: id, weighting: 'pattern', file });
    const written = readTensors(file);
    const n = ids.length;
    for (const layer of [0, 1]) {
      const name = `blocks.${layer}.attn.hook_pattern`;
      const pattern = expected[`prompt.0.${name}`]!;
      assertClose(name, written[name]!, pattern);
      const ask = { analysisId: id, reduction: 'one', weighting: 'pattern' } as const;
      const { values } = await client.request('pattern', { ...ask, head: { layer, head: 5 } });
      const head5 = pattern.data.slice(5 * n * n, 6 * n * n);
      assertClose(`L${layer}H5`, { shape: [n, n], data: values }, { shape: [n, n], data: head5 });
    }
    await client.request('closeCheckpoint', { checkpointId: info.id });
    await assert.rejects(analyze(info.id), { name: 'EngineRequestError', code: 2 });
  });

  it('survives checkpoints that cannot be read', async () => {
    const folder = tempFolder();
    writeFile(join(folder, 'config.json'), { model_type: 'attn_only', n_layers: 'two' });
    writeFile(join(folder, 'model.safetensors'), 'not safetensors at all');
    for (const path of [folder, join(folder, 'nowhere'), '']) {
      await assert.rejects(open(path), (error: Error) => {
        assert.ok(error instanceof EngineRequestError && error.isInput, error.stack);
        assert.match(error.message, /^[^\n]+$/);
        return true;
      });
    }
    await analyze((await open()).id);
  });

  it('killed in the middle, starts again and works', async () => {
    const { id } = await open();
    const exit = new Promise<EngineExit>((resolve) => client.onDidExit(resolve));
    const running = analyze(id);
    process.kill(client.pid!, 'SIGKILL');
    await assert.rejects(running, EngineGoneError);
    assert.equal((await exit).reason, 'died');
    await client.start();
    await assert.rejects(analyze(id), { name: 'EngineRequestError', code: 2 });
    assert.equal((await analyze((await open()).id)).tokens.length, ids.length);
  });
});
