/** Random autoencoders of every format against float64 code of the tests' own. */
import assert from 'node:assert/strict';
import { encodeText } from '../../src/engine/mlsae/encodePrompt';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner, type SaeRunnerOptions } from '../../src/engine/mlsae/runner';
import type { Sae } from '../../src/engine/mlsae/sae';
import type { Encoded, OpenSae } from '../../src/engine/mlsae/types';
import { InputError } from '../../src/engine/checkpoint/errors';
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { assertClose } from './support/closeness';
import { gaussian, writeTensors } from './support/files';
import { noSteps, openRandom } from './support/models';
import { encode64, SAE_VARIANTS, writeRandomSae, type RandomSae, type SaeVariant } from './support/randomSae';
import { variants } from './support/variants';
import { PROVIDER } from './support/provider';

const N_INPUTS = 12;
const N_ROWS = 11;
const LAYER = 1;
/** Latents may change places where values are nearer than this. */
const TIE = 1e-5;

/** Nothing of the model but its sizes is looked at. */
const model = { name: 'random', description: { dModel: N_INPUTS, nLayers: 2 } } as unknown as Checkpoint;
/** Rows of several sizes, so that what is added to a small std is seen, and a large mean. */
const data = gaussian(N_ROWS * N_INPUTS, 77);
const rows = Float32Array.from(data, (value, i) => {
  const row = Math.floor(i / N_INPUTS);
  return row % 4 === 0 ? value * 1e-3 : row % 4 === 1 ? 100 + value : value;
});
const nested = (values: Float32Array): Float32Array[] =>
  Array.from({ length: values.length / N_INPUTS }, (_, r) => values.subarray(r * N_INPUTS, (r + 1) * N_INPUTS));

async function opened(variant: SaeVariant): Promise<{ sae: Sae; random: RandomSae }> {
  const random = writeRandomSae(variant, { nInputs: N_INPUTS, layer: LAYER });
  return { random, sae: await openSae(random.folder, model, { tunedLens: random.tunedLens }) };
}

async function encoded(
  sae: Sae,
  request: { recons?: boolean; codesOnly?: boolean } = { recons: true },
  limits: SaeRunnerOptions['limits'] = {},
): Promise<Encoded> {
  const runner = createSaeRunner(sae, PROVIDER, { limits });
  try {
    return await runner.encode({ rows, layer: LAYER, ...request });
  } finally {
    await runner.dispose();
  }
}

const close = (name: string, actual: ArrayLike<number>, wanted: number[]): number =>
  assertClose(name, { shape: [actual.length], data: actual }, { shape: [wanted.length], data: wanted });

/** Of each row the k largest values; what lies beyond must not be active, unless k are. */
function checkCodes(
  { k, indices, values }: Pick<Encoded, 'k' | 'indices' | 'values'>,
  z: number[][],
  kept: number,
): void {
  assert.equal(values.length, z.length * k);
  z.forEach((row, r) => {
    const order = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b).slice(0, kept);
    close(`values of row ${r}`, values.subarray(r * k, r * k + kept), order.map((j) => row[j]!)); // prettier-ignore
    order.forEach((latent, i) => {
      const value = row[latent]!;
      const isAlone = row.every((other, j) => j === latent || Math.abs(other - value) > TIE);
      if (value > 0 && isAlone) assert.equal(indices[r * k + i], latent, `entry ${i} of row ${r}`);
    });
  });
}

for (const variant of SAE_VARIANTS) {
  it(`encodes and decodes: ${variant.name}`, async () => {
    const { sae, random } = await opened(variant);
    const wanted = encode64(random.sae, nested(rows), LAYER);
    const got = await encoded(sae);
    assert.equal(got.k, variant.activation === 'topk' ? random.sae.k : random.sae.nLatents);
    checkCodes(got, wanted.z, got.k);
    close('scale', got.scale, wanted.scale);
    close('l0', got.l0, wanted.z.map((row) => row.filter((value) => value > 0).length)); // prettier-ignore
    close('l1', got.l1, wanted.z.map((row) => row.reduce((a, b) => a + b, 0))); // prettier-ignore
    nested(got.recons!).forEach((row, r) => close(`reconstruction of row ${r}`, row, wanted.recons[r]!));
    const errors = wanted.recons.map((row, r) =>
      row.reduce((sum, value, i) => sum + (value - rows[r * N_INPUTS + i]!) ** 2, 0),
    );
    close('squared error', got.squaredError, errors);
  });
}

