import assert from 'node:assert/strict';
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { InputError } from '../../src/engine/checkpoint/errors';
import { CancelledError, GoneError } from '../../src/engine/errors';
import type { ForwardRequest, ForwardResult, ModelRunner } from '../../src/engine/runtime/types';
import { createService } from '../../src/engine/service';
import type { EngineHandlers, RequestContext, ServiceParts } from '../../src/engine/service';
import type { AnalysisInfo } from '../../src/protocol/analysis';
import type { CheckpointInfo } from '../../src/protocol/checkpoint';
import type { HookTensor } from '../../src/protocol/engine';

const N_LAYERS = 2;
const N_HEADS = 3;
const D_VOCAB = 30;

/** One token a letter, `a` is 0. */
const checkpoint = {
  path: '/models/letters',
  name: 'letters',
  description: { architecture: 'attn_only', nLayers: N_LAYERS, nHeads: N_HEADS, nCtx: 8, dVocab: D_VOCAB },
  tokenizer: {
    encode: (text: string) => [...text].map((c, i) => ({ id: c.charCodeAt(0) - 97, text: c, start: i, end: i + 1 })),
    tokenText: (id: number) => String.fromCharCode(97 + id),
  },
  nParams: 5,
  bytes: 20,
  dtypes: ['F32'],
  notices: [],
} as unknown as Checkpoint;

/** Every head attends evenly; token i + 1 is predicted to be i. */
class FakeRunner implements ModelRunner {
  provider = 'fake';
  providerNotes = ['cuda: not here'];
  disposed = false;
  inFlight = 0;
  before = async (): Promise<void> => undefined;

  async run({ ids, hooks, topK }: ForwardRequest): Promise<ForwardResult> {
    assert.equal(++this.inFlight, 1, 'two runs at a time');
    assert.equal(this.disposed, false, 'a run of a disposed runner');
    await this.before();
    const n = ids.length;
    const tensor = (name: string): HookTensor => {
      const norms = name.endsWith('value_norm');
      const data = Float32Array.from({ length: N_HEADS * n * (norms ? 1 : n) }, (_, i) => {
        const d = Math.floor(i / n) % n;
        return norms ? 1 + (i % n) : i % n <= d ? 1 / (d + 1) : 0;
      });
      return { shape: norms ? [N_HEADS, n] : [N_HEADS, n, n], data };
    };
    const k = topK!;
    this.inFlight--;
    return {
      hooks: Object.fromEntries(hooks.map((name) => [name, tensor(name)])),
      next: {
        k,
        ids: Int32Array.from({ length: n * k }, (_, i) => i % k),
        logProbs: new Float32Array(n * k).fill(-1),
        tokenLogProbs: Float32Array.from({ length: n }, (_, i) => (i ? Math.log(0.25) : NaN)),
      },
      loadMs: 1,
      runMs: 2,
    };
  }

  unembed = (): Promise<never> => Promise.reject(new Error('not in this test'));

  async dispose(): Promise<void> {
    assert.equal(this.inFlight, 0, 'disposed during a run');
    this.disposed = true;
  }
}

