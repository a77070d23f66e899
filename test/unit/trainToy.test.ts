/** Toy transformers in training: what they learn, what is measured, what is saved, and how they go on. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { readSafetensors } from '../../src/engine/checkpoint/safetensors';
import { composition } from '../../src/engine/circuits/composition';
import { headScores } from '../../src/engine/circuits/headScores';
import { CancelledError } from '../../src/engine/errors';
import { createRunner } from '../../src/engine/runtime/runner';
import type { Steps } from '../../src/engine/runtime/types';
import { readTraining } from '../../src/engine/train/store';
import { rateOf } from '../../src/engine/train/toy/job';
import { lossSummary } from '../../src/engine/train/toy/measure';
import { trainToy } from '../../src/engine/train/toy/train';
import type { ToyPoint, TrainingReport, TrainToyParams } from '../../src/protocol/training';
import { circuitscope, succeed } from './support/cli';
import { ROOT, tempFolder, writeFile } from './support/files';

const noSteps: Steps = { step: async () => undefined };
const reporting = (told: (report: TrainingReport) => void): Steps => ({
  step: async (_, __, report) => {
    if (report) told(report);
  },
});

/** A text that no change of this project changes. */
const CORPUS = ((): string => {
  const folder = tempFolder();
  const text = readFileSync(join(ROOT, 'node_modules/typescript/lib/lib.es5.d.ts'), 'utf8').slice(0, 120_000);
  text.match(/[^]{1,4000}/g)!.forEach((part, i) => writeFile(join(folder, `${i}.txt`), part));
  return folder;
})();

const TINY = { layers: 1, dModel: 16, nHeads: 2, vocab: 260, context: 24, batch: 4, steps: 10 } as const;
const paramsOf = (of: Partial<TrainToyParams> = {}): TrainToyParams => ({
  ...{ ...TINY, measureEvery: 4, saveEvery: 4 },
  corpus: { globs: ['*.txt'], folder: CORPUS },
  out: join(tempFolder(), 'toy'),
  ...of,
});

const largest = (grid: number[][] | undefined): number => Math.max(...grid!.flat());

