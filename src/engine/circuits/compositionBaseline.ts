import { Tensor } from 'onnxruntime-node';
import { compositionKinds, type Composition } from '../../protocol/circuits';
import type { OpenModel } from '../circuitHandlers';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { runWeights } from '../runtime/weightRun';
import { emitGrams, emitNorms, emitReaders, factorsOf, pairScores, type LayerFactors } from './composition';
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
  const sizes = { nHeads: DRAWS, dModel, dHead };
  const normal = gaussians(seed);
  const reading = (): Tensor => normal([DRAWS, dModel, dHead]);
  const writing = (): Tensor => normal([DRAWS, dHead, dModel]);
  const W_V = reading();
  // of the earlier heads, nothing asks for W_Q and W_K
  const earlier: Draws = { W_Q: W_V, W_K: W_V, W_V, W_O: writing() };
  const later: Draws = { W_Q: reading(), W_K: reading(), W_V: reading(), W_O: writing() };
  const run = runWeights.bind(undefined, checkpoint, runner.provider);
  const factors = async (draws: Draws): Promise<LayerFactors> =>
    factorsOf(await run((g) => emitGrams(g, inputs(g, draws)), draws), sizes);
  const [ofEarlier, ofLater] = [await factors(earlier), await factors(later)];
  const draws = { ...later, W_O: earlier.W_O };
  const { norms } = await run(
    (g) => {
      const { W_O, ...reading } = inputs(g, draws);
      return { norms: emitNorms(g, W_O, emitReaders(g, reading, sizes), sizes, 'writer') };
    },
    { ...draws, readers: ofLater.readers, writer: ofEarlier.writer },
  );
  const scores = pairScores(norms!.data, ofEarlier, ofLater);
  const mean = (values: Float32Array): number => values.reduce((a, b) => a + b, 0) / values.length;
  return Object.fromEntries(compositionKinds.map((kind) => [kind, mean(scores[kind])])) as Composition['baseline'];
}

type Draws = Record<'W_Q' | 'W_K' | 'W_V' | 'W_O', Tensor>;

/** The draws as inputs of a graph, in place of a model's weights. */
const inputs = (g: GraphBuilder, draws: Draws): Record<keyof Draws, Value> => {
  const input = (name: keyof Draws): Value => g.input(name, DataType.FLOAT, [...draws[name].dims]);
  return { W_Q: input('W_Q'), W_K: input('W_K'), W_V: input('W_V'), W_O: input('W_O') };
};

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
