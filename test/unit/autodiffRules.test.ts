/** Every gradient rule beside finite differences, in float64 where ONNX Runtime has the operator. */
import assert from 'node:assert/strict';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { DataType, float, GraphBuilder, type Value } from '../../src/engine/graph/builder';
import { gradients } from '../../src/engine/train/autodiff';
import { operators } from '../../src/engine/train/gradients';
import { assertClose } from './support/closeness';
import { gaussian } from './support/files';

interface Case {
  name: string;
  /** Shapes of the inputs that are differentiated. */
  of: number[][];
  emit: (g: GraphBuilder, x: Value[]) => Value | Value[];
  /** Only numbers between these. */
  range?: [number, number];
  /** The CPU has no float64 kernel. */
  float32?: boolean;
}

const op =
  (type: string, attributes: Parameters<GraphBuilder['op']>[2] = {}, lists: number[][] = []): Case['emit'] =>
  (g, x) =>
    g.op(type, [...x, ...lists.map((list) => g.ints(list))], attributes);

const positive: [number, number] = [0.5, 2];

const cases: Case[] = [
  { name: 'Identity', of: [[3]], emit: op('Identity') },
  {
    name: 'Add, equal shapes',
    of: [
      [2, 3],
      [2, 3],
    ],
    emit: op('Add'),
  },
  {
    name: 'Add, broadcast both ways',
    of: [
      [2, 1, 3],
      [4, 1],
    ],
    emit: op('Add'),
  },
  { name: 'Sub, of a number', of: [[2, 3], []], emit: op('Sub') },
  {
    name: 'Mul, broadcast',
    of: [
      [3, 1],
      [2, 3, 4],
    ],
    emit: op('Mul'),
  },
  { name: 'Mul, of itself', of: [[2, 3]], emit: (g, [x]) => g.op('Mul', [x!, x!]) },
  { name: 'Div, broadcast', of: [[2, 3], [3]], emit: op('Div'), range: positive },
  { name: 'Pow, both', of: [[2, 3], [3]], emit: op('Pow'), range: positive },
  { name: 'Neg', of: [[4]], emit: op('Neg') },
  { name: 'Sqrt', of: [[4]], emit: op('Sqrt'), range: positive },
  { name: 'Reciprocal', of: [[4]], emit: op('Reciprocal'), range: positive },
  { name: 'Exp', of: [[4]], emit: op('Exp') },
  { name: 'Log', of: [[4]], emit: op('Log'), range: positive },
  { name: 'Tanh', of: [[4]], emit: op('Tanh') },
  { name: 'Sigmoid', of: [[4]], emit: op('Sigmoid') },
  { name: 'Erf', of: [[4]], emit: op('Erf'), float32: true },
  { name: 'Relu', of: [[2, 8]], emit: op('Relu') },
  { name: 'Gelu', of: [[2, 5]], emit: op('Gelu', { approximate: 'none' }), float32: true },
  { name: 'Gelu, tanh', of: [[2, 5]], emit: op('Gelu', { approximate: 'tanh' }), float32: true },
  {
    name: 'Where, broadcast, with Greater',
    of: [[2, 3], [3]],
    emit: (g, [a, b]) => g.op('Where', [g.op('Greater', [a!, g.doubles([0])]), g.op('Mul', [a!, a!]), b!]),
  },
  {
    name: 'Where, on Less and Equal',
    of: [[6], [6]],
    emit: (g, [a, b]) =>
      g.op('Where', [g.op('Less', [a!, b!]), a!, g.op('Where', [g.op('Equal', [a!, b!]), a!, g.op('Exp', [b!])])]),
  },
  {
    name: 'Cast, there and back',
    of: [[4]],
    float32: true,
    emit: (g, [x]) => {
      const double = g.op('Cast', [x!], { to: DataType.DOUBLE });
      return g.op('Cast', [g.op('Mul', [double, g.op('Tanh', [double])])], { to: DataType.FLOAT });
    },
  },
  {
    name: 'MatMul',
    of: [
      [2, 3],
      [3, 4],
    ],
    emit: op('MatMul'),
  },
  {
    name: 'MatMul, one to many',
    of: [
      [1, 2, 3],
      [4, 3, 2],
    ],
    emit: op('MatMul'),
  },
  {
    name: 'MatMul, matrix to many',
    of: [
      [2, 3],
      [4, 3, 2],
    ],
    emit: op('MatMul'),
  },
  {
    name: 'MatMul, many to one',
    of: [
      [2, 4, 2, 3],
      [3, 2],
    ],
    emit: op('MatMul'),
  },
  {
    name: 'MatMul, many to one of three axes',
    of: [
      [4, 2, 3],
      [1, 3, 2],
    ],
    emit: op('MatMul'),
  },
  {
    name: 'MatMul, many to many',
    of: [
      [2, 2, 2, 3],
      [2, 2, 3, 2],
    ],
    emit: op('MatMul'),
  },
  {
    name: 'MatMul, broadcast both ways',
    of: [
      [2, 1, 2, 3],
      [3, 3, 2],
    ],
    emit: op('MatMul'),
  },
  {
    name: 'Gemm',
    of: [
      [2, 3],
      [3, 4],
    ],
    emit: op('Gemm'),
  },
  { name: 'Gemm, bias', of: [[2, 3], [3, 4], [4]], emit: op('Gemm') },
  {
    name: 'Gemm, Aᵀ',
    of: [
      [3, 2],
      [3, 4],
    ],
    emit: op('Gemm', { transA: 1 }),
  },
  {
    name: 'Gemm, Bᵀ, α, β',
    of: [
      [2, 3],
      [4, 3],
      [2, 1],
    ],
    emit: op('Gemm', { transB: 1, alpha: 0.3, beta: float(3) }),
  },
  { name: 'Gemm, AᵀBᵀ', of: [[3, 2], [4, 3], []], emit: op('Gemm', { transA: 1, transB: 1, alpha: float(2) }) },
  { name: 'Reshape', of: [[2, 3, 4]], emit: op('Reshape', {}, [[0, -1]]) },
  { name: 'Unsqueeze', of: [[2, 3]], emit: op('Unsqueeze', {}, [[0, -1]]) },
  { name: 'Squeeze', of: [[1, 3, 1]], emit: op('Squeeze', {}, [[-1]]) },
  { name: 'Squeeze, all', of: [[1, 3, 1]], emit: op('Squeeze') },
  { name: 'Transpose', of: [[2, 3, 4]], emit: op('Transpose', { perm: [2, 0, 1] }) },
  { name: 'Transpose, reversed', of: [[2, 3, 4]], emit: op('Transpose') },
  {
    name: 'Concat',
    of: [
      [2, 1],
      [2, 3],
    ],
    emit: op('Concat', { axis: -1 }),
  },
  { name: 'Split', of: [[2, 5]], emit: (g, [x]) => g.ops('Split', [x!, g.ints([2, 3])], 2, { axis: 1 }) },
  { name: 'Split, one part used', of: [[6]], emit: (g, [x]) => g.ops('Split', [x!, g.ints([1, 2, 3])], 3)[1]! },
  {
    name: 'Slice',
    of: [[5, 4]],
    emit: op('Slice', {}, [
      [1, -3],
      [4, 99],
      [0, 1],
    ]),
  },
  { name: 'Slice, steps', of: [[7, 4]], emit: op('Slice', {}, [[1], [6], [0], [2]]) },
  { name: 'Slice, steps to the end', of: [[2, 7]], emit: op('Slice', {}, [[2], [7], [-1], [3]]) },
  { name: 'Expand', of: [[3, 1]], emit: op('Expand', {}, [[2, 1, 4]]) },
  { name: 'ReduceSum', of: [[2, 3, 4]], emit: op('ReduceSum', { keepdims: 0 }, [[0, -1]]) },
  { name: 'ReduceSum, all', of: [[2, 3]], emit: op('ReduceSum', { keepdims: 0 }) },
  { name: 'ReduceMean', of: [[2, 3, 4]], emit: op('ReduceMean', { keepdims: 1 }, [[1]]) },
  { name: 'ReduceMean, axes gone', of: [[2, 3, 4]], emit: op('ReduceMean', { keepdims: 0 }, [[0, 2]]) },
  { name: 'ReduceSumSquare', of: [[2, 3, 4]], emit: op('ReduceSumSquare', { keepdims: 0 }, [[-1]]) },
  { name: 'Softmax', of: [[2, 3]], emit: op('Softmax') },
  { name: 'Softmax, inner axis', of: [[2, 3, 2]], emit: op('Softmax', { axis: 1 }) },
  { name: 'LogSoftmax', of: [[2, 3]], emit: op('LogSoftmax', { axis: -1 }) },
  {
    name: 'cross-entropy: chosen entries of LogSoftmax',
    of: [[3, 4]],
    emit: (g, [x]) =>
      g.op('GatherElements', [g.op('LogSoftmax', [x!]), g.ints([1, 0, 3, 3, 2, 2], [3, 2])], { axis: 1 }),
  },
  {
    name: 'LogSoftmax, entries chosen along the other axis',
    of: [[3, 4]],
    emit: (g, [x]) => g.op('GatherElements', [g.op('LogSoftmax', [x!]), g.ints([1, 0, 2, 2], [1, 4])], { axis: 0 }),
  },
  {
    name: 'LogSoftmax, used twice',
    of: [[2, 3]],
    emit: (g, [x]) => {
      const y = g.op('LogSoftmax', [x!]);
      return [g.op('GatherElements', [y, g.ints([1, 0], [2, 1])], { axis: 1 }), y];
    },
  },
  { name: 'Gather, rows, some twice', of: [[4, 3]], emit: (g, [x]) => g.op('Gather', [x!, g.ints([1, 3, 1, 0])]) },
  {
    name: 'Gather, a table of columns',
    of: [[2, 5, 2]],
    emit: (g, [x]) => g.op('Gather', [x!, g.ints([1, 4, 1, -2], [2, 2])], { axis: 1 }),
  },
  { name: 'Gather, one', of: [[2, 3]], emit: (g, [x]) => g.op('Gather', [x!, g.ints([1], [])], { axis: 1 }) },
  {
    name: 'GatherElements',
    of: [[2, 4]],
    emit: (g, [x]) => g.op('GatherElements', [x!, g.ints([3, 3, 0, 1], [2, 2])], { axis: 1 }),
  },
  { name: 'LayerNormalization', of: [[2, 5], [5], [5]], emit: op('LayerNormalization', { epsilon: float(0.1) }) },
  {
    name: 'LayerNormalization, no bias, two axes',
    of: [
      [2, 3, 2],
      [3, 2],
    ],
    emit: op('LayerNormalization', { axis: -2 }),
  },
];

