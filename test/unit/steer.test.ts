import assert from 'node:assert/strict';
import { InputError } from '../../src/engine/checkpoint/errors';
import { steer } from '../../src/engine/mlsae/steer';
import type { Prediction } from '../../src/protocol/analysis';
import type { LatentEdit } from '../../src/protocol/latents/effects';
import { assertClose } from './support/closeness';
import {
  assertAllNear,
  assertNear,
  kl64,
  MODELS,
  next64,
  openRandomSae,
  residual64,
  SAES,
  saeVariant,
  type Next64,
} from './support/effects';
import { noSteps, promptOf } from './support/models';
import type { Matrix } from './support/naive/math';
import { encode64, type Sae64 } from './support/randomSae';

/** What each reconstruction has of a latent: that of the whole dictionary less that of one without its column. */
function contribution64(sae: Sae64, rows: Matrix, layer: number, latent: number): Matrix {
  const without = { ...sae, decoder: sae.decoder.map((d, j) => (j === latent ? d.map(() => 0) : d)) };
  const [whole, rest] = [encode64(sae, rows, layer).recons, encode64(without, rows, layer).recons];
  return whole.map((row, pos) => row.map((value, i) => value - rest[pos]![i]!));
}

/** A latent's direction in the residual stream: what a reconstruction has of it, over activation and scale. */
function direction64(sae: Sae64, rows: Matrix, layer: number, latent: number): number[] {
  const { z, scale } = encode64(sae, rows, layer);
  const pos = z.findIndex((row) => row[latent]! > 0);
  return contribution64(sae, rows, layer, latent)[pos]!.map((value) => value / z[pos]![latent]! / scale[pos]!);
}

function assertPredictions(actual: Prediction[][], { logProbs }: Next64): void {
  actual.forEach((top, pos) => {
    const row = logProbs[pos]!;
    const best = [...row.keys()].sort((a, b) => row[b]! - row[a]!).slice(0, top.length);
    assert.deepEqual(
      top.map(({ id }) => id),
      best,
    );
    assertAllNear(
      'p',
      top.map(({ p }) => p),
      best.map((id) => Math.exp(row[id]!)),
    );
  });
}

