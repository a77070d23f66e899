import assert from 'node:assert/strict';
import { mmcs, nearestColumns } from '../../src/engine/mlsae/mmcs';
import { openSae } from '../../src/engine/mlsae/open';
import type { Sae } from '../../src/engine/mlsae/sae';
import { openSampleSae, saeVariant } from './support/effects';
import { neox } from './support/families';
import { readTensors, writeTensors } from './support/files';
import { noSteps, openModel } from './support/models';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { writeRandomSae } from './support/randomSae';
import { PROVIDER } from './support/provider';

const norm = (a: number[]): number => Math.sqrt(a.reduce((sum, value) => sum + value * value, 0));
const cosine = (a: number[], b: number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0) / norm(a) / norm(b);

/** The nearest other column of each, in float64; −1 and NaN for one without a direction, or when there is no other. */
function nearest64(columns: number[][]): { nearest: number; cosine: number }[] {
  const alive = (column: number[]): boolean => norm(column) > 0;
  return columns.map((column, i) => {
    const best = { nearest: -1, cosine: -Infinity };
    columns.forEach((other, j) => {
      if (i === j || !alive(column) || !alive(other)) return;
      const value = cosine(column, other);
      if (value > best.cosine) Object.assign(best, { nearest: j, cosine: value });
    });
    return best.nearest < 0 ? { nearest: -1, cosine: NaN } : best;
  });
}

function assertNearest(
  result: { mmcs: number; nearest: Int32Array; cosine: Float32Array },
  expected: ReturnType<typeof nearest64>,
  columns: number[][],
): void {
  const defined = expected.filter(({ nearest }) => nearest >= 0);
  const mean = defined.reduce((sum, each) => sum + each.cosine, 0) / defined.length;
  assert.ok(Math.abs(result.mmcs - mean) < 1e-5, `${result.mmcs}, ${mean}`);
  expected.forEach((each, i) => {
    if (each.nearest < 0) return assert.deepEqual([result.nearest[i], result.cosine[i]], [-1, NaN]);
    assert.ok(Math.abs(result.cosine[i]! - each.cosine) < 1e-5, `${i}: ${result.cosine[i]}, ${each.cosine}`);
    // of equal ones any
    const found = result.nearest[i]!;
    assert.notEqual(found, i);
    assert.ok(cosine(columns[i]!, columns[found]!) > each.cosine - 1e-5, `${i}: #${found}`);
    if (found !== each.nearest)
      assert.ok(columns.filter((c) => cosine(c, columns[i]!) > each.cosine - 1e-5).length > 2);
  });
}

/** A random autoencoder of 40 inputs whose decoder columns were changed. */
async function edited(
  variant: string,
  nLatents: number,
  change: (columns: number[][]) => void = () => undefined,
): Promise<{ sae: Sae; columns: number[][] }> {
  const { checkpoint } = await openModel(writeRandomCheckpoint(neox('beside', {})).folder);
  const written = writeRandomSae(saeVariant(variant), { nInputs: 40, nLatents });
  const columns = written.sae.decoder;
  change(columns);
  const name = ['decoder.weight', 'W_dec'].find((each) => each in written.tensors)!;
  const tensor = written.tensors[name]!;
  const across = tensor.shape[0] === nLatents;
  const data = across ? columns.flat() : columns[0]!.flatMap((_, i) => columns.map((column) => column[i]!));
  writeTensors(written.weightsFile, { ...written.tensors, [name]: { ...tensor, data } });
  const stored = readTensors(written.weightsFile)[name]!;
  assert.equal(stored.data.length, 40 * nLatents);
  return { sae: await openSae(written.folder, checkpoint), columns };
}

describe('MMCS', function () {
  this.timeout(60_000);
  const whole = { rows: 2048, columns: 8192 };
  // no piece is as another, and the last is short
  const inPieces = { rows: 7, columns: 11 };

  for (const variant of ['mlsae', 'mlsae F16', 'sparsify', 'saelens gated'])
    it(`of ${variant} is float64's, whole and in pieces`, async () => {
      const { sae, columns } = await edited(variant, 53);
      for (const limits of [whole, inPieces, { rows: 1, columns: 1 }])
        assertNearest(await nearestColumns(sae, PROVIDER, noSteps, limits), nearest64(columns), columns);
    });

  it('knows columns of zeros, twins, opposites and lengths', async () => {
    const { sae, columns } = await edited('sparsify', 53, (all) => {
      all[4] = all[4]!.map(() => 0);
      all[50] = all[50]!.map(() => 0);
      all[9] = all[30]!.map((value) => 8 * value);
      all[31] = all[30]!.map((value) => -value);
      all[32] = [...all[30]!];
    });
    for (const limits of [whole, inPieces])
      assertNearest(await nearestColumns(sae, PROVIDER, noSteps, limits), nearest64(columns), columns);
  });

  it('of columns that all point away has no zero in it', async () => {
    const simplex = (all: number[][]): void => {
      all[0] = all[0]!.map((_, i) => (i === 0 ? 1 : 0));
      all[1] = all[1]!.map((_, i) => (i === 0 ? -1 : i === 1 ? 1 : 0));
      all[2] = all[2]!.map(() => 0);
    };
    const { sae, columns } = await edited('sparsify', 3, simplex);
    const result = await nearestColumns(sae, PROVIDER, noSteps, whole);
    assertNearest(result, nearest64(columns), columns);
    assert.ok(Math.abs(result.mmcs + Math.SQRT1_2) < 1e-6, `${result.mmcs}`);
  });

  it('of the sample', async () => {
    const open = await openSampleSae();
    const { mmcs: mean, nearest, cosine: cosines } = await mmcs(open, {}, noSteps);
    assert.deepEqual([nearest.length, cosines.length], [3072, 3072]);
    assert.equal(nearest[604], 1759);
    const { data, shape } = readTensors(open.sae.tensors.get(open.sae.decoder.weight.tensor)!.file)[
      open.sae.decoder.weight.tensor
    ]!;
    assert.deepEqual(shape, [192, 3072]);
    const column = (j: number): number[] => Array.from({ length: 192 }, (_, i) => data[i * 3072 + j]!);
    const all = Array.from({ length: 3072 }, (_, j) => column(j));
    for (const j of [0, 604, 3071]) {
      const best = all.reduce((max, other, i) => (i === j ? max : Math.max(max, cosine(all[j]!, other))), -1);
      assert.ok(Math.abs(cosines[j]! - best) < 1e-5);
    }
    assert.ok(Math.abs(mean - cosines.reduce((a, b) => a + b, 0) / 3072) < 1e-6);
    await open.model.runner.dispose();
  });

  it('can be cancelled', async () => {
    const { sae } = await edited('mlsae', 20);
    const stop = { step: (): Promise<void> => Promise.reject(new Error('cancelled')) };
    await assert.rejects(nearestColumns(sae, PROVIDER, stop, inPieces), /cancelled/);
  });
});
