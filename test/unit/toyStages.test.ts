/** Stages of a toy transformer's training: what is repeated, how long sequences are, and where in the context they stand. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ToyJob, type ToySettings } from '../../src/engine/train/toy/job';
import { initialWeights, toyConfig, toyDescription } from '../../src/engine/train/toy/model';
import { stageAt, stagesOf } from '../../src/engine/train/toy/stages';
import type { ToyTokenizer } from '../../src/engine/train/toy/toyTokenizer';
import { firstPositions, trainingWindows } from '../../src/engine/train/toy/windows';
import { logProbs64 } from './support/closeness';
import { tempFolder } from './support/files';
import { forward64 } from './support/naive64';

const SIZES = { layers: 2, dModel: 16, nHeads: 2, dHead: 8, vocab: 40, context: 24 } as const;
const STAGES = [
  { until: 0.5, repeatShare: 1, randomShare: 0.5, context: 8 },
  { until: 1, repeatShare: 0, randomShare: 0, context: 24 },
];
const noSteps = { step: async (): Promise<void> => undefined };

const train = Int32Array.from({ length: 900 }, (_, i) => (i * i + 3 * i) % SIZES.vocab);
const tokenizer: ToyTokenizer = {
  ...{ json: {}, config: {}, bosId: 0, vocab: SIZES.vocab, encode: () => [] },
  tokenizer: { encode: () => [], tokenText: String },
};

function job(settings: Partial<ToySettings> = {}): ToyJob {
  const all = { sizes: SIZES, steps: 4, batch: 2, lr: 0.01, stages: STAGES, saveEvery: 4, measureEvery: 100, seed: 5 };
  const params = { corpus: { globs: [], folder: '' }, out: join(tempFolder(), 'toy'), layers: 2 as const, steps: 4 };
  const text = { tokenizer, tokens: { train, heldOut: train } };
  return new ToyJob(params, {}, { ...all, snippet: undefined, ...settings }, async () => text);
}

/** Mean cross-entropy of windows whose first tokens stand at these positions, by the naive forward pass: W_pos is cut there. */
function loss64(weights: Map<string, Float32Array>, windows: Int32Array, first: Int32Array): number {
  const length = windows.length / first.length - 1;
  const config = toyConfig(SIZES);
  const { dModel, nHeads, dHead, vocab, context } = SIZES;
  const shapes: [RegExp, number[]][] = [
    [/W_E$/, [vocab, dModel]],
    [/W_pos$/, [context, dModel]],
    [/W_[QKV]$/, [nHeads, dModel, dHead]],
    [/W_O$/, [nHeads, dHead, dModel]],
    [/W_U$/, [dModel, vocab]],
  ];
  const losses = Array.from(first, (position, i) => {
    const window = Array.from(windows.subarray(i * (length + 1), (i + 1) * (length + 1)));
    const stored = new Map(
      [...weights].flatMap(([name, all]) => {
        const shape = shapes.find(([pattern]) => pattern.test(name))?.[1];
        if (!shape) return [];
        const data = new Float32Array(all.length);
        data.set(name.endsWith('W_pos') ? all.subarray(position * dModel) : all);
        return [[name, { dtype: 'F32', shape, data: Array.from(data) }] as const];
      }),
    );
    const logProbs = logProbs64(forward64(config, stored, window.slice(0, -1)).get('logits')!);
    return logProbs.reduce((sum, row, pos) => sum - row[window[pos + 1]!]!, 0);
  });
  return losses.reduce((a, b) => a + b, 0) / (first.length * length);
}

describe('stages of a toy transformer’s training', () => {
  it('shorter sequences are read where they stand in the context, and a step has as many tokens', async () => {
    const toy = job();
    await toy.begin(noSteps);
    const { tokens, values } = await toy.step(1);
    await toy.dispose();
    assert.equal(tokens, 2 * 24);
    const batch = { sequences: 6, length: 8 };
    const windows = trainingWindows(train, batch, { ...STAGES[0]!, seed: 5, step: 1, vocab: SIZES.vocab });
    const first = firstPositions(batch, 24, { seed: 5, step: 1 });
    assert.ok(new Set(first).size > 2);
    const weights = initialWeights(toyDescription(SIZES), 5);
    const expected = loss64(weights, windows, first);
    assert.ok(Math.abs(values.loss - expected) < 1e-5, `${values.loss}, ${expected}`);
    // positions matter
    assert.ok(Math.abs(loss64(weights, windows, new Int32Array(6)) - expected) > 1e-4);
  });

  it('the next stage goes on with the same weights; begun there, it gives the same', async () => {
    const toy = job();
    await toy.begin(noSteps);
    for (let step = 1; step <= 2; step++) await toy.step(step);
    const { arrays } = await toy.save(2);
    const kept = new Map(
      Object.entries(arrays).map(([name, { data }]) => [name, Float32Array.from(data as Float32Array)]),
    );
    const { values } = await toy.step(3);
    await toy.dispose();
    const other = job();
    const stored = { read: async (name: string) => kept.get(name)! } as unknown as Parameters<ToyJob['restore']>[0];
    await other.restore(stored, null, noSteps);
    const again = await other.step(3);
    await other.dispose();
    assert.deepEqual(again.values, values);
    const batch = { sequences: 2, length: 24 };
    const windows = trainingWindows(train, batch, { ...STAGES[1]!, seed: 5, step: 3, vocab: SIZES.vocab });
    const expected = loss64(kept, windows, new Int32Array(2));
    assert.ok(Math.abs(values.loss - expected) < 1e-5, `${values.loss}, ${expected}`);
  });

  it('windows as long as the context begin at 0, shorter ones anywhere', () => {
    const of = (length: number): Int32Array => firstPositions({ sequences: 500, length }, 24, { seed: 1, step: 3 });
    assert.deepEqual(new Set(of(24)), new Set([0]));
    assert.deepEqual(
      [...new Set(of(8))].sort((a, b) => a - b),
      Array.from({ length: 17 }, (_, i) => i),
    );
  });

  it('a stage lasts to its part of the steps', () => {
    const stages = stagesOf(
      {
        stages: [
          { until: 0.25, repeatShare: 1 },
          { until: 1, repeatShare: 0 },
        ],
        randomShare: 0.1,
      },
      64,
    );
    const shares = [1, 2, 3, 10].map((step) => stageAt(stages, step, 10).repeatShare);
    assert.deepEqual(shares, [1, 1, 1, 0]);
    assert.deepEqual(stages[0], { until: 0.25, repeatShare: 1, randomShare: 0.1, context: 64 });
    assert.equal(stageAt(stages, 4, 10).repeatShare, 0);
  });

  it('refuses sequences that do not divide the context', () => {
    const message = /stages\[0\]\.context is 7, a divisor of the model’s context 24 was expected, 4 or more/;
    assert.throws(() => stagesOf({ stages: [{ until: 1, repeatShare: 0, context: 7 }] }, 24), message);
    assert.throws(() => stagesOf({ stages: [{ until: 1, repeatShare: 0, context: 2 }] }, 24), /context is 2/);
    assert.throws(() => stagesOf({ stages: [{ until: 1, repeatShare: 0, context: 48 }] }, 24), /context is 48/);
  });
});
