/** Composition in float64, a pair of layers at a time: for the scores that float32 has too few digits for, and few heads. */
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { toDouble, type HeadWeights } from '../graph/canonical';

/** Gram matrices over d_model, float64. `[head, d_head, d_head]` each */
export function emitGrams(
  g: GraphBuilder,
  { W_Q, W_K, W_V, W_O }: Pick<HeadWeights, 'W_Q' | 'W_K' | 'W_V' | 'W_O'>,
): Record<'Q' | 'K' | 'V' | 'O', Value> {
  const gram = (W: Value, outer: boolean): Value => {
    const x = toDouble(g, W);
    const t = toDouble(g, g.op('Transpose', [W], { perm: [0, 2, 1] }));
    return g.op('MatMul', outer ? [x, t] : [t, x]);
  };
  return { Q: gram(W_Q, false), K: gram(W_K, false), V: gram(W_V, false), O: gram(W_O, true) };
}

/** ‖A Bᵀ‖_F of every head by its Gram matrices: ‖A Bᵀ‖² = Σ AᵀA ⊙ BᵀB. `[head]` */
export const emitNorm = (g: GraphBuilder, a: Value, b: Value): Value =>
  g.op('Cast', [root(g, g.op('ReduceSum', [g.op('Mul', [a, b]), g.ints([1, 2])], { keepdims: 0 }))], {
    to: DataType.FLOAT,
  });

/**
 * Composition scores of every head of one layer with every head of another; 0 where a head does nothing.
 * With W_OV¹ = A B, X = C D and M = B C: ‖W_OV¹ X‖² = Σ (AᵀA M DDᵀ) ⊙ M.
 * @returns `scores` `[earlier head, Q | K | V, later head]`
 */
export function emitScores(
  g: GraphBuilder,
  earlier: Pick<HeadWeights, 'W_V' | 'W_O'>,
  later: Pick<HeadWeights, 'W_Q' | 'W_K' | 'W_V' | 'W_O'>,
): { scores: Value } {
  const writer = emitGrams(g, { ...earlier, W_Q: earlier.W_V, W_K: earlier.W_V });
  const reader = emitGrams(g, later);
  const stacked = (values: Value[]): Value => g.op('Concat', values, { axis: 0 });
  const byPair = (x: Value, axis: number): Value => g.op('Unsqueeze', [x, g.ints([axis])]);
  const C = toDouble(g, stacked([later.W_Q, later.W_K, later.W_V]));
  const M = g.op('MatMul', [byPair(toDouble(g, earlier.W_O), 1), byPair(C, 0)]); // [earlier, 3 · later, d_head, d_head]
  const behind = byPair(stacked([reader.K, reader.Q, reader.O]), 0);
  const turned = g.op('MatMul', [g.op('MatMul', [byPair(writer.V, 1), M]), behind]);
  const square = g.op('ReduceSum', [g.op('Mul', [turned, M]), g.ints([2, 3])], { keepdims: 0 });
  const squareOf = (a: Value, b: Value): Value =>
    g.op('ReduceSum', [g.op('Mul', [a, b]), g.ints([1, 2])], { keepdims: 0 });
  const qk = squareOf(reader.Q, reader.K);
  const of2 = byPair(stacked([qk, qk, squareOf(reader.V, reader.O)]), 0);
  const whole = g.op('Mul', [byPair(squareOf(writer.V, writer.O), 1), of2]);
  const nothing = g.op('Equal', [whole, toDouble(g, g.floats([0]))]);
  const one = toDouble(g, g.floats([1]));
  const zero = toDouble(g, g.floats([0]));
  const share = g.op('Where', [nothing, zero, g.op('Div', [square, g.op('Where', [nothing, one, whole])])]);
  return { scores: g.op('Cast', [root(g, share)], { to: DataType.FLOAT }) };
}

/** Rounding may leave a little less than nothing. */
const root = (g: GraphBuilder, x: Value): Value => g.op('Sqrt', [g.op('Max', [x, toDouble(g, g.floats([0]))])]);
