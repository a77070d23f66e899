/** Shards of a sweep, merged. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { CancelledError } from '../../src/engine/errors';
import { merge } from '../../src/engine/mlsae/corpus/merge';
import { openSweep } from '../../src/engine/mlsae/corpus/results';
import type { Codes } from '../../src/engine/mlsae/distributions';
import type { EncodedText } from '../../src/engine/mlsae/encodePrompt';
import { Totals } from '../../src/engine/mlsae/corpus/totals';
import { readRecord } from '../../src/engine/mlsae/corpus/store';
import { sweep } from '../../src/engine/mlsae/corpus/sweep';
import type { OpenSae } from '../../src/engine/mlsae/types';
import type { Corpus, CorpusSummary, SweepParams } from '../../src/protocol/latents/corpus';
import { left, refuses, writeSmallCorpus } from './support/corpus';
import { openSampleSae } from './support/effects';
import { gaussian, tempFolder } from './support/files';
import { noSteps } from './support/models';

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);

const afterSteps = (n: number): { step: () => Promise<void> } => ({
  step: async () => {
    if (n-- === 0) throw new CancelledError();
  },
});

/** A text of four tokens and two layers on which the first latents of two are active. */
function randomText(seed: number): [EncodedText, Codes] {
  const [nTokens, layers, k] = [4, [0, 1], 1];
  const rows = nTokens * layers.length;
  // of very different sizes, so that their sums are rounded
  const values = Float32Array.from(gaussian(rows, seed), (x, i) => Math.abs(x) * 10 ** ((seed + i) % 6));
  const indices = Int32Array.from(gaussian(rows, seed + 1), (x) => (x > 0 ? 1 : 0));
  const resid = layers.map((l) => Float32Array.from(gaussian(nTokens * 3, seed + 2 + l, 1e3)));
  const ones = new Float32Array(rows).fill(1 / 3);
  const encoded = { k, indices, values, l0: ones, l1: values, squaredError: values, scale: ones };
  return [
    { encoded, resid },
    { nTokens, layers, k, indices, values },
  ];
}

describe('sums over texts', () => {
  it('are the same in any order and any grouping, to the last bit', () => {
    const centre = [new Float64Array(3).fill(0.1), new Float64Array(3).fill(-0.3)];
    const seeds = Array.from({ length: 2000 }, (_, i) => 7 * i);
    const totalsOf = (some: number[]): Totals => {
      const totals = new Totals([0, 1], 2);
      for (const seed of some) totals.add(...randomText(seed), centre, seed % 2 === 0);
      return totals;
    };
    const whole = totalsOf(seeds);
    const odd = totalsOf(seeds.filter((seed) => seed % 2 === 1).reverse());
    odd.addTotals(totalsOf(seeds.filter((seed) => seed % 2 === 0)));
    assert.deepEqual(odd.totals, whole.totals);
    assert.deepEqual(odd.counts, whole.counts);
    assert.deepEqual(odd.storedScalars, whole.storedScalars);
    const naive = new Float64Array(4);
    for (const [, { indices, values }] of seeds.map(randomText))
      values.forEach((value, i) => (naive[2 * Math.floor(i / 4) + indices[i]!]! += value));
    naive.forEach((total, i) => assert.ok(Math.abs(total - whole.totals[i]!) < 1e-9 * total));
  });
});

describe('a sweep that is shared out', function () {
  this.timeout(240_000);
  let open: OpenSae;
  let corpus: Corpus;
  let whole: string;
  const run = (more: Partial<SweepParams>, steps = noSteps): Promise<CorpusSummary> =>
    sweep(open, { corpus, out: whole, ...more }, steps);
  const newFolder = (): string => join(tempFolder(), 'results');

  before(async () => {
    open = await openSampleSae();
    corpus = writeSmallCorpus();
    whole = newFolder();
    await run({});
  });
  after(async () => {
    await open.saeRunner.dispose();
    await open.model.runner.dispose();
  });

  for (const maxTokens of [undefined, 900])
    it(`in four shards, merged, it equals the sweep in one go bit for bit${maxTokens ? ', with maxTokens' : ''}`, async () => {
      const limited = { ...corpus, ...(maxTokens !== undefined && { maxTokens }) };
      const one = newFolder();
      const { tokens, documents } = await run({ corpus: limited, out: one });
      if (maxTokens !== undefined) assert.equal(tokens, maxTokens);
      const folder = tempFolder();
      const dirs = [0, 1, 2, 3].map((index) => join(folder, `shard-${index}`));
      const parts: CorpusSummary[] = [];
      for (const [index, out] of dirs.entries())
        parts.push(await run({ corpus: limited, out, shard: { index, count: 4 } }));
      assert.ok(parts.filter((part) => part.tokens > 0).length > 1);
      assert.equal(sum(parts.map((part) => part.tokens)), tokens);
      assert.equal(sum(parts.map((part) => part.documents)), documents);
      const out = newFolder();
      await merge([dirs[2]!, dirs[0]!, dirs[3]!, dirs[1]!], out);
      assert.deepEqual(left(out), left(one));
      assert.deepEqual(
        { ...(await openSweep(open, { dir: out }, noSteps)), dir: '' },
        { ...(await openSweep(open, { dir: one }, noSteps)), dir: '' },
      );
    });

  it('merge refuses what is not every shard of one sweep once', async () => {
    const folder = tempFolder();
    const limited = { ...corpus, maxTokens: 300 };
    const shard = async (
      name: string,
      index: number,
      count: number,
      more: Partial<SweepParams> = {},
    ): Promise<string> => {
      const out = join(folder, name);
      await run({ corpus: limited, out, shard: { index, count }, ...more });
      return out;
    };
    const [a, b] = [await shard('a', 0, 2), await shard('b', 1, 2)];
    const merged = newFolder();
    await refuses(merge([], merged), /nothing to merge/);
    await refuses(merge([a], merged), /^Shards are missing: 1\/2\.$/);
    await refuses(merge([a, b, a], merged), /overlap: both are shard 0\/2\.$/);
    await refuses(merge([a, await shard('c', 1, 3)], merged), /a is one of 2 shards, .*c one of 3\.$/);
    const other = await shard('d', 1, 2, { corpus: { ...limited, context: 64 } });
    await refuses(merge([a, other], merged), /a and .*d are of different sweeps: another context \(128, not 64\)\.$/);
    await refuses(merge([a, whole], merged), /has a whole sweep, not a shard of one\.$/);
    await refuses(merge([a, tempFolder()], merged), /has no sweep/);
    await refuses(merge([a, b], b), /is one of the shards/);
    await refuses(merge([a, b], whole), /has a sweep already/);
    const e = join(folder, 'e');
    for (let n = 1; !(await readRecord(e)); n += 2)
      await assert.rejects(run({ corpus: limited, out: e, shard: { index: 1, count: 2 } }, afterSteps(n)));
    await refuses(merge([a, e], merged), /e is not complete: run its sweep again, it goes on where it was\.$/);
    assert.equal(await readRecord(merged), undefined);
  });
});
