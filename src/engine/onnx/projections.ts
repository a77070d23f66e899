/** Products of an activation with a weight: x W (+ b), in the ways in which exporters write them. */
import type { NodeProto } from '../graph/onnx_pb';
import { floatOf, intOf, textOf } from './attributes';
import type { Flow } from './follow';

export interface Projection {
  /** `[…, in]`; with `axes`, the last `axes.in` axes are its columns. */
  input: string;
  /** `[…, out]`, the bias added; with `axes`, the last `axes.out` axes are its columns. */
  output: string;
  /** The matrix, a constant of the graph; `[out, in]` when `transposed`. */
  weight: string;
  transposed: boolean;
  bias?: string;
  /** Of Einsum: the weight's axes in the order in, out, and how many of each there are. */
  axes?: { perm: number[]; in: number; out: number };
  /** Whole numbers are multiplied: weight = (stored − zeroPoint) · scale. */
  quantised?: { scale: string; zeroPoint?: string };
  /** The product without the bias. */
  product: string;
}

/** What of the graph, or why not. */
export interface Projections {
  found: Projection[];
  /** The walk also came to one of the stops without passing a projection. */
  bare: boolean;
}

/** The projections nearest above `value`; the walk ends at each, and at `stops`. */
export function projectionsAbove(flow: Flow, value: string, stops: ReadonlySet<string>): Projections {
  const found = new Map<string, Projection>();
  const seen = new Set([value]);
  let bare = false;
  for (const each of seen) {
    if (stops.has(each)) {
      bare = true;
      continue;
    }
    const projection = projectionAt(flow, each);
    if (projection) {
      found.set(projection.output, projection);
      continue;
    }
    for (const input of flow.graph.producer(each)?.input ?? []) if (flow.data.has(input)) seen.add(input);
  }
  return { found: [...found.values()], bare };
}

/** The projection that `value` is the result of. */
export function projectionAt(flow: Flow, value: string): Projection | undefined {
  const node = flow.graph.producer(value);
  if (!node || !flow.data.has(value)) return undefined;
  const product = productAt(flow, node);
  if (product) return { ...product, product: value, output: value };
  if (node.opType !== 'Add') return undefined;
  const sides = flow.besideConstant(node);
  const inner = sides && flow.graph.producer(flow.origin(sides.operand));
  const biased = inner && productAt(flow, inner);
  if (!biased || biased.bias !== undefined) return undefined;
  return { ...biased, product: inner.output[0]!, output: value, bias: sides.constant };
}

type Product = Omit<Projection, 'output' | 'product'>;

const PRODUCTS: Record<string, (flow: Flow, node: NodeProto) => Product | undefined> = {
  MatMul: (flow, { input: [x, weight] }) => matrix(flow, x!, weight!, false),
  FusedMatMul: (flow, node) => {
    const plain = floatOf(node, 'alpha', 1) === 1 && intOf(node, 'transA', 0) === 0;
    return plain ? matrix(flow, node.input[0]!, node.input[1]!, intOf(node, 'transB', 0) === 1) : undefined;
  },
  Gemm: (flow, node) => {
    const [x, weight, bias] = node.input;
    const plain = floatOf(node, 'alpha', 1) === 1 && intOf(node, 'transA', 0) === 0;
    if (!plain || (bias && (floatOf(node, 'beta', 1) !== 1 || !flow.isConstant(bias)))) return undefined;
    const product = matrix(flow, x!, weight!, intOf(node, 'transB', 0) === 1);
    return product && { ...product, ...(bias && { bias }) };
  },
  Einsum: einsum,
  Mul: integerProduct,
};

function productAt(flow: Flow, node: NodeProto): Product | undefined {
  return PRODUCTS[node.opType]?.(flow, node);
}

/** The weight as it is stored: a transposition of it is part of how it is used. */
function matrix(flow: Flow, input: string, weight: string, transposed: boolean): Product | undefined {
  if (!flow.isConstant(weight) || !flow.data.has(input)) return undefined;
  const node = flow.graph.producer(weight);
  const perm = node?.attribute.find(({ name }) => name === 'perm')?.ints;
  if (node?.opType === 'Transpose' && (!perm || perm.join() === '1,0'))
    return { input, weight: node.input[0]!, transposed: !transposed };
  return { input, weight, transposed };
}

/** x and a weight that share some letters, which the result has no more; those of the result are x's, then the weight's. */
function einsum(flow: Flow, node: NodeProto): Product | undefined {
  const [x, weight] = node.input;
  const [inputs, output] = (textOf(node, 'equation') ?? '').replaceAll(' ', '').split('->');
  const [ofX, ofWeight, third] = (inputs ?? '').split(',');
  if (!x || !weight || !ofX || !ofWeight || third !== undefined || !output || !flow.isConstant(weight))
    return undefined;
  if (!flow.data.has(x)) return undefined;
  const within = [...ofX].filter((letter) => ofWeight.includes(letter));
  const out = [...output].filter((letter) => ofWeight.includes(letter));
  const isProduct =
    within.length > 0 &&
    out.length > 0 &&
    within.every((letter) => !output.includes(letter)) &&
    within.length + out.length === ofWeight.length &&
    ofX.endsWith(within.join('')) &&
    output.endsWith(out.join('')) &&
    ofX.slice(0, -within.length) === output.slice(0, -out.length) &&
    !ofWeight.includes('.');
  if (!isProduct) return undefined;
  const perm = [...within, ...out].map((letter) => ofWeight.indexOf(letter));
  return { input: x, weight, transposed: false, axes: { perm, in: within.length, out: out.length } };
}

/** Dynamic quantisation: Cast(MatMulInteger(quantised x, weight, zero points)) · (scale of x · scale of the weight). */
function integerProduct(flow: Flow, node: NodeProto): Product | undefined {
  const made = node.input.map((value) => flow.graph.producer(flow.origin(value)));
  const sums = made.find((each) => each?.opType === 'MatMulInteger');
  const scales = made.find((each) => each?.opType === 'Mul');
  const [quantised, weight, , zeroPoint] = sums?.input ?? [];
  const quantiser = quantised === undefined ? undefined : flow.graph.producer(quantised);
  const scale = scales && flow.besideConstant(scales)?.constant;
  if (quantiser?.opType !== 'DynamicQuantizeLinear' || !weight || scale === undefined || !flow.isConstant(weight))
    return undefined;
  const how = { scale, ...(zeroPoint && { zeroPoint }) };
  return { input: quantiser.input[0]!, weight, transposed: false, quantised: how };
}
