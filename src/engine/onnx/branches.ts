/** Decisions whose outcome is known are laid into the graph: `If` on a constant, and on optimum's `use_cache_branch`. */
import { create } from '@bufbuild/protobuf';
import { NodeProtoSchema, type GraphProto, type ModelProto, type NodeProto } from '../graph/onnx_pb';
import { readsOf, subgraphs } from './graph';
import { renamed } from './inlined';
import type { Constant } from './types';

/** Optimum's merged decoders: false takes the branch that wants no past. */
const NO_CACHE = 'use_cache_branch';
/** Decisions within decisions. */
const MAX_ROUNDS = 16;

/** @param constant of the model's graph as it is at the moment */
export function inlineBranches(
  model: ModelProto,
  constant: (graph: GraphProto) => (value: string) => Constant | undefined,
): void {
  const graph = model.graph!;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const known = constant(graph);
    const inputs = new Set(graph.input.map(({ name }) => name));
    const branches = new Map<NodeProto, GraphProto>();
    for (const node of graph.node) {
      const branch = node.opType === 'If' ? outcome(node, known, inputs) : undefined;
      if (branch) branches.set(node, branch);
    }
    if (branches.size === 0) break;
    const taken = namesIn(graph, branches);
    graph.node = graph.node.flatMap((node) => {
      const branch = branches.get(node);
      return branch ? laid(graph, node, branch, taken) : [node];
    });
  }
  const read = new Set(graph.node.flatMap((node) => [...readsOf(node)]));
  graph.input = graph.input.filter(({ name }) => name !== NO_CACHE || read.has(name));
}

function outcome(
  node: NodeProto,
  constant: (value: string) => Constant | undefined,
  inputs: ReadonlySet<string>,
): GraphProto | undefined {
  const condition = node.input[0] ?? '';
  const value = inputs.has(condition) && condition === NO_CACHE ? 0 : constant(condition)?.values[0];
  if (value === undefined) return undefined;
  const name = value ? 'then_branch' : 'else_branch';
  const branch = node.attribute.find((attribute) => attribute.name === name)?.g;
  return branch?.output.length === node.output.length ? branch : undefined;
}

/** The branch's nodes, with names that the graph does not have yet. */
function laid(graph: GraphProto, node: NodeProto, branch: GraphProto, taken: Set<string>): NodeProto[] {
  const values = new Map<string, string>();
  const fresh = (name: string): void => {
    if (name === '') return;
    let free = name;
    for (let n = taken.size; taken.has(free); n++) free = `${name}#${n}`;
    taken.add(free);
    if (free !== name) values.set(name, free);
  };
  for (const inner of branch.node) inner.output.forEach(fresh);
  for (const tensor of branch.initializer) {
    fresh(tensor.name);
    tensor.name = values.get(tensor.name) ?? tensor.name;
    graph.initializer.push(tensor);
  }
  const value = (name: string): string => values.get(name) ?? name;
  const nodes = branch.node.map((inner) => renamed(inner, { value, name: ({ name }) => name }));
  const passed = branch.output.map(({ name }, i) =>
    create(NodeProtoSchema, { opType: 'Identity', input: [value(name)], output: [node.output[i]!] }),
  );
  return [...nodes, ...passed.filter(({ output }) => output[0] !== '')];
}

/** Names of values in a graph and its subgraphs, but for those inside the nodes that will be replaced. */
function namesIn(graph: GraphProto, replaced: ReadonlyMap<NodeProto, GraphProto>): Set<string> {
  const names = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
  for (const node of graph.node) {
    node.output.forEach((name) => names.add(name));
    if (replaced.has(node)) continue;
    for (const inner of subgraphs(node)) for (const name of namesIn(inner, replaced)) names.add(name);
  }
  return names;
}
