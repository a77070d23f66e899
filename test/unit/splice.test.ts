import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splice } from '../../src/engine/mlsae/splice';
import {
  argmax,
  assertNear,
  kl64,
  mean,
  MODELS,
  next64,
  openRandomSae,
  openSampleSae,
  residual64,
  SAES,
  saeVariant,
} from './support/effects';
import { readTensors, REFERENCE, SAMPLES } from './support/files';
import { noSteps, promptOf } from './support/models';
import { forward64 } from './support/naive64';
import type { Config } from './support/naive/pass';
import { encode64 } from './support/randomSae';

describe('splicing', function () {
  this.timeout(60_000);

  for (const model of MODELS)
    for (const variant of model === MODELS[0] ? SAES : [saeVariant('mlsae')]) {
      it(`the reconstructions of ${variant.name} into ${model.name} is float64's`, async () => {
        const { open, sae, forward, dispose } = await openRandomSae(model, variant);
        const ids = promptOf(model, open.model.checkpoint.description.dVocab);
        const hooks = forward(ids);
        const clean = next64(hooks, ids);
        const result = await splice(open, { ids }, noSteps);
        assertNear('loss', result.loss, clean.loss);
        assert.deepEqual(
          result.layers.map(({ layer }) => layer),
          open.sae.layers,
        );
        for (const { layer, loss, lossDelta, kl, changed } of result.layers) {
          const recons = encode64(sae, residual64(hooks, layer), layer).recons;
          const spliced = next64(forward(ids, { [layer]: () => recons }), ids);
          assertNear('loss', loss, spliced.loss);
          assertNear('lossDelta', lossDelta, spliced.loss - clean.loss);
          assertNear('kl', kl, mean(kl64(clean, spliced)));
          const others = ids.filter((_, pos) => argmax(clean.logProbs[pos]!) !== argmax(spliced.logProbs[pos]!));
          assert.equal(changed, others.length / ids.length);
        }
        await dispose();
      });
    }

  it('is the same when a run unembeds a few positions and a session holds one block', async () => {
    const [ids, variant] = [promptOf(MODELS[0]!, 29), saeVariant('mlsae')];
    const whole = await openRandomSae(MODELS[0]!, variant);
    // 2 rows with a divergence and a rank; a session for each block
    const pieces = await openRandomSae(MODELS[0]!, variant, {}, { logitsPerRun: 29 * 2 * 6, segmentBytes: 1 });
    const [expected, result] = [
      await splice(whole.open, { ids }, noSteps),
      await splice(pieces.open, { ids }, noSteps),
    ];
    assertNear('loss', result.loss, expected.loss);
    result.layers.forEach((layer, l) => {
      assertNear('kl', layer.kl, expected.layers[l]!.kl);
      assertNear('loss', layer.loss, expected.layers[l]!.loss);
    });
    await whole.dispose();
    await pieces.dispose();
  });

  it('of the sample is that of the reference’s reconstructions', async () => {
    const open = await openSampleSae();
    const folder = join(SAMPLES, 'neox-6l');
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Config;
    const weights = new Map(Object.entries(readTensors(join(folder, 'model.safetensors'))));
    const reference = join(REFERENCE, 'mlsae-neox-6l-x16-k16');
    const { prompts } = JSON.parse(readFileSync(join(reference, 'reference.json'), 'utf8')) as {
      prompts: { ids: number[]; mean_loss: number }[];
    };
    const { ids, mean_loss: reported } = prompts[0]!;
    const stored = readTensors(join(reference, 'reference.safetensors'))['prompt.0.recons']!;
    const n = ids.length;
    const width = stored.shape.at(-1)!;
    const result = await splice(open, { ids }, noSteps);
    assertNear('loss', result.loss, reported);
    for (const layer of [0, 5]) {
      const row = (pos: number): number[] =>
        Array.from({ length: width }, (_, i) => stored.data[(layer * n + pos) * width + i]!);
      const hooks = forward64(config, weights, ids, (name, values) =>
        name === `blocks.${layer}.hook_resid_post` ? ids.map((_, pos) => row(pos)) : values,
      );
      const spliced = next64(hooks, ids);
      assertNear('loss', result.layers[layer]!.loss, spliced.loss);
      assertNear('lossDelta', result.layers[layer]!.lossDelta, spliced.loss - reported);
    }
    // the deeper the layer, the more is lost: as on the held-out text of the sample's README
    const lost = result.layers.map(({ lossDelta }) => lossDelta);
    assert.ok(lost[5]! > lost[0]! && lost.every((delta) => delta > 0 && delta < 1), lost.join());
    await open.saeRunner.dispose();
    await open.model.runner.dispose();
  });
});