for (const name of ['mlsae', 'mlsae tuned lens', 'saelens gated', 'saelens topk']) {
  const variant = SAE_VARIANTS.find((each) => each.name === name)!;
  it(`gives the same in any chunks: ${name}`, async () => {
    const { sae } = await opened(variant);
    const whole = await encoded(sae);
    for (const limits of [{ rows: 4 }, { activations: 3 * sae.nLatents }, { gathered: 2 * 3 * N_INPUTS }]) {
      const parts = await encoded(sae, { recons: true }, limits);
      assert.deepEqual(parts.indices, whole.indices);
      for (const part of ['values', 'l0', 'l1', 'squaredError', 'scale', 'recons'] as const)
        close(part, parts[part]!, [...whole[part]!]);
    }
  });

  it(`reconstructs the same bits however few rows are gathered at once: ${name}`, async () => {
    const { sae } = await opened(variant);
    const whole = await encoded(sae);
    for (const gathered of [1, 5 * whole.k * N_INPUTS]) {
      const parts = await encoded(sae, { recons: true }, { gathered });
      assert.deepEqual([parts.recons, parts.squaredError], [whole.recons, whole.squaredError]);
    }
  });

  it(`gives the same codes without decoding: ${name}`, async () => {
    const { sae } = await opened(variant);
    const [whole, codes] = [await encoded(sae), await encoded(sae, { codesOnly: true })];
    assert.deepEqual([codes.values, codes.indices], [whole.values, whole.indices]);
    assert.deepEqual([codes.l0, codes.l1, codes.scale], [whole.l0, whole.l1, whole.scale]);
    assert.equal(codes.recons, undefined);
    assert.ok(codes.squaredError.every(Number.isNaN));
  });
}

it('some of the k largest are negative: they are not active', async () => {
  const { sae, random } = await opened({ ...SAE_VARIANTS[0]!, k: 40 });
  const wanted = encode64(random.sae, nested(rows), LAYER);
  const got = await encoded(sae);
  assert.ok(wanted.z.every((row) => row.filter((value) => value > 0).length < 40));
  checkCodes(got, wanted.z, 40);
  close('l0', got.l0, wanted.z.map((row) => row.filter((value) => value > 0).length)); // prettier-ignore
  nested(got.recons!).forEach((row, r) => close(`reconstruction of row ${r}`, row, wanted.recons[r]!));
});

it('encoding alone does not touch the decoder', async () => {
  for (const name of ['mlsae', 'saelens jumprelu']) {
    const { sae } = await opened(SAE_VARIANTS.find((each) => each.name === name)!);
    const tensors = new Map(sae.tensors);
    tensors.delete(sae.decoder.weight.tensor);
    await encoded({ ...sae, tensors }, { codesOnly: true });
    await assert.rejects(encoded({ ...sae, tensors }), /decoder|W_dec/);
  }
});

it('keeps the largest entries of an activation that is not TopK, and counts all', async () => {
  const { sae, random } = await opened(SAE_VARIANTS.find(({ name }) => name === 'saelens standard')!);
  const wanted = encode64(random.sae, nested(rows), LAYER);
  const got = await encoded(sae, { recons: true }, { kept: 5 });
  assert.equal(got.k, 5);
  checkCodes(got, wanted.z, 5);
  assert.ok(wanted.z.some((row) => row.filter((value) => value > 0).length > 5));
  close('l0', got.l0, wanted.z.map((row) => row.filter((value) => value > 0).length)); // prettier-ignore
  nested(got.recons!).forEach((row, r) => close(`reconstruction of row ${r}`, row, wanted.recons[r]!));
});

