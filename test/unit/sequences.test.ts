/** Several sequences in one run, of every architecture: the residual streams of each alone, and refusals of all else. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import { hookNames, layerHook } from '../../src/engine/graph/hooks';
import { sequencesAtOnce } from '../../src/engine/mlsae/corpus/together';
import type { ForwardRequest, ModelRunner } from '../../src/engine/runtime/types';
import type { HookTensor } from '../../src/protocol/engine';
import { assertClose } from './support/closeness';
import { llama, LLAMA } from './support/families';
import { EXPORTS } from './support/foreignModels';
import { openModel, openRandom } from './support/models';
import type { Variant } from './support/randomCheckpoint';
import { variants } from './support/variants';

const LENGTH = 5;
/** Of the largest, for scores of up to 1: ONNX Runtime fuses otherwise, and what that rounds grows with scores (rowBlocks.test.ts). */
const SAME = 1e-6;

/** Each unlike the others, with tokens that come again. */
const sequencesOf = (n: number, length: number, dVocab: number): number[][] =>
  Array.from({ length: n }, (_, s) => Array.from({ length }, (_, i) => (i * i * 5 + 3 + 7 * s * (i + 1)) % dVocab));

/** The rows of one of `n` sequences. */
const partOf = ({ shape, data }: HookTensor, s: number, n: number): HookTensor => ({
  shape: [shape[0]! / n, ...shape.slice(1)],
  data: data.slice((s * data.length) / n, ((s + 1) * data.length) / n),
});

/** Runs sequences together and each alone. */
async function assertSame(
  together: ModelRunner,
  alone: ModelRunner,
  sequences: number[][],
  { bar, ...more }: Pick<ForwardRequest, 'hooks' | 'glance'> & { bar: number },
): Promise<void> {
  const n = sequences.length;
  const { hooks } = await together.run({ ids: sequences.flat(), sequences: n, ...more });
  assert.deepEqual(Object.keys(hooks), more.hooks);
  for (const [s, ids] of sequences.entries()) {
    const own = await alone.run({ ids, ...more });
    for (const [name, wanted] of Object.entries(own.hooks))
      assertClose(`${name} of sequence ${s} of ${n}`, partOf(hooks[name]!, s, n), wanted, bar);
  }
}

/** Of these sequences; 1 at least. */
async function largestScore(runner: ModelRunner, sequences: number[][], nLayers: number): Promise<number> {
  const names = Array.from({ length: nLayers }, (_, layer) => layerHook(layer, 'attnScores'));
  let largest = 1;
  for (const ids of sequences) {
    const { hooks } = await runner.run({ ids, hooks: names });
    for (const score of Object.values(hooks).flatMap(({ data }) => [...data]))
      if (Number.isFinite(score)) largest = Math.max(largest, Math.abs(score));
  }
  return largest;
}

const hasLayers = ({ config }: Variant): boolean => config.n_layers !== 0;

for (const variant of variants.filter(hasLayers)) {
  describe(`several sequences in one run of ${variant.name}`, function () {
    this.timeout(20_000);
    let opened: Awaited<ReturnType<typeof openRandom>>;
    let runner: ModelRunner;
    let dVocab: number;
    let hooks: string[];
    let bar: number;

    before(async () => {
      opened = await openRandom(variant);
      ({ runner } = opened.model);
      const { description } = opened.model.checkpoint;
      ({ dVocab } = description);
      hooks = hookNames(description).filter((name) => /hook_resid_(pre|mid|post)$/.test(name));
      const each = [...new Set(hooks.map((name) => name.replace(/.*_/, '')))];
      const hasMid = description.layers[0]!.mlp !== undefined && !description.parallel;
      assert.deepEqual(each, hasMid ? ['pre', 'mid', 'post'] : ['pre', 'post']);
      const longest = sequencesOf(LENGTH, LENGTH + 1, dVocab);
      bar = SAME * (await largestScore(runner, longest, description.nLayers));
    });
    after(() => runner?.dispose());

    it('give the residual streams of each run alone, whatever ran before', async () => {
      for (const [n, length] of [
        [3, LENGTH],
        [2, LENGTH],
        [3, LENGTH + 1],
        [LENGTH, 3],
        [3 * LENGTH, 1],
        [3, LENGTH],
      ] as const)
        await assertSame(runner, runner, sequencesOf(n, length, dVocab), { hooks, bar });
      const [last] = hooks.slice(-1);
      await assertSame(runner, runner, sequencesOf(3, LENGTH, dVocab), { hooks: [last!], bar });
    });

    it('give them bit for bit where the rows of each lie as its own do, which is what sweeps run together', async () => {
      const [last] = hooks.slice(-1);
      let lengths = 0;
      for (const length of [4, 8, 12]) {
        const most = sequencesAtOnce(opened.model, length);
        assert.equal(most > 1, (length * opened.model.checkpoint.description.dModel) % 16 === 0);
        if (most > 1) lengths++;
        for (let n = 2; n <= most; n++)
          for (const asked of [hooks, [last!]])
            await assertSame(runner, runner, sequencesOf(n, length, dVocab), { hooks: asked, bar: 0 });
      }
      assert.ok(lengths > 0);
    });

    it('and do so layer by layer, at a glance, and where one alone is computed in blocks of rows', async () => {
      const sequences = sequencesOf(3, LENGTH, dVocab);
      for (const limits of [{ segmentBytes: 1, keepBytes: 0 }, { rowBlocks: [{ from: 4, blocks: 4 }] }]) {
        const other = await openModel(opened.folder, limits);
        await assertSame(other.runner, runner, sequences, { hooks, bar });
        await other.runner.dispose();
      }
      const fresh = await openModel(opened.folder);
      await assertSame(fresh.runner, fresh.runner, sequences, { hooks, bar, glance: true });
      await fresh.runner.dispose();
    });
  });
}

