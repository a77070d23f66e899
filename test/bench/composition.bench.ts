/** `npm run bench -- composition`: all composition scores of GPT-2 small's shape, beside a naive implementation. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { compositionKinds } from '../../src/protocol/circuits';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { composition } from '../../src/engine/circuits/composition';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import { createRunner } from '../../src/engine/runtime/runner';
import { gaussian } from '../unit/support/files';
import { GPT2_SMALL, writeGpt2Small } from './gpt2Small';

const { dModel: WIDTH, nLayers, nHeads } = GPT2_SMALL;
const PAIRS = (nHeads ** 2 * nLayers * (nLayers - 1)) / 2;
const RUNS = 5;
const FOLDER = 'CIRCUITSCOPE_BENCH_FOLDER';
/** Pairs that the naive way is timed on after each of our runs. */
const NAIVE_PAIRS = 8;

/** ‖W_OV¹ W_QK²‖, ‖W_OV¹ W_QK²ᵀ‖ and ‖W_OV¹ W_OV²‖ with every d_model × d_model matrix formed, one pair at a time. */
async function naiveWay(): Promise<() => Promise<number>> {
  const g = new GraphBuilder();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => g.input(name, DataType.FLOAT, [WIDTH, WIDTH]));
  const norm = (x: string, y: string): string => g.op('ReduceSumSquare', [g.op('MatMul', [x, y])], { keepdims: 0 });
  const outputs = [norm(a!, b!), norm(a!, g.op('Transpose', [b!], { perm: [1, 0] })), norm(a!, c!)];
  const { bytes } = g.build(outputs.map((name) => ({ name, dtype: DataType.FLOAT })));
  const session = await InferenceSession.create(bytes, { executionProviders: ['cpu'] });
  const matrix = (seed: number): Tensor =>
    new Tensor('float32', Float32Array.from(gaussian(WIDTH * WIDTH, seed)), [WIDTH, WIDTH]);
  const feeds = { a: matrix(1), b: matrix(2), c: matrix(3) };
  await session.run(feeds);
  return async () => {
    const start = performance.now();
    for (let pair = 0; pair < NAIVE_PAIRS; pair++) await session.run(feeds);
    return ((performance.now() - start) / NAIVE_PAIRS) * PAIRS;
  };
}

/** Of this process since it began; elsewhere than on Linux, of the one that started it too. */
function peakMegabytes(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const kilobytes = /VmHWM:\s+(\d+)/.exec(status)?.[1];
  return Number(kilobytes ?? process.resourceUsage().maxRSS) / 1024;
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

/** In a process of its own: the one that wrote the checkpoint held it all. */
async function measure(folder: string): Promise<void> {
  const checkpoint = await openCheckpoint(folder);
  const runner = await createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
  globalThis.gc?.();
  const before = peakMegabytes();
  const naive = await naiveWay();
  const times: number[] = [];
  const naiveTimes: number[] = [];
  let peak = 0;
  const parts = new Map<string, number>();
  let mean = 0;
  for (let i = 0; i < RUNS; i++) {
    let [name, since] = ['', performance.now()];
    const start = since;
    const step = async (message: string): Promise<void> => {
      const now = performance.now();
      parts.set(name, (parts.get(name) ?? 0) + (now - since) / RUNS);
      [name, since] = [/random/.test(message) ? 'baseline' : /layers/.test(message) ? 'products' : 'factors', now];
    };
    const { scores } = await composition({ checkpoint, runner }, {}, { step });
    await step('');
    times.push(performance.now() - start);
    peak = Math.max(peak, peakMegabytes());
    naiveTimes.push(await naive());
    const known = compositionKinds.flatMap((kind) => [...scores[kind]].filter((value) => !Number.isNaN(value)));
    if (known.length !== 3 * PAIRS) throw new Error(`${known.length} scores instead of ${3 * PAIRS}`);
    mean = known.reduce((a, b) => a + b) / known.length;
  }
  const ours = median(times);
  const share = [...parts].filter(([name]) => name).map(([name, ms]) => `${name} ${seconds(ms)}`);
  console.log(
    [
      `composition of GPT-2 small’s shape: ${PAIRS} pairs of heads × 3 kinds, from the file to the scores (mean ${mean.toFixed(4)})`,
      `  here           ${seconds(ours)} (median of ${RUNS}), of which ${share.join(', ')}`,
      `  naive          ${seconds(median(naiveTimes))} (float32 d_model × d_model products in ONNX Runtime; ${RUNS * NAIVE_PAIRS} pairs measured in turn with ours, the rest extrapolated)`,
      `  ratio          ${(median(naiveTimes) / ours).toFixed(0)} times faster`,
      `  peak memory    ${peak.toFixed(0)} MB of the process, ${before.toFixed(0)} MB before the first score`,
    ].join('\n'),
  );
  await runner.dispose();
}

async function main(): Promise<void> {
  const folder = process.env[FOLDER];
  if (folder !== undefined) return measure(folder);
  const env = { ...process.env, [FOLDER]: await writeGpt2Small() };
  execFileSync(process.execPath, [...process.execArgv, __filename], { env, stdio: 'inherit' });
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
