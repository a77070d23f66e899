import assert from 'node:assert/strict';
import { predictions, surprisalBits } from '../../src/engine/circuits/nextToken';

describe('nextToken', () => {
  const next = {
    k: 2,
    ids: Int32Array.of(7, 3, 1, 0, 5, 2),
    logProbs: Float32Array.from([0.5, 0.25, 0.9, 0.05, 1, 0].map(Math.log)),
    tokenLogProbs: Float32Array.from([NaN, Math.log(0.25), Math.log(0.9)]),
  };

  it('surprisal is in bits and unknown at 0', () => {
    const bits = surprisalBits(next);
    assert.ok(bits instanceof Float32Array);
    assert.ok(Number.isNaN(bits[0]));
    assert.ok(Math.abs(bits[1]! - 2) < 1e-6);
    assert.ok(Math.abs(bits[2]! - 0.15200309) < 1e-6);
  });

  it('predictions are by position, most probable first, with probabilities', () => {
    const all = predictions(next, (id) => `<${id}>`);
    assert.deepEqual(
      all.map((row) => row.map(({ id, text }) => [id, text])),
      [
        [[7, '<7>'], [3, '<3>']], // prettier-ignore
        [[1, '<1>'], [0, '<0>']], // prettier-ignore
        [[5, '<5>'], [2, '<2>']], // prettier-ignore
      ],
    );
    assert.ok(Math.abs(all[0]![1]!.p - 0.25) < 1e-7);
    assert.equal(all[2]![1]!.p, 0);
  });
});
