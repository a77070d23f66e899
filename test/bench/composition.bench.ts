/** `npm run bench -- composition`: all composition scores of GPT-2 small's shape, beside PyTorch and a naive implementation. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { compositionKinds } from '../../src/protocol/circuits';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import { composition } from '../../src/engine/circuits/composition';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import { createRunner } from '../../src/engine/runtime/runner';
import { gaussian } from '../unit/support/files';
import { GPT2_SMALL, writeGpt2Small } from './gpt2Small';
import { TorchComposition, type TorchRun } from './torchComposition';

const { dModel: WIDTH, nLayers, nHeads } = GPT2_SMALL;
const PAIRS = (nHeads ** 2 * nLayers * (nLayers - 1)) / 2;
const RUNS = 5;
const FOLDER = 'CIRCUITSCOPE_BENCH_FOLDER';
/** Pairs that the naive way is timed on after each of our runs. */
const NAIVE_PAIRS = 8;
/** The first of our runs that PyTorch is timed after: it takes a minute each time. */
const TORCH_RUNS = 3;

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

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

interface OurRun {
  ms: number;
  mean: number;
}

/** @param parts gains what the parts of this run took, in ms */
async function ourRun(model: OpenModel, parts: Map<string, number>): Promise<OurRun> {
  let [name, since] = ['', performance.now()];
  const start = since;
  const step = async (message: string): Promise<void> => {
    const now = performance.now();
    parts.set(name, (parts.get(name) ?? 0) + now - since);
    [name, since] = [/random/.test(message) ? 'baseline' : /layers/.test(message) ? 'products' : 'factors', now];
  };
  const { scores } = await composition(model, {}, { step });
  await step('');
  const ms = performance.now() - start;
  const known = compositionKinds.flatMap((kind) => [...scores[kind]].filter((value) => !Number.isNaN(value)));
  if (known.length !== 3 * PAIRS) throw new Error(`${known.length} scores instead of ${3 * PAIRS}`);
  return { ms, mean: known.reduce((a, b) => a + b) / known.length };
}

/** In a process of its own: the one that wrote the checkpoint held it all. */
async function measure(folder: string): Promise<void> {
  const checkpoint = await openCheckpoint(folder);
  const runner = await createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
  globalThis.gc?.();
  const before = peakMegabytes();
  const naive = await naiveWay();
  const torch = TorchComposition.start(folder, nHeads);
  const parts = new Map<string, number>();
  const ours: OurRun[] = [];
  const [naiveTimes, atOnce, byLayer]: [number[], TorchRun[], TorchRun[]] = [[], [], []];
  let peak = 0;
  try {
    for (let i = 0; i < RUNS; i++) {
      ours.push(await ourRun({ checkpoint, runner }, parts));
      peak = Math.max(peak, peakMegabytes());
      naiveTimes.push(await naive());
      if (!torch || i >= TORCH_RUNS) continue;
      atOnce.push(await torch.run('all'));
      byLayer.push(await torch.run('layer'));
    }
  } finally {
    torch?.stop();
  }
  const time = median(ours.map(({ ms }) => ms));
  const { mean } = ours[0]!;
  const share = [...parts].filter(([name]) => name).map(([name, ms]) => `${name} ${seconds(ms / RUNS)}`);
  const ratio = (ms: number): string => `${(ms / time).toFixed(0)} times ours`;
  const naiveMs = median(naiveTimes);
  print(`composition of GPT-2 small’s shape: ${PAIRS} pairs of heads × 3 kinds, from the file to the scores`);
  print(`here: ${seconds(time)} (median of ${RUNS}), ${share.join(', ')}; mean score ${mean.toFixed(6)}`);
  print(`peak memory: ${peak.toFixed(0)} MB of the process, ${before.toFixed(0)} MB before the first score`);
  print(
    `naive: ${seconds(naiveMs)}, ${ratio(naiveMs)} (float32 d_model × d_model products in ONNX Runtime; ${RUNS * NAIVE_PAIRS} pairs measured in turn with ours, the rest extrapolated)`,
  );
  if (torch) for (const runs of [atOnce, byLayer]) printTorch(runs, mean, ratio);
  else print('PyTorch: not measured; set CIRCUITSCOPE_PYTHON to a Python that can import torch.');
  await runner.dispose();
}

function printTorch(runs: TorchRun[], mean: number, ratio: (ms: number) => string): void {
  const { byLayer, threads, version, mean: theirs } = runs[0]!;
  if (Math.abs(theirs - mean) > 1e-6) throw new Error(`PyTorch’s mean score is ${theirs}, ours ${mean}`);
  const scores = median(runs.map(({ scoresMs }) => scoresMs));
  const weights = median(runs.map(({ weightsMs }) => weightsMs));
  const way = byLayer
    ? 'as fast as we could make it (one source layer at a time, decompositions on one thread)'
    : 'as it does it (all pairs at once)';
  print(
    `TransformerLens’s algorithm in PyTorch ${version}, ${threads} threads, ${way}: ${seconds(scores)}, ${ratio(scores)}, and ${seconds(weights)} to read and fold (median of ${runs.length}, in turn with ours); same mean score; ${runs.at(-1)!.peakMegabytes.toFixed(0)} MB of its process so far`,
  );
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
