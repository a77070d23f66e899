/** Who makes and who uses a value of a foreign graph. */
import * as l10n from '@vscode/l10n';
import type { StoredTensor } from '../checkpoint/checkpoint';
import { InputError } from '../checkpoint/errors';
import type { GraphProto, ModelProto, NodeProto } from '../graph/onnx_pb';
import { constants } from './fold';
import type { OnnxGraph } from './types';

/** Domains whose operators ONNX Runtime has. */
export const DOMAINS = new Set(['', 'ai.onnx', 'com.microsoft', 'ai.onnx.ml']);

/**
 * A graph that can be asked who makes and uses a value. Sorts `model.graph.node` topologically when it is not.
 * @param path the file as the person knows it, for messages
 * @throws InputError for a cycle, a value that is made twice or that nothing makes, an operator of an unknown domain
 */
export function indexGraph(
  model: ModelProto,
  file: string,
  folder: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  path = file,
): OnnxGraph {
  const graph = model.graph;
  if (!graph) throw new InputError(l10n.t('{0} is not an ONNX model: it has no graph.', path));
  checkDomains(graph, path);
  const producers = producersOf(graph, path);
  const given = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
  const consumers = new Map<string, NodeProto[]>();
  for (const node of graph.node) {
    for (const value of readsOf(node)) {
      if (!producers.has(value) && !given.has(value))
        throw new InputError(
          l10n.t('{0}: {1} reads {2}, which nothing in the graph makes.', path, label(node), shown(value)),
        );
      const others = consumers.get(value);
      if (others) others.push(node);
      else consumers.set(value, [node]);
    }
  }
  for (const { name } of graph.output) {
    if (!producers.has(name) && !given.has(name))
      throw new InputError(l10n.t('{0}: nothing in the graph makes its output {1}.', path, shown(name)));
  }
  if (!isSorted(graph.node, producers)) graph.node = sorted(graph.node, producers, consumers, path);
  const producer = (value: string): NodeProto | undefined => producers.get(value);
  return {
    file,
    folder,
    model,
    tensors,
    producer,
    consumers: (value) => consumers.get(value) ?? [],
    constant: constants(graph, tensors, producer),
  };
}

/** `node NAME (OPERATOR)` */
export const label = (node: NodeProto): string =>
  l10n.t(
    'node {0} ({1})',
    shown(node.name || (node.output.find((name) => name !== '') ?? l10n.t('without a name'))),
    shown(node.opType),
  );

/** A name of the file's, cut when it is long. */
export const shown = (name: string): string => (name.length > 200 ? `${name.slice(0, 200)}…` : name);

/** The graphs inside a node: branches of If, bodies of Loop and Scan. */
export const subgraphs = (node: NodeProto): GraphProto[] =>
  node.attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs));

/** Version of ONNX's own operators that a model is written in. */
export const opsetOf = (model: ModelProto): number =>
  Number(model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 1n);

/** Values that a node reads, each once: its inputs, and what its subgraphs read from outside. */
export function readsOf(node: NodeProto): Set<string> {
  const reads = new Set(node.input);
  for (const graph of subgraphs(node)) for (const value of readsFromOutside(graph)) reads.add(value);
  reads.delete('');
  return reads;
}

function readsFromOutside(graph: GraphProto): Set<string> {
  const inside = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
  for (const node of graph.node) for (const name of node.output) inside.add(name);
  const outside = new Set<string>();
  for (const node of graph.node) for (const value of readsOf(node)) if (!inside.has(value)) outside.add(value);
  for (const { name } of graph.output) if (!inside.has(name)) outside.add(name);
  return outside;
}

function checkDomains(graph: GraphProto, path: string): void {
  for (const node of graph.node) {
    if (!DOMAINS.has(node.domain)) {
      throw new InputError(
        l10n.t(
          '{0}: {1} is of the domain {2}, which is not known; one of {3} was expected.',
          path,
          label(node),
          shown(node.domain),
          [...DOMAINS].filter((domain) => domain !== '').join(', '),
        ),
      );
    }
    for (const inner of subgraphs(node)) checkDomains(inner, path);
  }
}

function producersOf(graph: GraphProto, path: string): Map<string, NodeProto> {
  const made = new Set<string>();
  const once = (name: string): void => {
    if (made.has(name))
      throw new InputError(l10n.t('{0}: the value {1} is made twice, once was expected.', path, shown(name)));
    made.add(name);
  };
  for (const { name } of [...graph.input, ...graph.initializer]) once(name);
  const producers = new Map<string, NodeProto>();
  for (const node of graph.node) {
    for (const name of node.output) {
      if (name === '') continue;
      once(name);
      producers.set(name, node);
    }
  }
  return producers;
}

/** Whether every node comes after those that it reads from. */
function isSorted(nodes: NodeProto[], producers: ReadonlyMap<string, NodeProto>): boolean {
  const before = new Set<NodeProto>();
  for (const node of nodes) {
    for (const value of readsOf(node)) {
      const maker = producers.get(value);
      if (maker && !before.has(maker)) return false;
    }
    before.add(node);
  }
  return true;
}

function sorted(
  nodes: NodeProto[],
  producers: ReadonlyMap<string, NodeProto>,
  consumers: ReadonlyMap<string, NodeProto[]>,
  path: string,
): NodeProto[] {
  const waiting = new Map<NodeProto, number>();
  for (const node of nodes) waiting.set(node, [...readsOf(node)].filter((value) => producers.has(value)).length);
  const order = nodes.filter((node) => waiting.get(node) === 0);
  for (const node of order) {
    for (const next of node.output.flatMap((value) => consumers.get(value) ?? [])) {
      const left = waiting.get(next)! - 1;
      waiting.set(next, left);
      if (left === 0) order.push(next);
    }
  }
  if (order.length < nodes.length) {
    const stuck = nodes.find((node) => waiting.get(node)! > 0)!;
    throw new InputError(
      l10n.t(
        '{0}: the graph has a cycle, and {1} waits for it; a graph without cycles was expected.',
        path,
        label(stuck),
      ),
    );
  }
  return order;
}
