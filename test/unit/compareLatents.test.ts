/** Latents of one autoencoder, or of two steps of one, on the residual streams of two random checkpoints. */
import assert from 'node:assert/strict';
import { cpSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../src/engine/checkpoint/errors';
import { compareLatents } from '../../src/engine/compare/latents';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import type { OpenSae } from '../../src/engine/mlsae/types';
import type { ComparedLatents } from '../../src/protocol/compare';
import { latentMap } from '../../src/protocol/latents/encoding';
import { assertClose } from './support/closeness';
import { withPair, type ComparedModel } from './support/comparedPair';
import { neox } from './support/families';
import { tempFolder } from './support/files';
import { noSteps, openModel } from './support/models';
import { PROVIDER } from './support/provider';
import { encode64, writeRandomSae, type RandomSae, type SaeVariant } from './support/randomSae';

const variant = neox('parallel', {});
const N_INPUTS = 40;
const ids = [3, 8, 1, 3, 8, 20, 0];
const topk: SaeVariant = { name: 'mlsae', format: 'mlsae', activation: 'topk', standardize: true };
const relu: SaeVariant = { name: 'saelens', format: 'saelens', activation: 'relu' };

const close = (name: string, actual: ArrayLike<number>, wanted: number[]): number =>
  assertClose(name, { shape: [actual.length], data: actual }, { shape: [wanted.length], data: wanted });

async function withSae<T>(model: OpenModel, folder: string, work: (open: OpenSae) => Promise<T>): Promise<T> {
  const sae = await openSae(folder, model.checkpoint, {});
  const saeRunner = createSaeRunner(sae, PROVIDER);
  try {
    return await work({ sae, saeRunner, model });
  } finally {
    await saeRunner.dispose();
  }
}

interface Seen64 {
  /** `[layer][token][latent]` */
  z: number[][][];
  fvu: number[];
}

/** The prompt through an autoencoder, in float64. */
function seen64({ forward }: ComparedModel, { sae, layers }: RandomSae): Seen64 {
  const hooks = forward(ids);
  const all = layers.map((layer) => {
    const { data } = hooks.get(`blocks.${layer}.hook_resid_post`)!;
    const rows = ids.map((_, t) => Array.from(data.subarray(t * N_INPUTS, (t + 1) * N_INPUTS)));
    const { z, recons } = encode64(sae, rows, layer);
    const values = rows.flat();
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
    const mse = values.reduce((sum, x, i) => sum + (x - recons.flat()[i]!) ** 2, 0) / values.length;
    return { z, fvu: mse / variance };
  });
  return { z: all.map(({ z }) => z), fvu: all.map(({ fvu }) => fvu) };
}

function check(result: ComparedLatents, a: Seen64, b: Seen64, top: number): void {
  const nLatents = a.z[0]![0]!.length;
  const sum = (values: number[]): number => values.reduce((x, y) => x + y, 0);
  const wanted = Array.from({ length: nLatents }, (_, latent) => {
    const [ofA, ofB] = [a, b].map(({ z }) => z.flat().map((row) => row[latent]!)) as [number[], number[]];
    const sizes = ofA.map((value, i) => Math.abs(ofB[i]! - value));
    const most = sizes.indexOf(Math.max(...sizes));
    return { latent, difference: sum(sizes), ofA, ofB, most };
  })
    .filter(({ difference }) => difference > 0)
    .sort((x, y) => y.difference - x.difference);
  assert.equal(result.changed, wanted.length);
  assert.ok(wanted.length > top);
  assert.deepEqual(result.changes.map(({ latent }) => latent), wanted.slice(0, top).map(({ latent }) => latent)); // prettier-ignore
  for (const [i, { latent, difference, at, ...sums }] of result.changes.entries()) {
    const { ofA, ofB, most, difference: expected } = wanted[i]!;
    close(`sums of #${latent}`, [difference, sums.a, sums.b], [expected, sum(ofA), sum(ofB)]);
    assert.deepEqual([at.layer * ids.length + at.token], [most]);
    close('at the largest change', [at.a, at.b], [ofA[most]!, ofB[most]!]);
    close('by layer and token', latentMap(result.b, latent), ofB);
  }
  close('FVU of A', result.a.perLayer.map(({ fvu }) => fvu), a.fvu); // prettier-ignore
  close('FVU of B', result.b.perLayer.map(({ fvu }) => fvu), b.fvu); // prettier-ignore
  close('change of FVU', result.fvuDelta, b.fvu.map((fvu, i) => fvu - a.fvu[i]!)); // prettier-ignore
}

const params = { saeId: '', ids };

describe('comparing latents of two checkpoints', function () {
  this.timeout(30_000);

  for (const kind of [topk, relu])
    it(`read by one ${kind.name}, opened on either`, () =>
      withPair(variant, async ({ a, b }) => {
        const random = writeRandomSae(kind, { nInputs: N_INPUTS });
        const two = { a: a.model, b: b.model };
        const [seenA, seenB] = [seen64(a, random), seen64(b, random)];
        for (const model of [a.model, b.model])
          await withSae(model, random.folder, async (sae) => {
            const result = await compareLatents(two, { sae }, { ...params, top: 5 }, noSteps);
            assert.deepEqual(result.layers, random.layers);
            check(result, seenA, seenB, 5);
          });
      }));

  it('each read by its own step of one training', () =>
    withPair(variant, async ({ a, b }) => {
      const [first, second] = [1, 2].map((seed) => writeRandomSae(topk, { nInputs: N_INPUTS, seed })) as [
        RandomSae,
        RandomSae,
      ];
      const run = tempFolder();
      const [one, other] = [join(run, 'step10'), join(run, 'step200')];
      renameSync(first.folder, one);
      renameSync(second.folder, other);
      const two = { a: a.model, b: b.model };
      await withSae(a.model, one, (sae) =>
        withSae(b.model, other, async (otherSae) => {
          const result = await compareLatents(two, { sae, other: otherSae }, { ...params, top: 5 }, noSteps);
          check(result, seen64(a, first), seen64(b, second), 5);
          const swapped = compareLatents(two, { sae: otherSae, other: sae }, params, noSteps);
          await assert.rejects(swapped, (error) => error instanceof InputError && /opened on/.test(error.message));
        }),
      );
      // the same files, but nothing says that they are of one training
      const apart = join(tempFolder(), 'step200');
      cpSync(other, apart, { recursive: true });
      await withSae(a.model, one, (sae) =>
        withSae(b.model, apart, (otherSae) => refused(two, { sae, other: otherSae }, /not steps of one training/)),
      );
      const wider = writeRandomSae(topk, { nInputs: N_INPUTS, nLatents: 50 });
      await withSae(a.model, one, (sae) =>
        withSae(b.model, wider.folder, (otherSae) =>
          refused(two, { sae, other: otherSae }, /nLatents is 160 in the first and 50 in the second/),
        ),
      );
    }));

  it('does not differ in one checkpoint, and takes no autoencoder of a third', () =>
    withPair(variant, async ({ a, b }) => {
      const { folder } = writeRandomSae(topk, { nInputs: N_INPUTS });
      const again = await openModel(a.folder);
      await withSae(a.model, folder, async (sae) => {
        const same = await compareLatents({ a: a.model, b: again }, { sae }, params, noSteps);
        assert.deepEqual([same.changes, same.changed, [...same.fvuDelta]], [[], 0, [0, 0]]);
        await refused({ a: again, b: b.model }, { sae }, /was opened on .*: open it on/);
      });
      await again.runner.dispose();
    }));
});

async function refused(
  two: { a: OpenModel; b: OpenModel },
  saes: { sae: OpenSae; other?: OpenSae },
  why: RegExp,
): Promise<void> {
  await assert.rejects(compareLatents(two, saes, params, noSteps), (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.match(error.message, why);
    return true;
  });
}
