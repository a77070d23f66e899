/** Gradients of whole models beside finite differences of an independent forward pass in float64 (support/naive64). */
import assert from 'node:assert/strict';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelDescription } from '../../src/engine/checkpoint/description';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import { ModelProtoSchema } from '../../src/engine/graph/onnx_pb';
import { gradients } from '../../src/engine/train/autodiff';
import { batchInputs, windowFeeds } from '../../src/engine/train/toy/feeds';
import { toyParameters } from '../../src/engine/train/toy/model';
import { lossOfRows } from '../../src/engine/train/toy/stepGraph';
import { logProbs64 } from './support/closeness';
import { gaussian } from './support/files';
import type { Config, Weights } from './support/naive/pass';
import { forward64 } from './support/naive64';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { variants } from './support/variants';

/** Of the derivative, over the product of the norms of gradient and direction: in float64, and where a kernel has only float32. */
const BARS = { float64: 1e-8, 'float64 but for rotary tables': 1e-6, float32: 1e-4 };
const BATCH = { sequences: 2, length: 7 };

/** Each kind of positions, norms, biases and MLPs. */
const tested = [
  'gpt2: scores over layer, gelu, eps',
  'gpt_neox: sequential, no attention biases, rotary half, linear scaling, gelu_new, eps, BF16',
  'llama: llama3 scaling, biases everywhere',
  'mistral: window of 3',
  'attn_only: standard, norm LN',
  'attn_only: shortformer, norm null',
  'attn_only: shortformer, norm LN',
  'attn_only: rotary, norm LNPre',
  'attn_only: no layers, LN, eps',
  'attn_only: biases stored',
].map((name) => variants.find((variant) => variant.name === name)!);

/** Windows of one token more than a sequence. */
const windowsFor = (dVocab: number): number[] =>
  Array.from({ length: BATCH.sequences * (BATCH.length + 1) }, (_, i) => (i * i * 5 + 3 * i + 1) % dVocab);

/** Mean cross-entropy, nats. */
function loss64(config: Config, weights: Weights, windows: number[]): number {
  let sum = 0;
  for (let s = 0; s < BATCH.sequences; s++) {
    const window = windows.slice(s * (BATCH.length + 1), (s + 1) * (BATCH.length + 1));
    const logProbs = logProbs64(forward64(config, weights, window.slice(0, -1)).get('logits')!);
    logProbs.forEach((row, pos) => (sum -= row[window[pos + 1]!]!));
  }
  return sum / (BATCH.sequences * BATCH.length);
}

type Precision = keyof typeof BARS;

async function gradientsOf(
  d: ModelDescription,
  weights: Weights,
  windows: number[],
): Promise<{ precision: Precision; found: [name: string, gradient: number[]][] }> {
  const g = new GraphBuilder();
  const loss = g.op('ReduceMean', [lossOfRows(g, d, BATCH)], { keepdims: 0 });
  const names = toyParameters(d).map(({ name }) => name);
  const outputs = gradients(g, loss, names).map((value, i) => g.alias(value, `d ${names[i]!}`));
  const { bytes, inputs } = g.build(outputs.map((name) => ({ name, dtype: DataType.FLOAT })));
  const type = g.nodes.some(({ opType }) => opType === 'Gelu') ? 'float32' : 'float64';
  const own = type === 'float32' ? bytes : inDouble(bytes);
  // optimised, a division becomes a factor of the product beside it, which is float32 even of doubles
  const options = { logSeverityLevel: 3, intraOpNumThreads: 1, graphOptimizationLevel: 'disabled' } as const;
  const session = await InferenceSession.create(own, options);
  const fed: Record<string, Tensor> = { ...batchInputs(d, BATCH), ...windowFeeds(windows, BATCH) };
  for (const { name, shape } of toyParameters(d))
    fed[name] = new Tensor('float64', Float64Array.from(weights.get(name)!.data), shape);
  const results = await session.run(Object.fromEntries(inputs.map((name) => [name, as(type, fed[name]!)])));
  const found = names.map((name): [string, number[]] => [name, Array.from(results[`d ${name}`]!.data as Float64Array)]);
  const tables = type === 'float64' && d.positions.kind === 'rotary';
  return { precision: tables ? 'float64 but for rotary tables' : type, found };
}

const as = (wanted: 'float32' | 'float64', { type, data, dims }: Tensor): Tensor => {
  if (!type.startsWith('float')) return new Tensor(type, data as BigInt64Array, dims);
  const values = data as Float64Array;
  return new Tensor(wanted, (wanted === 'float64' ? Float64Array : Float32Array).from(values), dims);
};

/** The same graph, of doubles. */
function inDouble(bytes: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  const { initializer, input, output, node } = model.graph!;
  for (const tensor of initializer.filter(({ dataType }) => dataType === DataType.FLOAT)) {
    Object.assign(tensor, { dataType: DataType.DOUBLE, doubleData: tensor.floatData, floatData: [] });
  }
  for (const { type } of [...input, ...output]) {
    const tensor = type!.value.value as { elemType: number };
    if (tensor.elemType === DataType.FLOAT) tensor.elemType = DataType.DOUBLE;
  }
  for (const { opType, attribute } of node)
    if (opType === 'Cast') attribute.forEach((each) => (each.i = BigInt(DataType.DOUBLE)));
  return toBinary(ModelProtoSchema, model);
}

describe('gradients of whole models', () => {
  for (const variant of tested) {
    it(variant.name, async () => {
      const { folder, config: stored, weights } = writeRandomCheckpoint(variant);
      // numbers of a graph (ε, scales) are float32
      const config = Object.fromEntries(
        Object.entries(stored).map(([key, value]) => [key, typeof value === 'number' ? Math.fround(value) : value]),
      );
      const { description } = await openCheckpoint(folder);
      const windows = windowsFor(description.dVocab);
      const { precision, found } = await gradientsOf(description, weights, windows);
      // a bias of keys moves all scores of a row alike: its gradient is 0, and rounding
      const largest = Math.max(...found.map(([, gradient]) => norm(gradient)));
      for (const [seed, [name, gradient]] of found.entries()) {
        const direction = gaussian(gradient.length, seed + 1);
        const h = (1e-4 * norm(weights.get(name)!.data)) / norm(direction);
        const lossAt = (by: number): number => {
          const { shape, data } = weights.get(name)!;
          const moved = Float64Array.from(data, (value, i) => value + by * direction[i]!);
          return loss64(config, new Map([...weights, [name, { shape, data: moved }]]), windows);
        };
        // five points: wrong by the fourth power of the step
        const [near, far] = [lossAt(h) - lossAt(-h), lossAt(2 * h) - lossAt(-2 * h)];
        const expected = (8 * near - far) / (12 * h);
        const along = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
        const scale = Math.max(norm(gradient), 1e-3 * largest) * norm(direction);
        assert.ok(
          Math.abs(along - expected) <= BARS[precision] * scale,
          `${name}: ${along}, but ${expected} was expected (of ${scale})`,
        );
      }
    });
  }
});

const norm = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value ** 2, 0));
