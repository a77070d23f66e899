/** `npm run bench -- composition`: all composition scores of GPT-2 small's shape, beside PyTorch and a naive implementation. */
import { existsSync, readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { compositionKinds } from '../../src/protocol/circuits';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import { composition } from '../../src/engine/circuits/composition';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import { createRunner } from '../../src/engine/runtime/runner';
import { bench, inTurn, Skip, timed, type Measure } from './support/measure';
import { GPT2_SMALL, uniform, writeGpt2 } from './support/models';
import { needed, Torch } from './support/torch';

const { dModel: WIDTH, nLayers, nHeads } = GPT2_SMALL;
const PAIRS = (nHeads ** 2 * nLayers * (nLayers - 1)) / 2;
/** Pairs that the naive way is timed on in each round. */
const NAIVE_PAIRS = 8;
const NAME = `composition of all pairs of heads, three kinds, from the file`;

/** One run of composition_torch.py. */
interface Answer {
  weightsMs: number;
  scoresMs: number;
  threads: number;
  version: string;
  peakMegabytes: number;
  mean: number;
}

interface Context {
  model: OpenModel;
  /** Mean of our scores. */
  mean: number;
  /** Peak memory before the first score, MB. */
  before: number;
  torch: Torch<Answer> | undefined;
}

/** @returns the mean score */
async function ours(model: OpenModel): Promise<number> {
  const { scores } = await composition(model, {}, { step: async () => undefined });
  const known = compositionKinds.flatMap((kind) => [...scores[kind]].filter((value) => !Number.isNaN(value)));
  if (known.length !== 3 * PAIRS) throw new Error(`${known.length} scores instead of ${3 * PAIRS}`);
  return known.reduce((a, b) => a + b) / known.length;
}

const besideTorch = (mode: 'all' | 'layer', goal: Measure<Context>['goal']): Measure<Context> => ({
  name: NAME,
  unit: 's',
  beside:
    mode === 'all'
      ? 'TransformerLens’s algorithm in PyTorch'
      : 'the same, one source layer at a time, decompositions on one thread',
  ...(goal && { goal }),
  run: async ({ model, mean, torch }) => {
    const peer = needed(torch);
    let last: Answer | undefined;
    const theirs = async (): Promise<number> => {
      last = await peer.run(mode);
      if (Math.abs(last.mean - mean) > 1e-6) throw new Error(`PyTorch’s mean score is ${last.mean}, ours ${mean}`);
      return last.scoresMs;
    };
    // theirs takes a minute
    const limits = { rounds: mode === 'all' ? 3 : 1, seconds: 1, warm: 0 };
    const rounds = await inTurn({ ours: () => timed(() => ours(model)), theirs }, limits);
    return {
      value: rounds.of('ours') / 1000,
      besideValue: rounds.of('theirs') / 1000,
      ratio: rounds.ratio('ours', 'theirs'),
      note: `theirs without reading and folding, in ${last!.peakMegabytes.toFixed(0)} MB; same mean score; ${peer.name}`,
    };
  },
});

/** ‖W_OV¹ W_QK²‖, ‖W_OV¹ W_QK²ᵀ‖ and ‖W_OV¹ W_OV²‖ with every d_model × d_model matrix formed, one pair at a time. */
async function naiveWay(): Promise<() => Promise<number>> {
  const g = new GraphBuilder();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => g.input(name, DataType.FLOAT, [WIDTH, WIDTH]));
  const norm = (x: string, y: string): string => g.op('ReduceSumSquare', [g.op('MatMul', [x, y])], { keepdims: 0 });
  const outputs = [norm(a!, b!), norm(a!, g.op('Transpose', [b!], { perm: [1, 0] })), norm(a!, c!)];
  const { bytes } = g.build(outputs.map((name) => ({ name, dtype: DataType.FLOAT })));
  const session = await InferenceSession.create(bytes, { executionProviders: ['cpu'] });
  const matrix = (seed: number): Tensor =>
    new Tensor('float32', new Float32Array(WIDTH * WIDTH).map(uniform(seed)), [WIDTH, WIDTH]);
  const feeds = { a: matrix(1), b: matrix(2), c: matrix(3) };
  return async () => {
    const ms = await timed(async () => {
      for (let pair = 0; pair < NAIVE_PAIRS; pair++) await session.run(feeds);
    });
    return (ms / NAIVE_PAIRS) * PAIRS;
  };
}

const besideNaive: Measure<Context> = {
  name: NAME,
  unit: 's',
  beside: `d_model × d_model products of every pair (extrapolated from ${NAIVE_PAIRS})`,
  run: async ({ model }) => {
    const naive = await naiveWay();
    const rounds = await inTurn({ ours: () => timed(() => ours(model)), naive }, { rounds: 5, seconds: 15 });
    return {
      value: rounds.of('ours') / 1000,
      besideValue: rounds.of('naive') / 1000,
      ratio: rounds.ratio('ours', 'naive'),
    };
  },
};

const memory: Measure<Context> = {
  name: 'peak memory of the process that computes composition',
  unit: 'MB',
  run: async ({ before }) => {
    if (before > 200)
      throw new Skip('this process wrote the model; a run of all measurements has it written by another');
    return { value: peakMegabytes(), note: `${before.toFixed(0)} MB before the first score` };
  },
};

/** Of this process since it began; elsewhere than on Linux, of the one that started it too. */
function peakMegabytes(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const kilobytes = /VmHWM:\s+(\d+)/.exec(status)?.[1];
  return Number(kilobytes ?? process.resourceUsage().maxRSS) / 1024;
}

void bench<Context>(
  [memory, besideNaive, besideTorch('all', { of: 'ratio', most: 0.03 }), besideTorch('layer', undefined)],
  async () => {
    const folder = await writeGpt2();
    const checkpoint = await openCheckpoint(folder);
    const runner = await createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
    const model = { checkpoint, runner };
    const before = peakMegabytes();
    // its threads wait awake, as is their default: passive waiting makes the small decompositions twenty times slower
    const options = { args: [folder, nHeads], env: { OMP_WAIT_POLICY: undefined } };
    return { model, before, mean: await ours(model), torch: Torch.start<Answer>('composition_torch.py', options) };
  },
  async ({ model, torch }) => {
    torch?.stop();
    await model.runner.dispose();
  },
);
