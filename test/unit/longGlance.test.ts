/** Looks at long texts leave the memory to the patterns: sessions go after every run, with the limits that people get. */
import assert from 'node:assert/strict';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { layerHook } from '../../src/engine/graph/hooks';
import { runnerOn } from '../../src/engine/runtime/runner';
import { gpt2 } from './support/families';
import { writeRandomCheckpoint } from './support/randomCheckpoint';

describe('a look at a long text', function () {
  this.timeout(30_000);
  const { folder } = writeRandomCheckpoint(gpt2('long', { n_positions: 1030 }));

  /** Whether the third run finds its sessions: the first reads weights where they lie, the second packs them. */
  async function finds(n: number, glance: boolean): Promise<boolean> {
    const checkpoint = await openCheckpoint(folder);
    const runner = runnerOn(checkpoint, 'cpu');
    const ids = Array.from({ length: n }, (_, i) => i % checkpoint.description.dVocab);
    const load: number[] = [];
    for (let i = 0; i < 3; i++)
      load.push((await runner.run({ ids, hooks: [layerHook(0, 'residPost')], glance })).loadMs);
    await runner.dispose();
    assert.ok(load[0]! > 0);
    return load[2] === 0;
  }

  it('keeps its sessions up to 1,023 tokens', async () => {
    assert.equal(await finds(1023, true), true);
  });

  it('keeps none from 1,024 tokens on', async () => {
    assert.equal(await finds(1024, true), false);
  });

  it('keeps them where runs are compared', async () => {
    assert.equal(await finds(1024, false), true);
  });
});
