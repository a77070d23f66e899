/** Norms that hide an addition to the residual stream, and products with hidden transpositions. */
import { float, type Value } from '../../graph/builder';
import type { NodeProto } from '../../graph/onnx_pb';
import { floatOf, intOf } from '../attributes';
import type { Emitter } from './emitter';

/** ONNX Runtime's default. */
const EPSILON = 1e-12;

const PRODUCTS = ['MatMul', 'FusedMatMul', 'MatMulNBits', 'Mul'];

/** FastGelu(x, bias) and BiasGelu(x, bias): the bias is the projection's. */
export const biasedGelu =
  (opType: 'FastGelu' | 'Gelu') =>
  (e: Emitter, node: NodeProto): boolean => {
    const [x, bias] = [e.in(0), e.in(1)];
    if (!x || !bias) return false;
    const made = e.fresh(opType);
    e.node(opType, [e.plus(x, bias)], [made], {}, node.domain);
    e.put(made, 0);
    return true;
  };

/** SkipLayerNormalization(x, skip, gamma, beta, bias) and SkipSimplifiedLayerNormalization(x, skip, gamma, bias). */
export const skipNorm =
  (opType: 'LayerNormalization' | 'SimplifiedLayerNormalization', biasAt: number) =>
  (e: Emitter, node: NodeProto): boolean => {
    const [x, skip, gamma] = [e.in(0), e.in(1), e.in(2)];
    if (!x || !skip || !gamma || e.isRead(1) || e.isRead(2)) return false;
    // the bias belongs to the product that is added, not to the residual stream
    const product = [x, skip].findIndex((value) => PRODUCTS.includes(e.graph.producer(value)?.opType ?? ''));
    const parts = [x, skip].map((value, i) => (i === Math.max(0, product) ? e.plus(value, e.in(biasAt)) : value));
    const sum = e.op('Add', parts);
    const weights = opType === 'LayerNormalization' && e.in(3) ? [gamma, e.in(3)!] : [gamma];
    const attributes = { axis: -1, epsilon: float(floatOf(node, 'epsilon', EPSILON)) };
    e.put(e.op(opType, [sum, ...weights], attributes), 0);
    e.put(sum, 3);
    return true;
  };

/** FusedMatMul: alpha · op(a) op(b), both perhaps transposed in their last two axes. */
export function fusedMatMul(e: Emitter, node: NodeProto): boolean {
  const [a, b] = [e.in(0), e.in(1)];
  if (!a || !b || intOf(node, 'transBatchA', 0) || intOf(node, 'transBatchB', 0)) return false;
  const turns = [a, b].map((value, index) => ({
    value,
    turned: intOf(node, index === 0 ? 'transA' : 'transB', 0) !== 0,
  }));
  const alpha = floatOf(node, 'alpha', 1);
  const product = e.op(
    'MatMul',
    turns.map((each) => transposed(e, each)),
  );
  e.put(alpha === 1 ? product : e.op('Mul', [product, e.number(alpha, e.typeOf(a))]), 0);
  return true;
}

interface Turn {
  value: Value;
  turned: boolean;
}

/** A Transpose must know the number of axes, an Einsum need not. */
function transposed(e: Emitter, { value, turned }: Turn): Value {
  if (!turned) return value;
  const rank = e.rankOf(value);
  if (rank === undefined) return e.op('Einsum', [value], { equation: '...ij->...ji' });
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return e.transpose(value, [...axes.slice(0, -2), ...axes.slice(-2).reverse()]);
}
