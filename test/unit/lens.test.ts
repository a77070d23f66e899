import assert from 'node:assert/strict';
import { layerHook } from '../../src/engine/graph/hooks';
import { lens } from '../../src/engine/circuits/lens';
import { assertClose, HOOK_BAR, logProbs64 } from './support/closeness';
import { noSteps, openModel, openRandom, openSample, promptOf } from './support/models';
import { variants } from './support/variants';

const hasLayers = variants.filter(({ config }) => config.n_layers !== 0);

describe('logit lens', function () {
  this.timeout(30_000);

  for (const variant of hasLayers) {
    it(`of ${variant.name} is float64's`, async () => {
      const { model, folder, forward } = await openRandom(variant);
      const { nLayers, dVocab } = model.checkpoint.description;
      const ids = promptOf(variant, dVocab);
      const n = ids.length;
      const plain = forward(ids);
      const resids = [...Array(nLayers).keys()].map((layer) => plain.get(layerHook(layer, 'residPre'))!);
      const out = layerHook(nLayers - 1, 'residPost');
      // the residual stream of a layer in the place of the last one
      const logProbs = [...resids, plain.get(out)!].map(({ shape, data }) => {
        const width = shape[1]!;
        const rows = ids.map((_, pos) => [...data.subarray(pos * width, (pos + 1) * width)]);
        return logProbs64(forward(ids, (name, values) => (name === out ? rows : values)).get('logits')!);
      });
      const argmax = (row: number[]): number => row.indexOf(Math.max(...row));
      const answers = logProbs.at(-1)!.map(argmax);
      const rank = (row: number[], id: number): number => row.filter((p) => p > row[id]!).length;

      const inPieces = await openModel(folder, { logitsPerRun: 2 * dVocab });
      for (const opened of [model, inPieces]) {
        const result = await lens(opened, { ids, topK: 3 }, noSteps);
        assert.deepEqual(
          result.answers.map(({ id }) => id),
          answers,
        );
        assert.deepEqual(
          result.stages.map(({ hook }) => hook),
          [...Array(nLayers).keys()].map((layer) => layerHook(layer, 'residPre')).concat(out),
        );
        assert.equal(result.tokens.length, n);
        const rows = logProbs.flat();
        const best = rows.map((row) => [...row.keys()].sort((a, b) => row[b]! - row[a]!).slice(0, 3));
        assert.deepEqual([...result.topIds], best.flat());
        const close = (name: string, actual: Float32Array, expected: number[]): number =>
          assertClose(
            name,
            { shape: [actual.length], data: actual },
            { shape: [expected.length], data: expected },
            HOOK_BAR,
            1,
          );
        close(
          'topP',
          result.topP,
          best.flatMap((top, r) => top.map((id) => Math.exp(rows[r]![id]!))),
        );
        close(
          'answerP',
          result.answerP,
          rows.map((row, r) => Math.exp(row[answers[r % n]!]!)),
        );
        assert.deepEqual(
          [...result.answerRank],
          rows.map((row, r) => rank(row, answers[r % n]!)),
        );
        const following = (r: number): number | undefined => ids[(r % n) + 1];
        close(
          'nextP',
          result.nextP,
          rows.map((row, r) => Math.exp(row[following(r) ?? -1] ?? NaN)),
        );
        assert.deepEqual(
          [...result.nextRank],
          rows.map((row, r) => (following(r) === undefined ? -1 : rank(row, following(r)!))),
        );
        for (const id of result.topIds) assert.equal(result.texts[id], `#${id}`);
        await opened.runner.dispose();
      }
    });
  }

  for (const variant of variants.filter(({ config }) => config.n_layers === 0)) {
    it(`of ${variant.name} has one row`, async () => {
      const { model, forward } = await openRandom(variant);
      const ids = promptOf(variant, model.checkpoint.description.dVocab);
      const expected = logProbs64(forward(ids).get('logits')!);
      const { stages, answers, answerP, topP } = await lens(model, { ids, topK: 1 }, noSteps);
      assert.equal(stages.length, 1);
      expected.forEach((row, pos) => {
        assert.ok(Math.abs(answerP[pos]! - Math.exp(Math.max(...row))) < 1e-5);
        assert.equal(answers[pos]!.id, row.indexOf(Math.max(...row)));
        assert.equal(topP[pos], answerP[pos]);
      });
      await model.runner.dispose();
    });
  }

  it('of a text has its tokens', async () => {
    const model = await openSample('neox-6l');
    const result = await lens(model, { text: 'def add(a, b):' }, noSteps);
    assert.equal(result.stages.length, 7);
    assert.deepEqual(
      result.stages.map(({ label }) => label),
      ['L0', 'L1', 'L2', 'L3', 'L4', 'L5', 'out'],
    );
    const n = result.tokens.length;
    assert.equal(result.topIds.length, 7 * n * 5);
    // the last row is the model itself
    for (let pos = 0; pos < n; pos++) {
      assert.equal(result.answerRank[6 * n + pos], 0);
      assert.ok(Math.abs(result.answerP[6 * n + pos]! - result.answers[pos]!.p) < 1e-6);
    }
    await assert.rejects(lens(model, { text: 'x', topK: 0 }, noSteps), /topK: found 0/);
    await model.runner.dispose();
  });
});