describe('gradient rules', () => {
  for (const each of cases) it(each.name, () => check(each));

  it('every operator with a rule has a case', async () => {
    const tested = new Set(
      cases.flatMap(({ of, emit, float32 }) => {
        const g = new GraphBuilder();
        const x = of.map((shape, i) => g.input(`x${i}`, float32 ? DataType.FLOAT : DataType.DOUBLE, shape));
        emit(g, x);
        return g.nodes.map((node) => node.opType);
      }),
    );
    assert.deepEqual(
      Object.keys(operators).filter((name) => !tested.has(name)),
      [],
    );
  });

  it('an operator without a rule is named', () => {
    const g = new GraphBuilder();
    const x = g.input('x', DataType.FLOAT, [2, 2]);
    const loss = g.op('ReduceSum', [g.op('Det', [x])], { keepdims: 0 });
    assert.throws(() => gradients(g, loss, [x]), /no gradient rule for the operator Det/);
  });

  it('a value that the loss does not depend on has gradient 0', async () => {
    const g = new GraphBuilder();
    const [x, y] = ['x', 'y'].map((name) => g.input(name, DataType.FLOAT, [2])) as [Value, Value];
    const [, dy] = gradients(g, g.op('ReduceSum', [x], { keepdims: 0 }), [x, y]);
    const feeds = { x: new Tensor('float32', [1, 2]), y: new Tensor('float32', [3, 4]) };
    assert.deepEqual([...(await (await session(g, [dy!]))(feeds))[0]!], [0, 0]);
  });

  it('open dimensions and losses that are no number are refused', () => {
    const g = new GraphBuilder();
    const open = g.input('open', DataType.FLOAT, ['n', 2]);
    assert.throws(
      () => gradients(g, g.op('ReduceSum', [open], { keepdims: 0 }), [open]),
      /open has an open dimension, n/,
    );
    const x = g.input('x', DataType.FLOAT, [3]);
    assert.throws(() => gradients(g, g.op('Exp', [x]), [x]), /shape \[3\], not one element/);
  });
});

