/** The sample autoencoder on the sample model against float64 results that were computed elsewhere (test/fixtures/reference). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { encodeIds, encodePrompt } from '../../src/engine/mlsae/encodePrompt';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import { Screen, type CodeTensors } from '../../src/engine/mlsae/screen';
import type { Encoded, OpenSae } from '../../src/engine/mlsae/types';
import { createRunner } from '../../src/engine/runtime/runner';
import { assertClose } from './support/closeness';
import { readTensors, REFERENCE, SAMPLES } from './support/files';
import { PROVIDER } from './support/provider';

const NAME = 'mlsae-neox-6l-x16-k16';
const folder = join(REFERENCE, NAME);
const steps = { step: async () => undefined };
/** Values may differ by this, and latents may change places where values are nearer than TIE. */
const VALUE_BAR = 1e-4;
const TIE = 1e-5;

interface Reference {
  prompts: { ids: number[]; fvu: number[]; l0: number[] }[];
}

describe(`${NAME} against its reference`, function () {
  this.timeout(30_000);
  const reference = JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8')) as Reference;
  const tensors = readTensors(join(folder, 'reference.safetensors'));
  const expected = (prompt: number, name: string): Float64Array => tensors[`prompt.${prompt}.${name}`]!.data;
  let open: OpenSae;

  before(async () => {
    const checkpoint = await openCheckpoint(join(SAMPLES, 'neox-6l'));
    const runner = await createRunner(checkpoint, { providers: [PROVIDER], log: () => undefined });
    const sae = await openSae(join(SAMPLES, NAME), checkpoint);
    open = { sae, saeRunner: createSaeRunner(sae, PROVIDER), model: { checkpoint, runner } };
  });
  after(async () => {
    await open.saeRunner.dispose();
    await open.model.runner.dispose();
  });

  /** Latents where no other value of the row is near. */
  function check(prompt: number, { indices, values, k }: Pick<Encoded, 'indices' | 'values' | 'k'>): void {
    const wantedValues = expected(prompt, 'topk_values');
    const wantedIndices = expected(prompt, 'topk_indices');
    assert.equal(values.length, wantedValues.length);
    near(values, wantedValues, 'values');
    let compared = 0;
    indices.forEach((latent, i) => {
      const apart = (other: number): boolean =>
        Math.floor(other / k) !== Math.floor(i / k) || Math.abs(wantedValues[other]! - wantedValues[i]!) > TIE;
      // the value after the last is not in the reference: only the smallest gap to it is
      if (!apart(i - 1) || !apart(i + 1)) return;
      assert.equal(latent, wantedIndices[i], `entry ${i}`);
      compared++;
    });
    assert.ok(compared > 0.99 * indices.length, `${compared} of ${indices.length} entries have distinct values`);
  }

  reference.prompts.forEach(({ ids, fvu, l0 }, prompt) => {
    it(`prompt ${prompt}: latents and activations`, async () => {
      const { indices, values, k, layers, nTokens } = await encodePrompt(open, { ids }, steps);
      assert.deepEqual([k, layers, nTokens], [16, [0, 1, 2, 3, 4, 5], ids.length]);
      check(prompt, { indices, values, k });
    });

    it(`prompt ${prompt}: the same latents by candidates, which are sure to have them in nearly all rows`, async () => {
      const screen = await Screen.create(open.sae, 16);
      const x = Float32Array.from(expected(prompt, 'inputs'));
      const encode = async (part: Float32Array): Promise<CodeTensors> => {
        const { values, indices, scale } = await open.saeRunner.encode({ rows: part, layer: 0, codesOnly: true });
        const n = scale.length;
        return {
          values: new Tensor('float32', values, [n, 16]),
          indices: new Tensor('int32', indices, [n, 16]),
          mean: new Tensor('float32', new Float32Array(n), [n, 1]),
          std: new Tensor('float32', scale, [n, 1]),
        };
      };
      const { codes, unsure } = await screen!.codes({ x, encode, step: async () => undefined });
      await screen!.dispose();
      const [values, indices] = [codes['values']!.data as Float32Array, codes['indices']!.data as Int32Array];
      check(prompt, { values, indices, k: 16 });
      assert.ok(unsure < 0.02 * ids.length * 6, `${unsure} rows of ${ids.length * 6} are not sure`);
    });

    it(`prompt ${prompt}: reconstructions, standardization, FVU, L0`, async () => {
      const { encoded, resid } = await encodeIds(open, ids, steps, { recons: true });
      const wanted = expected(prompt, 'recons');
      near(encoded.recons!, wanted, 'recons');
      near(encoded.scale, expected(prompt, 'std'), 'scale');
      const inputs = expected(prompt, 'inputs');
      near(Float32Array.from(resid.flatMap((rows) => [...rows])), inputs, 'inputs');
      const errors = Float64Array.from(encoded.squaredError, (_, row) => {
        let sum = 0;
        for (let i = row * 192; i < (row + 1) * 192; i++) sum += (inputs[i]! - wanted[i]!) ** 2;
        return sum;
      });
      near(encoded.squaredError, errors, 'squared errors');
      const { perLayer } = await encodePrompt(open, { ids }, steps);
      near(
        Float64Array.from(perLayer, (layer) => layer.fvu),
        fvu,
        'fvu',
      );
      near(
        Float64Array.from(perLayer, (layer) => layer.l0),
        l0,
        'l0',
      );
    });
  });
});

/** Relative to the largest expected value. */
function near(actual: ArrayLike<number>, wanted: ArrayLike<number>, what: string): void {
  const shape = [wanted.length];
  assertClose(what, { shape: [actual.length], data: actual }, { shape, data: wanted }, VALUE_BAR);
}
