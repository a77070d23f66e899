/** Every hook of every architecture and option, on checkpoints of random weights, against plain float64 (support/naive64). */
import assert from 'node:assert/strict';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { hookNames } from '../../src/engine/graph/hooks';
import { vocabularyParts } from '../../src/engine/graph/vocabularyPart';
import { createRunner } from '../../src/engine/runtime/runner';
import type { ForwardResult, ModelRunner, NextTokens } from '../../src/engine/runtime/types';
import { assertClose, assertLogProbs, HOOK_BAR, logProbs64 } from './support/closeness';
import { forward64, type Hooks64 } from './support/naive64';
import { writeRandomCheckpoint, type Variant } from './support/randomCheckpoint';
import { variants } from './support/variants';
import { PROVIDER } from './support/provider';

const TOP_K = 5;
/** The largest relative error of each hook over all variants, for the log. */
const worst = new Map<string, number>();

/** Ids that repeat, so that attention has something to find. */
const promptOf = ({ nTokens = 9 }: Variant, dVocab: number): number[] =>
  Array.from({ length: nTokens }, (_, i) => (i * i * 5 + 3) % dVocab);

const CPU = { providers: [PROVIDER], log: (): void => undefined };

/** The rows of the first of `n` sequences. */
const firstOf = (result: ForwardResult, n: number): ForwardResult => ({
  ...result,
  hooks: Object.fromEntries(
    Object.entries(result.hooks).map(([name, { shape, data }]) => [
      name,
      { shape: [shape[0]! / n, ...shape.slice(1)], data: data.subarray(0, data.length / n) },
    ]),
  ),
});

for (const variant of variants) {
  describe(`hooks of ${variant.name}`, function () {
    this.timeout(20_000);
    let checkpoint: Checkpoint;
    let runner: ModelRunner;
    let ids: number[];
    let names: string[];
    let expected: Hooks64;

    before(async () => {
      const { folder, config, weights } = writeRandomCheckpoint(variant);
      checkpoint = await openCheckpoint(folder);
      runner = await createRunner(checkpoint, CPU);
      ids = promptOf(variant, checkpoint.description.dVocab);
      names = hookNames(checkpoint.description);
      expected = forward64(config, weights, ids);
    });
    after(() => runner?.dispose());

    it('are TransformerLens’s', () => {
      assert.deepEqual([...names].sort(), [...expected.keys()].sort());
    });

    it(`are within ${HOOK_BAR} of float64, with the next tokens`, async () => {
      const all = await runner.run({ ids, hooks: names, topK: TOP_K });
      assertHooks(all, expected);
      assertNext(all.next!, ids, expected);
    });

    it('come one by one', async () => {
      const few = [names[0]!, ...names.filter((name) => name.startsWith('blocks.1.')), ...names.slice(-2)];
      for (const name of new Set(few)) {
        const one = await runner.run({ ids, hooks: [name] });
        assertHooks(one, new Map([[name, expected.get(name)!]]));
        assert.equal(one.next, undefined);
      }
    });

    it('are within the same at a glance, of weights that are not packed and nothing folded', async () => {
      const fresh = await createRunner(checkpoint, CPU);
      assertHooks(await fresh.run({ ids, hooks: names, glance: true }), expected);
      await fresh.dispose();
    });

    if (variant.config['n_layers'] !== 0)
      it('of the residual stream come of several sequences at once', async () => {
        const sequences = [ids, ids.toReversed(), ids.map((id) => (id + 7) % checkpoint.description.dVocab)];
        const hooks = names.filter((name) => /hook_resid_(pre|mid|post)$/.test(name));
        const together = await runner.run({ ids: sequences.flat(), sequences: 3, hooks });
        for (const hook of hooks) {
          const { data, shape } = together.hooks[hook]!;
          assert.deepEqual(shape, [3 * ids.length, checkpoint.description.dModel]);
          for (const [i, alone] of sequences.entries()) {
            const wanted = (await runner.run({ ids: alone, hooks })).hooks[hook]!;
            const own = data.subarray((i * data.length) / 3, ((i + 1) * data.length) / 3);
            assertClose(`${hook} of sequence ${i}`, { shape: wanted.shape, data: own }, wanted);
          }
        }
        assertHooks(firstOf(together, 3), new Map(hooks.map((hook) => [hook, expected.get(hook)!])));
      });

    it('give residual streams alone of several sequences at once', async () => {
      const two = { ids: [...ids, ...ids], sequences: 2, hooks: ['blocks.0.hook_resid_post'] };
      const refused = { name: 'RangeError', message: /sequences of \d+ tokens give residual streams alone/ };
      for (const more of [
        { hooks: ['blocks.0.attn.hook_pattern'] },
        { hooks: [...two.hooks, 'logits'] },
        { topK: 1 },
        { interventions: {} },
        { ids: [...ids, ...ids, 0] },
      ])
        await assert.rejects(runner.run({ ...two, ...more }), refused);
    });

    it('with the next tokens from parts of the vocabulary, where these are stored token by token', async () => {
      const { dModel, dVocab, unembed } = checkpoint.description;
      // three tokens a part, fewer than are asked for; two rows at a time
      const limits = { vocabularyBytes: 4 * dModel * 3, heldPerRun: 2 * 3 };
      const inParts = await createRunner(checkpoint, { ...CPU, limits });
      const { next } = await inParts.run({ ids, hooks: [], topK: TOP_K, glance: true });
      assertNext(next!, ids, expected);
      const parts = vocabularyParts(checkpoint, limits.vocabularyBytes);
      assert.equal(parts.length, unembed.layout === 'out-in' ? Math.ceil(dVocab / 3) : 1);
      const last = await inParts.run({ ids, hooks: [], topK: TOP_K, glance: true, unembedFrom: ids.length - 1 });
      assert.deepEqual(last.next!.ids, next!.ids.slice(-TOP_K));
      await inParts.dispose();
    });

    it('come layer by layer and two rows of logits at a time', async () => {
      const limits = { segmentBytes: 1, logitsPerRun: 2 * checkpoint.description.dVocab, keepBytes: 0 };
      const inPieces = await createRunner(checkpoint, { ...CPU, limits });
      for (const topK of [TOP_K, undefined, 1]) {
        const all = await inPieces.run({ ids, hooks: names, topK });
        assertHooks(all, expected);
        assert.equal(all.next?.k, topK);
        if (all.next) assertNext(all.next, ids, expected);
      }
      await inPieces.dispose();
    });
  });
}

