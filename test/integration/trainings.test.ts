import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExtensionParts } from '../../src/extension';
import { watchTrainings } from '../../src/host/trainingNotices';
import type { TrainingPlan } from '../../src/host/trainingRun';
import { Trainings } from '../../src/host/trainings';
import { exportHistory } from '../../src/host/exportHistory';
import type { TrainingRecord, TrainMlsaeParams } from '../../src/protocol/training';
import type { TrainingInfo } from '../../src/protocol/trainingPanel';
import { answering, closeEverything, eventually, extensionPath, parts, run, sample } from './support';

/** Answers the questions of a command; ends when `done` gives something. */
async function asked<T>(command: string, answers: string[], done: () => T | undefined): Promise<[T, unknown[]]> {
  let found: T | undefined;
  const questions = await answering('showInputBox', answers, async () => {
    const running = run(command);
    found = await eventually(`end of ${command}`, done, 60_000);
    await running;
  });
  return [found!, questions];
}

describe('trainings', () => {
  let p: ExtensionParts;
  let folder: string;
  let glob: string;
  before(async () => {
    p = await parts();
    folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-training-'));
    const workspace = vscode.workspace.workspaceFolders![0]!.uri.fsPath;
    const text = readFileSync(sample('workspace/src/total.ts'), 'utf8');
    mkdirSync(path.join(workspace, 'training-texts'));
    for (let i = 0; i < 30; i++)
      writeFileSync(path.join(workspace, 'training-texts', `${i}.txt`), `${i} ${text} ${text}`);
    glob = 'training-texts/*.txt';
    await p.checkpoints.open(sample('neox-6l'));
  });
  after(async () => {
    for (const { info } of p.trainings.all) await p.trainings.forget(info.dir);
    await closeEverything();
    rmSync(folder, { recursive: true });
    rmSync(path.join(vscode.workspace.workspaceFolders![0]!.uri.fsPath, 'training-texts'), { recursive: true });
  });
  const complete = (dir: string) => () => (p.trainings.at(dir)?.info.state === 'complete' ? true : undefined);
  const act = (dir: string, action: string): Promise<void> =>
    p.actOnTraining({ dir, action } as Parameters<ExtensionParts['actOnTraining']>[0]);

  it('of an MLSAE are begun by a command, and their result opens beside its model', async () => {
    const out = path.join(folder, 'sae');
    const [, questions] = await asked('trainMlsae', [glob, '2', '4', '3', out], complete(out));
    assert.deepEqual(
      questions.map((question) => (question as vscode.InputBoxOptions).title),
      [1, 2, 3, 4, 5].map((n) => `Train an MLSAE on neox-6l (${n}/5)`),
    );
    assert.match((questions[4] as vscode.InputBoxOptions).value!, /[/\\]trainings[/\\]mlsae-neox-6l-x2-k4$/);
    const { info, history } = p.trainings.at(out)!;
    assert.deepEqual([info.step, info.totalSteps, info.tokens], [3, 3, 3 * 2048]);
    assert.equal(history.points.length, 3);
    assert.deepEqual(p.trainings.unfinished, []);
    await act(out, 'openResult');
    const sae = p.latents.of(p.checkpoints.active!)!;
    assert.deepEqual([sae.path, sae.nLatents, sae.k], [out, 2 * p.checkpoints.active!.dModel, 4]);
    await p.latents.close(sae);
  });

  it('that are paused go on to what they would have been, also after a reload', async () => {
    const params: Omit<TrainMlsaeParams, 'checkpointId'> = {
      corpus: { globs: [glob], folder: vscode.workspace.workspaceFolders![0]!.uri.fsPath },
      ...{ out: '', steps: 80, expansionFactor: 2, k: 4, batchTokens: 64 },
    };
    const planOf = (name: string): TrainingPlan => ({
      ...{ kind: 'mlsae', checkpointPath: sample('neox-6l') },
      params: { ...params, out: path.join(folder, name) },
    });
    const whole = planOf('whole');
    const halves = planOf('halves');
    const out = halves.params.out;
    const pausing = p.trainings.onDidGetPoints(({ dir }) => dir === out && p.trainings.pause(out));
    assert.equal(await p.trainings.run(halves), 'paused');
    pausing.dispose();
    const { step } = p.trainings.at(out)!.info;
    assert.ok(step > 0 && step < 80, `${step}`);
    assert.deepEqual(p.trainings.unfinished, [halves]);
    const state = { get: () => [halves], update: () => Promise.resolve() } as unknown as vscode.Memento;
    const enginePath = extensionPath('dist', 'engine.js');
    const reloaded = new Trainings({ enginePath, log: p.log, state, ask: p.engine.request });
    const offered = await answering('showWarningMessage', ['Resume'], async () => {
      const resume = (): Promise<void> => reloaded.run(halves).then(() => undefined);
      const watching = watchTrainings({ trainings: reloaded, panel: p.trainingPanel, act: resume });
      await eventually('end', () => (reloaded.at(out)?.info.state === 'complete' ? true : undefined), 60_000);
      watching.dispose();
    });
    reloaded.dispose();
    assert.deepEqual(offered, [`The training halves was not finished (step ${step} of 80).`]);
    assert.equal(await p.trainings.run(whole), 'complete');
    const weights = [halves, whole].map((plan) => readFileSync(path.join(plan.params.out, 'model.safetensors')));
    assert.ok(weights[0]!.equals(weights[1]!), 'bit for bit');
  });

  it('show what they saved last while they go on, and all their points as a file', async () => {
    const out = path.join(folder, 'live');
    const corpus = { globs: [glob], folder: vscode.workspace.workspaceFolders![0]!.uri.fsPath };
    const sizes = { expansionFactor: 2, k: 4, batchTokens: 64, saveEvery: 4, steps: 2000 };
    const running = p.trainings.run({ kind: 'mlsae', checkpointPath: sample('neox-6l'), params: { corpus, out, ...sizes } }); // prettier-ignore
    const info = (): TrainingInfo => p.trainings.at(out)!.info;
    await eventually('save', () => (info().savedStep > 0 ? true : undefined), 30_000);
    await act(out, 'openResult');
    assert.equal(info().state, 'running');
    const sae = p.latents.of(p.checkpoints.active!)!;
    assert.equal(path.dirname(sae.path), out);
    const step = Number(/^step(\d+)$/.exec(sae.name)![1]);
    assert.ok(step >= 4 && step % 4 === 0, sae.name);
    const before = readFileSync(path.join(sae.path, 'model.safetensors'));
    await eventually('another save', () => (info().savedStep > step ? true : undefined), 30_000);
    assert.ok(before.equals(readFileSync(path.join(sae.path, 'model.safetensors'))), 'it stays as it was');
    assert.ok(!before.equals(readFileSync(path.join(out, 'model.safetensors'))), 'the training has gone on');
    const files = { csv: path.join(folder, 'live.csv'), json: path.join(folder, 'live.json') };
    for (const format of ['csv', 'json'] as const)
      await answering('showSaveDialog', [vscode.Uri.file(files[format])], () =>
        exportHistory(p.trainings, out, format),
      );
    const lines = readFileSync(files.csv, 'utf8').trimEnd().split('\n');
    const { history, kind } = JSON.parse(readFileSync(files.json, 'utf8')) as TrainingRecord;
    assert.match(lines[0]!, /^step,tokens,loss,lr,tokensPerSecond,fvu L0,.*,fvu L5,l0,deadFraction,auxLoss$/);
    assert.equal(kind, 'mlsae');
    const steps = history.map((point) => point.step);
    assert.ok(steps.length >= lines.length - 1 && steps.at(-1)! > step, 'also what was reported since the last save');
    assert.ok(steps.every((each, i) => i === 0 || each > steps[i - 1]!));
    await p.trainings.stop(out);
    assert.equal(await running, 'stopped');
    await p.latents.close(sae);
  });

  it('of toys show their heads, and their result is a checkpoint', async () => {
    const out = path.join(folder, 'toy');
    const corpus = { globs: [glob], folder: vscode.workspace.workspaceFolders![0]!.uri.fsPath };
    const sizes = { layers: 2, dModel: 32, nHeads: 2, vocab: 300, context: 32, batch: 2 } as const;
    const plan = { corpus, out, steps: 4, measureEvery: 2, snippet: 'add(a, b) add(a, b)', ...sizes };
    assert.equal(await p.trainings.run({ kind: 'toy', params: plan }), 'complete');
    const { attention } = p.trainings.at(out)!;
    assert.equal(attention!.pattern.length, attention!.tokens.length ** 2);
    await act(out, 'openResult');
    assert.equal(p.checkpoints.active!.nLayers, 2);
    assert.equal(p.checkpoints.active!.path, out);
  });

  it('of folders are opened to compare; a folder without one is refused in one sentence', async () => {
    const out = path.join(folder, 'sae');
    await p.trainings.forget(out);
    await run('openTraining', vscode.Uri.file(path.join(out, 'training.json')));
    assert.deepEqual([p.trainings.at(out)!.info.state, p.trainings.at(out)!.plan], ['complete', undefined]);
    await assert.rejects(p.trainings.open(folder), /has no training: training\.json was expected\.$/);
  });
});
