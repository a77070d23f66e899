/** Composition scores against reference numbers, and against full float64 matrices of random models of every family. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compositionKinds, type Composition } from '../../src/protocol/circuits';
import { composition, compositionScores } from '../../src/engine/circuits/composition';
import { readTensors, REFERENCE, ROOT, SAMPLES, tempFolder, writeTensors } from './support/files';
import { attnOnly } from './support/families';
import { product } from './support/frozen64';
import { frobenius, heads64, turn, W_OV, W_QK, type Head64 } from './support/heads64';
import { noSteps, openModel, openSample } from './support/models';
import type { Matrix } from './support/naive/math';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { variants } from './support/variants';

const BAR = 1e-5;
const sample = join(SAMPLES, 'attn-only-2l');
const n = 16;

interface Reference {
  composition: { scores: Record<string, Record<'Q' | 'K' | 'V', number[][]>> };
}
const reference = JSON.parse(readFileSync(join(REFERENCE, 'attn-only-2l/reference.json'), 'utf8')) as Reference;

function assertScores({ scores, nHeads }: Composition, later: number, name: string, expected: number[][][]): void {
  compositionKinds.forEach((kind, k) =>
    expected[k]!.forEach((row, h1) =>
      row.forEach((value, h2) => {
        const at = h1 * (scores[kind].length / n) + later * nHeads + h2;
        assert.ok(Math.abs(scores[kind][at]! - value) < BAR, `${name}, ${kind} of ${h1} → ${h2}: ${scores[kind][at]}`);
      }),
    ),
  );
}

/** 200 numbers, `stride` apart, mirrored: x − 2 (u·x) u with u = (1, …, 1) / √200. */
function reflect(data: Float64Array, from: number, stride: number): void {
  const at = Array.from({ length: 200 }, (_, i) => from + i * stride);
  const sum = at.reduce((total, i) => total + data[i]!, 0);
  for (const i of at) data[i] = data[i]! - sum / 100;
}

/** Q, K and V with every matrix formed. */
function naive(h1: Head64, h2: Head64): [number, number, number] {
  const [ov1, qk2, ov2] = [W_OV(h1), W_QK(h2), W_OV(h2)];
  const score = (a: Matrix, b: Matrix): number => frobenius(product(a, b)) / (frobenius(a) * frobenius(b));
  return [score(ov1, qk2), score(ov1, turn(qk2)), score(ov1, ov2)];
}

