/** Copies of nodes with other names, for graphs that are laid into another. */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
} from '../graph/onnx_pb';

export interface Renaming {
  /** New name of a value. */
  value: (name: string) => string;
  /** What an attribute that refers to one of a function's stands for; undefined leaves it out. */
  referred?: (attribute: AttributeProto) => AttributeProto | undefined;
  name: (node: NodeProto) => string;
}

/** A copy that shares tensors with the node, its subgraphs renamed as well. */
export function renamed(node: NodeProto, by: Renaming): NodeProto {
  return create(NodeProtoSchema, {
    opType: node.opType,
    domain: node.domain,
    name: by.name(node),
    input: node.input.map(by.value),
    output: node.output.map(by.value),
    attribute: node.attribute.flatMap((attribute) => renamedAttribute(attribute, by) ?? []),
  });
}

function renamedAttribute(attribute: AttributeProto, by: Renaming): AttributeProto | undefined {
  if (attribute.refAttrName !== '' && by.referred) return by.referred(attribute);
  if (!attribute.g && attribute.graphs.length === 0) return attribute;
  const { name, type, g, graphs } = attribute;
  return create(AttributeProtoSchema, {
    name,
    type,
    ...(g && { g: renamedGraph(g, by) }),
    graphs: graphs.map((graph) => renamedGraph(graph, by)),
  });
}

function renamedGraph(graph: GraphProto, by: Renaming): GraphProto {
  // what the graph makes itself hides what has the same name outside
  const own = new Set(
    [...graph.input, ...graph.initializer].map(({ name }) => name).concat(graph.node.flatMap((node) => node.output)),
  );
  const value = (name: string): string => (own.has(name) ? name : by.value(name));
  const { name, initializer, input, output, valueInfo } = graph;
  return create(GraphProtoSchema, {
    name,
    initializer,
    input,
    // ONNX has them made inside
    output,
    valueInfo,
    node: graph.node.map((node) => renamed(node, { ...by, value })),
  });
}
