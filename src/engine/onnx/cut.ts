/** A foreign graph cut to what is wanted, with values added and changed, as bytes that ONNX Runtime runs. */
import { clone, create, toBinary } from '@bufbuild/protobuf';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  ValueInfoProtoSchema,
  type NodeProto,
} from '../graph/onnx_pb';
import type { Graph } from '../graph/transformer';
import { DOMAINS, opsetOf, readsOf, subgraphs } from './graph';
import { checkRunnable } from './runnable';
import { Suffix } from './suffix';
import type { OnnxGraph } from './types';

/** Appends nodes that make a value from `value` (or without it, e.g. from a new input), and names it. */
export type Rewrite = (g: Suffix, value: string) => string;

/** An output. */
export interface Wanted {
  name: string;
  value: string;
  /** Cast, transposition … of the value; the output is what it returns. */
  then?: Rewrite;
}

/**
 * The nodes that the wanted outputs need, in topological order; weights as external data below `folder`.
 * @param replaced what every consumer of a node's value (also a wanted output) reads instead of it
 * @returns with `calls`: new inputs are fed, and outputs come back, by the names that were asked for
 */
export function cutGraph(
  graph: OnnxGraph,
  wanted: readonly Wanted[],
  replaced: ReadonlyMap<string, Rewrite> = new Map(),
): Graph {
  const { model } = graph;
  const whole = model.graph!;
  const suffix = new Suffix(namesOf(graph), opsetOf(model));
  const renamed = new Map<string, string>();
  for (const [value, rewrite] of replaced) {
    if (!graph.producer(value)) throw new Error(`${value} is made by no node, so it cannot be replaced`);
    const before = suffix.fresh(`${value}#before`);
    renamed.set(value, before);
    suffix.node('Identity', [rewrite(suffix, before)], [value]);
  }
  const outputs = wanted.map(({ name, value, then }) => {
    const made = then ? then(suffix, value) : value;
    if (made === name) return name;
    const output = suffix.fresh(name);
    suffix.node('Identity', [made], [output]);
    return output;
  });
  // nodes have names of their own, and an exporter may call a node like the value that it makes
  for (const node of suffix.nodes) node.name = `circuitscope/${node.name}`;
  const { nodes, needed } = keep([...whole.node.map((node) => withOutputs(node, renamed)), ...suffix.nodes], outputs);
  checkRunnable(graph, nodes);
  const input = [...whole.input, ...suffix.inputs].filter(({ name }) => needed.has(name));
  const cut = create(ModelProtoSchema, {
    irVersion: model.irVersion,
    opsetImport: model.opsetImport.filter(({ domain }) => DOMAINS.has(domain)),
    producerName: 'circuitscope',
    graph: create(GraphProtoSchema, {
      name: whole.name || 'graph',
      node: nodes,
      initializer: [...whole.initializer, ...suffix.initializers].filter(({ name }) => needed.has(name)),
      input,
      output: outputs.map((name) => create(ValueInfoProtoSchema, { name })),
    }),
  });
  const bytes = toBinary(ModelProtoSchema, cut);
  const calls = new Map([...suffix.givenNames(), ...outputs.map((name, i) => [name, wanted[i]!.name] as const)]);
  return { bytes, inputs: input.map(({ name }) => name), outputs, folder: graph.folder, source: graph.file, calls };
}

/** Every name that a new value must not have. */
function namesOf({ model }: OnnxGraph): Set<string> {
  const names = new Set<string>();
  const add = (graph: NonNullable<typeof model.graph>): void => {
    for (const { name } of [...graph.input, ...graph.initializer]) names.add(name);
    for (const node of graph.node) {
      for (const name of node.output) names.add(name);
      for (const inner of subgraphs(node)) add(inner);
    }
  };
  add(model.graph!);
  return names;
}

/** The node; a copy of it where outputs have new names. */
function withOutputs(node: NodeProto, renamed: ReadonlyMap<string, string>): NodeProto {
  if (!node.output.some((name) => renamed.has(name))) return node;
  const copy = clone(NodeProtoSchema, node);
  copy.output = node.output.map((name) => renamed.get(name) ?? name);
  return copy;
}

/**
 * The nodes that make `outputs`, each after those that it reads from: new nodes may stand anywhere between the graph's own.
 * @returns also every value that they read or make
 */
function keep(all: NodeProto[], outputs: string[]): { nodes: NodeProto[]; needed: Set<string> } {
  const producers = new Map(all.flatMap((node) => node.output.map((name) => [name, node] as const)));
  producers.delete('');
  const needed = new Set(outputs);
  const done = new Set<NodeProto>();
  const stack: { node: NodeProto; reads: string[]; at: number }[] = [];
  const nodes: NodeProto[] = [];
  const visit = (value: string): void => {
    needed.add(value);
    const node = producers.get(value);
    if (!node || done.has(node)) return;
    done.add(node);
    stack.push({ node, reads: [...readsOf(node)], at: 0 });
  };
  for (const output of outputs) {
    visit(output);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const next = top.reads[top.at++];
      if (next !== undefined) visit(next);
      else nodes.push(stack.pop()!.node);
    }
  }
  return { nodes, needed };
}
