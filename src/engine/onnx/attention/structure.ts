/**
 * Candidates for attention by the structure of the graph alone: a softmax whose input comes, through scales and masks, from
 * the product of two computed matrices, and whose output is multiplied with a third. What the probe measures decides.
 */
import type { NodeProto } from '../../graph/onnx_pb';
import { entryOf, floatOf, intOf, isOp, isStandard, textOf } from '../attributes';
import type { OnnxGraph } from '../types';
import { pairRoles } from './roles';

/** A value that multiplies (or divides) what it scales. */
export interface Factor {
  value: string;
  inverse: boolean;
}

/** A value and what its axes stand for (see roles.ts). */
export interface Operand {
  value: string;
  roles: string;
}

export interface Structure {
  q: Operand;
  k: Operand;
  /** Softmax's input and output. */
  scores: string;
  softmax: string;
  /** What is multiplied with v: the softmax's output after casts, dropout, guards. */
  pattern: Operand;
  v: Operand;
  z: Operand;
  /** Between the product and the softmax. */
  factors: Factor[];
  /** Gemm's. */
  alpha: number;
}

/** How many nodes are looked at between a softmax and its products. */
const REACH = 60;

/** The inputs that scores come through. */
const THROUGH: Record<string, 'first' | 'all' | number[]> = {
  ...Object.fromEntries(
    [
      'Cast',
      'Identity',
      'Reshape',
      'Squeeze',
      'Unsqueeze',
      'Dropout',
      'Tanh',
      'Clip',
      'Flatten',
      'Sub',
      'Div',
      'Slice',
    ].map((type) => [type, 'first' as const]),
  ),
  ...Object.fromEntries(['Add', 'Mul', 'Min', 'Max', 'Sum', 'Concat'].map((type) => [type, 'all' as const])),
  Where: [1, 2],
};

