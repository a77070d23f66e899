import assert from 'node:assert/strict';
import type { Weighting } from '../../src/protocol/analysis';
import { exportTensors } from '../../src/engine/circuits/export';
import { patternMatrix, sourcesByLayer, thumbnails } from '../../src/engine/circuits/pattern';
import type { Patterns } from '../../src/engine/circuits/pattern';

/** Numbers in [0, 1) that are the same in every run (Lehmer). */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** Each layer's `[head, destination, source]`. */
type Whole = Patterns & { patterns: Float32Array[] };

/** Causal random patterns (rows need not sum to 1 here). */
function randomPatterns(nLayers: number, nHeads: number, n: number): Whole {
  const next = random(nLayers * 100 + nHeads * 10 + n);
  const layer = (): Float32Array =>
    Float32Array.from({ length: nHeads * n * n }, (_, i) => (i % n <= Math.floor(i / n) % n ? next() : 0));
  const norms = (): Float32Array => Float32Array.from({ length: nHeads * n }, () => 5 * next());
  return {
    n,
    nHeads,
    patterns: Array.from({ length: nLayers }, layer),
    valueNorms: Array.from({ length: nLayers }, norms),
  };
}

/** The definition, cell by cell. */
function weight(set: Whole, layer: number, head: number, d: number, s: number, weighting: Weighting): number {
  const { n } = set;
  const plain = set.patterns[layer]![head * n * n + d * n + s]!;
  if (weighting === 'pattern') return plain;
  const norms = Array.from({ length: n }, (_, source) => set.valueNorms[layer]![head * n + source]!);
  const largest = Math.max(...norms);
  return largest === 0 ? 0 : (plain * norms[s]!) / largest;
}

/** All heads' weights of a cell, in head order. */
const cell = (set: Whole, d: number, s: number, weighting: Weighting): number[] =>
  set.patterns.flatMap((_, layer) =>
    Array.from({ length: set.nHeads }, (_, head) => weight(set, layer, head, d, s, weighting)),
  );

const close = (actual: number, expected: number, what: string): void =>
  assert.ok(Math.abs(actual - expected) <= 1e-6, `${what}: ${actual}, expected ${expected}`);

describe('pattern', () => {
  const set = randomPatterns(3, 4, 11);
  const { n } = set;
  for (const weighting of ['pattern', 'value-weighted'] as const) {
    it(`${weighting}: one head, mean and maximum are those of the definition`, () => {
      const one = patternMatrix(set, { reduction: 'one', weighting, head: { layer: 2, head: 1 } });
      const mean = patternMatrix(set, { reduction: 'mean', weighting });
      const max = patternMatrix(set, { reduction: 'max', weighting });
      assert.deepEqual([one.n, mean.n, max.n], [n, n, n]);
      assert.equal(one.values.length, n * n);
      for (let d = 0; d < n; d++)
        for (let s = 0; s < n; s++) {
          const at = d * n + s;
          const all = cell(set, d, s, weighting);
          close(one.values[at]!, weight(set, 2, 1, d, s, weighting), `one [${d}, ${s}]`);
          close(mean.values[at]!, all.reduce((a, b) => a + b) / all.length, `mean [${d}, ${s}]`);
          close(max.values[at]!, Math.max(...all), `max [${d}, ${s}]`);
          assert.equal(max.argHead![at], all.indexOf(Math.max(...all)), `argHead [${d}, ${s}]`);
        }
    });

    it(`${weighting}: thumbnails are the largest weight under each pixel`, () => {
      for (const size of [4, 5, n, 64]) {
        const small = thumbnails(set, weighting, size);
        const side = Math.min(size, n);
        const expected = new Array<number>(3 * 4 * side * side).fill(0);
        for (let d = 0; d < n; d++)
          for (let s = 0; s < n; s++)
            cell(set, d, s, weighting).forEach((value, number) => {
              const pixel = (number * side + Math.floor((d * side) / n)) * side + Math.floor((s * side) / n);
              expected[pixel] = Math.max(expected[pixel]!, Math.round(255 * value));
            });
        assert.equal(small.size, side);
        assert.deepEqual([...small.values], expected);
      }
    });
  }

  it('a head that moves nothing has a value-weighted pattern of 0', () => {
    const still = randomPatterns(1, 2, 5);
    still.valueNorms[0]!.fill(0, 0, 5);
    const values = (head: number): Float32Array =>
      patternMatrix(still, { reduction: 'one', weighting: 'value-weighted', head: { layer: 0, head } }).values;
    assert.ok(values(0).every((value) => value === 0));
    assert.ok(values(1).some((value) => value > 0));
  });

  it('of equal heads the first is named as the maximum', () => {
    const patterns = [Float32Array.of(0.5, 0, 0.25, 0.5, 0.5, 0, 0.5, 0.5)];
    const tied: Patterns = { n: 2, nHeads: 2, patterns, valueNorms: [new Float32Array(4).fill(1)] };
    const { argHead } = patternMatrix(tied, { reduction: 'max', weighting: 'pattern' });
    assert.deepEqual([...argHead!], [0, 0, 1, 0]);
    assert.deepEqual(sourcesByLayer(tied, 1, 2), [
      [
        { source: 0, weight: 0.5, head: 1 },
        { source: 1, weight: 0.5, head: 0 },
      ],
    ]);
  });

  it('sources of a destination: the k largest over the heads of each layer, strongest first', () => {
    for (const [destination, k] of [
      [10, 3],
      [6, 100],
      [0, 3],
    ] as const) {
      const layers = sourcesByLayer(set, destination, k);
      assert.equal(layers.length, 3);
      layers.forEach((found, layer) => {
        const expected = Array.from({ length: destination + 1 }, (_, source) => {
          const heads = [0, 1, 2, 3].map((head) => weight(set, layer, head, destination, source, 'pattern'));
          return { source, weight: Math.max(...heads), head: heads.indexOf(Math.max(...heads)) };
        }).sort((a, b) => b.weight - a.weight);
        assert.deepEqual(found, expected.slice(0, k));
      });
    }
  });

  it('a model without layers has empty pictures', () => {
    const none = randomPatterns(0, 4, 3);
    assert.ok(patternMatrix(none, { reduction: 'mean', weighting: 'pattern' }).values.every((value) => value === 0));
    assert.equal(thumbnails(none, 'pattern', 32).values.length, 0);
    assert.deepEqual(sourcesByLayer(none, 2, 3), []);
    assert.deepEqual(exportTensors(none, { weighting: 'pattern' }), {});
  });

  it('is exported under TransformerLens names', () => {
    const plain = exportTensors(set, { weighting: 'pattern' });
    assert.deepEqual(
      Object.keys(plain),
      [0, 1, 2].map((layer) => `blocks.${layer}.attn.hook_pattern`),
    );
    assert.deepEqual(plain['blocks.1.attn.hook_pattern'], { shape: [4, n, n], data: set.patterns[1] });

    const head = { layer: 1, head: 2 };
    const weighted = exportTensors(set, { weighting: 'value-weighted', head });
    const { values } = patternMatrix(set, { reduction: 'one', weighting: 'value-weighted', head });
    assert.deepEqual(weighted, { 'blocks.1.attn.value_weighted_pattern.2': { shape: [1, n, n], data: values } });
  });
});