describe('service', () => {
  let runner: FakeRunner;
  let written: Record<string, { shape: number[]; data: Float32Array }>;
  let engine: EngineHandlers;
  const context: RequestContext = { steps: { step: async () => undefined } };

  const start = (more: Partial<ServiceParts> = {}): void => {
    runner = new FakeRunner();
    engine = createService({
      openCheckpoint: async (path) => {
        if (path !== checkpoint.path) throw new InputError(`${path} is not there.`);
        return checkpoint;
      },
      findCheckpoints: async () => [],
      createRunner: async () => runner,
      findSaes: async () => [],
      openSae: async () => Promise.reject(new Error('not in this test')),
      createSaeRunner: () => assert.fail('not in this test'),
      writeSafetensors: async (_, tensors) => void (written = tensors),
      runtime: () => ({ onnxruntime: '0', providers: [] }),
      log: () => undefined,
      ...more,
    });
  };
  const open = async (): Promise<CheckpointInfo> =>
    engine.openCheckpoint({ path: checkpoint.path, providers: [] }, context);
  const analyze = async (checkpointId: string, input: object): Promise<AnalysisInfo> =>
    engine.analyze({ checkpointId, topK: 2, ...input }, context);
  const thumbnails = async (analysisId: string): Promise<number> =>
    (await engine.thumbnails({ analysisId, weighting: 'pattern', size: 4 }, context)).size;

  beforeEach(() => start());

  it('opens, analyzes, answers about the analysis, exports, closes', async () => {
    const info = await open();
    assert.equal(info.name, 'letters');
    assert.deepEqual([info.provider, info.providerNotes, info.hasTokenizer], ['fake', ['cuda: not here'], true]);
    const analysis = await analyze(info.id, { text: 'abc' });
    assert.deepEqual(
      analysis.tokens.map(({ id, text }) => [id, text]),
      [[0, 'a'], [1, 'b'], [2, 'c']], // prettier-ignore
    );
    assert.deepEqual([analysis.nLayers, analysis.nHeads, analysis.totalTokens, analysis.notices], [2, 3, 3, []]);
    assert.deepEqual(analysis.timings, { load: 1, run: 2 });
    assert.deepEqual([...analysis.surprisal], [NaN, 2, 2]);
    assert.deepEqual(
      analysis.predictions[2]!.map(({ text }) => text),
      ['a', 'b'],
    );
    const ask = { analysisId: analysis.id, reduction: 'one', weighting: 'value-weighted' } as const;
    const matrix = await engine.pattern({ ...ask, head: { layer: 1, head: 2 } }, context);
    assert.deepEqual([...matrix.values], [1 / 3, 0, 0, 1 / 6, 1 / 3, 0, 1 / 9, 2 / 9, 1 / 3].map(Math.fround));
    assert.equal(await thumbnails(analysis.id), 3);
    const sources = await engine.sources({ analysisId: analysis.id, destination: 1, k: 1 }, context);
    assert.deepEqual(sources, [[{ source: 0, weight: 0.5, head: 0 }], [{ source: 0, weight: 0.5, head: 0 }]]);
    await engine.exportPattern({ analysisId: analysis.id, weighting: 'pattern', file: 'x' }, context);
    assert.deepEqual(Object.keys(written), ['blocks.0.attn.hook_pattern', 'blocks.1.attn.hook_pattern']);
    await engine.closeCheckpoint({ checkpointId: info.id }, context);
    assert.equal(runner.disposed, true);
    await assert.rejects(thumbnails(analysis.id), GoneError);
    await assert.rejects(analyze(info.id, { text: 'abc' }), GoneError);
  });

  it('bad input is refused in one sentence', async () => {
    const { id } = await open();
    const { id: analysisId } = await analyze(id, { text: 'ab' });
    const refused = async (work: () => unknown, sentence: string): Promise<void> =>
      assert.rejects(async () => work(), { name: 'InputError', message: sentence });
    await refused(() => engine.openCheckpoint({ path: '/x', providers: [] }, context), '/x is not there.');
    await refused(() => analyze(id, { text: '' }), 'The prompt is empty.');
    await refused(() => analyze(id, { ids: [] }), 'The prompt is empty.');
    await refused(() => analyze(id, {}), 'Expected either a text or token ids.');
    await refused(
      () => analyze(id, { ids: [3, 30] }),
      'Token id 30 is not in the vocabulary of letters: expected 0–29.',
    );
    await refused(() => analyze(id, { ids: [-1] }), 'Token id -1 is not in the vocabulary of letters: expected 0–29.');
    await refused(
      () => analyze(id, { text: '\x7f' }),
      'Token id 30 is not in the vocabulary of letters: expected 0–29.',
    );
    const ask = { analysisId, weighting: 'pattern' } as const;
    await refused(
      () => engine.pattern({ ...ask, reduction: 'one', head: { layer: 2, head: 0 } }, context),
      'There is no head L2H0 in this model.',
    );
    await refused(() => engine.pattern({ ...ask, reduction: 'one' }, context), 'A head is needed.');
    await refused(() => engine.sources({ analysisId, destination: 2, k: 1 }, context), 'Token 2 is not in the prompt.');
  });

  it('a checkpoint without a tokenizer runs on ids', async () => {
    start({ openCheckpoint: async () => ({ ...checkpoint, tokenizer: undefined }) });
    const { id, hasTokenizer } = await open();
    assert.equal(hasTokenizer, false);
    await assert.rejects(analyze(id, { text: 'ab' }), /^InputError: letters has no tokenizer: give token ids/);
    const { tokens } = await analyze(id, { ids: [5, 12] });
    assert.deepEqual(tokens, [
      { id: 5, text: '#5', start: 0, end: 2 },
      { id: 12, text: '#12', start: 2, end: 5 },
    ]);
  });

  it('a prompt that is too long is cut, and says so', async () => {
    const { id } = await open();
    const byContext = await analyze(id, { text: 'a'.repeat(1300), maxTokens: 1024 });
    assert.deepEqual([byContext.tokens.length, byContext.totalTokens], [8, 1300]);
    assert.deepEqual(byContext.notices, [
      'The prompt has 1,300 tokens; the first 8 are shown (context length of the model).',
    ]);
    const bySetting = await analyze(id, { text: 'abcde', maxTokens: 4 });
    assert.equal(bySetting.tokens.length, 4);
    assert.match(bySetting.notices[0]!, /the first 4 are shown \(maxTokens\)/);
    assert.deepEqual((await analyze(id, { text: 'abcdefgh' })).notices, []);
    const { totalTokens, notices } = await analyze(id, { text: 'b'.repeat(5_000_000) });
    assert.equal(totalTokens, 100_000);
    assert.match(notices[0]!, /^The prompt has more than 100,000 tokens; the first 8 are shown/);
  });

  it('runs one at a time; closing waits for the run and drops its result', async () => {
    const { id } = await open();
    let release = (): void => undefined;
    runner.before = () => new Promise((resolve) => (release = resolve));
    const first = analyze(id, { text: 'abc' });
    await new Promise(setImmediate);
    const second = analyze(id, { text: 'abc' });
    const closed = engine.closeCheckpoint({ checkpointId: id }, context);
    release();
    await assert.rejects(first, GoneError);
    await assert.rejects(second, GoneError);
    await closed;
    assert.equal(runner.disposed, true);
  });

  it('a failed or cancelled request does not hold up the next', async () => {
    const { id } = await open();
    const cancelled = { steps: { step: () => Promise.reject(new CancelledError()) } };
    await assert.rejects(
      async () => engine.analyze({ checkpointId: id, text: 'a', topK: 1 }, cancelled),
      CancelledError,
    );
    await assert.rejects(
      async () => engine.openCheckpoint({ path: checkpoint.path, providers: [] }, cancelled),
      CancelledError,
    );
    await analyze(id, { text: 'a' });
  });

  it('a checkpoint whose opening was cancelled at the last moment is disposed', async () => {
    let step = 0;
    const late = { steps: { step: async () => (++step > 2 ? Promise.reject(new CancelledError()) : undefined) } };
    await assert.rejects(
      async () => engine.openCheckpoint({ path: checkpoint.path, providers: [] }, late),
      CancelledError,
    );
    assert.equal(runner.disposed, true);
  });

  it('over the budget the oldest analyses go, the newest stays', async () => {
    // 8 tokens: 2 layers × (3 heads × 8 × 8 + 3 × 8) × 4 bytes = 1,728
    start({ analysisBudget: 2 * 1728 });
    const { id } = await open();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await analyze(id, { text: 'abcdefgh' })).id);
    await assert.rejects(thumbnails(ids[0]!), GoneError);
    assert.equal(await thumbnails(ids[1]!), 4);
    assert.equal(await thumbnails(ids[2]!), 4);
    start({ analysisBudget: 10 });
    const other = await open();
    assert.equal(await thumbnails((await analyze(other.id, { text: 'abcdefgh' })).id), 4);
  });
});
