/** Copying and matching scores against reference numbers, and against the eigenvalues of full float64 matrices. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { qkMatchingThrough, weightScores, type HeadPair } from '../../src/engine/circuits/eigenvalues';
import { eigenvalues, positiveShare } from '../../src/engine/circuits/smallMatrix';
import { REFERENCE } from './support/files';
import { product } from './support/frozen64';
import { fullOV, fullQK, heads64, share64, turn, W_OV, W_QK } from './support/heads64';
import { noSteps, openModel, openSample } from './support/models';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { variants } from './support/variants';

/** DESIGN: every circuit score. */
const BAR = 1e-3;

const close = (actual: number, expected: number, what: string): void =>
  assert.ok(Math.abs(actual - expected) < BAR, `${what}: ${actual}, expected ${expected}`);

describe('eigenvalues', function () {
  this.timeout(60_000);

  for (const name of ['attn-only-1l', 'attn-only-2l']) {
    it(`OV copying of ${name} is the reference’s`, async () => {
      const { ov_copying } = JSON.parse(readFileSync(join(REFERENCE, name, 'reference.json'), 'utf8')) as {
        ov_copying: { values: number[][] };
      };
      const { ovCopying } = await weightScores(await openSample(name), {}, noSteps);
      const expected = ov_copying.values.flat();
      assert.equal(ovCopying.length, expected.length);
      expected.forEach((value, head) => close(ovCopying[head]!, value, `head ${head}`));
    });
  }

  for (const variant of variants.filter(({ name }) => !/no layers|default key\/value heads$/.test(name)))
    it(`scores of ${variant.name} are those of full matrices`, async () => {
      const { folder, config, weights } = writeRandomCheckpoint(variant);
      const model = await openModel(folder);
      for (const foldNorm of [true, false]) {
        const twin = heads64(config, weights, foldNorm);
        const heads = twin.heads.flat();
        const { ovCopying, qkMatching } = await weightScores(model, { foldNorm }, noSteps);
        assert.equal(ovCopying.length, heads.length);
        heads.forEach((head, i) => {
          close(ovCopying[i]!, share64(fullOV(twin, head)), `OV copying of head ${i}`);
          close(qkMatching[i]!, share64(fullQK(twin, head)), `QK matching of head ${i}`);
        });
      }
    });

  for (const variant of variants.filter(({ name }) =>
    /no prefix, masks|parallel, defaults|grouped queries|rotary, norm LN$/.test(name),
  ))
    it(`matching through an earlier head of ${variant.name} is that of full matrices`, async () => {
      const { folder, config, weights } = writeRandomCheckpoint(variant);
      const twin = heads64(config, weights, true);
      const pairs: HeadPair[] = twin.heads[0]!.flatMap((_, h1) =>
        twin.heads[1]!.map((_, h2) => ({ earlier: { layer: 0, head: h1 }, later: { layer: 1, head: h2 } })),
      );
      const scores = await qkMatchingThrough(await openModel(folder), pairs, {}, noSteps);
      assert.equal(scores.length, pairs.length);
      pairs.forEach(({ earlier, later }, i) => {
        const written = product(twin.W_E, W_OV(twin.heads[0]![earlier.head]!));
        const full = product(product(twin.W_E, W_QK(twin.heads[1]![later.head]!)), turn(written));
        close(scores[i]!, share64(full), `L0H${earlier.head} → L1H${later.head}`);
      });
    });

  it('the induction heads of attn-only-2l match what the previous-token head wrote', async () => {
    const pairs = [5, 7].map((head) => ({ earlier: { layer: 0, head: 4 }, later: { layer: 1, head } }));
    const model = await openSample('attn-only-2l');
    for (const score of await qkMatchingThrough(model, pairs, {}, noSteps)) assert.ok(score > 0.99, String(score));
    assert.equal((await qkMatchingThrough(model, [], {}, noSteps)).length, 0);
  });

  it('of a model without layers there are none', async () => {
    const { ovCopying } = await weightScores(await openSample('attn-only-0l'), {}, noSteps);
    assert.equal(ovCopying.length, 0);
  });

  it('come largest first, complex ones in pairs; their share is real', () => {
    // a rotation by 90° times 2, beside 3 and −1
    const matrix = [0, -2, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, -1];
    const lambdas = eigenvalues(matrix, 4);
    assert.deepEqual(
      lambdas.map(([re, im]) => [Math.round(re * 1e6) / 1e6 + 0, Math.abs(Math.round(im * 1e6) / 1e6)]),
      [
        [3, 0],
        [0, 2],
        [0, 2],
        [-1, 0],
      ],
    );
    assert.ok(Math.abs(positiveShare(lambdas) - 2 / 8) < 1e-12);
    assert.equal(positiveShare(eigenvalues(new Array<number>(9).fill(0), 3)), 0);
    assert.ok(Number.isNaN(eigenvalues([NaN], 1)[0]![0]));
  });
});
