/** What a provider is tried with: products enough to tell a slow one, and the operators that differ most between providers. */
import { Tensor } from 'onnxruntime-node';
import { DataType, GraphBuilder } from '../graph/builder';
import type { Graph } from '../graph/transformer';
import { Session } from './session';

/** A provider's answer; times in ms of the fastest of a few runs. */
export interface Probe {
  ms: number;
  cpuMs: number;
  /** From the CPU's values, over their largest; the worst output's. Infinity where one is not finite and the other is. */
  difference: number;
}

/** 256 × 1024 rows through eight 1024 × 1024 products: 4.3 GFLOP, about 10 ms of four cores. */
const [ROWS, WIDTH, PRODUCTS] = [256, 1024, 8];
const RUNS = 5;
/** What is this slow is not measured again. */
const ENOUGH_MS = 250;

/** Loads the same graph on the provider and on the CPU, and runs both. Throws what the provider throws. */
export async function probeProvider(provider: string): Promise<Probe> {
  const feeds = {
    x: tensor([ROWS, WIDTH], 1),
    w: tensor([WIDTH, WIDTH], 2),
    mask: new Tensor('float32', mask(ROWS), [ROWS, ROWS]),
  };
  const own = await runs(provider, feeds);
  const cpu = await runs('cpu', feeds);
  const differences = Object.keys(cpu.outputs).map((name) => differ(own.outputs[name]!, cpu.outputs[name]!));
  return { ms: own.ms, cpuMs: cpu.ms, difference: Math.max(...differences) };
}

/** Attention, norm, activation, a log-softmax whose exponentials overflow, the largest of a row. */
function emitProbe(): Graph {
  const g = new GraphBuilder();
  const x = g.input('x', DataType.FLOAT, [ROWS, WIDTH]);
  const w = g.input('w', DataType.FLOAT, [WIDTH, WIDTH]);
  const mask = g.input('mask', DataType.FLOAT, [ROWS, ROWS]);
  const [ones, zeros] = [1, 0].map((value) => g.floats(new Array<number>(WIDTH).fill(value), [WIDTH]));
  let rows = x;
  for (let i = 0; i < PRODUCTS; i++)
    rows = g.op('LayerNormalization', [g.op('MatMul', [rows, w]), ones!, zeros!], { axis: -1 });
  const scores = g.op('Div', [g.op('MatMul', [rows, g.op('Transpose', [rows], { perm: [1, 0] })]), g.floats([256])]);
  const pattern = g.op('Softmax', [g.op('Add', [scores, mask])], { axis: -1 });
  const out = g.op('Gelu', [g.op('MatMul', [pattern, rows])], { approximate: 'tanh' });
  const logits = g.op('Mul', [rows, g.floats([100])]);
  const logProbs = g.op('LogSoftmax', [logits], { axis: -1 });
  const [top] = g.ops('TopK', [logits, g.ints([8])], 2, { axis: -1, largest: 1, sorted: 1 });
  const outputs = { rows, pattern, out, logProbs, top: top! };
  for (const [name, value] of Object.entries(outputs)) g.alias(value, name);
  const named = Object.keys(outputs).map((name) => ({ name, dtype: DataType.FLOAT }));
  return { ...g.build(named), outputs: Object.keys(outputs), folder: process.cwd() };
}

type Outputs = Record<string, Float32Array>;

async function runs(provider: string, feeds: Record<string, Tensor>): Promise<{ ms: number; outputs: Outputs }> {
  const session = await Session.create(emitProbe(), provider);
  // the first run compiles
  let result = await session.run(feeds);
  let [ms, spent] = [Infinity, 0];
  for (let i = 0; i < RUNS && spent < ENOUGH_MS; i++) {
    const start = performance.now();
    result = await session.run(feeds);
    const took = performance.now() - start;
    [ms, spent] = [Math.min(ms, took), spent + took];
  }
  await session.dispose();
  return { ms, outputs: Object.fromEntries(Object.entries(result).map(([name, t]) => [name, t.data as Float32Array])) };
}

/** Largest difference over the largest finite value. */
export function differ(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let [worst, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (Object.is(a, e)) {
      if (Number.isFinite(e)) largest = Math.max(largest, Math.abs(e));
    } else if (Number.isFinite(a) && Number.isFinite(e)) {
      worst = Math.max(worst, Math.abs(a - e));
      largest = Math.max(largest, Math.abs(e));
    } else return Infinity;
  }
  return worst === 0 ? 0 : worst / largest;
}

/** The same numbers everywhere, between −1 and 1. */
function tensor(dims: number[], seed: number): Tensor {
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
  let state = seed;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state / 2 ** 31 - 1;
  }
  return new Tensor('float32', data, dims);
}

/** 0 where a row sees a column, −∞ elsewhere. */
function mask(n: number): Float32Array {
  return Float32Array.from({ length: n * n }, (_, i) => (i % n <= Math.floor(i / n) ? 0 : -Infinity));
}
