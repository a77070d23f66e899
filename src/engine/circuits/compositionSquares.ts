/**
 * Composition of many pairs of heads in few products. With P = W_OVᵀ W_OV of the earlier head and S = X Xᵀ of what the later
 * one reads (X Xᵀ = W_QK W_QKᵀ for Q), ‖W_OV X‖²_F = ⟨P, S⟩: an inner product of two symmetric d_model × d_model matrices. These are
 * formed block by block for all heads of some layers, and all their inner products are one product of matrices.
 */
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { toDouble, type HeadWeights } from '../graph/canonical';

/** Rows and columns of a block. */
const BLOCK = 128;

/** What `emitSquares` gives, by name. A Gram matrix is Wᵀ W over d_model. */
export type SquareOutput = 'squares' | 'writer.V' | 'writer.O' | `reader.${'Q' | 'K' | 'V' | 'O'}`;

/**
 * @param earlier heads that write; only W_V and W_O are asked for
 * @returns `squares`: ‖W_OV¹ X‖²_F `[earlier head, Q | K | V, later head]`, and the Gram matrices `[head, d_head, d_head]` of either side
 */
export function emitSquares(
  g: GraphBuilder,
  earlier: Pick<HeadWeights, 'W_V' | 'W_O'>[],
  later: Pick<HeadWeights, 'W_Q' | 'W_K' | 'W_V' | 'W_O'>[],
  dModel: number,
): Record<SquareOutput, Value> {
  const stacked = (values: Value[]): Value => (values.length > 1 ? g.op('Concat', values, { axis: 0 }) : values[0]!);
  const [V, O] = [stacked(earlier.map((h) => h.W_V)), stacked(earlier.map((h) => h.W_O))];
  const [Q2, K2, V2, O2] = (['W_Q', 'W_K', 'W_V', 'W_O'] as const).map((name) => stacked(later.map((h) => h[name])));
  const writer = { V: gram(g, V, 'A'), O: gram(g, O, 'B') };
  const reader = { Q: gram(g, Q2!, 'A'), K: gram(g, K2!, 'A'), V: gram(g, V2!, 'A'), O: gram(g, O2!, 'B') };
  const X = stacked([Q2!, K2!, V2!]); // [3 · later head, d_model, d_head]
  const behind = stacked([reader.K, reader.Q, reader.O]);
  const P: Factors = { left: O, right: g.op('MatMul', [writer.V, O]) };
  const S: Factors = { left: X, right: product(g, behind, X, 'B') };
  return {
    squares: innerProducts(g, P, S, dModel),
    'writer.V': writer.V,
    'writer.O': writer.O,
    'reader.Q': reader.Q,
    'reader.K': reader.K,
    'reader.V': reader.V,
    'reader.O': reader.O,
  };
}

/** Of the symmetric matrices of all heads: P = leftᵀ right, S = left right. */
interface Factors {
  /** `[head, d_head, d_model]` of P, `[head, d_model, d_head]` of S */
  left: Value;
  /** `[head, d_head, d_model]` */
  right: Value;
}

/** ⟨P, S⟩ of each with each, the sum over blocks in float64. */
function innerProducts(g: GraphBuilder, P: Factors, S: Factors, dModel: number): Value {
  const sizes = Array.from({ length: Math.ceil(dModel / BLOCK) }, (_, i) => Math.min(BLOCK, dModel - i * BLOCK));
  const split = (x: Value, axis: number): Value[] =>
    sizes.length > 1 ? g.ops('Split', [x, g.ints(sizes)], sizes.length, { axis }) : [x];
  const [leftP, rightP, leftS, rightS] = [split(P.left, 2), split(P.right, 2), split(S.left, 1), split(S.right, 2)];
  const flat = (x: Value): Value => g.op('Flatten', [x], { axis: 1 });
  const terms = sizes.flatMap((_, r) =>
    sizes.slice(r).map((_, i) => {
      const [p, s] = [product(g, leftP[r]!, rightP[r + i]!, 'A'), g.op('MatMul', [leftS[r]!, rightS[r + i]!])];
      const term = toDouble(g, g.op('Gemm', [flat(p), flat(s)], { transB: 1 }));
      return i > 0 ? g.op('Add', [term, term]) : term; // what lies below the diagonal is the same
    }),
  );
  return g.op('Cast', [g.op('Sum', terms)], { to: DataType.FLOAT });
}

/** A batch of products with one side transposed. */
const product = (g: GraphBuilder, a: Value, b: Value, transposed: 'A' | 'B'): Value =>
  g.op('FusedMatMul', [a, b], { [`trans${transposed}`]: 1 });

const gram = (g: GraphBuilder, W: Value, transposed: 'A' | 'B'): Value => product(g, W, W, transposed);