describe('several sequences in one run', function () {
  this.timeout(20_000);
  const RESID = layerHook(0, 'residPost');
  let model: OpenModel;
  let three: ForwardRequest;

  const refuses = (runner: ModelRunner, request: ForwardRequest): Promise<void> =>
    assert.rejects(runner.run(request), {
      name: 'RangeError',
      message: `${request.sequences} sequences of ${request.ids.length} tokens give residual streams alone`,
    });

  before(async () => {
    ({ model } = await openRandom(llama(LLAMA, 'of several sequences', {})));
    const ids = sequencesOf(3, LENGTH, model.checkpoint.description.dVocab).flat();
    three = { ids, sequences: 3, hooks: [RESID] };
  });
  after(() => model?.runner.dispose());

  it('leave what another run of the same session gave as it was', async () => {
    const first = await model.runner.run(three);
    const before = first.hooks[RESID]!.data.slice();
    const other = await model.runner.run({ ...three, ids: three.ids.toReversed() });
    assert.notDeepEqual(other.hooks[RESID]!.data, before);
    assert.deepEqual(first.hooks[RESID]!.data, before);
    const again = await model.runner.run(three);
    assert.deepEqual(again.hooks[RESID]!.data, before);
  });

  it('have no hooks but the residual stream’s', async () => {
    const { description } = model.checkpoint;
    const isResid = (name: string): boolean => /^blocks\.\d\.hook_resid_/.test(name);
    for (const hook of hookNames(description).filter((name) => !isResid(name))) {
      await refuses(model.runner, { ...three, hooks: [hook] });
      await refuses(model.runner, { ...three, hooks: [RESID, hook] });
    }
  });

  it('have no next tokens and no interventions', async () => {
    await refuses(model.runner, { ...three, topK: 1 });
    await refuses(model.runner, { ...three, interventions: {} });
    const keep = { shape: [1, 1, 1], data: Float32Array.of(0) };
    await refuses(model.runner, { ...three, interventions: { z: new Map([[0, { keep }]]) } });
  });

  it('are of one length', async () => {
    for (const sequences of [2, 4, 16]) await refuses(model.runner, { ...three, sequences });
    await refuses(model.runner, { ...three, ids: three.ids.slice(1) });
    const { hooks } = await model.runner.run({ ...three, sequences: 15 });
    assert.equal(hooks[RESID]!.shape[0], 15);
  });

  it('do not come out of a foreign graph, which takes one', async () => {
    const foreign = await openModel(join(EXPORTS, 'llama-dynamic-17-unfolded.onnx'));
    assert.ok(foreign.checkpoint.foreign);
    const hooks = [RESID];
    await refuses(foreign.runner, { ids: [1, 2, 3, 4], sequences: 2, hooks });
    const one = await foreign.runner.run({ ids: [1, 2, 3, 4], sequences: 1, hooks });
    assert.deepEqual(one, { ...one, hooks: (await foreign.runner.run({ ids: [1, 2, 3, 4], hooks })).hooks });
    await foreign.runner.dispose();
  });
});
