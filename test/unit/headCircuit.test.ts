/** Full QK and OV circuits against full float64 matrices; skip-trigrams against a model's predictions. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { CircuitLine, HeadCircuit, SkipTrigram } from '../../src/protocol/circuits/headCircuit';
import { headCircuit } from '../../src/engine/circuits/headCircuit';
import { assertClose } from './support/closeness';
import { ROOT, SAMPLES } from './support/files';
import { eigenvalues64, fullOV, fullQK, heads64, share64 } from './support/heads64';
import { noSteps, openModel, openSample } from './support/models';
import type { Matrix } from './support/naive/math';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { variants } from './support/variants';

const TOP = 6;
const list = (values: ArrayLike<number>): { shape: number[]; data: ArrayLike<number> } => ({
  shape: [values.length],
  data: values,
});
const descending = (values: number[]): number[] => [...values].sort((a, b) => b - a);

/** Both ends of a matrix, and that every entry is where it says. */
function assertEntries(
  name: string,
  { largest, smallest }: { largest: { value: number }[]; smallest: { value: number }[] },
  matrix: Matrix,
  place: (entry: never) => [row: number, column: number],
): void {
  const sorted = descending(matrix.flat());
  const size = Math.max(...sorted.map(Math.abs));
  const values = (entries: { value: number }[]): number[] => entries.map(({ value }) => value);
  assertClose(`${name} largest`, list(values(largest)), list(sorted.slice(0, TOP)), 1e-4, size);
  assertClose(`${name} smallest`, list(values(smallest)), list(sorted.slice(-TOP).reverse()), 1e-4, size);
  for (const entry of [...largest, ...smallest]) {
    const [row, column] = place(entry as never);
    assert.ok(Math.abs(entry.value - matrix[row]![column]!) < 1e-4 * size, `${name} at ${row}, ${column}`);
  }
}

function assertLine(name: string, line: CircuitLine, expected: number[]): void {
  assertClose(name, list(line.values), list(expected));
  const sorted = descending(expected);
  const values = (entries: { value: number }[]): number[] => entries.map(({ value }) => value);
  assertClose(`${name} largest`, list(values(line.largest)), list(sorted.slice(0, TOP)));
  assertClose(`${name} smallest`, list(values(line.smallest)), list(sorted.slice(-TOP).reverse()));
  for (const { token, value } of line.largest) assert.equal(line.values[token.id], value);
}

/** Skip-trigrams of a source, or of all: strengths with every matrix formed. */
function strengths(qk: Matrix, ov: Matrix): (s: number, d: number, o: number) => number {
  const mean = (row: number[]): number => row.reduce((a, b) => a + b) / row.length;
  const [qkMean, ovMean] = [qk.map(mean), ov.map(mean)];
  return (s, d, o) => (qk[d]![s]! - qkMean[d]!) * (ov[s]![o]! - ovMean[s]!);
}

