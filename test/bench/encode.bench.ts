/** `npm run bench -- encode`: encoding with a TopK autoencoder of the paper's size, beside the matrix product alone. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Tensor } from 'onnxruntime-node';
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { writeSafetensors } from '../../src/engine/checkpoint/safetensors';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import { Weights } from '../../src/engine/graph/weights';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import type { Sae } from '../../src/engine/mlsae/sae';
import { Session } from '../../src/engine/runtime/session';
import { writeFile } from '../unit/support/files';

const [N_INPUTS, N_LATENTS, K, LAYERS, TOKENS] = [512, 32_768, 32, 6, 512];
/** Rows of one run of the plain product, as the encoder takes them: smaller products are faster here than one of 512 rows. */
const ROWS = 224;
const RUNS = 11;
const BAR = 1.1;
const PYTHON = '/usr/bin/python3';

/** Fast and not quite random. */
function noise(length: number, scale: number): Float32Array {
  const values = new Float32Array(length);
  let state = 12345;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = (state / 2 ** 31) * scale;
  }
  return values;
}

async function writeSae(): Promise<{ sae: Sae; folder: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  writeFile(path.join(folder, 'config.json'), { n_inputs: N_INPUTS, n_latents: N_LATENTS, k: K, standardize: true });
  await writeSafetensors(path.join(folder, 'model.safetensors'), {
    'encoder.weight': { shape: [N_LATENTS, N_INPUTS], data: noise(N_LATENTS * N_INPUTS, 0.08) },
    'decoder.weight': { shape: [N_INPUTS, N_LATENTS], data: noise(N_LATENTS * N_INPUTS, 0.08) },
    pre_encoder_bias: { shape: [N_INPUTS], data: noise(N_INPUTS, 0.1) },
  });
  const model = { name: 'bench', description: { dModel: N_INPUTS, nLayers: LAYERS } } as unknown as Checkpoint;
  return { sae: await openSae(folder, model), folder };
}

/** x W_encᵀ of some rows at a time; of the product one number is fetched, so that copying it is not counted. */
async function plainMatMul(sae: Sae, rows: Float32Array): Promise<() => Promise<void>> {
  const g = new GraphBuilder();
  const w = new Weights(sae);
  const x = g.input('x', DataType.FLOAT, ['row', N_INPUTS]);
  const product = g.op('Gemm', [x, w.float(g, sae.encoder.weight)], { transB: 1 });
  const y = g.op('Slice', [product, g.ints([0, 0]), g.ints([1, 1])]);
  const graph = { ...g.build([{ name: y, dtype: DataType.FLOAT }]), outputs: [y], folder: w.folder };
  const session = await Session.create(graph, 'cpu');
  return async () => {
    for (let row = 0; row < LAYERS * TOKENS; row += ROWS) {
      const part = rows.subarray(row * N_INPUTS, (row + ROWS) * N_INPUTS);
      await session.run({ x: new Tensor('float32', part, [part.length / N_INPUTS, N_INPUTS]) });
    }
  };
}

/** PyTorch in a process that answers one line for each that it gets; undefined where it cannot be imported. */
function torch(folder: string): { run: () => Promise<number>; name: () => string; process: ChildProcess } | undefined {
  if (spawnSync(PYTHON, ['-c', 'import torch'], { stdio: 'ignore' }).status !== 0) return undefined;
  const script = path.resolve('test/bench/encode_torch.py');
  const env = { ...process.env, OMP_WAIT_POLICY: 'passive', OMP_NUM_THREADS: `${availableParallelism()}` };
  const child = spawn(PYTHON, [script, folder, `${LAYERS}`, `${TOKENS}`, `${K}`], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  let name = 'PyTorch';
  const run = async (): Promise<number> => {
    child.stdin!.write('\n');
    const { value } = (await lines.next()) as { value: string };
    const answer = JSON.parse(value) as { ms: number; threads: number; version: string };
    name = `PyTorch ${answer.version}, ${answer.threads} threads`;
    return answer.ms;
  };
  return { run, name: () => name, process: child };
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const ms = (value: number): string => `${value.toFixed(0).padStart(6)} ms`;

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function main(): Promise<void> {
  const { sae, folder } = await writeSae();
  const rows = noise(LAYERS * TOKENS * N_INPUTS, 1);
  const runner = createSaeRunner(sae, 'cpu');
  const plain = await plainMatMul(sae, rows);
  const works: Record<string, () => Promise<number>> = {
    plain: () => time(plain),
    encode: () => time(() => runner.encode({ rows, layer: 0, codesOnly: true })),
    decode: () => time(() => runner.encode({ rows, layer: 0 })),
  };
  const python = torch(folder);
  if (python) works.torch = python.run;
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, [] as number[]]));
  // what is compared runs in turn, so that a busy machine is busy for all; the first round loads
  for (let i = -1; i < RUNS; i++)
    for (const [name, work] of Object.entries(works)) {
      const took = await work();
      if (i >= 0) times[name]!.push(took);
    }
  const of = (name: string): number => median(times[name]!);
  const ratio = median(times.encode!.map((value, i) => value / times.plain![i]!));
  const gflops = (2 * LAYERS * TOKENS * N_INPUTS * N_LATENTS) / of('plain') / 1e6;
  console.log(
    [
      `TopK encode, ${LAYERS} layers × ${TOKENS} tokens × ${N_INPUTS} → ${N_LATENTS} latents, k = ${K}; medians of ${RUNS} rounds`,
      `  matrix product alone      ${ms(of('plain'))} (${gflops.toFixed(0)} GFLOP/s)`,
      `  encode                    ${ms(of('encode'))}`,
      `  encode and decode         ${ms(of('decode'))}`,
      python
        ? `  matrix product and TopK   ${ms(of('torch'))} in ${python.name()}: ours takes ${(of('encode') / of('torch')).toFixed(2)} of it`
        : `  not beside PyTorch: ${PYTHON} cannot import torch`,
      `  encode ÷ matrix product   ${ratio.toFixed(3)} (bar: under ${BAR})`,
    ].join('\n'),
  );
  python?.process.stdin!.end();
  await runner.dispose();
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
