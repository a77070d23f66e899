/** What a comparison keeps: a second question about the same prompt runs nothing, within a bound, until it is let go. */
import assert from 'node:assert/strict';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import { KeptRuns } from '../../src/engine/compare/kept';
import { comparePattern, comparePatterns } from '../../src/engine/compare/patterns';
import type { Two } from '../../src/engine/compare/two';
import { engineParts } from '../../src/engine/parts';
import { createService } from '../../src/engine/service';
import type { ModelRunner } from '../../src/engine/runtime/types';
import { withPair } from './support/comparedPair';
import { attnOnly } from './support/families';
import { noSteps } from './support/models';
import { PROVIDER } from './support/provider';
import { writeRandomCheckpoint } from './support/randomCheckpoint';

const variant = attnOnly('LN', { normalization_type: 'LN', n_layers: 3 });
const ids = [3, 8, 1, 3, 8, 20, 0];
const head = { layer: 1, head: 2 };
/** Of one layer of one checkpoint. */
const layerBytes = 4 * 3 * ids.length ** 2;
const context = { steps: noSteps };

const counting = (runner: ModelRunner, count: () => void): ModelRunner => ({
  provider: runner.provider,
  providerNotes: runner.providerNotes,
  run: (...args) => (count(), runner.run(...args)),
  unembed: (...args) => runner.unembed(...args),
  dispose: () => runner.dispose(),
});

/** Two checkpoints, and how often they were run since this was asked last. */
async function withCounted(work: (two: Two, runs: () => number) => Promise<void>): Promise<void> {
  await withPair(variant, async ({ a, b }) => {
    let count = 0;
    const counted = (model: OpenModel): OpenModel => ({ ...model, runner: counting(model.runner, () => count++) });
    const runs = (): number => {
      const now = count;
      count = 0;
      return now;
    };
    await work({ a: counted(a.model), b: counted(b.model) }, runs);
  });
}

describe('what a comparison keeps', function () {
  this.timeout(30_000);

  it('answers about every head, and about the two the other way round, without a run', () =>
    withCounted(async (two, runs) => {
      const kept = new KeptRuns();
      const whole = await comparePatterns(two, { ids }, noSteps, { kept });
      assert.equal(runs(), 2);
      for (const each of [0, 1, 2].map((layer) => ({ layer, head: 2 - layer }))) {
        const one = await comparePattern(two, { ids, head: each }, noSteps, { kept });
        assert.equal(runs(), 0);
        assert.deepEqual(one, await comparePattern(two, { ids, head: each }, noSteps));
        assert.equal(runs(), 2);
      }
      assert.deepEqual(await comparePatterns(two, { ids }, noSteps, { kept }), whole);
      await comparePatterns({ a: two.b, b: two.a }, { ids }, noSteps, { kept });
      assert.equal(runs(), 0);
    }));

  it('runs for what is not there: a weighting by values, once, and another prompt, which takes its place', () =>
    withCounted(async (two, runs) => {
      const kept = new KeptRuns();
      const request = { ids, head, weighting: 'value-weighted' } as const;
      await comparePattern(two, { ids, head }, noSteps, { kept });
      assert.equal(runs(), 2);
      const weighted = await comparePattern(two, request, noSteps, { kept });
      assert.equal(runs(), 2);
      assert.deepEqual(await comparePattern(two, request, noSteps, { kept }), weighted);
      await comparePattern(two, { ids, head }, noSteps, { kept });
      assert.equal(runs(), 0);
      assert.equal(kept.bytes, 2 * 3 * (layerBytes + 4 * 3 * ids.length));
      const shorter = ids.slice(1);
      await comparePattern(two, { ids: shorter, head }, noSteps, { kept });
      assert.equal(runs(), 2);
      assert.equal(kept.bytes, 2 * 3 * 4 * 3 * shorter.length ** 2);
      await comparePattern(two, { ids, head }, noSteps, { kept });
      assert.equal(runs(), 2);
    }));

  it('holds no more than its bound, and lets go what was not asked about for longest', () =>
    withCounted(async (two, runs) => {
      const kept = new KeptRuns(4.5 * layerBytes);
      // one layer at a time
      const options = { kept, patternBytes: layerBytes };
      const ask = async (layer: number): Promise<number> => {
        const request = { ids, head: { layer, head: 0 } };
        assert.deepEqual(await comparePattern(two, request, noSteps, options), await comparePattern(two, request, noSteps)); // prettier-ignore
        assert.ok(kept.bytes <= 4.5 * layerBytes, `${kept.bytes} bytes`);
        return runs() - 2;
      };
      const asked = [0, 1, 0, 2, 0, 1, 0];
      const counted: number[] = [];
      for (const layer of asked) counted.push(await ask(layer));
      assert.deepEqual(counted, [2, 2, 0, 2, 0, 2, 0]);
      // of A the last layer is left, of B all three
      const part = { kept: new KeptRuns(4.5 * layerBytes) };
      const whole = await comparePatterns(two, { ids }, noSteps, part);
      runs();
      await comparePattern(two, { ids, head: { layer: 2, head: 0 } }, noSteps, part);
      assert.equal(runs(), 0);
      assert.deepEqual(await comparePatterns(two, { ids }, noSteps, part), whole);
      assert.ok(runs() > 0);
      const none = { kept: new KeptRuns(layerBytes - 1), patternBytes: layerBytes };
      await comparePatterns(two, { ids }, noSteps, none);
      assert.equal(none.kept.bytes, 0);
    }));

  it('goes when a checkpoint is closed, and when the comparison ends', async () => {
    let count = 0;
    const parts = engineParts(() => undefined);
    const engine = createService({
      ...parts,
      createRunner: async (...args) => counting(await parts.createRunner(...args), () => count++),
    });
    const path = writeRandomCheckpoint(variant).folder;
    const open = async (): Promise<string> =>
      (await engine.openCheckpoint({ path, providers: [PROVIDER] }, context)).id;
    const [a, b] = [await open(), await open()];
    const runs = async (): Promise<number> => {
      count = 0;
      await engine.comparePattern({ a, b, ids, head }, context);
      return count;
    };
    assert.deepEqual([await runs(), await runs()], [2, 0]);
    await engine.endComparison({}, context);
    assert.deepEqual([await runs(), await runs()], [2, 0]);
    const third = await open();
    await engine.closeCheckpoint({ checkpointId: third }, context);
    assert.equal(await runs(), 0);
    await engine.comparePattern({ a, b, ids, head }, context);
    await engine.closeCheckpoint({ checkpointId: b }, context);
    count = 0;
    await engine.comparePattern({ a, b: a, ids, head }, context);
    // of the one that stays, too: it is asked about again only in another comparison
    assert.equal(count, 1);
    await engine.closeCheckpoint({ checkpointId: a }, context);
  });
});
