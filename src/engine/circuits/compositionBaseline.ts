import { Tensor } from 'onnxruntime-node';
import { compositionKinds, type Composition } from '../../protocol/circuits';
import type { OpenModel } from '../circuitHandlers';
import { DataType } from '../graph/builder';
import { runWeights } from '../runtime/weightRun';
import { emitScores } from './compositionExact';
import { seededUniform } from './random';

/** Random heads on either side; every pair of them is scored. */
const DRAWS = 4;

/**
 * Mean composition score of heads whose matrices are Gaussian and of the model's shapes: what a pair of heads that have
 * nothing to do with each other shows. About 1/sqrt(d_model), a little less for few dimensions of a head.
 */
export async function compositionBaseline(
  { checkpoint, runner }: OpenModel,
  seed: number,
): Promise<Composition['baseline']> {
  const { dModel, dHead } = checkpoint.description;
  const normal = gaussians(seed);
  const reading = (): Tensor => normal([DRAWS, dModel, dHead]);
  const writing = (): Tensor => normal([DRAWS, dHead, dModel]);
  const draws = {
    earlier_V: reading(),
    earlier_O: writing(),
    W_Q: reading(),
    W_K: reading(),
    W_V: reading(),
    W_O: writing(),
  };
  const { scores } = await runWeights(
    checkpoint,
    runner.provider,
    (g) => {
      const input = (name: keyof typeof draws): string => g.input(name, DataType.FLOAT, [...draws[name].dims]);
      const [W_Q, W_K, W_V, W_O] = [input('W_Q'), input('W_K'), input('W_V'), input('W_O')];
      return emitScores(g, { W_V: input('earlier_V'), W_O: input('earlier_O') }, { W_Q, W_K, W_V, W_O });
    },
    draws,
  );
  const mean = (k: number): number => {
    const own = scores!.data.filter((_, i) => Math.floor(i / DRAWS) % 3 === k);
    return own.reduce((a, b) => a + b, 0) / own.length;
  };
  return Object.fromEntries(compositionKinds.map((kind, k) => [kind, mean(k)])) as Composition['baseline'];
}

/** Seeded standard normal tensors (Box–Muller). */
function gaussians(seed: number): (dims: number[]) => Tensor {
  const uniform = seededUniform(seed);
  return (dims) => {
    const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      data[i] = radius * Math.cos(angle);
      if (i + 1 < data.length) data[i + 1] = radius * Math.sin(angle);
    }
    return new Tensor('float32', data, dims);
  };
}
