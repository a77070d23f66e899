/** Layer distributions, variance ratios and layer statistics against float64 code that follows the definitions. */
import assert from 'node:assert/strict';
import { latentMap, type Encoding } from '../../src/protocol/latents/encoding';
import {
  activeLatents,
  addCodes,
  layerMoments,
  noTotals,
  varianceRatios,
  type Codes,
} from '../../src/engine/mlsae/distributions';
import { plainRatios } from '../../src/engine/mlsae/plainRatios';
import { trimmed } from '../../src/engine/mlsae/encodePrompt';
import { addSums, adjacentSimilarity, histogram, layerSums, noSums, statsOf } from '../../src/engine/mlsae/layerStats';
import { gaussian } from './support/files';

const BAR = 1e-9;
const near = (actual: number, wanted: number, what: string): void =>
  assert.ok(
    Math.abs(actual - wanted) <= BAR * Math.max(1, Math.abs(wanted)),
    `${what}: ${actual} instead of ${wanted}`,
  );

const LATENTS = 23;
const K = 4;
/** Of a model whose autoencoder does not read layer 2. */
const LAYERS = [0, 1, 3, 4];

/** Random codes; some entries are 0, latent 5 is active nowhere, latent 7 on one token and layer only. */
function randomCodes(nTokens: number, seed: number): Codes {
  const rows = LAYERS.length * nTokens;
  const noise = gaussian(rows * LATENTS, seed);
  const indices = new Int32Array(rows * K);
  const values = new Float32Array(rows * K);
  for (let row = 0; row < rows; row++) {
    const activations = Array.from({ length: LATENTS }, (_, latent) => {
      if (latent === 5) return -1;
      if (latent === 7) return row === 3 ? 9 : -1;
      return noise[row * LATENTS + latent]! - (latent % 3) * 0.3;
    });
    const order = [...activations.keys()].sort((a, b) => activations[b]! - activations[a]!).slice(0, K);
    order.forEach((latent, i) => {
      indices[row * K + i] = latent;
      // the last of each third row is not active
      values[row * K + i] = i === K - 1 && row % 3 === 0 ? 0 : Math.max(0, activations[latent]!);
    });
  }
  return { nTokens, layers: LAYERS, k: K, indices, values };
}

/** `[layer][token][latent]` */
const dense = ({ nTokens, layers, k, indices, values }: Codes): number[][][] =>
  layers.map((_, l) =>
    Array.from({ length: nTokens }, (_, t) => {
      const row = new Array<number>(LATENTS).fill(0);
      for (let i = (l * nTokens + t) * k; i < (l * nTokens + t + 1) * k; i++) row[indices[i]!] = values[i]!;
      return row;
    }),
  );

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
/** Variance of the layer number under weights by layer. */
function variance(weights: number[]): number {
  const p = weights.map((w) => w / sum(weights));
  const mean = sum(p.map((q, l) => q * LAYERS[l]!));
  return sum(p.map((q, l) => q * (LAYERS[l]! - mean) ** 2));
}

/** By the definition: expectations under P(token, latent) and P(latent), each in proportion to its activations. */
function ratios64(z: number[][][]): { tokenOverLatent: number; latentOverTotal: number } {
  const tokens = z[0]!.keys();
  const all = sum(z.flat(2));
  let within = 0;
  for (const t of tokens)
    for (let j = 0; j < LATENTS; j++) {
      const weights = z.map((layer) => layer[t]![j]!);
      if (sum(weights) > 0) within += (sum(weights) / all) * variance(weights);
    }
  let latent = 0;
  for (let j = 0; j < LATENTS; j++) {
    const weights = z.map((layer) => sum(layer.map((row) => row[j]!)));
    if (sum(weights) > 0) latent += (sum(weights) / all) * variance(weights);
  }
  const total = variance(z.map((layer) => sum(layer.flat())));
  return { tokenOverLatent: within / latent, latentOverTotal: latent / total };
}