for (const name of ['mlsae', 'mlsae tuned lens', 'saelens jumprelu']) {
  it(`encodes a prompt, layer by layer: ${name}`, async () => {
    const { model: random, forward } = await openRandom(variants.find((each) => each.config.model_type === 'llama')!);
    const { dModel, nLayers } = random.checkpoint.description;
    const variant = SAE_VARIANTS.find((each) => each.name === name)!;
    const stored = writeRandomSae(variant, { nInputs: dModel, nLayers, layer: nLayers - 1 });
    const sae = await openSae(stored.folder, random.checkpoint, { tunedLens: stored.tunedLens });
    const open: OpenSae = { sae, saeRunner: createSaeRunner(sae, PROVIDER), model: random };
    const ids = [3, 1, 4, 1, 5];
    const hooks = forward(ids);
    const { encoding, encoded: all, resid } = await encodeText(open, { ids }, noSteps, { recons: true });
    assert.deepEqual(encoding.layers, variant.format === 'mlsae' ? [...Array(nLayers).keys()] : [nLayers - 1]);
    encoding.layers.forEach((layer, l) => {
      const x = [...hooks.get(`blocks.${layer}.hook_resid_post`)!.data];
      close(`residual of layer ${layer}`, resid[l]!, x);
      const tokens = ids.map((_, t) => x.slice(t * dModel, (t + 1) * dModel));
      const wanted = encode64(stored.sae, tokens, layer);
      const part = <T extends Float32Array | Int32Array>(values: T, width: number): T =>
        values.subarray(l * ids.length * width, (l + 1) * ids.length * width) as T;
      const { k } = encoding;
      const codes = { k, indices: part(encoding.indices, k), values: part(encoding.values, k) };
      checkCodes(codes, wanted.z, k);
      close('reconstructions', part(all.recons!, dModel), wanted.recons.flat());
      const mean = x.reduce((a, b) => a + b, 0) / x.length;
      const unbiased = x.reduce((a, b) => a + (b - mean) ** 2, 0) / (x.length - 1);
      const mse = wanted.recons.flat().reduce((a, value, i) => a + (value - x[i]!) ** 2, 0) / x.length;
      const active = wanted.z.map((row) => row.filter((value) => value > 0));
      const { fvu, l0, l1, mse: got } = encoding.perLayer[l]!;
      const n = ids.length;
      const sum = active.flat().reduce((a, b) => a + b, 0);
      close('FVU', [fvu], [mse / unbiased]);
      close('MSE', [got], [mse]);
      close('L0, L1', [l0, l1], [active.flat().length / n, sum / n]);
    });
    await open.saeRunner.dispose();
    await random.runner.dispose();
  });
}

describe('decoder rows', () => {
  for (const name of ['mlsae', 'mlsae F16', 'sparsify', 'saelens jumprelu layer_norm BF16'])
    it(name, async () => {
      const { sae, random } = await opened(SAE_VARIANTS.find((each) => each.name === name)!);
      const runner = createSaeRunner(sae, PROVIDER);
      const latents = [7, 0, sae.nLatents - 1, 7];
      const got = await runner.decoderRows(latents);
      assert.deepEqual([...got], latents.flatMap((latent) => random.sae.decoder[latent]!)); // prettier-ignore
      assert.equal((await runner.decoderRows([])).length, 0);
      await assert.rejects(runner.decoderRows([sae.nLatents]), /no latent/);
      await runner.dispose();
    });
});

it('says that a tuned lens cannot be undone', async () => {
  const variant = SAE_VARIANTS.find(({ name }) => name === 'mlsae tuned lens')!;
  const random = writeRandomSae(variant, { nInputs: N_INPUTS });
  const zeros = new Float64Array(N_INPUTS ** 2);
  // I + W has an empty row
  const singular = zeros.map((_, i) => (i === 3 * N_INPUTS + 3 ? -1 : 0));
  const bias = { shape: [N_INPUTS], data: new Float64Array(N_INPUTS) };
  writeTensors(random.tunedLens!, {
    '0.weight': { shape: [N_INPUTS, N_INPUTS], data: zeros },
    '0.bias': bias,
    '1.weight': { shape: [N_INPUTS, N_INPUTS], data: singular },
    '1.bias': bias,
  });
  const sae = await openSae(random.folder, model, { tunedLens: random.tunedLens });
  await encoded(sae, { codesOnly: true });
  await assert.rejects(
    encoded(sae),
    (error) => error instanceof InputError && /1\.weight.*no inverse/.test(error.message),
  );
});

it('cancels between chunks', async () => {
  const { sae } = await opened(SAE_VARIANTS[0]!);
  const runner = createSaeRunner(sae, PROVIDER, { limits: { rows: 2 } });
  let steps = 0;
  const step = async (): Promise<void> => {
    await noSteps.step('');
    if (++steps > 2) throw new Error('cancelled');
  };
  await assert.rejects(runner.encode({ rows, layer: LAYER }, { step }), /cancelled/);
  assert.equal(steps, 3);
  await runner.dispose();
});