describe('steering', function () {
  this.timeout(60_000);

  for (const model of MODELS)
    for (const variant of model === MODELS[0] ? SAES : [saeVariant('mlsae')]) {
      it(`by a latent of ${variant.name} on ${model.name} is float64's`, async () => {
        const { open, sae, forward, dispose } = await openRandomSae(model, variant);
        const ids = promptOf(model, open.model.checkpoint.description.dVocab);
        const clean = forward(ids);
        const before = next64(clean, ids);
        for (const layer of open.sae.layers) {
          const rows = residual64(clean, layer);
          const { z } = encode64(sae, rows, layer);
          // one that is active somewhere, but not everywhere
          const latent = z[4]!.findIndex((value, j) => value > 0 && z.some((row) => row[j] === 0));
          const direction = direction64(sae, rows, layer, latent);
          const taken = contribution64(sae, rows, layer, latent);
          assert.ok(taken.flat().some((value) => Math.abs(value) > 0.01));
          const cases: [LatentEdit, (resid: Matrix) => Matrix][] = [
            ...[3, -1.5].map((factor): [LatentEdit, (resid: Matrix) => Matrix] => [
              { kind: 'add', factor },
              (resid) => resid.map((row) => row.map((value, i) => value + factor * direction[i]!)),
            ]),
            [{ kind: 'ablate' }, (resid) => resid.map((row, pos) => row.map((value, i) => value - taken[pos]![i]!))],
          ];
          for (const [edit, change] of cases) {
            const result = await steer(open, { ids, latent, layer, edit, topK: 3 }, noSteps);
            const after = next64(forward(ids, { [layer]: change }), ids);
            assertNear('lossBefore', result.lossBefore, before.loss);
            assertNear('lossAfter', result.lossAfter, after.loss);
            assertAllNear('kl', result.kl, kl64(before, after));
            assertPredictions(result.before, before);
            assertPredictions(result.after, after);
            assert.deepEqual([result.latent, result.layer, result.edit], [latent, layer, edit]);
          }
        }
        await dispose();
      });
    }

  it('takes away a latent that is not among the strongest that are kept', async () => {
    const { open, sae, forward, dispose } = await openRandomSae(MODELS[0]!, saeVariant('saelens standard'), {
      nLatents: 1200,
    });
    const ids = [3, 1, 4, 1, 5];
    const [layer] = open.sae.layers as [number];
    const clean = forward(ids);
    const rows = residual64(clean, layer);
    const { z } = encode64(sae, rows, layer);
    const stronger = (j: number): number[] => z.map((row) => row.filter((value) => value > row[j]!).length);
    const latent = z[0]!.findIndex((_, j) => z[2]![j]! > 0.05 && stronger(j)[2]! > 256);
    assert.ok(latent >= 0);
    const taken = contribution64(sae, rows, layer, latent);
    const after = forward(ids, {
      [layer]: (resid) => resid.map((row, pos) => row.map((value, i) => value - taken[pos]![i]!)),
    });
    const result = await steer(open, { ids, latent, layer, edit: { kind: 'ablate' } }, noSteps);
    const expected = kl64(next64(clean, ids), next64(after, ids));
    // far smaller than 1: held against the largest of them
    assertClose('kl', { shape: [5], data: result.kl }, { shape: [5], data: expected }, 1e-2);
    await dispose();
  });

  it('by nothing changes nothing, bit for bit', async () => {
    const { open, dispose } = await openRandomSae(MODELS[0]!, saeVariant('mlsae'));
    const result = await steer(
      open,
      { ids: [3, 1, 4, 1], latent: 2, layer: 0, edit: { kind: 'add', factor: 0 } },
      noSteps,
    );
    assert.deepEqual([...result.kl], [0, 0, 0, 0]);
    assert.deepEqual(result.after, result.before);
    assert.equal(result.lossAfter, result.lossBefore);
    await dispose();
  });

  it('of one token has no loss', async () => {
    const { open, dispose } = await openRandomSae(MODELS[0]!, saeVariant('mlsae'));
    const result = await steer(open, { ids: [5], latent: 2, layer: 1, edit: { kind: 'add', factor: 4 } }, noSteps);
    assert.ok(Number.isNaN(result.lossBefore) && Number.isNaN(result.lossAfter));
    assert.equal(result.kl.length, 1);
    assert.ok(result.kl[0]! > 0);
    await dispose();
  });

  it('refuses what is not there in one sentence', async () => {
    const { open, dispose } = await openRandomSae(MODELS[0]!, saeVariant('mlsae'));
    const edit = { kind: 'ablate' } as const;
    const run = (params: object): Promise<unknown> =>
      steer(open, { ids: [1, 2], latent: 0, layer: 0, edit, ...params }, noSteps);
    for (const [params, message] of [
      [{ latent: 160 }, /There is no latent #160 in .*: expected 0–159\.$/],
      [{ latent: -1 }, /no latent #-1/],
      [{ latent: 0.5 }, /no latent #0\.5/],
      [{ layer: 2 }, /does not read layer 2: expected 0–1\.$/],
      [{ edit: { kind: 'add', factor: NaN } }, /factor of steering is NaN: expected a number/],
      [{ ids: [] }, /The prompt is empty/],
      [{ ids: [29] }, /Token id 29 is not in the vocabulary/],
      [{ topK: 0 }, /topK: found 0/],
    ] as [object, RegExp][])
      await assert.rejects(run(params), (error: Error) => {
        assert.ok(error instanceof InputError, error.stack);
        assert.match(error.message, message);
        return true;
      });
    await dispose();
  });
});
