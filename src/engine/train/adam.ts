/** AdamW (Loshchilov & Hutter, Decoupled Weight Decay Regularization) as a graph, with clipping of the gradient's global norm. */
import { Tensor } from 'onnxruntime-node';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';

export interface AdamOptions {
  beta1: number;
  beta2: number;
  /** Added to the root of the second moment. */
  epsilon: number;
  /** Part of a decaying parameter that is taken away each step, times the rate. 0: none. */
  weightDecay: number;
  /** Largest norm of all gradients together; larger ones are scaled down to it. Absent: no limit. */
  clip?: number;
}

/** A parameter and what belongs to it; all of one shape. */
export interface Adapted {
  value: Value;
  gradient: Value;
  /** Moments. */
  first: Value;
  second: Value;
  decays: boolean;
  /** Its rate over that of the step. Default 1. */
  rate?: number;
}

export type Updated = Pick<Adapted, 'value' | 'first' | 'second'>;

/** Inputs that change with each step. Scalars. */
export const adamInputs = { rate: 'rate', correct1: 'correct1', correct2: 'correct2' } as const;

/** @param step from 1 */
export function adamFeeds(step: number, rate: number, { beta1, beta2 }: AdamOptions): Record<string, Tensor> {
  const scalar = (value: number): Tensor => new Tensor('float32', Float32Array.of(value), []);
  return {
    [adamInputs.rate]: scalar(rate),
    [adamInputs.correct1]: scalar(1 / (1 - beta1 ** step)),
    [adamInputs.correct2]: scalar(1 / (1 - beta2 ** step)),
  };
}

/**
 * One step: m' = β₁ m + (1 − β₁) g, v' = β₂ v + (1 − β₂) g², p' = p − rate · (r · m̂ / (√v̂ + ε) + decay · p), the hats being the
 * moments corrected for having begun at 0.
 * @returns in the order of `of`; and the norm of the gradient before it was clipped, a scalar
 */
export function adamW(g: GraphBuilder, of: Adapted[], options: AdamOptions): { updated: Updated[]; norm: Value } {
  const { beta1, beta2, epsilon, weightDecay, clip } = options;
  const op = (type: string, a: Value | number, b: Value | number): Value =>
    g.op(
      type,
      [a, b].map((each) => (typeof each === 'number' ? g.floats([each]) : each)),
    );
  const [rate, correct1, correct2] = Object.values(adamInputs).map((name) => g.input(name, DataType.FLOAT, [])) as [
    Value,
    Value,
    Value,
  ];
  const norm = globalNorm(
    g,
    of.map(({ gradient }) => gradient),
  );
  const factor = clip === undefined ? undefined : op('Div', clip, op('Max', norm, clip));
  const updated = of.map(({ value, gradient, first, second, decays, rate: own = 1 }): Updated => {
    const clipped = factor ? op('Mul', gradient, factor) : gradient;
    const m = op('Add', op('Mul', first, beta1), op('Mul', clipped, 1 - beta1));
    const v = op('Add', op('Mul', second, beta2), op('Mul', op('Mul', clipped, clipped), 1 - beta2));
    const root = op('Add', g.op('Sqrt', [op('Mul', v, correct2)]), epsilon);
    const step = op('Div', op('Mul', m, op('Mul', op('Mul', rate, correct1), own)), root);
    const kept = decays && weightDecay > 0 ? op('Mul', value, op('Sub', 1, op('Mul', rate, weightDecay))) : value;
    return { value: op('Sub', kept, step), first: m, second: v };
  });
  return { updated, norm };
}

/** √ Σ g² over all; by rows first, as float32 sums of a million numbers lose digits. */
function globalNorm(g: GraphBuilder, gradients: Value[]): Value {
  const squares = gradients.map((gradient) => {
    const rows = g.op('ReduceSumSquare', [gradient, g.ints([-1])], { keepdims: 0 });
    return g.op('ReduceSum', [rows], { keepdims: 0 });
  });
  return g.op('Sqrt', [squares.reduce((a, b) => g.op('Add', [a, b]))]);
}
