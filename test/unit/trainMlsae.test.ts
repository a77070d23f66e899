/** Training an MLSAE on the sample model: it learns, its result opens, and what is stopped goes on bit for bit. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import { CancelledError } from '../../src/engine/errors';
import { evaluate } from '../../src/engine/mlsae/evaluate';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import type { ForwardRequest, ForwardResult, ModelRunner, Steps } from '../../src/engine/runtime/types';
import { trainMlsae } from '../../src/engine/train/mlsae/train';
import { readTraining } from '../../src/engine/train/store';
import type { MlsaePoint, TrainingReport, TrainingSummary, TrainMlsaeParams } from '../../src/protocol/training';
import { refuses } from './support/corpus';
import { ROOT, SAMPLES, tempFolder, writeFile } from './support/files';
import { noSteps, openSample } from './support/models';

type Params = Omit<TrainMlsaeParams, 'checkpointId'>;

/** Files of a training that must be equal when it is stopped and gone on with. */
const left = (dir: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(dir)
      .filter((name) => name !== 'training.json')
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(dir, name)))
          .digest('hex'),
      ]),
  );

const points = ({ history }: { history: unknown[] }): MlsaePoint[] =>
  (history as MlsaePoint[]).map((point) => ({ ...point, tokensPerSecond: 0 }));

/** Throws where `fraction` of the steps are done. */
const cancellingAt = (fraction: number): Steps => ({
  step: async (_message, done = 0) => {
    if (done >= fraction) throw new CancelledError();
  },
});

