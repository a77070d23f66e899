/** Matrix products. */
import type { GraphBuilder, Value } from '../../graph/builder';
import { broadcast, product, scalar, sumTo, type Forward, type Operator, type Operators } from './types';

/** With the last two axes exchanged. */
function transposed(g: GraphBuilder, x: Value, rank: number): Value {
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  return g.op('Transpose', [x], { perm: [...perm.slice(0, -2), rank - 1, rank - 2] });
}

/** Batches of matrices, broadcast; both have two axes or more. */
const matMul: Operator = {
  shapes: ({ opType, inputs, shape }) => {
    const [a, b] = inputs.map(shape) as [number[], number[]];
    if (a.length < 2 || b.length < 2) throw new Error(`${opType} of a vector has no gradient here`);
    return [[...broadcast(a.slice(0, -2), b.slice(0, -2)), a.at(-2)!, b.at(-1)!]];
  },
  gradients: (node, [dy]) => [gradientOfLeft(node, dy!), gradientOfRight(node, dy!)],
};

/** Batches of `[m, n]` side by side. `[m, batch · n]` */
function sideBySide(g: GraphBuilder, x: Value, m: number, n: number): Value {
  const byRow = g.op('Transpose', [g.op('Reshape', [x, g.ints([-1, m, n])])], { perm: [1, 0, 2] });
  return g.op('Reshape', [byRow, g.ints([m, -1])]);
}

/** dA = dY Bᵀ. Where all of A's batches are one, the sum over Y's is part of the product: `[m, batch · n] [batch · n, k]`. */
function gradientOfLeft({ g, inputs, outputs, shape }: Forward, dy: Value): Value {
  const [a, b, y] = [inputs[0]!, inputs[1]!, outputs[0]!].map(shape) as [number[], number[], number[]];
  const batch = y.slice(0, -2);
  const [m, n, k] = [y.at(-2)!, y.at(-1)!, a.at(-1)!];
  const bT = transposed(g, inputs[1]!, b.length);
  const isShared = product(a.slice(0, -2)) === 1 && product(b.slice(0, -2)) === product(batch);
  if (!isShared || product(batch) === 1) {
    const from = [...broadcast(batch, b.slice(0, -2)), m, k];
    return sumTo(g, g.op('MatMul', [dy, bT]), from, a);
  }
  const sum = g.op('MatMul', [sideBySide(g, dy, m, n), g.op('Reshape', [bT, g.ints([-1, k])])]);
  return a.length === 2 ? sum : g.op('Reshape', [sum, g.ints(a)]);
}

/**
 * dB = Aᵀ dY. Where all of B's batches are one, they are more rows: `[k, batch · m] [batch · m, n]`; where all of A's are, one
 * product with more columns: `[k, m] [m, batch · n]`.
 */
function gradientOfRight({ g, inputs, outputs, shape }: Forward, dy: Value): Value {
  const [a, b, y] = [inputs[0]!, inputs[1]!, outputs[0]!].map(shape) as [number[], number[], number[]];
  const [m, n, k] = [y.at(-2)!, y.at(-1)!, a.at(-1)!];
  const [batch, ofA, ofB] = [y, a, b].map((each) => product(each.slice(0, -2))) as [number, number, number];
  if (batch > 1 && ofA === 1 && ofB === batch) {
    const left = transposed(g, g.op('Reshape', [inputs[0]!, g.ints([m, k])]), 2);
    const wide = g.op('MatMul', [left, sideBySide(g, dy, m, n)]);
    const byBatch = g.op('Transpose', [g.op('Reshape', [wide, g.ints([k, -1, n])])], { perm: [1, 0, 2] });
    return g.op('Reshape', [byBatch, g.ints(b)]);
  }
  if (batch === 1 || ofB > 1 || ofA !== batch) {
    const from = [...y.slice(0, -2), k, n];
    return sumTo(g, g.op('MatMul', [transposed(g, inputs[0]!, a.length), dy]), from, b);
  }
  const rows = g.op('Reshape', [inputs[0]!, g.ints([-1, k])]);
  const sum = g.op('MatMul', [transposed(g, rows, 2), g.op('Reshape', [dy, g.ints([-1, n])])]);
  return b.length === 2 ? sum : g.op('Reshape', [sum, g.ints(b)]);
}

/** α A' B' + β C. */
const gemm: Operator = {
  shapes: ({ inputs, shape, int }) => {
    const [a, b] = [shape(inputs[0]!), shape(inputs[1]!)];
    return [[int('transA', 0) ? a[1]! : a[0]!, int('transB', 0) ? b[0]! : b[1]!]];
  },
  gradients: (node, [dy]) => {
    const { g, inputs, outputs, shape } = node;
    const [a, b, c] = inputs;
    const [transA, transB] = [node.int('transA', 0), node.int('transB', 0)];
    const times = (value: Value, factor: number): Value =>
      factor === 1 ? value : g.op('Mul', [value, scalar(node, factor, value === dy ? outputs[0]! : a!)]);
    const dOut = times(dy!, node.float('alpha', 1));
    const gemmOf = (x: Value, y: Value, tX: number, tY: number): Value =>
      g.op('Gemm', [x, y], { transA: tX, transB: tY });
    return [
      transA ? gemmOf(b!, dOut, transB, 1) : gemmOf(dOut, b!, 0, 1 - transB),
      transB ? gemmOf(dOut, a!, 1, transA) : gemmOf(a!, dOut, 1 - transA, 0),
      c ? sumTo(g, times(dy!, node.float('beta', 1)), shape(outputs[0]!), shape(c)) : undefined,
    ];
  },
};

export const matmulOperators: Operators = { MatMul: matMul, Gemm: gemm };
