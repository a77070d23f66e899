/** Parameters before the first step. */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import { seededUniform } from '../../circuits/random';
import { DataType, GraphBuilder, type Value } from '../../graph/builder';
import { Session } from '../../runtime/session';
import type { Steps } from '../../runtime/types';
import { shapeOf, type ParameterName, type StepSizes } from './stepIo';
import { standardized, unitRows } from './stepParts';

const MEDIAN_STEPS = 100;
/** Of standardised vectors, whose norm is √n_inputs. */
const MEDIAN_TOLERANCE = 1e-5;

/**
 * The encoder uniform as torch's linear layers (±1/√n_inputs), the decoder its transpose with unit columns, the bias the
 * geometric median of the standardised vectors of a batch. (The paper's code takes that of the vectors as they are, although the
 * bias is taken from standardised ones.)
 * @param x `[row, n_inputs]`
 */
export async function initialParameters(
  sizes: StepSizes,
  seed: number,
  x: Tensor,
  provider: string,
  steps: Steps,
): Promise<Record<ParameterName, Tensor>> {
  const uniform = seededUniform(seed);
  const shape = shapeOf('encoder', sizes);
  const bound = 1 / Math.sqrt(sizes.nInputs);
  const numbers = Float32Array.from({ length: shape[0]! * shape[1]! }, () => (2 * uniform() - 1) * bound);
  const encoder = new Tensor('float32', numbers, shape);
  const decoder = await once({ x: encoder }, provider, (g, value) => unitRows(g, value));
  const rows = await once({ x }, provider, (g, value) => standardized(g, value, sizes.nInputs).standard);
  return { encoder, decoder, bias: await geometricMedian(rows, provider, steps) };
}

/** One output of a small graph that runs once. */
async function once(
  { x }: { x: Tensor },
  provider: string,
  emit: (g: GraphBuilder, x: Value) => Value,
): Promise<Tensor> {
  const g = new GraphBuilder();
  const y = g.alias(emit(g, g.input('x', DataType.FLOAT, [...x.dims])), 'y');
  const session = await Session.create(
    { ...g.build([{ name: y, dtype: DataType.FLOAT }]), outputs: [y], folder: '/' },
    provider,
  );
  try {
    return (await session.run({ x }))[y]!;
  } finally {
    await session.dispose();
  }
}

/** Rows as columns. */
export const transposed = (x: Tensor): Promise<Tensor> =>
  once({ x }, 'cpu', (g, value) => g.op('Transpose', [value], { perm: [1, 0] }));

/** The point with the least sum of distances to rows (Weiszfeld). @param rows `[row, n]` @returns `[n]` */
export async function geometricMedian(rows: Tensor, provider: string, steps: Steps): Promise<Tensor> {
  const [m, n] = rows.dims as [number, number];
  const g = new GraphBuilder();
  const x = g.input('x', DataType.FLOAT, [m, n]);
  const from = g.input('from', DataType.FLOAT, [n]);
  const weights = g.input('weights', DataType.FLOAT, [1, m]);
  const total = g.op('ReduceSum', [weights, g.ints([-1])], { keepdims: 1 });
  const mean = g.op('Reshape', [g.op('Div', [g.op('MatMul', [weights, x]), total]), g.ints([n])]);
  const squares = g.op('ReduceSumSquare', [g.op('Sub', [x, mean]), g.ints([-1])], { keepdims: 0 });
  // a row that the median is on has no direction to pull to
  const distance = g.op('Max', [g.op('Sqrt', [squares]), g.floats([1e-12])]);
  const moved = g.op('Sqrt', [g.op('ReduceSumSquare', [g.op('Sub', [mean, from])], { keepdims: 0 })]);
  const next = g.op('Reshape', [g.op('Reciprocal', [distance]), g.ints([1, m])]);
  const outputs = Object.entries({ mean, moved, next }).map(([name, value]) => g.alias(value, `${name}:out`));
  const graph = { ...g.build(outputs.map((name) => ({ name, dtype: DataType.FLOAT }))), outputs, folder: '/' };
  const session = await Session.create(graph, provider, { arena: true });
  try {
    let weighted = new Tensor('float32', new Float32Array(m).fill(1), [1, m]);
    let median = new Tensor('float32', new Float32Array(n), [n]);
    for (let i = 0; i < MEDIAN_STEPS; i++) {
      await steps.step(l10n.t('Starting the bias at the geometric median'));
      const out = await session.run({ x: rows, from: median, weights: weighted });
      [median, weighted] = [out['mean:out'] as typeof median, out['next:out'] as typeof weighted];
      if ((out['moved:out']!.data as Float32Array)[0]! < MEDIAN_TOLERANCE) break;
    }
    return median;
  } finally {
    await session.dispose();
  }
}