describe('training a toy transformer', function () {
  this.timeout(120_000);

  it('an induction head forms, as the inspector sees it too', async () => {
    const reports: TrainingReport[] = [];
    const sizes = { layers: 2, dModel: 64, nHeads: 4, vocab: 300, context: 48, batch: 16 } as const;
    const params = paramsOf({ ...sizes, lr: 0.01, repeatShare: 1, steps: 1500, measureEvery: 50, saveEvery: 1500 });
    const watch = reporting((report) => {
      const { induction, step } = report.point as ToyPoint;
      if (!induction) return;
      reports.push(report);
      // of three seeds all were there before step 850
      if (largest(induction.slice(1)) > 0.6 || step === 1000) throw new CancelledError();
    });
    await assert.rejects(trainToy(params, watch), CancelledError);
    const [first, last] = [reports[0]!.point as ToyPoint, reports.at(-1)!.point as ToyPoint];
    assert.ok(largest(first.induction) < 0.2, `${largest(first.induction)} after 50 steps`);
    const { previousToken, induction, kComposition, lossByPosition, loss } = last;
    assert.ok(loss < 4, `loss ${loss}, log(300) at first`);
    assert.ok(largest(induction!.slice(1)) > 0.6, `induction ${induction!.join(' | ')}`);
    assert.ok(largest(previousToken!.slice(0, 1)) > 0.4, `previous token ${previousToken!.join(' | ')}`);
    const inductionHead = induction![1]!.indexOf(largest(induction!.slice(1)));
    assert.equal(lossByPosition!.length, 16);
    assert.ok(lossByPosition!.every((each) => each > 0 && each < Math.log(300)));
    const { head, score, tokens, pattern } = reports.at(-1)!.attention!;
    assert.deepEqual(head, { layer: 1, head: inductionHead });
    assert.match(score, /^induction 0\.\d\d$/);
    assert.equal(pattern.length, tokens.length ** 2);

    const checkpoint = await openCheckpoint(params.out);
    const runner = await createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
    const { heads } = await headScores({ checkpoint, runner }, {}, noSteps);
    assert.deepEqual(
      heads.map((each) => each.induction),
      induction!.flat(),
    );
    const { scores } = await composition({ checkpoint, runner }, { foldNorm: false }, noSteps);
    const ofHead = Array.from({ length: 4 }, (_, earlier) => scores.K[earlier * 8 + 4 + inductionHead]!);
    assert.equal(Math.max(...ofHead), kComposition![inductionHead]);
    await runner.dispose();
  });

  it('without layers learns which token follows which', async () => {
    const { last } = await trainToy(
      paramsOf({ layers: 0, dModel: 32, context: 32, batch: 32, steps: 120, lr: 0.02, repeatShare: 0 }),
      noSteps,
    );
    // of the text's bytes: log(260) 5.56 at first, 3.3 when only their frequencies are known
    assert.ok(last.loss < 2.7, `${last.loss}`);
    const point = last as ToyPoint;
    assert.equal(point.induction, undefined);
    assert.ok(Math.abs(point.inContext!) < 0.3, `${point.inContext}`);
  });

  it('goes on bit for bit where it was stopped', async () => {
    const [whole, parts] = [paramsOf(), paramsOf()];
    await trainToy(whole, noSteps);
    const stopped = reporting(({ point }) => {
      if (point.step === 4) throw new CancelledError();
    });
    await assert.rejects(trainToy(parts, stopped), CancelledError);
    assert.equal((await readTraining({ dir: parts.out })).step, 4);
    const summary = await trainToy(parts, noSteps);
    assert.deepEqual([summary.complete, summary.step, summary.tokens], [true, 10, 10 * 4 * 24]);
    for (const file of ['model.safetensors', 'training.10.safetensors', 'tokenizer.json', 'config.json'])
      assert.ok(readFileSync(join(whole.out, file)).equals(readFileSync(join(parts.out, file))), file);
    const history = async ({ out }: TrainToyParams): Promise<unknown> =>
      (await readTraining({ dir: out })).history.map((point) => ({ ...point, tokensPerSecond: 0 }));
    assert.deepEqual(await history(parts), await history(whole));
  });

  it('another seed is another model', async () => {
    const [a, b] = [paramsOf({ steps: 1 }), paramsOf({ steps: 1, seed: 1 })];
    await trainToy(a, noSteps);
    await trainToy(b, noSteps);
    const bytes = ({ out }: TrainToyParams): Buffer => readFileSync(join(out, 'model.safetensors'));
    assert.ok(!bytes(a).equals(bytes(b)));
  });

  it('keeps checkpoints of steps that open, also while it goes on', async () => {
    const params = paramsOf();
    let opened = 0;
    await trainToy(params, {
      step: async (_, __, report) => {
        if (report?.point.step !== 4) return;
        const { description, tokenizer, bosId } = await openCheckpoint(params.out);
        assert.deepEqual([description.nLayers, description.dVocab, description.nCtx, bosId], [1, 260, 24, 0]);
        assert.ok(tokenizer!.encode('interface').length > 0);
        opened++;
      },
    });
    assert.equal(opened, 1);
    const folders = readdirSync(params.out).filter((name) => name.startsWith('step'));
    assert.deepEqual(folders.sort(), ['step10', 'step4', 'step8']);
    for (const name of folders) assert.equal((await openCheckpoint(join(params.out, name))).description.dModel, 16);
  });

  it('reports the attention of the given snippet', async () => {
    let attention: TrainingReport['attention'];
    await trainToy(
      paramsOf({ steps: 1, snippet: 'let it = 1' }),
      reporting((report) => (attention = report.attention)),
    );
    assert.equal(attention!.tokens.join(''), '<|endoftext|>let it = 1');
    assert.match(attention!.score, /^previous token /);
    const n = attention!.tokens.length;
    for (let dst = 0; dst < n; dst++) {
      const row = attention!.pattern.subarray(dst * n, (dst + 1) * n);
      assert.ok(Math.abs(row.reduce((a, b) => a + b, 0) - 1) < 1e-5);
      assert.ok(row.subarray(dst + 1).every((value) => value === 0));
    }
  });

  const wrong: [Partial<TrainToyParams>, RegExp][] = [
    [{ dModel: 30, nHeads: 4 }, /nHeads is 4, a divisor of dModel 30/],
    [{ layers: 3 as 2 }, /layers is 3, a whole number from 0 to 2/],
    [{ steps: 0 }, /steps is 0, a whole number from 1/],
    [{ threads: 0.5 }, /threads is 0\.5, a whole number from 1/],
    [{ threads: 1025 }, /threads is 1025, a whole number from 1 to 1024/],
    [{ lr: NaN }, /lr is NaN/],
    [{ repeatShare: 2 }, /repeatShare is 2, a share from 0 to 1/],
    [{ randomShare: -1 }, /randomShare is -1, a share from 0 to 1/],
    [{ stages: [] }, /stages is empty/],
    [{ stages: [{ until: 1, repeatShare: 2 }] }, /stages\[0\]\.repeatShare is 2, a share/],
    [{ stages: [{ until: 0.5, repeatShare: 0 }] }, /stages end at 0\.5 of the training, a last stage/],
    [
      { stages: [0.5, 0.5].map((until) => ({ until, repeatShare: 0 })) },
      /stages\[1\]\.until is 0\.5, a number above 0\.5 and up to 1/,
    ],
    [{ repeatShare: 0.1, stages: [{ until: 1, repeatShare: 0 }] }, /repeatShare and stages were given/],
    [{ context: 3 }, /context is 3, a whole number from 4/],
    [{ vocab: 100 }, /vocab is 100/],
    [{ context: 60_000 }, /tokens were read, at least 120002 were expected/],
    [{ corpus: { globs: ['*.none'], folder: CORPUS } }, /\*\.none matches no file/],
  ];
  for (const [params, message] of wrong)
    it(`refuses ${JSON.stringify(params).slice(0, 40)}`, () =>
      assert.rejects(trainToy(paramsOf(params), noSteps), message));

  it('refuses the folder of another training', async () => {
    const params = paramsOf({ steps: 1 });
    await trainToy(params, noSteps);
    await assert.rejects(
      trainToy({ ...params, lr: 0.1 }, noSteps),
      /has a training with another rate \(0.002, not 0.1\)/,
    );
  });

  it('one stage is what no stages are; another stage is another training', async () => {
    const [plain, staged] = [paramsOf({ repeatShare: 0.5, randomShare: 0.4 }), paramsOf()];
    const stages = (second: number): TrainToyParams['stages'] => [
      { until: 0.6, repeatShare: 0.5, randomShare: 0.4 },
      { until: 1, repeatShare: second, randomShare: 0.4 },
    ];
    const losses = async (params: TrainToyParams): Promise<number[]> => {
      await trainToy(params, noSteps);
      return (await readTraining({ dir: params.out })).history.map(({ loss }) => loss);
    };
    const [one, same] = [await losses(plain), await losses({ ...staged, stages: stages(0.5) })];
    assert.deepEqual(same, one);
    const other = await losses(paramsOf({ stages: stages(1) }));
    // the second stage begins after six of ten steps
    assert.deepEqual(other.slice(0, 6), one.slice(0, 6));
    assert.notDeepEqual(other.slice(6), one.slice(6));
    await assert.rejects(
      trainToy({ ...staged, stages: stages(1) }, noSteps),
      /another stages \(0\.6:0\.5:0\.4:24, 1:0\.5:0\.4:24, not 0\.6:0\.5:0\.4:24, 1:1:0\.4:24\)/,
    );
  });

  it('says when it diverges, and leaves what was saved', async () => {
    const params = paramsOf();
    const stop = reporting(({ point }) => {
      if (point.step === 4) throw new CancelledError();
    });
    await assert.rejects(trainToy(params, stop), CancelledError);
    const state = join(params.out, 'training.4.safetensors');
    const bytes = readFileSync(state);
    bytes.writeFloatLE(NaN, (await readSafetensors(state)).get('unembed.W_U')!.offset);
    writeFile(state, bytes);
    await assert.rejects(
      trainToy(params, noSteps),
      /Training diverged at step 5: the loss is NaN.*smaller rate than 0.002/,
    );
    assert.ok(readFileSync(state).equals(bytes));
    assert.equal((await readTraining({ dir: params.out })).step, 4);
  });
});