describe('distributions over layers', () => {
  const codes = randomCodes(17, 5);
  const z = dense(codes);
  const sums = noTotals(LAYERS, LATENTS);
  addCodes(sums, codes);

  it('counts and totals', () => {
    z.forEach((layer, l) => {
      for (let j = 0; j < LATENTS; j++) {
        assert.equal(sums.counts[l * LATENTS + j], layer.filter((row) => row[j]! > 0).length);
        near(sums.totals[l * LATENTS + j]!, sum(layer.map((row) => row[j]!)), 'total');
      }
    });
  });

  it('mean and variance of a latent’s layer', () => {
    const { mean, variance: got, total } = layerMoments(sums);
    for (let j = 0; j < LATENTS; j++) {
      const weights = z.map((layer) => sum(layer.map((row) => row[j]!)));
      near(total[j]!, sum(weights), `total of ${j}`);
      if (sum(weights) === 0) {
        assert.ok(Number.isNaN(mean[j]) && Number.isNaN(got[j]), `latent ${j} is never active`);
        continue;
      }
      near(mean[j]!, sum(weights.map((w, l) => w * LAYERS[l]!)) / sum(weights), `mean of ${j}`);
      near(got[j]!, variance(weights), `variance of ${j}`);
    }
    assert.ok(Number.isNaN(mean[5]));
    assert.equal(got[7], 0);
  });

  it('variance ratios', () => {
    const wanted = ratios64(z);
    const got = varianceRatios(sums);
    near(got.tokenOverLatent, wanted.tokenOverLatent, 'E[Var(L | j, token)] / E[Var(L | j)]');
    near(got.latentOverTotal, wanted.latentOverTotal, 'E[Var(L | j)] / Var(L)');
    for (const value of Object.values(got)) assert.ok(value > 0.01 && value < 1, 'law of total variance');
  });

  it('the paper’s variance ratios: plain means, what is not active as zeros', () => {
    const spread = (p: number[]): number =>
      sum(p.map((q, l) => q * LAYERS[l]! ** 2)) - sum(p.map((q, l) => q * LAYERS[l]!)) ** 2;
    const [tokens, latents] = [[...z[0]!.keys()], Array.from({ length: LATENTS }, (_, j) => j)];
    const probs = (t: number, j: number): number[] => {
      const weights = z.map((layer) => layer[t]![j]!);
      return weights.map((w) => (sum(weights) > 0 ? w / sum(weights) : 0));
    };
    const mean = (rows: number[][]): number[] => LAYERS.map((_, l) => sum(rows.map((row) => row[l]!)) / rows.length);
    const ofLatent = latents.map((j) => mean(tokens.map((t) => probs(t, j))));
    const e = (values: number[]): number => sum(values) / values.length;
    const perToken = e(tokens.flatMap((t) => latents.map((j) => spread(probs(t, j)))));
    const perLatent = e(ofLatent.map(spread));
    const got = plainRatios(codes, LATENTS);
    near(got.tokenOverLatent, perToken / perLatent, 'tokens');
    near(got.latentOverTotal, perLatent / spread(mean(ofLatent)), 'latents');
    const single = {
      ...codes,
      layers: [2],
      indices: codes.indices.slice(0, 17),
      values: codes.values.slice(0, 17),
      k: 1,
    };
    assert.deepEqual(plainRatios(single, LATENTS), { tokenOverLatent: NaN, latentOverTotal: NaN });
  });

  it('adds up over texts', () => {
    const parts = [randomCodes(5, 1), randomCodes(9, 2), randomCodes(1, 3)];
    const whole = noTotals(LAYERS, LATENTS);
    parts.forEach((part) => addCodes(whole, part));
    const together = LAYERS.map((_, l) => parts.flatMap((part) => dense(part)[l]!));
    const wanted = ratios64(together);
    const got = varianceRatios(whole);
    near(got.tokenOverLatent, wanted.tokenOverLatent, 'tokens');
    near(got.latentOverTotal, wanted.latentOverTotal, 'latents');
  });

  it('has no ratio where nothing varies', () => {
    const one: Codes = { nTokens: 1, layers: [2], k: 1, indices: Int32Array.of(3), values: Float32Array.of(1) };
    const single = noTotals([2], LATENTS);
    assert.deepEqual(varianceRatios(single), { tokenOverLatent: NaN, latentOverTotal: NaN });
    addCodes(single, one);
    assert.deepEqual(varianceRatios(single), { tokenOverLatent: NaN, latentOverTotal: NaN });
  });

  it('active latents', () => {
    const active = activeLatents(codes, sums);
    const maxima = Array.from({ length: LATENTS }, (_, j) => Math.max(...z.flat().map((row) => row[j]!)));
    const order = [...maxima.keys()].filter((j) => maxima[j]! > 0).sort((a, b) => maxima[b]! - maxima[a]!);
    assert.deepEqual([...active.latent], order);
    order.forEach((j, i) => {
      assert.equal(active.max[i], maxima[j]);
      assert.equal(z[active.maxLayer[i]!]![active.maxToken[i]!]![j], maxima[j], 'where it is largest');
      assert.equal(active.nTokens[i], z[0]!.filter((_, t) => z.some((layer) => layer[t]![j]! > 0)).length);
      const weights = z.map((layer) => sum(layer.map((row) => row[j]!)));
      weights.forEach((w, l) => near(active.byLayer[i * LAYERS.length + l]!, w, 'by layer'));
      near(active.total[i]!, sum(weights), 'total');
      near(active.layerMean[i]!, sum(weights.map((w, l) => w * LAYERS[l]!)) / sum(weights), 'mean');
      near(active.layerVar[i]!, variance(weights), 'variance');
      near(active.layerStd[i]!, Math.sqrt(variance(weights)), 'std');
    });
  });

  it('maps of a latent agree', () => {
    const map = latentMap({ ...codes, nLatents: LATENTS } as unknown as Encoding, 0);
    z.forEach((layer, l) => layer.forEach((row, t) => assert.equal(map[l * codes.nTokens + t], row[0])));
  });
});

