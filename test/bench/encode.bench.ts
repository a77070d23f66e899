/** `npm run bench -- encode`: encoding with a TopK autoencoder of the paper's size, beside the matrix product alone. */
import { Tensor } from 'onnxruntime-node';
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import { Weights } from '../../src/engine/graph/weights';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import type { Sae } from '../../src/engine/mlsae/sae';
import type { SaeRunner } from '../../src/engine/mlsae/types';
import { Session } from '../../src/engine/runtime/session';
import { asEngine } from './support/asEngine';
import { bench, inTurn, timed, type Measure, type Rounds } from './support/measure';
import { uniform, writeMlsae } from './support/models';
import { needed, Torch } from './support/torch';

const [N_INPUTS, N_LATENTS, K, LAYERS, TOKENS] = [512, 32_768, 32, 6, 512];
/** Rows of one run of the plain product, as the encoder's own graph takes them: smaller products are faster here than one of 512 rows. */
const ROWS = 224;
const SIZES = `${LAYERS} layers × ${TOKENS} tokens × ${N_INPUTS} → ${N_LATENTS} latents`;

interface Context {
  rows: Float32Array;
  plain: () => Promise<void>;
  runner: SaeRunner;
  torch: Torch<{ ms: number; threads: number; version: string }> | undefined;
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

const measure = (name: string, codesOnly: boolean): Measure<Context> => ({
  name: `${name}, ${SIZES}, k = ${K}`,
  unit: 'ms',
  beside: 'the matrix product alone',
  ...(codesOnly && { goal: { of: 'ratio', most: 1.1 } }),
  run: async ({ rows, plain, runner }) => {
    const rounds = await inTurn({
      plain: () => timed(plain),
      ours: () => timed(() => runner.encode({ rows, layer: 0, codesOnly })),
    });
    return figure(rounds, 'plain');
  },
});

function figure<K extends string>(rounds: Rounds<K | 'ours'>, beside: K): Awaited<ReturnType<Measure<Context>['run']>> {
  return {
    value: rounds.of('ours'),
    besideValue: rounds.of(beside),
    ratio: rounds.ratio('ours', beside),
  };
}

const besideTorch: Measure<Context> = {
  name: `MLSAE encode, ${SIZES}, k = ${K}`,
  unit: 'ms',
  beside: 'PyTorch matmul and topk',
  goal: { of: 'ratio', most: 0.7 },
  run: async ({ rows, runner, torch }) => {
    const peer = needed(torch);
    const rounds = await inTurn({
      ours: () => timed(() => runner.encode({ rows, layer: 0, codesOnly: true })),
      torch: async () => (await peer.run('')).ms,
    });
    return { ...figure(rounds, 'torch'), note: peer.name };
  },
};

asEngine(() =>
  bench<Context>(
    [measure('MLSAE encode', true), besideTorch, measure('MLSAE encode and decode', false)],
    async () => {
      const folder = await writeMlsae(N_INPUTS, N_LATENTS, K);
      const model = { name: 'bench', description: { dModel: N_INPUTS, nLayers: LAYERS } } as unknown as Checkpoint;
      const sae = await openSae(folder, model);
      const rows = new Float32Array(LAYERS * TOKENS * N_INPUTS).map(uniform(2));
      const torch = Torch.start<{ ms: number; threads: number; version: string }>('encode_torch.py', {
        args: [folder, LAYERS, TOKENS, K],
      });
      return { rows, plain: await plainMatMul(sae, rows), runner: createSaeRunner(sae, 'cpu'), torch };
    },
    async ({ runner, torch }) => {
      torch?.stop();
      await runner.dispose();
    },
  ),
);