describe('headCircuit', function () {
  this.timeout(60_000);

  for (const variant of variants.filter(({ name }) =>
    /transformer\. prefix|sharded BF16|parallel, defaults|one key\/value|grouped queries|linear scaling, eps|norm/.test(
      name,
    ),
  ))
    for (const foldNorm of [true, false]) {
      it(`of ${variant.name}${foldNorm ? '' : ', not folded,'} is that of full matrices`, async () => {
        const { folder, config, weights } = writeRandomCheckpoint(variant);
        const twin = heads64(config, weights, foldNorm);
        const model = await openModel(folder);
        const head = { layer: 1, head: 2 };
        const own = twin.heads[1]![2]!;
        const unscaled = fullQK(twin, own);
        const qk = unscaled.map((row) => row.map((value) => value / Math.sqrt(twin.dHead)));
        const ov = fullOV(twin, own);
        const ids = [3, 11];
        const result = await headCircuit(model, { head, top: TOP, tokens: ids, foldNorm }, noSteps);

        assertEntries('QK', result.qk, qk, (entry: HeadCircuit['qk']['largest'][number]) => [
          entry.destination.id,
          entry.source.id,
        ]);
        assertEntries('OV', result.ov, ov, (entry: HeadCircuit['ov']['largest'][number]) => [
          entry.source.id,
          entry.output.id,
        ]);
        for (const [lambdas, matrix] of [
          [result.qk.eigenvalues, unscaled],
          [result.ov.eigenvalues, ov],
        ] as const) {
          const expected = eigenvalues64(matrix).slice(0, twin.dHead);
          const sizes = expected.map((z) => Math.hypot(...z));
          assertClose('moduli', list(lambdas.map((z) => Math.hypot(...z))), list(sizes), 1e-3);
          // pairs may come in either order
          const parts = (all: readonly [number, number][], i: 0 | 1): number[] => descending(all.map((z) => z[i]));
          assertClose('real parts', list(parts(lambdas, 0)), list(parts(expected, 0)), 1e-3, sizes[0]);
          assertClose('imaginary parts', list(parts(lambdas, 1)), list(parts(expected, 1)), 1e-3, sizes[0]);
        }
        assert.ok(Math.abs(result.qk.matching - share64(unscaled)) < 1e-3);
        assert.ok(Math.abs(result.ov.copying - share64(ov)) < 1e-3);

        ids.forEach((id, i) => {
          const { token, sources, destinations, outputs, outputSources } = result.tokens[i]!;
          assert.deepEqual(token, { id, text: `#${id}` });
          assertLine('sources', sources, qk[id]!);
          assertLine(
            'destinations',
            destinations,
            qk.map((row) => row[id]!),
          );
          assertLine('outputs', outputs, ov[id]!);
          assertLine(
            'output sources',
            outputSources,
            ov.map((row) => row[id]!),
          );
        });

        const strength = strengths(qk, ov);
        const size = Math.max(...qk.flat().map(Math.abs)) * Math.max(...ov.flat().map(Math.abs));
        const at = (s: SkipTrigram): [number, number, number] => [s.source.id, s.destination.id, s.output.id];
        for (const skip of [...result.skipTrigrams, ...result.tokens.flatMap((token) => token.skipTrigrams)]) {
          const [s, d, o] = at(skip);
          assert.ok(Math.abs(skip.strength - strength(s, d, o)) < 1e-4 * size, 'strength');
          assert.ok(Math.abs(skip.qk - qk[d]![s]!) < 1e-4 * Math.sqrt(size) * 10, 'qk');
          assert.ok(Math.abs(skip.ov - ov[s]![o]!) < 1e-4 * Math.sqrt(size) * 10, 'ov');
        }
        // the strongest of all, and of a source, come first
        const vocabulary = [...ov.keys()];
        const bestOf = (s: number): number =>
          Math.max(...vocabulary.map((d) => qk[d]![s]! - mean(qk[d]!))) *
          Math.max(...ov[s]!.map((value) => value - mean(ov[s]!)));
        const close = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-4 * size, `${a}, ${b}`);
        close(result.skipTrigrams[0]!.strength, Math.max(...vocabulary.map(bestOf)));
        ids.forEach((id, i) => close(result.tokens[i]!.skipTrigrams[0]!.strength, bestOf(id)));
        assert.equal(result.skipTrigrams.length, TOP);
        assert.deepEqual(
          result.skipTrigrams.map((skip) => skip.strength),
          descending(result.skipTrigrams.map((skip) => skip.strength)),
        );
        assert.equal(result.foldNorm, foldNorm && model.checkpoint.description.norm.kind !== 'none');
      });
    }

  it('skip-trigrams of attn-only-1l show in its predictions', async () => {
    const model = await openSample('attn-only-1l');
    const filler = 11;
    const logits = async (ids: number[]): Promise<number[]> => {
      const { shape, data } = (await model.runner.run({ ids, hooks: ['logits'] })).hooks.logits!;
      return Array.from(data.subarray(-shape[1]!));
    };
    let [raised, likelier] = [0, 0];
    let total = 0;
    for (let head = 0; head < 8; head++) {
      const { skipTrigrams } = await headCircuit(model, { head: { layer: 0, head }, top: 8 }, noSteps);
      for (const { source, destination, output } of skipTrigrams) {
        const [bos, between] = [0, [filler, filler]];
        const without = await logits([bos, filler, ...between, destination.id]);
        const withSource = await logits([bos, source.id, ...between, destination.id]);
        const rank = (values: number[]): number => values.filter((value) => value > values[output.id]!).length;
        total++;
        if (withSource[output.id]! > without[output.id]!) raised++;
        if (rank(withSource) < rank(without) || rank(withSource) === 0) likelier++;
      }
    }
    assert.equal(total, 64);
    assert.ok(raised >= 0.9 * total && likelier >= 0.9 * total, `${raised} and ${likelier} of ${total}`);
    // “ ? … → : ”, a conditional expression, read off L0H7
    const { ov } = await headCircuit(model, { head: { layer: 0, head: 7 } }, noSteps);
    assert.ok(ov.largest.some(({ source, output }) => source.text === ' ?' && output.text === ' :'));
  });

  it('mistakes are refused in one sentence', async () => {
    const model = await openSample('attn-only-1l');
    const run = (params: object): Promise<HeadCircuit> =>
      headCircuit(model, { head: { layer: 0, head: 0 }, ...params }, noSteps);
    await assert.rejects(run({ head: { layer: 1, head: 0 } }), /no head L1H0 in this model: it has 1 layer/);
    await assert.rejects(run({ head: { layer: 0, head: -1 } }), /no head/);
    await assert.rejects(run({ top: 0 }), /Between 1 and 500/);
    await assert.rejects(run({ tokens: [4096] }), /4096 is not in the vocabulary/);
    const stop = { step: (): Promise<void> => Promise.reject(new Error('cancelled')) };
    await assert.rejects(headCircuit(model, { head: { layer: 0, head: 0 } }, stop), /cancelled/);
  });

  it('command line', () => {
    const cli = (...args: string[]): string =>
      execFileSync(process.execPath, [join(ROOT, 'dist/cli.js'), 'circuit', ...args, '--provider', 'cpu'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        maxBuffer: 1e8,
      });
    const sample = join(SAMPLES, 'attn-only-1l');
    const text = cli(sample, '--head', 'L0H2', '--top', '3', '--token', ' function');
    assert.match(text, /^L0H2: QK matching 0\.088, OV copying 0\.839/);
    assert.match(text, /·function: attends most to/);
    const json = JSON.parse(cli(sample, '--head', 'L0H2', '--top', '3', '--json')) as HeadCircuit;
    assert.deepEqual([json.qk.largest.length, json.ov.smallest.length, json.ov.eigenvalues.length], [3, 3, 32]);
    assert.throws(() => cli(sample), /--head is missing/);
    assert.throws(() => cli(sample, '--head', 'L3H0'), /there is no head L3H0/);
  });
});

const mean = (row: number[]): number => row.reduce((a, b) => a + b) / row.length;