describe('layer statistics', () => {
  const N = 6;
  const rows = (n: number, seed: number, shift = 0): Float32Array =>
    Float32Array.from(gaussian(n * N, seed), (value) => value + shift);

  it('FVU, MSE, L0 and L1, also over several texts', () => {
    const parts = [rows(5, 1, 2), rows(1, 2, -1), rows(8, 3)].map((x, p) => {
      const n = x.length / N;
      const some = (scale: number): Float32Array => Float32Array.from({ length: n + 2 }, (_, i) => scale * (p + i + 1));
      return { x, n, encoded: { squaredError: some(0.3), l0: some(2), l1: some(0.7) } };
    });
    // the rows of the layer begin at row 2 of what was encoded
    const total = parts.map(({ x, n, encoded }) => layerSums(x, encoded, { from: 2, n })).reduce(addSums, noSums());
    const values = parts.flatMap(({ x }) => [...x]);
    const mean = sum(values) / values.length;
    const unbiased = sum(values.map((value) => (value - mean) ** 2)) / (values.length - 1);
    const of = (name: 'squaredError' | 'l0' | 'l1'): number[] =>
      parts.flatMap(({ encoded }) => [...encoded[name].slice(2)]);
    const mse = sum(of('squaredError')) / values.length;
    const got = statsOf(3, total);
    assert.equal(got.layer, 3);
    near(got.mse, mse, 'mse');
    near(got.fvu, mse / unbiased, 'fvu');
    near(got.l0, sum(of('l0')) / 14, 'l0');
    near(got.l1, sum(of('l1')) / 14, 'l1');
  });

  it('similarity of neighbouring layers, plain and centred', () => {
    const layers = [rows(7, 4, 1), rows(7, 5, 3), rows(7, 6)];
    const nested = layers.map((x) => Array.from({ length: 7 }, (_, r) => [...x.subarray(r * N, (r + 1) * N)]));
    const centre = (x: number[][]): number[][] =>
      x.map((row) => row.map((value, i) => value - sum(x.map((other) => other[i]!)) / x.length));
    const cosine = (a: number[], b: number[]): number => {
      const dot = (p: number[], q: number[]): number => sum(p.map((value, i) => value * q[i]!));
      return dot(a, b) / Math.sqrt(dot(a, a)) / Math.sqrt(dot(b, b));
    };
    const mean = (a: number[][], b: number[][]): number => sum(a.map((row, r) => cosine(row, b[r]!))) / a.length;
    const got = adjacentSimilarity(layers, N);
    assert.deepEqual([got.plain.length, got.centred.length], [2, 2]);
    for (const l of [0, 1]) {
      near(got.plain[l]!, mean(nested[l]!, nested[l + 1]!), 'plain');
      near(got.centred[l]!, mean(centre(nested[l]!), centre(nested[l + 1]!)), 'centred');
    }
    assert.deepEqual(adjacentSimilarity([layers[0]!], N), { plain: new Float64Array(), centred: new Float64Array() });
    assert.ok(Number.isNaN(adjacentSimilarity([rows(1, 1), rows(1, 2)], N).centred[0]));
  });

  it('histograms', () => {
    assert.deepEqual([...histogram(Float32Array.of(0, 0.5, 1, 1.5, 3.9, 4, 0), 4, 4)], [1, 2, 0, 2]);
    assert.deepEqual([...histogram(Float32Array.of(0, 0), 0, 2)], [0, 0]);
  });

  it('entries that are active nowhere are left out', () => {
    const indices = Int32Array.of(3, 1, 2, 0, 9, 8, 7, 6);
    const cut = trimmed({ k: 4, indices, values: Float32Array.of(2, 0, 0, 0, 5, 4, 0, 0) });
    assert.deepEqual(cut, { k: 2, indices: Int32Array.of(3, 1, 9, 8), values: Float32Array.of(2, 0, 5, 4) });
    assert.equal(trimmed({ k: 4, indices, values: new Float32Array(8) }).k, 1);
  });
});
