/** Two random checkpoints of one shape against float64 code of the tests' own. */
import assert from 'node:assert/strict';
import { compareComposition } from '../../src/engine/compare/composition';
import { compareHeadScores } from '../../src/engine/compare/headScores';
import { compareNextTokens } from '../../src/engine/compare/nextTokens';
import { comparePattern, comparePatterns } from '../../src/engine/compare/patterns';
import { headScores } from '../../src/engine/circuits/headScores';
import { repeatedSequences } from '../../src/engine/circuits/repeated';
import { compositionKinds, type HeadScore } from '../../src/protocol/circuits';
import { assertClose, assertLogProbs, logProbs64 } from './support/closeness';
import { withPair, type ComparedModel } from './support/comparedPair';
import { attnOnly, gpt2, llama, LLAMA, neox } from './support/families';
import { product } from './support/frozen64';
import { heads64, type Head64 } from './support/heads64';
import { noSteps, openModel } from './support/models';
import type { Matrix } from './support/naive/math';

const toy = attnOnly('LN', { normalization_type: 'LN' });
const variants = [toy, gpt2('tied', {}), neox('parallel', {}), llama(LLAMA, 'grouped queries', {})];
const ids = [3, 8, 1, 3, 8, 20, 0, 8, 1];
const n = ids.length;

const close = (name: string, actual: ArrayLike<number>, wanted: number[]): number =>
  assertClose(name, { shape: [actual.length], data: actual }, { shape: [wanted.length], data: wanted });

/** `[head][dst][src]` of a layer. */
function patterns64({ forward }: ComparedModel, layer: number): Matrix[] {
  const { shape, data } = forward(ids).get(`blocks.${layer}.attn.hook_pattern`)!;
  const row = (i: number): number[] => Array.from(data.subarray(i * n, (i + 1) * n));
  return Array.from({ length: shape[0]! }, (_, head) => Array.from({ length: n }, (_, dst) => row(head * n + dst)));
}

