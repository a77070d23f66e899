/** Windows of a corpus, and which of their sequences run together. */
import assert from 'node:assert/strict';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import type { Sequence } from '../../src/engine/mlsae/corpus/sequences';
import { residTogether, sequencesAtOnce, windows } from '../../src/engine/mlsae/corpus/together';
import type { ForwardRequest, ForwardResult } from '../../src/engine/runtime/types';

const CONTEXT = 11;

const sequenceOf = (length: number, start: number): Sequence =>
  ({ ids: new Array<number>(length).fill(1), part: 0, start }) as Sequence;
/** Of such lengths, each its own object. */
const all = (lengths: number[]): Sequence[] => lengths.map((length, i) => sequenceOf(length, i));

/** How many of each were taken when a window came, and the windows. */
async function windowsOf(sequences: Sequence[], size: number): Promise<{ found: Sequence[][]; taken: number[] }> {
  let read = 0;
  async function* source(): AsyncGenerator<Sequence> {
    for (const sequence of sequences) {
      read++;
      yield sequence;
    }
  }
  const [found, taken]: [Sequence[][], number[]] = [[], []];
  for await (const window of windows(source(), CONTEXT, size)) {
    found.push(window);
    taken.push(read);
  }
  return { found, taken };
}

const lengthsOf = (found: Sequence[][]): number[][] => found.map((window) => window.map(({ ids }) => ids.length));

describe('windows of a corpus', () => {
  const [W, s] = [CONTEXT, 4];

  it('end with the whole context that makes them full, and the last with the corpus', async () => {
    const { found } = await windowsOf(all([s, W, W, s, W, W, s, W, 1, W]), 2);
    assert.deepEqual(lengthsOf(found), [
      [s, W, W],
      [s, W, W],
      [s, W, 1, W],
    ]);
    assert.deepEqual(lengthsOf((await windowsOf(all([W, W, s]), 2)).found), [[W, W], [s]]);
    assert.deepEqual((await windowsOf([], 2)).found, []);
  });

  it('end after four times as many sequences, however few of them are whole', async () => {
    const short = new Array<number>(8).fill(s);
    assert.deepEqual(lengthsOf((await windowsOf(all([...short, s]), 2)).found), [short, [s]]);
    const oneWhole = [W, ...short.slice(1)];
    assert.deepEqual(lengthsOf((await windowsOf(all([...oneWhole, W, W]), 2)).found), [oneWhole, [W, W]]);
  });

  it('give what was read before a text that cannot be, and then say so', async () => {
    async function* source(): AsyncGenerator<Sequence> {
      yield* all([W, s, W, W]);
      throw new RangeError('no such text');
    }
    const found: number[][] = [];
    const read = async (): Promise<void> => {
      for await (const window of windows(source(), CONTEXT, 2)) found.push(...lengthsOf([window]));
    };
    await assert.rejects(read(), /no such text/);
    assert.deepEqual(found, [[W, s, W], [W]]);
  });

  it('have one sequence each where one runs at a time', async () => {
    assert.deepEqual(lengthsOf((await windowsOf(all([W, s, s, W]), 1)).found), [[W], [s], [s], [W]]);
  });

  it('have every sequence once and in order, are as long as they can be, and are not read ahead of', async () => {
    let seed = 1;
    const random = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
    for (let round = 0; round < 300; round++) {
      const size = 1 + random(5);
      const share = 1 + random(9);
      const sequences = all(Array.from({ length: random(70) }, () => (random(10) < share ? W : 1 + random(W - 1))));
      const { found, taken } = await windowsOf(sequences, size);
      assert.deepEqual(found.flat(), sequences);
      assert.ok(found.flat().every((sequence, i) => sequence === sequences[i]));
      let end = 0;
      for (const [i, window] of found.entries()) {
        const whole = (part: Sequence[]): number => part.filter(({ ids }) => ids.length === W).length;
        const isFull = (part: Sequence[]): boolean => size === 1 || whole(part) === size || part.length === 4 * size;
        assert.ok(window.length > 0 && !window.slice(1).some((_, j) => isFull(window.slice(0, j + 1))));
        assert.ok(isFull(window) || i === found.length - 1);
        assert.equal(taken[i], (end += window.length), 'no more was read than the window has');
      }
    }
  });
});

describe('sequences that run together', () => {
  const model = (dModel: number, more: { provider?: string; foreign?: object } = {}): OpenModel =>
    ({
      checkpoint: { description: { dModel }, foreign: more.foreign },
      runner: { provider: more.provider ?? 'cpu' },
    }) as unknown as OpenModel;

  it('are as many as fill a run, and four at most', () => {
    assert.equal(sequencesAtOnce(model(192), 512), 4);
    assert.equal(sequencesAtOnce(model(193), 512), 3);
    assert.equal(sequencesAtOnce(model(384), 512), 2);
    assert.equal(sequencesAtOnce(model(768), 512), 1);
    assert.equal(sequencesAtOnce(model(769), 512), 1, 'one longer than that runs too');
    assert.equal(sequencesAtOnce(model(768), 128), 4);
    assert.equal(sequencesAtOnce(model(8), 2), 4);
  });

  it('are one where rows of the second would begin elsewhere than the first’s, which sums are rounded by', () => {
    for (const [dModel, n, wanted] of [
      [30, 8, 4],
      [30, 4, 1],
      [12, 4, 4],
      [40, 5, 1],
      [16, 1, 4],
    ] as const)
      assert.equal(sequencesAtOnce(model(dModel), n), wanted, `${dModel} × ${n}`);
  });

  it('are one on other providers, and of foreign graphs', () => {
    for (const provider of ['webgpu', 'dml', 'cuda', 'coreml'])
      assert.equal(sequencesAtOnce(model(192, { provider }), 512), 1, provider);
    assert.equal(sequencesAtOnce(model(192, { foreign: {} }), 512), 1);
  });

  it('are run where the window has them all, and each gets its own rows', async () => {
    const asked: ForwardRequest[] = [];
    // of each token, the hook's number and the token
    const run = async (request: ForwardRequest): Promise<ForwardResult> => {
      asked.push(request);
      const hooks = request.hooks.map((name, h) => {
        const data = Float32Array.from(request.ids.flatMap((id) => [h, id]));
        return [name, { shape: [request.ids.length, 2], data }];
      });
      return { hooks: Object.fromEntries(hooks), loadMs: 0, runMs: 0 } as ForwardResult;
    };
    const open = { runner: { run } } as unknown as OpenModel;
    const of = (...ids: number[]): Sequence => ({ ids }) as Sequence;
    const [a, short, b, c] = [of(1, 2, 3), of(9, 9), of(4, 5, 6), of(7, 8, 9)];
    const found = await residTogether(open, ['x', 'y'], [a, short, b, c], { n: 3, size: 3 });
    assert.deepEqual(asked, [{ ids: [1, 2, 3, 4, 5, 6, 7, 8, 9], hooks: ['x', 'y'], sequences: 3 }]);
    assert.deepEqual([...found.keys()], [a, b, c]);
    for (const [{ ids }, resid] of found)
      assert.deepEqual(
        resid.map((data) => [...data]),
        [ids.flatMap((id) => [0, id]), ids.flatMap((id) => [1, id])],
      );
    for (const [window, size] of [
      [[a, short, b], 3],
      [[a], 1],
      [[], 2],
    ] as const)
      assert.equal((await residTogether(open, ['x'], [...window], { n: 3, size })).size, 0);
    assert.equal(asked.length, 1, 'fewer are not run here');
  });
});