type Run = (feeds: Record<string, Tensor>) => Promise<Float64Array[]>;

async function session(g: GraphBuilder, values: Value[], dtype = DataType.FLOAT): Promise<Run> {
  const names = values.map((value, i) => g.alias(value, `out${i}`));
  const { bytes, inputs } = g.build(names.map((name) => ({ name, dtype })));
  const loaded = await InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  return async (feeds) => {
    const results = await loaded.run(Object.fromEntries(inputs.map((name) => [name, feeds[name]!])));
    return names.map((name) => Float64Array.from(results[name]!.data as Float64Array));
  };
}

/** Of Σ y² over all outputs: each element of y counts differently. */
async function check({ of, emit, range, float32 = false }: Case): Promise<void> {
  const g = new GraphBuilder();
  const dtype = float32 ? DataType.FLOAT : DataType.DOUBLE;
  const x = of.map((shape, i) => g.input(`x${i}`, dtype, shape));
  const terms = [emit(g, x)].flat().map((y) => g.op('ReduceSum', [g.op('Mul', [y, y])], { keepdims: 0 }));
  const loss = terms.reduce((a, b) => g.op('Add', [a, b]));
  const run = await session(g, [loss, ...gradients(g, loss, x)], dtype);
  const start = of.map((shape, i) => numbers(shape, i + 1, range));
  const at = (values: Float64Array[]): Promise<Float64Array[]> =>
    run(Object.fromEntries(values.map((data, i) => [`x${i}`, tensor(data, of[i]!, float32)])));
  const [, ...found] = await at(start);
  const lossAt = async (i: number, j: number, by: number): Promise<number> =>
    (await at(start.map((data, k) => (k === i ? data.with(j, data[j]! + by) : data))))[0]![0]!;
  const h = float32 ? 0.05 : 1e-3;
  for (const [i, shape] of of.entries()) {
    const expected = new Float64Array(start[i]!.length);
    for (let j = 0; j < expected.length; j++) {
      // five points: wrong by the fourth power of the step
      const [near, far] = [
        (await lossAt(i, j, h)) - (await lossAt(i, j, -h)),
        (await lossAt(i, j, 2 * h)) - (await lossAt(i, j, -2 * h)),
      ];
      expected[j] = (8 * near - far) / (12 * h);
    }
    assertClose(`gradient of input ${i}`, { shape, data: found[i]! }, { shape, data: expected }, float32 ? 1e-4 : 1e-9);
  }
}

const tensor = (data: Float64Array, shape: number[], float32: boolean): Tensor =>
  float32 ? new Tensor('float32', Float32Array.from(data), shape) : new Tensor('float64', data, shape);

/** Not near 0, where Relu has no slope, and no two near each other. */
function numbers(shape: number[], seed: number, range?: [number, number]): Float64Array {
  const length = shape.reduce((a, b) => a * b, 1);
  if (range) return gaussian(length, seed).map((value) => range[0] + (range[1] - range[0]) / (1 + Math.exp(-value)));
  return gaussian(length, seed).map((value) => value + 0.1 * Math.sign(value));
}
