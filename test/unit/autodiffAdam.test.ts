/** AdamW's graph beside the formulas in float64, over several steps. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import { adamFeeds, adamW, type AdamOptions } from '../../src/engine/train/adam';
import { assertClose } from './support/closeness';
import { gaussian } from './support/files';

interface Parameter {
  shape: number[];
  decays: boolean;
  rate: number;
}
const PARAMETERS: Record<string, Parameter> = {
  matrix: { shape: [3, 5], decays: true, rate: 1 },
  fast: { shape: [2, 2, 3], decays: true, rate: 2 },
  vector: { shape: [4], decays: false, rate: 1 },
};
const NAMES = Object.keys(PARAMETERS);
const sizeOf = (name: string): number => PARAMETERS[name]!.shape.reduce((a, b) => a * b, 1);
const STEPS = 6;

type State = Record<string, { value: number[]; first: number[]; second: number[] }>;

const start = (): State =>
  Object.fromEntries(
    NAMES.map((name, i) => {
      const zeros = new Array<number>(sizeOf(name)).fill(0);
      return [name, { value: Array.from(gaussian(sizeOf(name), i + 1), Math.fround), first: zeros, second: zeros }];
    }),
  );

/** Large and small, so that some steps are clipped and some are not. */
const gradientOf = (name: string, step: number): number[] =>
  Array.from(gaussian(sizeOf(name), 100 * step + NAMES.indexOf(name), step % 2 ? 2 : 0.05), Math.fround);

const rateOf = (step: number): number => 0.01 / step;

/** One step; the norm of the gradient. */
function naive(state: State, step: number, o: AdamOptions): number {
  const norm = Math.sqrt(NAMES.flatMap((name) => gradientOf(name, step)).reduce((sum, g) => sum + g * g, 0));
  const factor = o.clip === undefined ? 1 : Math.min(1, o.clip / norm);
  for (const name of NAMES) {
    const { decays, rate } = PARAMETERS[name]!;
    const { value, first, second } = state[name]!;
    const g = gradientOf(name, step).map((each) => each * factor);
    state[name] = {
      first: first.map((m, i) => o.beta1 * m + (1 - o.beta1) * g[i]!),
      second: second.map((v, i) => o.beta2 * v + (1 - o.beta2) * g[i]! ** 2),
      value: [],
    };
    const next = state[name];
    next.value = value.map((p, i) => {
      const m = next.first[i]! / (1 - o.beta1 ** step);
      const v = next.second[i]! / (1 - o.beta2 ** step);
      return p - rateOf(step) * ((rate * m) / (Math.sqrt(v) + o.epsilon) + (decays ? o.weightDecay * p : 0));
    });
  }
  return norm;
}

async function emitted(options: AdamOptions): Promise<(state: State, step: number) => Promise<number>> {
  const g = new GraphBuilder();
  const input = (name: string, shape: number[]): string => g.input(name, DataType.FLOAT, shape);
  const { updated, norm } = adamW(
    g,
    NAMES.map((name) => {
      const { shape, decays, rate } = PARAMETERS[name]!;
      const [value, gradient, first, second] = ['value', 'gradient', 'first', 'second'].map((what) =>
        input(`${name} ${what}`, shape),
      ) as [string, string, string, string];
      return { value, gradient, first, second, decays, rate };
    }),
    options,
  );
  const parts = ['value', 'first', 'second'] as const;
  const outputs = NAMES.flatMap((name, i) => parts.map((what) => g.alias(updated[i]![what], `${name} next ${what}`)));
  const { bytes, inputs } = g.build(
    [...outputs, g.alias(norm, 'norm')].map((name) => ({ name, dtype: DataType.FLOAT })),
  );
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  return async (state, step) => {
    const feeds: Record<string, Tensor> = adamFeeds(step, rateOf(step), options);
    for (const name of NAMES)
      for (const [what, values] of Object.entries({ ...state[name]!, gradient: gradientOf(name, step) }))
        feeds[`${name} ${what}`] = new Tensor('float32', Float32Array.from(values), PARAMETERS[name]!.shape);
    const results = await session.run(Object.fromEntries(inputs.map((name) => [name, feeds[name]!])));
    const read = (name: string): number[] => Array.from(results[name]!.data as Float32Array);
    for (const name of NAMES) for (const what of parts) state[name]![what] = read(`${name} next ${what}`);
    return read('norm')[0]!;
  };
}

describe('AdamW', () => {
  const usual: AdamOptions = { beta1: 0.9, beta2: 0.98, epsilon: 1e-9, weightDecay: 0.05, clip: 1 };
  const variants: [string, AdamOptions][] = [
    ['with clipping and decay', usual],
    ['without', { beta1: 0.9, beta2: 0.999, epsilon: 1e-3, weightDecay: 0 }],
  ];
  for (const [title, options] of variants) {
    it(`${title} is that of float64`, async () => {
      const run = await emitted(options);
      const [found, expected] = [start(), start()];
      for (let step = 1; step <= STEPS; step++) {
        const [norm, norm64] = [await run(found, step), naive(expected, step, options)];
        assertClose('norm', { shape: [1], data: [norm] }, { shape: [1], data: [norm64] }, 1e-6);
        for (const name of NAMES)
          for (const what of ['value', 'first', 'second'] as const) {
            const numbers = (data: number[]): { shape: number[]; data: number[] } => ({ shape: [data.length], data });
            assertClose(
              `${what} of ${name}, step ${step}`,
              numbers(found[name]![what]),
              numbers(expected[name]![what]),
              1e-6,
            );
          }
      }
    });
  }
});
