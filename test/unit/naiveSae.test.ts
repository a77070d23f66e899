import assert from 'node:assert/strict';
import { join } from 'node:path';
import { assertClose } from './support/closeness';
import { readTensors, REFERENCE, SAMPLES } from './support/files';
import { encode64, type Sae64 } from './support/naiveSae';

const NAME = 'mlsae-neox-6l-x16-k16';

/** What the other tests compare with is itself compared with the reference. */
describe('the naive autoencoder', () => {
  const stored = readTensors(join(SAMPLES, NAME, 'model.safetensors'));
  const reference = readTensors(join(REFERENCE, NAME, 'reference.safetensors'));
  const [nInputs, nLatents, k] = [192, 3072, 16];
  const rows = (data: Float64Array, columns: number): number[][] =>
    Array.from({ length: data.length / columns }, (_, i) => Array.from(data.subarray(i * columns, (i + 1) * columns)));
  const columns = rows(stored['decoder.weight']!.data, nLatents);
  const bias = Array.from(stored.pre_encoder_bias!.data);
  const sae: Sae64 = {
    variant: { name: NAME, format: 'mlsae', activation: 'topk', standardize: true },
    nInputs,
    nLatents,
    k,
    encoder: rows(stored['encoder.weight']!.data, nInputs),
    decoder: Array.from({ length: nLatents }, (_, j) => columns.map((column) => column[j]!)),
    bPre: bias,
    bEnc: new Array<number>(nLatents).fill(0),
    bDec: bias,
    threshold: [],
    rMag: [],
    bGate: [],
    bMag: [],
  };

  it('gives the latents, the scale and the reconstructions of the reference', () => {
    const of = (name: string): { shape: number[]; data: Float64Array } => reference[`prompt.1.${name}`]!;
    const [nLayers, nTokens] = of('inputs').shape as [number, number];
    for (let layer = 0; layer < nLayers; layer++) {
      const part = ({ data }: { data: Float64Array }): Float64Array =>
        data.subarray((data.length / nLayers) * layer, (data.length / nLayers) * (layer + 1));
      const { z, recons, scale } = encode64(sae, rows(part(of('inputs')), nInputs), layer);
      assertClose('recons', flat(recons, nInputs), { shape: [nTokens, nInputs], data: part(of('recons')) }, 1e-5);
      assertClose('std', flat([scale], nTokens), { shape: [1, nTokens], data: part(of('std')) }, 1e-5);
      const [indices, values] = [rows(part(of('topk_indices')), k), rows(part(of('topk_values')), k)];
      z.forEach((row, token) => {
        const expected = new Array<number>(nLatents).fill(0);
        indices[token]!.forEach((latent, i) => (expected[latent] = values[token]![i]!));
        assertClose('z', flat([row], nLatents), flat([expected], nLatents), 1e-5);
      });
    }
    assert.ok(nLayers === 6 && nTokens > 1);
  });
});

const flat = (data: number[][], columns: number): { shape: number[]; data: number[] } => ({
  shape: [data.length, columns],
  data: data.flat(),
});