describe('comparing two checkpoints', function () {
  this.timeout(30_000);

  for (const variant of variants)
    it(`patterns of ${variant.name} are as far apart as in float64`, () =>
      withPair(variant, async ({ a, b }) => {
        const two = { a: a.model, b: b.model };
        const { nLayers, nHeads } = a.model.checkpoint.description;
        const result = await comparePatterns(two, { ids }, noSteps);
        assert.deepEqual([result.nLayers, result.nHeads], [nLayers, nHeads]);
        assert.deepEqual(result.tokens.map(({ id }) => id), ids); // prettier-ignore
        for (let layer = 0; layer < nLayers; layer++) {
          const [ofA, ofB] = [patterns64(a, layer), patterns64(b, layer)];
          for (let head = 0; head < nHeads; head++) {
            const at = layer * nHeads + head;
            const distances = ofA[head]!.map(
              (row, dst) => row.reduce((sum, p, src) => sum + Math.abs(p - ofB[head]![dst]![src]!), 0) / 2,
            );
            close('rows', result.rows.subarray(at * n, (at + 1) * n), distances);
            const [, ...seen] = distances;
            close('mean and maximum', [result.distance[at]!, result.maxDistance[at]!], [
              seen.reduce((x, y) => x + y) / (n - 1),
              Math.max(...distances),
            ]); // prettier-ignore
            assert.equal(result.maxRow[at], distances.indexOf(Math.max(...distances)));
          }
          const head = nHeads - 1;
          const one = await comparePattern(two, { ids, head: { layer, head } }, noSteps);
          close('A', one.a, ofA[head]!.flat());
          close('B', one.b, ofB[head]!.flat());
          assert.deepEqual(one.delta, one.b.map((value, i) => value - one.a[i]!)); // prettier-ignore
        }
      }));

  it('two layers at a time are the same as all at once', () =>
    withPair(attnOnly('', { n_layers: 3 }), async ({ a, b }) => {
      const two = { a: a.model, b: b.model };
      const whole = await comparePatterns(two, { ids }, noSteps);
      let runs = 0;
      const counted = { ...a.model, runner: counting(a.model.runner, () => runs++) };
      const parts = await comparePatterns({ ...two, a: counted }, { ids }, noSteps, {
        patternBytes: 2 * (4 * 3 * n * n),
      });
      assert.equal(runs, 2);
      close('rows', parts.rows, [...whole.rows]);
    }));

  it('value-weighted patterns are weighted in each by its own values', () =>
    withPair(toy, async ({ a, b }) => {
      const request = { ids, weighting: 'value-weighted', head: { layer: 1, head: 2 } } as const;
      const one = await comparePattern({ a: a.model, b: b.model }, request, noSteps);
      for (const [side, values] of [
        [a, one.a],
        [b, one.b],
      ] as const) {
        // prettier-ignore
        const hooks = side.forward(ids);
        const W_O = heads64(side.config, side.weights, false).heads[1]![2]!.W_O;
        const norms = Array.from({ length: n }, (_, src) => {
          const row = Array.from(
            hooks.get('blocks.1.attn.hook_v')!.data.subarray((src * 3 + 2) * 8, (src * 3 + 3) * 8),
          );
          return Math.hypot(...product([row], W_O)[0]!);
        });
        const most = Math.max(...norms);
        const wanted = patterns64(side, 1)[2]!.flatMap((row) => row.map((p, src) => (p * norms[src]!) / most));
        close('value-weighted', values, wanted);
      }
      const all = await comparePatterns({ a: a.model, b: b.model }, request, noSteps);
      const rows = ids.map(
        (_, dst) => one.delta.subarray(dst * n, (dst + 1) * n).reduce((x, y) => x + Math.abs(y), 0) / 2,
      );
      close('rows', all.rows.subarray(5 * n), rows);
      assert.ok(rows[0]! > 0.01, 'the first row counts where it could be seen');
      close('mean without the first', [all.distance[5]!], [rows.slice(1).reduce((x, y) => x + y) / (n - 1)]);
    }));

  for (const variant of variants)
    it(`next tokens of ${variant.name} are those of float64, in one part and in many`, () =>
      withPair(variant, async ({ a, b }) => {
        const two = { a: a.model, b: b.model };
        const [logA, logB] = [a, b].map(({ forward }) => logProbs64(forward(ids).get('logits')!)) as [Matrix, Matrix];
        const ofTokens = (rows: Matrix): number[] => [NaN, ...ids.slice(1).map((id, pos) => rows[pos]![id]!)];
        const kl = logA.map((row, pos) => row.reduce((sum, p, i) => sum + Math.exp(p) * (p - logB[pos]![i]!), 0));
        const { dVocab } = a.model.checkpoint.description;
        for (const bytes of [undefined, 4 * dVocab * 4]) {
          const result = await compareNextTokens(two, { ids, topK: 3 }, noSteps, bytes);
          for (const [side, rows] of [
            [result.a, logA],
            [result.b, logB],
          ] as const) {
            // prettier-ignore
            assertLogProbs('log-probabilities', side.logProbs, ofTokens(rows));
            const losses = ofTokens(rows).slice(1);
            assertLogProbs('loss', [side.loss], [-losses.reduce((x, y) => x + y) / (n - 1)]);
            for (const [pos, row] of rows.entries()) {
              const top = [...row.keys()].sort((x, y) => row[y]! - row[x]!).slice(0, 3);
              assert.deepEqual(side.predictions[pos]!.map(({ id }) => id), top); // prettier-ignore
              close('p', side.predictions[pos]!.map(({ p }) => p), top.map((id) => Math.exp(row[id]!))); // prettier-ignore
            }
          }
          assertLogProbs('KL', result.kl, kl);
          assertLogProbs('delta', result.delta, ofTokens(logB).map((p, i) => p - ofTokens(logA)[i]!)); // prettier-ignore
        }
      }));

  it('scores heads on the sequences of A', () =>
    withPair({ ...toy, config: { ...toy.config, bos_token_id: 5 } }, async ({ a, b }) => {
      // B begins otherwise by itself, and has the shorter context
      const { checkpoint } = b.model;
      const description = { ...checkpoint.description, nCtx: 11 };
      const other = { ...b.model, checkpoint: { ...checkpoint, description, bosId: 6, specialIds: new Set([6, 7]) } };
      const params = { length: 5, batch: 2, seed: 3 };
      const result = await compareHeadScores({ a: a.model, b: other }, params, noSteps);
      assert.deepEqual(result.a.heads, (await headScores(a.model, params, noSteps)).heads);
      const { sequences, start } = repeatedSequences(a.model.checkpoint, params);
      assert.deepEqual([start, sequences[0]![0]], [1, 5]);
      const { data } = b.forward(sequences[0]!).get('blocks.1.attn.hook_pattern')!;
      const second = b.forward(sequences[1]!).get('blocks.1.attn.hook_pattern')!.data;
      const mean = (values: Float64Array): number =>
        Array.from({ length: 5 }, (_, i) => values[(11 + 6 + i) * 11 + 6 + i - 4]!).reduce((x, y) => x + y) / 5;
      close('induction of L1H1 in B', [result.b.heads[4]!.induction], [(mean(data) + mean(second)) / 2]);
      for (const [i, delta] of result.delta.entries()) {
        const [ofA, ofB] = [result.a.heads[i]!, result.b.heads[i]!];
        assert.deepEqual([delta.layer, delta.head], [Math.floor(i / 3), i % 3]);
        assert.deepEqual(Object.keys(delta), Object.keys(ofA));
        for (const name of Object.keys(delta).slice(2) as (keyof HeadScore)[])
          assert.equal(delta[name], ofB[name] - ofA[name]);
      }
    }));

  it('composition is that of float64 products, and the largest changes are listed', () =>
    withPair(toy, async ({ a, b }) => {
      const result = await compareComposition({ a: a.model, b: b.model }, { foldNorm: false, top: 7 }, noSteps);
      const [ofA, ofB] = [a, b].map(composition64) as [Scores64, Scores64];
      const wanted: { at: string; delta: number }[] = [];
      for (const kind of compositionKinds)
        for (let earlier = 0; earlier < 6; earlier++)
          for (let later = 0; later < 6; later++) {
            const at = earlier * 6 + later;
            const cell = [result.a[kind][at]!, result.b[kind][at]!, result.delta[kind][at]!];
            if (!(earlier < 3 && later >= 3)) {
              assert.ok(cell.every(Number.isNaN));
              continue;
            }
            const [x, y] = [ofA[kind][earlier]![later - 3]!, ofB[kind][earlier]![later - 3]!];
            close(`${kind} ${earlier} ${later}`, cell, [x, y, y - x]);
            wanted.push({ at: `${kind} ${earlier} ${later}`, delta: y - x });
          }
      wanted.sort((x, y) => Math.abs(y.delta) - Math.abs(x.delta));
      assert.deepEqual(
        result.changes.map(
          ({ kind, earlier, later }) => `${kind} ${earlier.layer * 3 + earlier.head} ${later.layer * 3 + later.head}`,
        ),
        wanted.slice(0, 7).map(({ at }) => at),
      );
      for (const { kind, earlier, later, a: from, b: to, delta } of result.changes) {
        const at = earlier.head * 6 + 3 + later.head;
        assert.deepEqual([from, to, delta], [result.a[kind][at], result.b[kind][at], result.delta[kind][at]]);
      }
    }));

  it('a checkpoint does not differ from itself, opened once or twice', async () => {
    for (const variant of [toy, neox('parallel', {})])
      await withPair(variant, async ({ a }) => {
        const again = await openModel(a.folder);
        for (const b of [a.model, again]) {
          const two = { a: a.model, b };
          const patterns = await comparePatterns(two, { ids }, noSteps);
          assert.ok([...patterns.rows, ...patterns.distance, ...patterns.maxDistance].every((value) => value === 0));
          const next = await compareNextTokens(two, { ids }, noSteps);
          assert.ok([...next.kl, ...next.delta.subarray(1)].every((value) => value === 0));
          const { delta } = await compareHeadScores(two, { length: 4 }, noSteps);
          assert.ok(
            delta.every((scores) => Object.values({ ...scores, layer: 0, head: 0 }).every((value) => value === 0)),
          );
          const composition = await compareComposition(two, {}, noSteps);
          assert.deepEqual(composition.changes, []);
        }
        await again.runner.dispose();
      });
  });
});