/** The operators between softmax and the product with v. */
const GUARDS = ['Cast', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Dropout', 'Where', 'Mul', 'Slice', 'Clip'];

/** @returns in the order in which they are computed */
export function structures(graph: OnnxGraph): Structure[] {
  const computed = computedValues(graph);
  return (graph.model.graph?.node ?? []).flatMap((node) => {
    const found = softmaxOf(graph, node);
    const product = found && productBefore(graph, computed, found.scores);
    const mix = found && product && mixAfter(graph, computed, found.softmax);
    return mix ? [{ ...found, ...product, ...mix }] : [];
  });
}

/** Values that depend on what the graph is fed. */
function computedValues({ model }: OnnxGraph): Set<string> {
  const stored = new Set(model.graph?.initializer.map(({ name }) => name));
  const computed = new Set((model.graph?.input ?? []).map(({ name }) => name).filter((name) => !stored.has(name)));
  for (const node of model.graph?.node ?? [])
    if (node.input.some((name) => computed.has(name))) node.output.forEach((name) => computed.add(name));
  return computed;
}

/** A softmax: the operator, exp(logsoftmax), or exp over its sum. The probe sees whether rows sum to 1. */
function softmaxOf(graph: OnnxGraph, node: NodeProto): { scores: string; softmax: string } | undefined {
  const softmax = node.output[0];
  const scores = scoresOf(graph, node);
  return softmax === undefined || scores === undefined ? undefined : { scores, softmax };
}

function scoresOf(graph: OnnxGraph, node: NodeProto): string | undefined {
  if (isOp(node, 'Softmax')) return node.input[0];
  const from = (name = ''): NodeProto | undefined => graph.producer(name);
  const [above, below] = [from(node.input[0]), from(node.input[1])];
  if (isOp(node, 'Exp')) return isOp(above, 'LogSoftmax') ? above.input[0] : undefined;
  if (!isOp(node, 'Div') || !isOp(above, 'Exp') || !isOp(below, 'ReduceSum')) return undefined;
  if (below.input[0] !== node.input[0]) return undefined;
  const shifted = above.input[0];
  const minus = from(shifted);
  return isOp(minus, 'Sub') && isOp(from(minus.input[1]), 'ReduceMax') ? minus.input[0] : shifted;
}

type Product = Pick<Structure, 'q' | 'k' | 'factors' | 'alpha'>;

/** The nearest product of two computed matrices that a softmax's input comes from. */
function productBefore(graph: OnnxGraph, computed: Set<string>, scores: string): Product | undefined {
  const queue: { value: string; factors: Factor[] }[] = [{ value: scores, factors: [] }];
  const seen = new Set([scores]);
  for (let at = 0; at < Math.min(queue.length, REACH); at++) {
    const { value, factors } = queue[at]!;
    const node = graph.producer(value);
    if (!node) continue;
    const operands = productOperands(node);
    if (operands && computed.has(operands.q.value) && computed.has(operands.k.value)) return { ...operands, factors };
    for (const input of passed(node)) {
      const next = node.input[input] ?? '';
      if (!computed.has(next) || seen.has(next)) continue;
      seen.add(next);
      queue.push({ value: next, factors: [...factors, ...factorsBeside(node, input)] });
    }
  }
  return undefined;
}

/** Indices of the inputs that a value is followed to. */
function passed(node: NodeProto): number[] {
  const which = isStandard(node) ? entryOf(THROUGH, node.opType) : undefined;
  if (which === undefined) return [];
  return which === 'first' ? [0] : which === 'all' ? [...node.input.keys()] : which;
}

/** What a Mul or Div scales the input at `index` with. */
export function factorsBeside(node: NodeProto, index: number): Factor[] {
  const value = node.input[1 - index];
  if (value === undefined || !isOp(node, 'Mul', 'Div') || index > 1) return [];
  return index === 1 && node.opType === 'Div' ? [] : [{ value, inverse: node.opType === 'Div' }];
}

function productOperands(node: NodeProto): Omit<Product, 'factors'> | undefined {
  const [a = '', b = ''] = node.input;
  if (isOp(node, 'MatMul')) return { q: { value: a, roles: '*pd' }, k: { value: b, roles: '*dp' }, alpha: 1 };
  if (isOp(node, 'Gemm')) {
    const turned = (name: string): boolean => intOf(node, name, 0) !== 0;
    const q = { value: a, roles: turned('transA') ? 'dp' : 'pd' };
    return { q, k: { value: b, roles: turned('transB') ? 'pd' : 'dp' }, alpha: floatOf(node, 'alpha', 1) };
  }
  const roles = isOp(node, 'Einsum') ? pairRoles(textOf(node, 'equation') ?? '', 'scores') : undefined;
  if (!roles) return undefined;
  const inputs = [a, b];
  const of = (index: number): Operand => ({ value: inputs[index]!, roles: roles.inputs[index]! });
  return { q: of(roles.query), k: of(1 - roles.query), alpha: 1 };
}

type Mix = Pick<Structure, 'pattern' | 'v' | 'z'>;

/** The product of a softmax's output with computed values. */
function mixAfter(graph: OnnxGraph, computed: Set<string>, softmax: string): Mix | undefined {
  const queue = [softmax];
  const seen = new Set(queue);
  for (let at = 0; at < Math.min(queue.length, REACH); at++) {
    const value = queue[at]!;
    for (const node of graph.consumers(value).slice(0, REACH)) {
      const mix = mixOperands(node, value);
      if (mix && computed.has(mix.v.value)) return mix;
      const next = node.output[0];
      const kept = isOp(node, ...GUARDS) && (node.opType !== 'Where' || node.input[0] !== value);
      if (!kept || next === undefined || seen.has(next)) continue;
      seen.add(next);
      queue.push(next);
    }
  }
  return undefined;
}

function mixOperands(node: NodeProto, value: string): Mix | undefined {
  const [a = '', b = ''] = node.input;
  const z = node.output[0] ?? '';
  if (isOp(node, 'MatMul') || (isOp(node, 'Gemm') && !intOf(node, 'transA', 0) && !intOf(node, 'transB', 0))) {
    if (a !== value) return undefined;
    return { pattern: { value, roles: '*qk' }, v: { value: b, roles: '*pd' }, z: { value: z, roles: '*pd' } };
  }
  const roles = isOp(node, 'Einsum') ? pairRoles(textOf(node, 'equation') ?? '', 'mix') : undefined;
  if (!roles || [a, b][roles.query] !== value) return undefined;
  const v = { value: [a, b][1 - roles.query]!, roles: roles.inputs[1 - roles.query]! };
  return { pattern: { value, roles: roles.inputs[roles.query]! }, v, z: { value: z, roles: roles.output } };
}
