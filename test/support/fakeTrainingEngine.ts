/** An engine process that trains nothing: what a training does is said by its first glob. Bundled by its test. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import { InputError } from '../../src/engine/checkpoint/errors';
import { exitWithParent } from '../../src/engine/parentWatch';
import { serve } from '../../src/engine/server';
import type { EngineHandlers, RequestContext } from '../../src/engine/service';
import type { CheckpointInfo } from '../../src/protocol/checkpoint';
import type { MlsaePoint, TrainingKind, TrainingRecord, TrainMlsaeParams } from '../../src/protocol/training';

exitWithParent();

type Params = Omit<TrainMlsaeParams, 'checkpointId'>;

const point = (step: number): MlsaePoint => ({
  ...{ step, tokens: step * 100, loss: 1 / step, lr: 1e-4, tokensPerSecond: 1000 },
  ...{ fvu: [0.5, 0.25], l0: 2, deadFraction: 0, auxLoss: 0 },
});
const recordOf = (params: Params, kind: TrainingKind, step: number): TrainingRecord => ({
  ...{ dir: params.out, kind, step, totalSteps: params.steps, tokens: step * 100, seconds: 1 },
  ...{ complete: step === params.steps, last: point(step), notices: [], params },
  history: Array.from({ length: step }, (_, i) => point(i + 1)),
});
const file = (dir: string): string => path.join(dir, 'training.json');
const read = (dir: string): TrainingRecord => JSON.parse(readFileSync(file(dir), 'utf8')) as TrainingRecord;
const stepOf = (dir: string): number => {
  try {
    return read(dir).step;
  } catch {
    return 0;
  }
};

async function train(params: Params, kind: TrainingKind, { steps }: RequestContext): Promise<TrainingRecord> {
  const { out: dir, steps: totalSteps, corpus } = params;
  const [how] = corpus.globs;
  if (how === 'other')
    throw new InputError(`${dir} has a training of something else: give another folder, or delete it.`);
  if (how === 'bad') throw new InputError('No file matches bad.');
  mkdirSync(dir, { recursive: true });
  let step = stepOf(dir);
  try {
    while (step < totalSteps) {
      step++;
      if (how === 'die' && step === 3) process.exit(3);
      const report = {
        kind,
        dir,
        point: point(step),
        totalSteps,
        savedStep: stepOf(dir),
        secondsLeft: totalSteps - step,
      };
      const head = { head: { layer: 1, head: step }, score: 'induction', tokens: ['a'], pattern: Float32Array.of(1) };
      await steps.step(`Step ${step}`, step / totalSteps, kind === 'toy' ? { ...report, attention: head } : report);
      if (how === 'slow') await sleep(20);
    }
  } finally {
    // saving takes its time
    await sleep(150);
    writeFileSync(file(dir), JSON.stringify(recordOf(params, kind, step)));
  }
  return recordOf(params, kind, step);
}

const handlers: Partial<EngineHandlers> = {
  version: () => ({ pid: process.pid, onnxruntime: 'none', providers: [] }),
  openCheckpoint: ({ path: dir }) => ({ id: `id of ${dir}` }) as CheckpointInfo,
  trainMlsae: ({ checkpointId, ...params }, context) => {
    if (checkpointId !== 'id of /model') throw new InputError(`${checkpointId} is not open.`);
    return train(params, 'mlsae', context);
  },
  trainToy: ({ layers, ...params }, context) => train({ ...params, layers: [layers] } as Params, 'toy', context),
  readTraining: ({ dir }) => Promise.resolve(read(dir)),
};

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
serve(connection, handlers as EngineHandlers);
connection.listen();