type Scores64 = Record<'Q' | 'K' | 'V', Matrix>;

/** Of the heads of layer 0 with those of layer 1. `[earlier][later]` */
function composition64({ config, weights }: ComparedModel): Scores64 {
  const [first, second] = heads64(config, weights, false).heads as [Head64[], Head64[]];
  const turned = (m: Matrix): Matrix => m[0]!.map((_, c) => m.map((row) => row[c]!));
  const norm = (m: Matrix): number => Math.hypot(...m.flat());
  const score = (x: Matrix, y: Matrix): number => norm(product(x, y)) / norm(x) / norm(y);
  const each = (read: (head: Head64) => Matrix): Matrix =>
    first.map((earlier) => second.map((later) => score(product(earlier.W_V, earlier.W_O), read(later))));
  return {
    Q: each(({ W_Q, W_K }) => product(W_Q, turned(W_K))),
    K: each(({ W_Q, W_K }) => product(W_K, turned(W_Q))),
    V: each(({ W_V, W_O }) => product(W_V, W_O)),
  };
}

/** A runner whose runs are counted. */
const counting = (runner: ComparedModel['model']['runner'], count: () => void): typeof runner => ({
  provider: runner.provider,
  providerNotes: runner.providerNotes,
  run: (...args) => (count(), runner.run(...args)),
  unembed: (...args) => runner.unembed(...args),
  dispose: () => runner.dispose(),
});
