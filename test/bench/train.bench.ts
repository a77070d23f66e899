/** `npm run bench -- train`: a training step of a multi-layer SAE, beside PyTorch's with the same sparse gradients. */
import path from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { writeSafetensors } from '../../src/engine/checkpoint/safetensors';
import { Session } from '../../src/engine/runtime/session';
import { adamFeeds } from '../../src/engine/train/adam';
import { emitStep } from '../../src/engine/train/mlsae/stepGraph';
import { ADAM, PARAMETERS, shapeOf, stepIo, type StepSizes } from '../../src/engine/train/mlsae/stepIo';
import { bench, inTurn, timed, type Measure } from './support/measure';
import { scratchFolder, uniform } from './support/models';
import { needed, Torch } from './support/torch';

const RATE = 1e-4;
const SAMPLE = { nInputs: 192, nLatents: 3072, k: 16, layers: 6, tokens: 768 };
const PAPER = { nInputs: 512, nLatents: 8192, k: 32, layers: 6, tokens: 512 };

interface Answer {
  ms: number;
  loss: number;
  threads: number;
  version: string;
}

type Numbers = { shape: number[]; data: Float32Array };

/** Uniform numbers; x of low rank and noise, so that there is something to learn. */
function startOf(sizes: StepSizes): Record<string, Numbers> {
  const { nInputs, nLatents, layers, tokens } = sizes;
  const random = uniform(3);
  const numbers = (shape: number[], scale: number): Numbers => ({
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b)).map(() => scale * random()),
  });
  const encoder = numbers([nLatents, nInputs], 1 / Math.sqrt(nInputs));
  const decoder = { shape: encoder.shape, data: encoder.data.slice() };
  for (let row = 0; row < nLatents; row++) {
    const own = decoder.data.subarray(row * nInputs, (row + 1) * nInputs);
    const norm = Math.hypot(...own);
    own.forEach((value, i) => (own[i] = value / norm));
  }
  return { x: numbers([layers * tokens, nInputs], 3), encoder, decoder, bias: numbers([nInputs], 0.1) };
}

/** Steps, one a call; gives the loss before it. */
async function stepper(sizes: StepSizes, start: Record<string, Numbers>): Promise<() => Promise<number>> {
  const session = await Session.create(emitStep({ ...sizes, auxk: 0, deadSteps: 1000 }), 'cpu', { arena: true });
  const tensor = ({ shape, data }: Numbers): Tensor => new Tensor('float32', data, shape);
  let state: Record<string, Tensor> = {
    [stepIo.last]: new Tensor('int64', new BigInt64Array(sizes.nLatents), [sizes.nLatents]),
  };
  for (const name of PARAMETERS) {
    const shape = shapeOf(name, sizes);
    const zeros = (): Tensor => tensor({ shape, data: new Float32Array(shape.reduce((a, b) => a * b)) });
    Object.assign(state, {
      [name]: tensor(start[name]!),
      [stepIo.first(name)]: zeros(),
      [stepIo.second(name)]: zeros(),
    });
  }
  const x = tensor(start['x']!);
  let step = 0;
  return async () => {
    const out = await session.run({ ...state, [stepIo.x]: x, ...adamFeeds(++step, RATE, ADAM) });
    state = Object.fromEntries(Object.keys(state).map((name) => [name, out[stepIo.next(name)]!]));
    return (out[stepIo.loss]!.data as Float32Array)[0]!;
  };
}

const measure = (what: string, sizes: StepSizes): Measure<undefined> => ({
  name: `MLSAE training step, ${what}: ${sizes.layers} layers × ${sizes.tokens} tokens × ${sizes.nInputs} → ${sizes.nLatents} latents, k = ${sizes.k}`,
  unit: 'ms',
  beside: 'PyTorch, the same gradients',
  run: async () => {
    const folder = scratchFolder();
    const start = startOf(sizes);
    await writeSafetensors(path.join(folder, 'start.safetensors'), start);
    // malloc that keeps its memory: 1.4 times as fast
    const env = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: '100000000000' };
    const args = [folder, sizes.k, sizes.layers, RATE];
    const torch = needed(Torch.start<Answer>('train_torch.py', { args, env }));
    const step = await stepper(sizes, start);
    let loss = 0;
    const rounds = await inTurn({
      ours: () => timed(async () => (loss = await step())),
      torch: async () => {
        const answer = await torch.run('');
        if (Math.abs(answer.loss / loss - 1) > 1e-3)
          throw new Error(`PyTorch has a loss of ${answer.loss}, we of ${loss}`);
        return answer.ms;
      },
    });
    torch.stop();
    const { nInputs, nLatents, layers, tokens } = sizes;
    return {
      value: rounds.of('ours'),
      besideValue: rounds.of('torch'),
      ratio: rounds.ratio('ours', 'torch'),
      // the encoder, and the gradients of both matrices
      flop: 3 * 2 * layers * tokens * nInputs * nLatents,
      note: torch.name,
    };
  },
});

void bench<undefined>([measure('the sample’s', SAMPLE), measure('Pythia-70m, ×16', PAPER)], async () => undefined);
