/** What lies between a projection and an operand of attention: reshapes, positions, scales. */
import type { NodeProto } from '../../graph/onnx_pb';
import { isOp } from '../attributes';
import type { OnnxGraph } from '../types';
import { factorsBeside, type Factor } from './structure';

/** A value that an operand is made of. */
export interface Ancestor {
  value: string;
  /** What it was scaled with on its way to the operand, and what may be that: numbers are told from tables by their size. */
  factors: Factor[];
}

/** What q, k and v are made of. */
export type Above = Record<'q' | 'k' | 'v', Ancestor[]>;

/** How many nodes between a projection and attention are looked at. */
const REACH = 80;

/** Its output has the numbers of its first input, in the same order. */
const VIEWS = ['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity', 'Cast', 'Dropout'];

/** Operators that repeat, cut, move or rotate vectors, or scale them. */
const PASSED = [
  ...VIEWS,
  ...['Transpose', 'Concat', 'Slice', 'Split', 'Gather', 'Expand', 'Tile', 'Where', 'Pad'],
  ...['Add', 'Sub', 'Sum', 'Mul', 'Div', 'Neg', 'ScatterND', 'ScatterElements', 'Einsum', 'RotaryEmbedding'],
];

/** A shape says nothing of what lies in a value. */
const SHAPES = ['Shape', 'Size'];

/**
 * Values that depend on what `values` are made of. Of the values of the first layer: on its tokens. Rotary tables, masks and
 * shapes are not among them.
 */
export function contentOf(graph: OnnxGraph, value: string): Set<string> {
  const above = new Set([value]);
  for (const each of above) {
    const node = graph.producer(each);
    if (node && !isOp(node, ...SHAPES)) node.input.forEach((name) => above.add(name));
  }
  const stored = new Set(graph.model.graph?.initializer.map(({ name }) => name));
  const inputs = (graph.model.graph?.input ?? []).map(({ name }) => name);
  const content = new Set(inputs.filter((name) => above.has(name) && !stored.has(name)));
  for (const node of graph.model.graph?.node ?? [])
    if (!isOp(node, ...SHAPES) && node.input.some((name) => content.has(name)))
      node.output.forEach((name) => content.add(name));
  return content;
}

/** Values that an operand is made of without another weight coming in; views of another are left out. */
export function ancestors(graph: OnnxGraph, content: ReadonlySet<string>, operand: string): Ancestor[] {
  const found = new Map<string, Ancestor>([[operand, { value: operand, factors: [] }]]);
  const queue = [...found.values()];
  for (let at = 0; at < Math.min(queue.length, REACH); at++) {
    const { value, factors } = queue[at]!;
    const node = graph.producer(value);
    if (!node) continue;
    for (const input of followed(graph, content, node)) {
      const next = node.input[input]!;
      if (found.has(next)) continue;
      const ancestor = { value: next, factors: [...factors, ...factorsBeside(node, input)] };
      found.set(next, ancestor);
      queue.push(ancestor);
    }
  }
  return [...found.values()].filter(({ value }) => {
    const node = graph.producer(value);
    return node !== undefined && !isOp(node, ...VIEWS);
  });
}

/** Indices of the inputs that carry what the node puts out, where it adds nothing of its own. */
function followed(graph: OnnxGraph, content: ReadonlySet<string>, node: NodeProto): number[] {
  if (!PASSED.includes(node.opType)) return [];
  const carrying = [...node.input.keys()].filter((index) => content.has(node.input[index]!));
  const alone = carrying.length === 1;
  // a norm, or a dequantised product, multiplies two computed values
  if (isOp(node, 'Mul', 'Div') && !alone) return [];
  if (isOp(node, 'Gather', 'Einsum') && (!alone || carrying[0] !== 0)) return [];
  return carrying.slice(0, REACH);
}