describe('training an MLSAE', function () {
  this.timeout(120_000);
  let model: OpenModel;
  let params: Params;
  /** 12 steps in one go, with dead latents from the third on. */
  let whole: string;
  const newFolder = (): string => join(tempFolder(), 'trained');
  const run = (more: Partial<Params> = {}, steps = noSteps): Promise<TrainingSummary> =>
    trainMlsae(model, { ...params, ...more }, steps);

  before(async () => {
    model = await openSample('neox-6l');
    const folder = tempFolder();
    for (const file of ['memory.ts', 'serial.ts', 'token.ts'])
      writeFile(join(folder, file), readFileSync(join(ROOT, 'src/engine', file)));
    const corpus = { folder, globs: ['*'], context: 48 };
    whole = newFolder();
    const sizes = { expansionFactor: 2, k: 8, batchTokens: 64, lr: 2e-3, auxk: 8, deadTokens: 128 };
    params = { corpus, out: whole, ...sizes, steps: 12, saveEvery: 3, seed: 7 };
    await run();
  });
  after(() => model.runner.dispose());

  it('learns, and its result evaluates to what the training said of it', async () => {
    const folder = tempFolder();
    writeFile(join(folder, 'text.ts'), readFileSync(join(ROOT, 'src/engine/memory.ts'), 'utf8').slice(0, 900));
    const corpus = { folder, globs: ['*'], context: 64 };
    const ids = model.checkpoint.tokenizer!.encode(readFileSync(join(folder, 'text.ts'), 'utf8'));
    // every step sees all of it
    const learning = { corpus, out: newFolder(), steps: 40, batchTokens: ids.length, lr: 3e-3, k: 16, auxk: 0 };
    await assert.rejects(run(learning, cancellingAt(30 / 40)), { name: 'CancelledError' });
    const { step } = await readTraining({ dir: learning.out });
    const sae = await openSae(learning.out, model.checkpoint);
    const saeRunner = createSaeRunner(sae, model.runner.provider);
    const { layers } = await evaluate({ sae, saeRunner, model }, { corpus }, noSteps);
    await saeRunner.dispose();
    await run(learning);
    const history = points(await readTraining({ dir: learning.out }));
    // FVU of a step is that before it
    const { fvu } = history[step]!;
    assert.equal(step, 30);
    layers.forEach((layer, l) => assert.ok(Math.abs(layer.fvu / fvu[l]! - 1) < 1e-4, `${layer.fvu} ${fvu[l]}`));
    assert.ok(history.at(-1)!.loss < 0.5 * history[0]!.loss, `${history[0]!.loss} to ${history.at(-1)!.loss}`);
    assert.equal(sae.label, 'mlsae ×2 k16');
  });

  it('tells of every step that it takes', async () => {
    const { history, last, tokens, complete } = await readTraining({ dir: whole });
    const all = points({ history });
    assert.deepEqual(all.map(({ step }) => step), Array.from({ length: 12 }, (_, i) => i + 1)); // prettier-ignore
    assert.deepEqual([tokens, complete, last], [12 * 64, true, history.at(-1)]);
    assert.ok(all.every(({ fvu, l0 }) => fvu.length === 6 && l0 > 7 && l0 <= 8));
    assert.ok(all[1]!.auxLoss === 0 && all.at(-1)!.auxLoss > 0 && all.at(-1)!.deadFraction > 0);
    const { loss, fvu, auxLoss } = all.at(-1)!;
    assert.ok(Math.abs(loss - fvu.reduce((a, b) => a + b) / 6 - auxLoss / 32) < 1e-6);
    // rises over two steps, and falls over the last three
    const rates = all.map(({ lr }) => lr / 2e-3);
    [0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2 / 3, 1 / 3].forEach((rate, i) => assert.ok(Math.abs(rates[i]! - rate) < 1e-9));
    const reports: TrainingReport[] = [];
    const messages: string[] = [];
    const steps: Steps = {
      step: async (message, _fraction, report) => {
        messages.push(message);
        if (report) reports.push(report);
      },
    };
    await run({ out: newFolder() }, steps);
    assert.ok(reports.length > 0 && reports.every(({ kind, totalSteps }) => kind === 'mlsae' && totalSteps === 12));
    assert.deepEqual([reports[0]!.savedStep, reports.at(-1)!.savedStep, reports.at(-1)!.point.step], [0, 12, 12]);
    assert.match(messages.at(-1)!, /^Step 12 of 12, loss \d\.\d{4}, FVU \d\.\d{4}, \d+\.\d % dead, [\d,]+ tokens\/s$/);
    assert.deepEqual(left(reports[0]!.dir), left(whole), 'the same again');
  });

  it('killed and cancelled, it equals the training in one go bit for bit', async () => {
    const script = join(tempFolder(), 'trainChild.js');
    const entryPoints = [join(ROOT, 'test/support/trainChild.ts')];
    const external = ['onnxruntime-node'];
    await build({ entryPoints, outfile: script, bundle: true, platform: 'node', format: 'cjs', external });
    const out = newFolder();
    const env = { ...process.env, NODE_PATH: join(ROOT, 'node_modules') };
    const steps: number[] = [];
    for (const fraction of [0.4, 0.7]) {
      const child = spawn(process.execPath, [script, SAMPLES, JSON.stringify({ ...params, out })], { env });
      child.stdout.on('data', (data: Buffer) => {
        if (Number(data.toString().split('\n').at(-2)) >= fraction) child.kill('SIGKILL');
      });
      await new Promise((resolve) => child.on('close', resolve));
      steps.push((await readTraining({ dir: out })).step);
    }
    await assert.rejects(run({ out }, cancellingAt(10 / 12)), { name: 'CancelledError' });
    const cancelled = await readTraining({ dir: out });
    assert.ok(steps[0]! >= 3 && steps[0]! < 12 && steps[1]! >= steps[0]! && cancelled.step === 10, steps.join());
    assert.equal(cancelled.complete, false);
    await run({ out });
    assert.deepEqual(left(out), left(whole));
    assert.deepEqual(points(await readTraining({ dir: out })), points(await readTraining({ dir: whole })));
  });

  it('one that is complete is only read', async () => {
    const before = left(whole);
    const { complete, step, last } = await run();
    assert.deepEqual([complete, step, last.step], [true, 12, 12]);
    assert.deepEqual(left(whole), before);
  });

  it('refuses a folder with another training, or with something else', async () => {
    await refuses(run({ k: 4 }), /has a training with another k \(8, not 4\): give another folder, or delete it\.$/);
    await refuses(run({ steps: 13 }), /with another number of steps \(12, not 13\)/);
    await refuses(run({ corpus: { ...params.corpus, context: 32 } }), /with another context \(48, not 32\)/);
    await refuses(run({ layers: [1, 2] }), /with another layers \(0 1 2 3 4 5, not 1 2\)/);
    await refuses(run({ out: join(SAMPLES, 'neox-6l') }), /neox-6l has a model\.safetensors that is not of a training/);
    await refuses(run({ out: join(params.corpus.folder, 'token.ts/x') }), /cannot be written/);
  });

  it('refuses what makes no sense', async () => {
    const out = newFolder();
    const bad = (more: Partial<Params>, message: RegExp): Promise<void> => refuses(run({ out, ...more }), message);
    await bad({ steps: 0 }, /^steps: found 0/);
    await bad({ steps: 1.5 }, /^steps: found 1\.5/);
    await bad({ k: 385 }, /^k: found 385, a whole number from 1 to 384 was expected\.$/);
    await bad({ expansionFactor: 0.001 }, /^expansionFactor: found 0\.001/);
    await bad({ lr: -1 }, /^lr: found -1/);
    for (const threads of [0.5, 0, 1025])
      await bad({ threads }, new RegExp(`^threads: found ${threads}, a whole number from 1 to 1024`));
    await bad({ batchTokens: 0 }, /^batchTokens: found 0/);
    await bad({ layers: [6] }, /^layers: found 6; 0 to 5 are the layers of neox-6l\.$/);
    await bad({ layers: [] }, /^layers is empty/);
    await bad({ seed: -1 }, /^seed: found -1/);
    await bad({ corpus: { ...params.corpus, globs: ['*.none'] } }, /matches no file/);
  });

  it('stops where numbers are no numbers any more, and keeps what was before', async () => {
    const { runner } = model;
    let runs = 0;
    const run = async (request: ForwardRequest): Promise<ForwardResult> => {
      const result = await runner.run(request);
      if (++runs > 12) Object.values(result.hooks).forEach(({ data }) => data.fill(NaN));
      return result;
    };
    const out = newFolder();
    const breaking = { ...model, runner: { provider: runner.provider, run } as ModelRunner };
    await refuses(trainMlsae(breaking, { ...params, out }, noSteps), /^The training diverged at step \d+ \(loss NaN\)/);
    const { step } = await readTraining({ dir: out });
    assert.ok(step > 3 && step < 12);
    await trainMlsae(model, { ...params, out }, noSteps);
    assert.deepEqual(left(out), left(whole));
  });

  it('refuses a damaged training', async () => {
    await refuses(readTraining({ dir: tempFolder() }), /has no training: training\.json was expected\.$/);
    const broken = (change: (record: Record<string, unknown>) => void): string => {
      const dir = tempFolder();
      cpSync(whole, dir, { recursive: true });
      const record = JSON.parse(readFileSync(join(dir, 'training.json'), 'utf8')) as Record<string, unknown>;
      change(record);
      writeFile(join(dir, 'training.json'), record);
      return dir;
    };
    const opens = (dir: string): Promise<unknown> => run({ out: dir });
    await refuses(opens(broken((record) => (record.version = 9))), /is of version 9; version 1 was expected/);
    await refuses(opens(broken((record) => delete record.history)), /writes: history is missing or wrong/);
    await refuses(opens(broken((record) => (record.state = '../../secret'))), /state is missing or wrong/);
    const unfinished = (record: Record<string, unknown>): void => void Object.assign(record, { complete: false });
    const cut = broken(unfinished);
    truncateSync(join(cut, 'training.12.safetensors'), 5000);
    await refuses(opens(cut), /training\.12\.safetensors/);
    await refuses(opens(broken((record) => Object.assign(record, { complete: false, place: { pass: -1 } }))), /place/);
  });

  it('refuses to write where another process writes', async () => {
    const out = newFolder();
    let [steps, other]: [number, Promise<unknown> | undefined] = [0, undefined];
    const meddling = async (): Promise<void> => {
      if (++steps === 30) await (other = run({ out }));
    };
    await refuses(run({ out }, { step: meddling }), /Another training writes to .*: one at a time was expected\.$/);
    await other;
    assert.deepEqual(left(out), left(whole));
  });
});