function assertHooks({ hooks }: ForwardResult, expected: Hooks64): void {
  assert.deepEqual(Object.keys(hooks).sort(), [...expected.keys()].sort());
  for (const [name, tensor] of expected) {
    const error = assertClose(name, hooks[name]!, tensor);
    const kind = name.replace(/^blocks\.\d+\./, '');
    worst.set(kind, Math.max(worst.get(kind) ?? 0, error));
  }
}

function assertNext(next: NextTokens, ids: number[], expected: Hooks64): void {
  const logProbs = logProbs64(expected.get('logits')!);
  const best = logProbs.map((row) => [...row.keys()].sort((a, b) => row[b]! - row[a]!).slice(0, next.k));
  assert.deepEqual([...next.ids], best.flat());
  const ofBest = best.map((row, pos) => row.map((id) => logProbs[pos]![id]!));
  assertLogProbs('logProbs', next.logProbs, ofBest.flat());
  const ofTokens = ids.map((id, pos) => (pos === 0 ? NaN : logProbs[pos - 1]![id]!));
  assertLogProbs('tokenLogProbs', next.tokenLogProbs, ofTokens);
}

describe('a run', function () {
  this.timeout(20_000);
  it('of no tokens is refused', async () => {
    const { folder } = writeRandomCheckpoint(variants[0]!);
    const runner = await createRunner(await openCheckpoint(folder), CPU);
    await assert.rejects(runner.run({ ids: [], hooks: ['logits'] }), /at least one token/);
  });
});

after(() => {
  if (process.env.CIRCUITSCOPE_TEST_MARGINS)
    console.log(Object.fromEntries([...worst].sort(([, a], [, b]) => b - a).map(([k, v]) => [k, v.toExponential(1)])));
});
