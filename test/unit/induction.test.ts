import assert from 'node:assert/strict';
import { headName } from '../../src/protocol/checkpoint';
import { composition } from '../../src/engine/circuits/composition';
import { qkMatchingThrough } from '../../src/engine/circuits/eigenvalues';
import { headScores } from '../../src/engine/circuits/headScores';
import { inductionCircuits } from '../../src/engine/circuits/induction';
import { noSteps, openRandom, openSample } from './support/models';
import { variants } from './support/variants';

describe('induction circuits', function () {
  this.timeout(60_000);

  it('of attn-only-2l: those of its README come first', async () => {
    const model = await openSample('attn-only-2l');
    const { pairs } = await inductionCircuits(model, {}, noSteps);
    await model.runner.dispose();
    assert.equal(pairs.length, 20);
    const names = pairs.map(({ previous, induction }) => `${headName(previous)}→${headName(induction)}`);
    assert.deepEqual(names.slice(0, 2).sort(), ['L0H4→L1H5', 'L0H4→L1H7']);
    const [first, , third] = pairs;
    assert.ok(first!.score > 0.8 && third!.score < 0.7, `${first!.score}, ${third!.score}`);
    assert.ok(first!.kComposition > 2 * first!.kBaseline);
    assert.ok(first!.ovCopying > 0.99 && first!.qkMatching > 0.5, `${first!.ovCopying}, ${first!.qkMatching}`);
    assert.equal(first!.reasons.length, 5);
    const values = [
      first!.previousToken,
      first!.inductionScore,
      first!.kComposition,
      first!.qkMatching,
      first!.ovCopying,
    ];
    assert.deepEqual(
      first!.reasons.map(({ value }) => value),
      values,
    );
    assert.ok(first!.reasons.every(({ text }) => /L0H4|L1H[57]/.test(text)));
  });

  it('are every pair of layers, ranked by what the docstring says', async () => {
    const variant = variants.find(({ name }) => name === 'gpt2: transformer. prefix, tied')!;
    const { model } = await openRandom(variant);
    const { nHeads } = model.checkpoint.description;
    const params = { length: 5, batch: 2, foldNorm: true };
    const { pairs } = await inductionCircuits(model, { ...params, top: 1000 }, noSteps);
    assert.equal(pairs.length, nHeads ** 2);
    const { heads } = await headScores(model, params, noSteps);
    const { scores, baseline } = await composition(model, { foldNorm: true }, noSteps);
    const asked = pairs.map(({ previous, induction }) => ({ earlier: previous, later: induction }));
    const matching = await qkMatchingThrough(model, asked, { foldNorm: true }, noSteps);
    pairs.forEach((pair, i) => {
      const [e, l] = [pair.previous.head, nHeads + pair.induction.head];
      assert.deepEqual([pair.previous.layer, pair.induction.layer], [0, 1]);
      const k = scores.K[e * heads.length + l]!;
      const share = Math.max(0, 1 - baseline.K / k);
      const product = heads[e]!.previousToken * heads[l]!.induction * share * ((1 + matching[i]!) / 2);
      assert.ok(Math.abs(pair.score - Math.sqrt(Math.sqrt(product))) < 1e-6);
      assert.ok(i === 0 || pair.score <= pairs[i - 1]!.score);
    });
    const few = await inductionCircuits(model, { ...params, top: 3 }, noSteps);
    assert.equal(few.pairs.length, 3);
    await model.runner.dispose();
  });

  it('need two layers', async () => {
    const model = await openSample('attn-only-1l');
    const { pairs, notices } = await inductionCircuits(model, {}, noSteps);
    assert.deepEqual([pairs.length, notices.length], [0, 1]);
    await assert.rejects(inductionCircuits(model, { top: 0 }, noSteps), /top: found 0/);
    await model.runner.dispose();
  });
});
