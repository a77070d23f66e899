import assert from 'node:assert/strict';
import { topOf } from '../../src/engine/mlsae/topOf';
import {
  decoderColumns,
  dots,
  inputEmbeddings,
  lengths,
  outputEmbeddings,
  type VectorTable,
} from '../../src/engine/mlsae/vectorTable';
import { assertClose } from './support/closeness';
import { MODELS, openRandomSae, saeVariant } from './support/effects';
import { heads64, turn } from './support/heads64';
import type { Matrix } from './support/naive/math';
import { PROVIDER } from './support/provider';

const list = (data: number[]): { shape: number[]; data: number[] } => ({ shape: [data.length], data });

describe('vectors of a stored matrix', function () {
  this.timeout(30_000);

  async function assertTable(name: string, table: VectorTable, expected: Matrix): Promise<void> {
    const width = expected[0]!.length;
    const vector = Float32Array.from({ length: width }, (_, i) => Math.sin(3 * i + 1));
    const products = expected.map((row) => row.reduce((sum, value, i) => sum + value * vector[i]!, 0));
    const norms = expected.map((row) => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)));
    // whole; 3 at a time, of which the last are fewer; one at a time
    for (const chunk of [2 ** 24, 3 * width + 1, 1]) {
      const [a, b] = [await dots(table, PROVIDER, vector, chunk), await lengths(table, PROVIDER, chunk)];
      assertClose(`${name}: products`, list([...a]), list(products), 1e-5);
      assertClose(`${name}: lengths`, list([...b]), list(norms), 1e-5);
    }
  }

  for (const model of MODELS)
    it(`of ${model.name}: embeddings, unembedding, decoder`, async () => {
      for (const variant of ['mlsae F16', 'sparsify'].map(saeVariant)) {
        const { open, sae, config, weights, dispose } = await openRandomSae(model, variant);
        const { W_E, W_U } = heads64(config, weights, true);
        await assertTable('W_E', inputEmbeddings(open.model.checkpoint), W_E);
        await assertTable('W_U', outputEmbeddings(open.model.checkpoint), turn(W_U));
        await assertTable('W_dec', decoderColumns(open.sae), sae.decoder);
        await dispose();
      }
    });
});

describe('the largest values', () => {
  it('come largest first, of equal ones the first, without NaN', () => {
    assert.deepEqual(topOf([1, 5, NaN, 5, -2, 7], 3), [5, 1, 3]);
    assert.deepEqual(topOf([1, 2], 5), [1, 0]);
    assert.deepEqual(topOf([NaN, -Infinity, 0], 2), [2, 1]);
    assert.deepEqual(topOf([], 2), []);
    const values = Array.from({ length: 500 }, (_, i) => (i * 7919) % 503);
    const sorted = [...values.keys()].sort((a, b) => values[b]! - values[a]!);
    assert.deepEqual(topOf(values, 20), sorted.slice(0, 20));
  });
});
