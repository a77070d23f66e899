/** Reverse-mode differentiation of emitted graphs: the gradient is more nodes of the same graph. */
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import type { NodeProto } from '../graph/onnx_pb';
import { operators } from './gradients';
import { product, zerosLike, type Forward, type Operator } from './gradients/types';

/**
 * dLoss / dValue of each of `of`, in its shape. What `of` and the loss are computed from must have sizes, not names of sizes.
 * @param loss a value with one element
 * @throws Error that names an operator between `of` and the loss that has no rule
 */
export function gradients(g: GraphBuilder, loss: Value, of: Value[]): Value[] {
  const graph = new ForwardGraph(g);
  const path = nodesBetween(g, of, loss);
  if (product(graph.shape(loss)) !== 1)
    throw new Error(`the loss has shape [${graph.shape(loss).join()}], not one element`);
  const parts = new Map<Value, Value[]>([[loss, [one(graph, loss)]]]);
  const total = (value: Value): Value | undefined => {
    const all = parts.get(value);
    if (!all) return undefined;
    const sum = all.reduce((a, b) => g.op('Add', [a, b]));
    parts.set(value, [sum]);
    return sum;
  };
  const found = new Map<Value, Value | undefined>();
  const wanted = new Set(of);
  for (const proto of path.nodes.toReversed()) {
    const dys = proto.output.map(total);
    proto.output.forEach((value, i) => wanted.has(value) && found.set(value, dys[i]));
    if (dys.every((dy) => dy === undefined)) continue;
    const node = graph.node(proto);
    const dxs = operatorOf(proto).gradients?.(node, dys) ?? [];
    dxs.forEach((dx, i) => {
      const input = proto.input[i]!;
      if (dx !== undefined && path.depends.has(input)) parts.set(input, [...(parts.get(input) ?? []), dx]);
    });
  }
  return of.map((value) => found.get(value) ?? total(value) ?? zerosLike(graph.reader, value));
}

/** 1, in the shape of the loss. */
function one({ g, reader, shape }: ForwardGraph, loss: Value): Value {
  const number = reader.dtype(loss) === DataType.DOUBLE ? g.doubles([1]) : g.floats([1]);
  return shape(loss).length === 0 ? number : g.op('Reshape', [number, g.ints(shape(loss))]);
}

/** Nodes through which the loss depends on `of`, in order, and the values that do. */
function nodesBetween(g: GraphBuilder, of: Value[], loss: Value): { nodes: NodeProto[]; depends: Set<Value> } {
  const needed = new Set([loss]);
  const before = g.nodes.toReversed().filter((node) => {
    const isNeeded = node.output.some((name) => needed.has(name));
    if (isNeeded) node.input.forEach((name) => needed.add(name));
    return isNeeded;
  });
  const depends = new Set(of);
  const nodes = before.reverse().filter((node) => {
    const does = node.input.some((name) => depends.has(name));
    if (does) node.output.forEach((name) => depends.add(name));
    return does;
  });
  return { nodes, depends };
}

function operatorOf({ opType }: NodeProto): Operator {
  if (!Object.hasOwn(operators, opType)) throw new Error(`there is no gradient rule for the operator ${opType}`);
  return operators[opType]!;
}

/** Shapes and element types of a graph's values, found when they are asked for. */
class ForwardGraph {
  private readonly shapes = new Map<Value, number[]>();
  /** Any place in the graph. */
  readonly reader: Pick<Forward, 'g' | 'shape' | 'dtype'> & Forward;

  constructor(readonly g: GraphBuilder) {
    this.reader = this.node(undefined);
  }

  readonly shape = (value: Value): number[] => {
    const known = this.shapes.get(value) ?? this.givenShape(value);
    if (known) return known;
    const proto = this.producer(value);
    const shapes = operatorOf(proto).shapes(this.node(proto));
    proto.output.forEach((name, i) => this.shapes.set(name, shapes[i]!));
    return this.shapes.get(value)!;
  };

  readonly dtype = (value: Value): DataType => {
    const given = this.g.given(value);
    if (given) return given.dtype;
    const node = this.node(this.producer(value));
    return operators[node.opType]?.dtype?.(node) ?? this.dtype(node.inputs[0]!);
  };

  node(proto: NodeProto | undefined): Forward {
    const { g } = this;
    const inputs = proto?.input ?? [];
    const attribute = (name: string): NodeProto['attribute'][number] | undefined =>
      proto?.attribute.find((each) => each.name === name);
    return {
      g,
      opType: proto?.opType ?? '',
      inputs,
      outputs: proto?.output ?? [],
      shape: this.shape,
      dtype: this.dtype,
      list: (input) => (inputs[input] ? this.list(inputs[input]) : undefined),
      int: (name, otherwise) => Number(attribute(name)?.i ?? otherwise),
      ints: (name) => attribute(name)?.ints.map(Number),
      // as ONNX Runtime reads it
      float: (name, otherwise) => Math.fround(attribute(name)?.f ?? otherwise),
      string: (name, otherwise) => (attribute(name) ? new TextDecoder().decode(attribute(name)!.s) : otherwise),
      producer: (value) => {
        const made = g.nodes.findLast((each) => each.output.includes(value));
        return made && this.node(made);
      },
    };
  }

  private givenShape(value: Value): number[] | undefined {
    return this.g.given(value)?.dims.map((dim) => {
      if (typeof dim === 'number') return dim;
      throw new Error(`${value} has an open dimension, ${dim}: what is differentiated needs sizes`);
    });
  }

  private list(value: Value): number[] {
    const list = this.g.given(value)?.list;
    if (!list) throw new Error(`${value} is computed: what is differentiated needs constant axes and sizes`);
    return list;
  }

  private producer(value: Value): NodeProto {
    const made = this.g.nodes.findLast((each) => each.output.includes(value));
    if (!made) throw new Error(`${value} is no value of the graph`);
    return made;
  }
}
