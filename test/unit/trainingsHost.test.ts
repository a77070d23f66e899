import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import type * as vscode from 'vscode';
import type { Ask } from '../../src/host/engineService';
import type { Log } from '../../src/host/log';
import type { TrainingPlan } from '../../src/host/trainingRun';
import type { TrainingRecord } from '../../src/protocol/training';
import type { TrainingInfo } from '../../src/protocol/trainingPanel';
import type * as Bundle from '../support/trainingsWithoutVscode';
import { mlsaePoints, toyPoints } from '../e2e/panel/trainingData';

const nothing = (): void => undefined;
const quietLog = { info: nothing, warn: nothing, error: nothing, debug: nothing } as unknown as Log;

/** What VS Code keeps over a reload. */
function memento(): vscode.Memento {
  const values = new Map<string, unknown>();
  return {
    keys: () => [...values.keys()],
    get: (key: string, other?: unknown) => values.get(key) ?? other,
    update: (key: string, value: unknown) => {
      values.set(key, value);
      return Promise.resolve();
    },
  };
}

/** Until a process has ended. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(20);
  }
}

describe('trainings in the host', () => {
  let host: typeof Bundle;
  let bundle: string;
  let folder: string;
  let state: vscode.Memento;
  let trainings: Bundle.Trainings;
  before(async () => {
    bundle = mkdtempSync(join(tmpdir(), 'circuitscope-trainings-'));
    const common = { bundle: true, platform: 'node', target: 'node20', format: 'cjs' } as const;
    const entryPoints = ['test/support/trainingsWithoutVscode.ts', 'test/support/fakeTrainingEngine.ts'];
    await build({ ...common, entryPoints, outdir: bundle, alias: { vscode: './test/support/fakeVscode.ts' } });
    const file = join(bundle, 'trainingsWithoutVscode.js');
    host = createRequire(file)(file) as typeof Bundle;
  });
  after(() => rmSync(bundle, { recursive: true }));
  const create = (): Bundle.Trainings => {
    const ask = (_: string, { dir }: { dir: string }): Promise<TrainingRecord> =>
      Promise.resolve().then(() => JSON.parse(readFileSync(join(dir, 'training.json'), 'utf8')) as TrainingRecord);
    const enginePath = join(bundle, 'fakeTrainingEngine.js');
    return new host.Trainings({ enginePath, log: quietLog, state, ask: ask as unknown as Ask });
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'circuitscope-training-'));
    state = memento();
    trainings = create();
  });
  afterEach(() => {
    trainings.dispose();
    rmSync(folder, { recursive: true });
  });
  const out = (): string => join(folder, 'sae');
  const planOf = (how: string, steps = 5): TrainingPlan => ({
    kind: 'mlsae',
    checkpointPath: '/model',
    params: { corpus: { globs: [how], folder }, out: out(), steps },
  });
  const info = (): TrainingInfo => trainings.at(out())!.info;
  /** Runs until `step` was reported, then does `work`. */
  async function atStep(step: number, plan: TrainingPlan, work: () => unknown): Promise<string> {
    let done = false;
    const listener = trainings.onDidGetPoints(({ points }) => {
      if (done || points.at(-1)!.step < step) return;
      done = true;
      work();
    });
    const ended = await trainings.run(plan);
    listener.dispose();
    assert.ok(done, `step ${step} was never reported`);
    return ended;
  }

  it('go from the first report to the end, and are forgotten then', async () => {
    const states: string[] = [];
    trainings.onDidChange(() => states.push(info().state));
    const running = trainings.run(planOf('fast'));
    assert.deepEqual(trainings.unfinished, [planOf('fast')], 'over a reload it is offered');
    assert.equal(await running, 'complete');
    assert.deepEqual([...new Set(states)], ['starting', 'running', 'complete']);
    const { step, totalSteps, tokens, savedStep } = info();
    assert.deepEqual([step, totalSteps, tokens, savedStep], [5, 5, 500, 5]);
    assert.deepEqual(
      trainings.at(out())!.history.points.map((point) => point.step),
      [1, 2, 3, 4, 5],
    );
    assert.deepEqual(trainings.unfinished, []);
    assert.equal(trainings.pid(out()), undefined);
  });

  it('that are paused have saved by then, and go on from there in another engine', async () => {
    const plan = planOf('slow', 40);
    let pid: number | undefined;
    const ended = await atStep(3, plan, () => {
      pid = trainings.pid(out());
      trainings.pause(out());
      assert.equal(info().state, 'pausing');
    });
    assert.equal(ended, 'paused');
    const saved = JSON.parse(readFileSync(join(out(), 'training.json'), 'utf8')) as TrainingRecord;
    assert.ok(saved.step >= 3 && saved.step < 40, `${saved.step}`);
    assert.equal(info().step, saved.step);
    assert.deepEqual(trainings.unfinished, [plan]);
    await gone(pid!);
    const steps: number[] = [];
    trainings.onDidGetPoints(({ points }) => steps.push(points.at(-1)!.step));
    const quick = { ...plan, params: { ...plan.params, corpus: { globs: ['fast'], folder } } } as TrainingPlan;
    assert.equal(await trainings.run(quick), 'complete');
    assert.ok(steps[0] === saved.step && steps[1] === saved.step + 1, `${steps.slice(0, 3).join()}`);
    assert.equal(trainings.at(out())!.history.points.length, 40);
  });

  it('that are stopped have saved too, and are not offered again', async () => {
    assert.equal(await atStep(2, planOf('slow', 40), () => void trainings.stop(out())), 'stopped');
    assert.ok(existsSync(join(out(), 'training.json')));
    assert.deepEqual([info().state, trainings.unfinished.length], ['stopped', 0]);
  });

  it('are offered after a reload, with what the folder has', async () => {
    await atStep(2, planOf('slow', 40), () => trainings.pause(out()));
    const { step } = info();
    trainings.dispose();
    trainings = create();
    const [plan] = trainings.unfinished;
    const training = await trainings.offer(plan!);
    assert.deepEqual([training.info.state, training.info.step, training.info.totalSteps], ['paused', step, 40]);
    assert.equal(training.history.points.length, step);
    await trainings.forget(out());
    assert.deepEqual([trainings.all.length, trainings.unfinished.length], [0, 0]);
  });

  it('whose folder has nothing yet are offered too', async () => {
    const training = await trainings.offer(planOf('fast', 7));
    assert.deepEqual([training.info.state, training.info.step, training.info.totalSteps], ['paused', 0, 7]);
    assert.equal(training.info.savedStep, 0);
  });

  it('whose engine dies say so, and can go on', async () => {
    const ended: string[] = [];
    trainings.onDidEnd((training) => ended.push(training.info.state));
    assert.equal(await trainings.run(planOf('die')), 'failed');
    assert.match(info().message!, /^Training sae failed: The analysis engine ended \(exit code 3\)\.$/);
    assert.deepEqual(trainings.unfinished, [planOf('die')]);
    assert.equal(await trainings.run(planOf('fast')), 'complete');
    assert.equal(info().message, undefined);
    assert.deepEqual(ended, ['failed', 'complete']);
  });

  it('that are refused keep the engine’s sentence; one of another folder is forgotten', async () => {
    assert.equal(await trainings.run(planOf('bad')), 'failed');
    assert.equal(info().message, 'No file matches bad.');
    assert.equal(trainings.unfinished.length, 1);
    assert.equal(await trainings.run(planOf('other')), 'failed');
    assert.equal(trainings.unfinished.length, 0);
  });

  it('run beside one another, each in an engine of its own, a folder once', async () => {
    const toy: TrainingPlan = {
      kind: 'toy',
      params: { corpus: { globs: ['slow'], folder }, out: join(folder, 'toy'), layers: 2, steps: 20 },
    };
    const both = [trainings.run(planOf('slow', 20)), trainings.run(toy)];
    const again = await trainings.run(planOf('slow', 20));
    assert.notEqual(again, 'complete');
    await sleep(300);
    const pids = [out(), join(folder, 'toy')].map((dir) => trainings.pid(dir));
    assert.ok(pids[0] !== undefined && pids[1] !== undefined && pids[0] !== pids[1], pids.join());
    assert.equal(trainings.unfinished.length, 2);
    assert.deepEqual(await Promise.all(both), ['complete', 'complete']);
    const { attention } = trainings.at(join(folder, 'toy'))!;
    assert.deepEqual([attention?.head, attention?.pattern.length], [{ layer: 1, head: 20 }, 1]);
    assert.deepEqual(
      trainings.all.map((each) => each.info.kind),
      ['mlsae', 'toy'],
    );
  });

  it('of a folder are opened to look at; a folder without one is refused', async () => {
    await trainings.run(planOf('fast'));
    trainings.dispose();
    trainings = create();
    await trainings.open(out());
    assert.deepEqual([info().state, info().step, trainings.at(out())!.history.points.length], ['complete', 5, 5]);
    await assert.rejects(trainings.open(join(folder, 'nothing')));
    assert.equal(trainings.all.length, 1);
  });

  describe('history', () => {
    it('takes steps again from where a training went on', () => {
      const history = new host.TrainingHistory();
      mlsaePoints(50).forEach((point) => history.add(point));
      assert.equal(history.add({ ...mlsaePoints(30)[2]!, loss: 9 }), 2);
      assert.deepEqual(
        history.points.map(({ step, loss }) => (loss === 9 ? `${step}!` : `${step}`)),
        ['10', '20', '30!'],
      );
    });

    it('of a folder goes on with what was reported up to its save', () => {
      const history = new host.TrainingHistory();
      mlsaePoints(50).forEach((point) => history.add({ ...point, loss: 9 }));
      history.take(mlsaePoints(20), 40);
      assert.deepEqual(
        history.points.map(({ step, loss }) => (loss === 9 ? `${step}!` : `${step}`)),
        ['10', '20', '30!', '40!'],
      );
      history.take([], 10);
      assert.equal(history.points.length, 1, 'a short training has no history yet');
    });

    it('stays small, keeps its ends and what was measured', () => {
      const history = new host.TrainingHistory(100);
      const points = toyPoints(2000);
      points.forEach((point) => history.add(point));
      const kept = history.points;
      assert.ok(kept.length > 50 && kept.length <= 100, `${kept.length}`);
      assert.equal(kept.at(-1)!.step, 2000);
      const measured = (all: readonly object[]): number => all.filter((p) => 'lossByPosition' in p).length;
      assert.equal(measured(kept), measured(points), 'fewer than half of all are measured');
      history.take(toyPoints(6000), 6000);
      assert.ok(history.points.length <= 100);
      assert.ok(kept.every(({ step }, i) => i === 0 || step > kept[i - 1]!.step));
    });
  });
});
