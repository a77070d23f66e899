import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../src/engine/checkpoint/errors';
import { ablate } from '../../src/engine/circuits/ablate';
import type { HeadRef } from '../../src/protocol/checkpoint';
import type { AblationSide } from '../../src/protocol/circuits/behaviour';
import { assertClose, assertLogProbs, logProbs64, type Numbers } from './support/closeness';
import { readTensors, REFERENCE, SAMPLES } from './support/files';
import { noSteps, openRandom, openSample, promptOf } from './support/models';
import type { Edit64, Hooks64 } from './support/naive64';
import { variants } from './support/variants';

type Cube = number[][][];

const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Heads whose z is zero, or everywhere the mean over positions that it has in the `plain` run. */
const withoutHeads =
  (heads: HeadRef[], plain?: Hooks64): Edit64 =>
  (name, values) => {
    const gone = heads.filter(({ layer }) => name === `blocks.${layer}.attn.hook_z`).map(({ head }) => head);
    if (gone.length === 0) return values;
    const z = values as Cube;
    const [nHeads, dHead] = [z[0]!.length, z[0]![0]!.length];
    const stored = plain?.get(name)?.data;
    const instead = (h: number, d: number): number =>
      stored ? mean(z.map((_, pos) => stored[(pos * nHeads + h) * dHead + d]!)) : 0;
    return z.map((row) => row.map((vector, h) => (gone.includes(h) ? vector.map((_, d) => instead(h, d)) : vector)));
  };

function assertSide({ loss, tokenLoss, predictions }: AblationSide, logits: Numbers, ids: number[]): void {
  const logProbs = logProbs64(logits);
  const expected = ids.map((id, pos) => (pos === 0 ? NaN : -logProbs[pos - 1]![id]!));
  assertLogProbs('tokenLoss', tokenLoss, expected);
  assert.ok(Math.abs(loss - mean(expected.slice(1))) < 1e-4, `${loss}`);
  predictions.forEach((top, pos) => {
    const row = logProbs[pos]!;
    const best = [...row.keys()].sort((a, b) => row[b]! - row[a]!).slice(0, top.length);
    assert.deepEqual(
      top.map(({ id }) => id),
      best,
    );
    assertLogProbs(
      'p',
      top.map(({ p }) => p),
      best.map((id) => Math.exp(row[id]!)),
    );
  });
}

describe('ablation', function () {
  this.timeout(30_000);

  for (const variant of variants.filter(({ config, nTokens }) => config.n_layers !== 0 && nTokens !== 1)) {
    it(`on ${variant.name} is float64's`, async () => {
      const { model, forward } = await openRandom(variant);
      const { nLayers, nHeads, dVocab } = model.checkpoint.description;
      const ids = promptOf(variant, dVocab);
      const heads = [
        { layer: 0, head: nHeads - 1 },
        { layer: nLayers - 1, head: 0 },
        { layer: nLayers - 1, head: 1 },
      ];
      for (const byMean of [false, true]) {
        const result = await ablate(model, { ids, heads, mean: byMean, topK: 3 }, noSteps);
        const plain = forward(ids);
        const edit = withoutHeads(heads, byMean ? plain : undefined);
        assertSide(result.before, plain.get('logits')!, ids);
        assertSide(result.after, forward(ids, edit).get('logits')!, ids);
        assert.equal(result.mean, byMean);
        assert.match(result.notices.at(-1)!, byMean ? /mean over the positions/ : /zero/);
      }
      await model.runner.dispose();
    });
  }

  it('of every head leaves the direct path', async () => {
    const model = await openSample('attn-only-2l');
    const file = readFileSync(join(REFERENCE, 'attn-only-2l/reference.json'), 'utf8');
    const ids = (JSON.parse(file) as { prompts: { ids: number[] }[] }).prompts[0]!.ids.slice(0, 12);
    const heads = Array.from({ length: 16 }, (_, i) => ({ layer: Math.floor(i / 8), head: i % 8 }));
    const { after } = await ablate(model, { ids, heads }, noSteps);
    const stored = readTensors(join(SAMPLES, 'attn-only-2l/model.safetensors'));
    const [W_E, W_U] = [stored['embed.W_E']!, stored['unembed.W_U']!];
    const [dVocab, dModel] = W_E.shape as [number, number];
    const logits = new Float64Array(ids.length * dVocab);
    ids.forEach((id, pos) => {
      for (let d = 0; d < dModel; d++) {
        for (let o = 0; o < dVocab; o++)
          logits[pos * dVocab + o]! += W_E.data[id * dModel + d]! * W_U.data[d * dVocab + o]!;
      }
    });
    assertSide(after, { shape: [ids.length, dVocab], data: logits }, ids);
    await model.runner.dispose();
  });

  it('of the induction circuit costs what it brings', async () => {
    const model = await openSample('attn-only-2l');
    const r = [55, 660, 1234, 2345, 3456, 777, 888, 999, 1010, 2020];
    const ids = [0, ...r, ...r];
    const second = (side: AblationSide): number => mean([...side.tokenLoss].slice(12));
    const head = await ablate(model, { ids, heads: [{ layer: 0, head: 4 }] }, noSteps);
    const other = await ablate(model, { ids, heads: [{ layer: 0, head: 2 }] }, noSteps);
    assert.ok(second(head.after) > second(head.before) + 2, `${second(head.before)} → ${second(head.after)}`);
    assert.ok(second(other.after) < second(head.before) + 1);
    await model.runner.dispose();
  });

  it('of one token has no loss, and of heads that are not there is refused', async () => {
    const model = await openSample('attn-only-1l');
    const { before, after } = await ablate(model, { ids: [5], heads: [{ layer: 0, head: 0 }], mean: true }, noSteps);
    assert.ok(Number.isNaN(before.loss) && Number.isNaN(after.loss));
    // the mean over one position is that position
    assertClose(
      'p',
      { shape: [5], data: after.predictions[0]!.map(({ p }) => p) },
      { shape: [5], data: before.predictions[0]!.map(({ p }) => p) },
      1e-5,
    );
    for (const heads of [[], [{ layer: 1, head: 0 }], [{ layer: 0, head: 8 }], [{ layer: 0, head: -1 }]])
      await assert.rejects(ablate(model, { ids: [5], heads }, noSteps), InputError);
    await model.runner.dispose();
  });
});