describe('composition', function () {
  this.timeout(60_000);

  it('of attn-only-2l is the reference’s', async () => {
    const result = await composition(await openSample('attn-only-2l'), {}, noSteps);
    const expected = compositionKinds.map((kind) => reference.composition.scores['0->1']![kind]);
    assertScores(result, 1, 'attn-only-2l', expected);
    assert.deepEqual([result.nLayers, result.nHeads, result.foldNorm, result.notices], [2, 8, false, []]);
    for (const kind of compositionKinds) {
      const same = [...result.scores[kind].keys()].filter((at) => !(at % n >= 8 && at < 8 * n));
      assert.ok(same.every((at) => Number.isNaN(result.scores[kind][at]!)));
    }
    // README: L0H4 is the previous-token head, L1H5 and L1H7 are the induction heads
    const best = [...result.scores.K.keys()]
      .filter((at) => !Number.isNaN(result.scores.K[at]!))
      .sort((a, b) => result.scores.K[b]! - result.scores.K[a]!);
    assert.deepEqual(best.slice(0, 2), [4 * n + 8 + 5, 4 * n + 8 + 7]);
  });

  for (const variant of variants.filter(({ name }) => !/no layers|64|one layer/.test(name)))
    for (const foldNorm of [undefined, false]) {
      it(`of ${variant.name}${foldNorm === false ? ', not folded,' : ''} is that of full matrices`, async () => {
        const { folder, config, weights } = writeRandomCheckpoint(variant);
        const model = await openModel(folder);
        const { heads } = heads64(config, weights, foldNorm !== false);
        const result = await composition(model, { ...(foldNorm === false && { foldNorm }) }, noSteps);
        const { nLayers, nHeads } = result;
        let pairs = 0;
        for (let i = 0; i < nLayers * nHeads; i++)
          for (let j = 0; j < nLayers * nHeads; j++) {
            const [l1, l2] = [Math.floor(i / nHeads), Math.floor(j / nHeads)];
            if (l1 >= l2) continue;
            pairs++;
            if (pairs % 7 !== 1 && pairs > 20) continue; // enough, and not for ever
            const expected = naive(heads[l1]![i % nHeads]!, heads[l2]![j % nHeads]!);
            compositionKinds.forEach((kind, k) => {
              const actual = result.scores[kind][i * nLayers * nHeads + j]!;
              assert.ok(Math.abs(actual - expected[k]!) < BAR, `${kind} of ${i} → ${j}: ${actual}, ${expected[k]}`);
            });
          }
        assert.equal(pairs, (nLayers * (nLayers - 1) * nHeads ** 2) / 2);
        const { norm, positions } = model.checkpoint.description;
        const said = (pattern: RegExp): boolean => result.notices.some((notice) => pattern.test(notice));
        assert.equal(result.foldNorm, foldNorm !== false && norm.kind !== 'none');
        assert.equal(said(/folded into the weights that/), result.foldNorm);
        assert.equal(said(/not folded/), foldNorm === false && norm.kind !== 'none');
        assert.equal(said(/relative position 0/), positions.kind === 'rotary');
      });
    }

  it('has a baseline of about 1/sqrt(d_model), the same for the same seed', async () => {
    const model = await openSample('attn-only-2l');
    const run = (seed?: number): Promise<Composition> => composition(model, { seed }, noSteps);
    const [a, b, c] = [await run(), await run(0), await run(5)];
    assert.deepEqual(a.baseline, b.baseline);
    assert.notDeepEqual(a.baseline, c.baseline);
    // the mean square of a score of Gaussian matrices is 1 / d_model: E‖V¹ O¹ A Bᵀ‖² = d³ h², E‖V O‖² = d² h
    for (const { baseline } of [a, c])
      for (const kind of compositionKinds)
        assert.ok(Math.abs(baseline[kind] * Math.sqrt(256) - 1) < 0.05, `${kind}: ${baseline[kind]}`);
  });

  it('of a model without pairs is empty', async () => {
    const { scores, baseline } = await composition(await openSample('attn-only-1l'), {}, noSteps);
    assert.ok(scores.Q.length === 64 && scores.Q.every(Number.isNaN));
    assert.ok(baseline.Q > 0);
    assert.equal((await composition(await openSample('attn-only-0l'), {}, noSteps)).scores.K.length, 0);
  });

  it('is not disturbed by a head that does nothing', async () => {
    const variant = attnOnly('a head of zeros', {});
    const { folder } = writeRandomCheckpoint({ ...variant, embedding: 1 });
    const model = await openModel(folder);
    const W_V = model.checkpoint.tensors.get('blocks.0.attn.W_V')!;
    const bytes = readFileSync(W_V.file);
    bytes.fill(0, W_V.offset, W_V.offset + W_V.length / 3);
    writeFileSync(W_V.file, bytes);
    const { scores } = await composition(await openModel(folder), {}, noSteps);
    assert.deepEqual([...scores.V.subarray(3, 6)], [0, 0, 0]);
    assert.ok(scores.V[6 + 3]! > 0);
  });

  it('has all digits of small scores, and of d_model that is not whole blocks', async () => {
    const wide = { n_layers: 3, d_model: 200, n_heads: 2 };
    const { folder, config, weights } = writeRandomCheckpoint(attnOnly('heads that hardly meet', wide));
    // Layer 0 writes into one half of the residual stream alone, of which the later layers read next to nothing. Both are
    // reflected in a mixed direction: only digits that cancel tell so.
    for (const [name, stored] of weights) {
      const data = stored.data as Float64Array;
      if (name === 'blocks.0.attn.W_O') {
        data.forEach((_, i) => i % 200 >= 100 && (data[i] = 0));
        for (let row = 0; row < 16; row++) reflect(data, row * 200, 1);
      }
      if (/blocks\.[12]\.attn\.W_[QKV]/.test(name)) {
        data.forEach((value, i) => Math.floor(i / 8) % 200 < 100 && (data[i] = value * 2e-5));
        for (let column = 0; column < 16; column++) reflect(data, (column >> 3) * 1600 + (column & 7), 8);
      }
      data.forEach((value, i) => (data[i] = Math.fround(value)));
    }
    writeTensors(join(folder, 'model.safetensors'), Object.fromEntries(weights));
    const { heads } = heads64(config, weights, false);
    const messages: string[] = [];
    const step = (message: string): Promise<void> => Promise.resolve(void messages.push(message));
    const { scores } = await composition(await openModel(folder), {}, { step });
    for (const [l1, l2, small] of [
      [0, 1, true],
      [0, 2, true],
      [1, 2, false],
    ] as const)
      for (let h = 0; h < 4; h++) {
        const [h1, h2] = [h >> 1, h & 1];
        const expected = naive(heads[l1]![h1]!, heads[l2]![h2]!);
        compositionKinds.forEach((kind, k) => {
          const actual = scores[kind][(l1 * 2 + h1) * 6 + l2 * 2 + h2]!;
          assert.ok(small ? expected[k]! < 1e-4 : expected[k]! > 0.01);
          assert.ok(Math.abs(actual / expected[k]! - 1) < 1e-4, `${kind} L${l1}H${h1} → L${l2}H${h2}: ${actual}`);
        });
      }
    const again = messages.filter((message) => /Small/.test(message));
    assert.deepEqual(again, ['Small scores of layer 0 with 1', 'Small scores of layer 0 with 2']);
  });

  it('is the same in pieces', async () => {
    const model = await openSample('neox-6l');
    const [whole, pieces] = [
      await compositionScores(model, true, noSteps),
      await compositionScores(model, true, noSteps, 1),
    ];
    for (const kind of compositionKinds) {
      assert.equal(pieces[kind].filter(Number.isNaN).length, whole[kind].filter(Number.isNaN).length);
      whole[kind].forEach((value, i) => assert.ok(!(Math.abs(value - pieces[kind][i]!) > 1e-6)));
    }
  });

  it('is cancelled between layers', async () => {
    const stop = { step: (): Promise<void> => Promise.reject(new Error('cancelled')) };
    await assert.rejects(composition(await openSample('attn-only-2l'), {}, stop), /cancelled/);
  });

  it('command line: --out writes [layer, head, layer, head], earlier first; --json the pairs', () => {
    const out = join(tempFolder(), 'composition.safetensors');
    const cli = (...args: string[]): string =>
      execFileSync(process.execPath, [join(ROOT, 'dist/cli.js'), 'composition', sample, '--provider', 'cpu', ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    cli('--out', out);
    const tensors = readTensors(out);
    assert.deepEqual(Object.keys(tensors).sort(), ['K', 'Q', 'V', 'baseline.K', 'baseline.Q', 'baseline.V']);
    for (const kind of compositionKinds) {
      const expected = reference.composition.scores['0->1']![kind];
      const { shape, data } = tensors[kind]!;
      assert.deepEqual(shape, [2, 8, 2, 8]);
      expected.forEach((row, h1) =>
        row.forEach((value, h2) => assert.ok(Math.abs(data[h1 * n + 8 + h2]! - value) < BAR)),
      );
      const baseline = tensors[`baseline.${kind}`]!;
      assert.deepEqual(baseline.shape, [2, 8, 2, 8]);
      assert.ok(Math.abs(baseline.data[8]! - 1 / 16) < 0.005 && Number.isNaN(baseline.data[0]!));
    }
    const { pairs } = JSON.parse(cli('--json', '--seed', '3')) as {
      pairs: { earlier: object; later: object; K: number }[];
    };
    assert.equal(pairs.length, 64);
    const pair = pairs.find(
      ({ earlier, later }) =>
        JSON.stringify([earlier, later]) ===
        JSON.stringify([
          { layer: 0, head: 4 },
          { layer: 1, head: 5 },
        ]),
    );
    assert.ok(Math.abs(pair!.K - 0.1704) < 1e-4);
    assert.match(cli(), /L0H4 → L1H5 +0\.1704/);
  });
});
