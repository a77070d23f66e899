/** `npm run bench -- machine`: what the machine can do, which all other figures are held against. Runs first, and writes the model. */
import { Buffer } from 'node:buffer';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { dependencies } from '../../package.json';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import { print, tell, timed } from './support/measure';
import { writeGpt2 } from './support/models';

const ROUNDS = 15;

async function best(work: () => Promise<unknown>): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < ROUNDS; i++) least = Math.min(least, await timed(work));
  return least;
}

async function runnerOf(
  emit: (g: GraphBuilder) => string,
  feeds: Record<string, Tensor>,
): Promise<() => Promise<unknown>> {
  const g = new GraphBuilder();
  const { bytes } = g.build([{ name: emit(g), dtype: DataType.FLOAT }]);
  const session = await InferenceSession.create(bytes, { executionProviders: ['cpu'] });
  return () => session.run(feeds);
}

/** Of 1024 × 768 × 3072, an MLP's product of GPT-2 small; one number of it is fetched. */
async function gemm(): Promise<number> {
  const [m, k, n] = [1024, 768, 3072];
  const feed = (rows: number, columns: number): Tensor =>
    new Tensor('float32', new Float32Array(rows * columns).fill(0.5), [rows, columns]);
  const run = await runnerOf(
    (g) => {
      const product = g.op('MatMul', [g.input('a', DataType.FLOAT, [m, k]), g.input('b', DataType.FLOAT, [k, n])]);
      return g.op('Slice', [product, g.ints([0, 0]), g.ints([1, 1])]);
    },
    { a: feed(m, k), b: feed(k, n) },
  );
  return (2 * m * k * n) / (await best(run)) / 1e6;
}

/** Reading 256 MiB on all threads. */
async function readBandwidth(): Promise<number> {
  const dims = [4096, 16_384];
  const data = new Float32Array(dims[0]! * dims[1]!).fill(1);
  const run = await runnerOf((g) => g.op('ReduceMax', [g.input('x', DataType.FLOAT, dims), g.ints([1])]), {
    x: new Tensor('float32', data, dims),
  });
  return data.byteLength / (await best(run)) / 1e6;
}

/** Copying 256 MiB on one thread: read and written. */
async function copyBandwidth(fresh: boolean): Promise<number> {
  const from = Buffer.alloc(2 ** 28, 1);
  const to = Buffer.alloc(2 ** 28, 1);
  const ms = await best(async () => {
    if (fresh) new Uint8Array(from.length).set(from);
    else from.copy(to);
    if (fresh) globalThis.gc?.();
  });
  return (2 * from.length) / ms / 1e6;
}

async function main(): Promise<void> {
  const machine = {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? '',
    memoryGB: totalmem() / 1e9,
    gemmGFlops: await gemm(),
    readGBs: await readBandwidth(),
    copyGBs: await copyBandwidth(false),
    freshCopyGBs: await copyBandwidth(true),
    platform: `${process.platform}-${process.arch}`,
    versions: { node: process.versions.node, onnxruntime: dependencies['onnxruntime-node'] },
  };
  tell({ kind: 'machine', ...machine });
  print(
    `  ${machine.cores} cores: products ${machine.gemmGFlops.toFixed(0)} GFLOP/s; memory read ${machine.readGBs.toFixed(1)} GB/s on all threads, copied ${machine.copyGBs.toFixed(1)} GB/s on one, ${machine.freshCopyGBs.toFixed(1)} GB/s into fresh memory`,
  );
  await writeGpt2();
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