describe('what a toy transformer’s training is made of', () => {
  it('the rate warms up and falls as a cosine', () => {
    const at = (step: number): number => rateOf(step, { steps: 1000, lr: 1 });
    assert.ok(Math.abs(at(50) - 0.5 * (0.05 + 0.95 * 0.5 * (1 + Math.cos(0.05 * Math.PI)))) < 1e-12);
    assert.ok(Math.abs(at(500) - (0.05 + 0.95 * 0.5)) < 1e-12);
    assert.equal(at(1000), 0.05);
  });

  it('loss by position is of equal stretches; in-context is late minus early', () => {
    const losses = Float64Array.from({ length: 32 }, (_, pos) => 10 - pos / 10);
    const { lossByPosition, inContext } = lossSummary(losses);
    assert.deepEqual(
      lossByPosition!.map((each) => each.toFixed(2)),
      Array.from({ length: 16 }, (_, i) => (10 - (2 * i + 0.5) / 10).toFixed(2)),
    );
    assert.equal(inContext!.toFixed(3), '-2.400');
  });
});

describe('circuitscope train-toy', function () {
  this.timeout(60_000);

  it('trains, and says so', async () => {
    const out = join(tempFolder(), 'toy');
    const sizes = [
      '--d-model',
      '16',
      '--heads',
      '2',
      '--vocab',
      '260',
      '--context',
      '24',
      '--batch',
      '2',
      '--steps',
      '3',
    ];
    const args = ['train-toy', '--layers', '2', '--corpus', join(CORPUS, '*.txt'), '--out', out, ...sizes];
    const { stdout } = await succeed(...args, '--json');
    const summary = JSON.parse(stdout) as { step: number; complete: boolean; last: ToyPoint };
    assert.deepEqual([summary.step, summary.complete], [3, true]);
    assert.equal(summary.last.kComposition!.length, 2);
    const again = await succeed(...args);
    assert.match(again.stdout, /3 steps, 144 tokens/);
    assert.match(again.stdout, /L1H1 +0\.\d{3} +0\.\d{3} +0\.\d{3}/);
  });

  it('takes stages', async () => {
    const out = join(tempFolder(), 'toy');
    const given = ['--steps', '1', '--stages', '0.25:0.6:0.5:12,1:0.1', '--random-share', '0.2', '--threads', '1'];
    const sizes = ['--d-model', '16', '--heads', '2', '--vocab', '260', '--context', '24', '--batch', '2'];
    const args = ['train-toy', '--layers', '1', '--corpus', join(CORPUS, '*.txt'), '--out', out, ...sizes];
    await succeed(...args, ...given);
    const { params, identity } = JSON.parse(readFileSync(join(out, 'training.json'), 'utf8')) as {
      params: TrainToyParams;
      identity: Record<string, unknown>;
    };
    assert.deepEqual(params.stages, [
      { until: 0.25, repeatShare: 0.6, randomShare: 0.5, context: 12 },
      { until: 1, repeatShare: 0.1 },
    ]);
    assert.equal(params.threads, 1);
    for (const threads of ['0', '1025', '1.5']) {
      const { status, stderr } = await circuitscope(...args, '--threads', threads);
      assert.equal(status, 2);
      assert.match(stderr, /threads.* whole number/);
    }
    assert.equal(identity['stages'], '0.25:0.6:0.5:12, 1:0.1:0.2:24');
    for (const stages of ['0.5', '1:0.1:0.1:12:1', '1:x', '1:0.1:0.1:x']) {
      const { status, stderr } = await circuitscope(...args, '--stages', stages);
      assert.equal(status, 2);
      assert.match(stderr, /--stages: expected/);
    }
  });

  it('refuses what is no model', async () => {
    const { status, stderr } = await circuitscope('train-toy', '--layers', '3', '--corpus', 'x', '--out', 'y');
    assert.equal(status, 2);
    assert.match(stderr, /--layers: expected 0, 1 or 2, found “3”/);
  });
});
