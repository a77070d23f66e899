/** Functions of a model (as torch's newer exporter writes them) are laid into the graph, where attention can be found. */
import * as l10n from '@vscode/l10n';
import { create, fromBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { InputError } from '../checkpoint/errors';
import {
  AttributeProtoSchema,
  OperatorSetIdProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
} from '../graph/onnx_pb';
import { label, subgraphs } from './graph';
import { renamed } from './inlined';

/** Functions within functions. */
const MAX_DEPTH = 16;
/** Of the graph in the end; a few bytes of functions could ask for billions. */
const MAX_NODES = 200_000;
/** FunctionProto.attribute_proto, newer than the generated schema. */
const ATTRIBUTE_DEFAULTS = 11;

/** @throws InputError for functions that contain themselves or grow beyond what a model has */
export function inlineFunctions(model: ModelProto, path: string): void {
  if (model.functions.length === 0) return;
  const inliner = new Inliner(model, path);
  inliner.graph(model.graph!, 0);
  const imported = new Set(model.opsetImport.map(({ domain }) => domain));
  for (const { domain, version } of model.functions.flatMap(({ opsetImport }) => opsetImport)) {
    if (imported.has(domain)) continue;
    imported.add(domain);
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain, version }));
  }
  model.functions = [];
}

class Inliner {
  private readonly functions = new Map<string, FunctionProto>();
  private counter = 0;
  private nodes = 0;

  constructor(
    model: ModelProto,
    private readonly path: string,
  ) {
    for (const fn of model.functions) {
      if (this.functions.has(keyOf(fn.domain, fn.name)))
        throw new InputError(l10n.t('{0} has two functions {1}.{2}, one was expected.', path, fn.domain, fn.name));
      this.functions.set(keyOf(fn.domain, fn.name), fn);
    }
  }

  graph(graph: GraphProto, depth: number): void {
    graph.node = graph.node.flatMap((node) => this.inlined(node, depth));
  }

  private inlined(node: NodeProto, depth: number): NodeProto[] {
    if (++this.nodes > MAX_NODES)
      throw new InputError(
        l10n.t('{0} has more than {1} nodes in its functions, fewer were expected.', this.path, MAX_NODES),
      );
    for (const graph of subgraphs(node)) this.graph(graph, depth);
    const fn = this.functions.get(keyOf(node.domain, node.opType));
    if (!fn) return [node];
    if (depth >= MAX_DEPTH)
      throw new InputError(
        l10n.t(
          '{0}: {1} is a function within more than {2} others, fewer were expected.',
          this.path,
          label(node),
          MAX_DEPTH,
        ),
      );
    return this.body(fn, node).flatMap((inner) => this.inlined(inner, depth + 1));
  }

  private body(fn: FunctionProto, node: NodeProto): NodeProto[] {
    const prefix = `${node.name || fn.name}/${this.counter++}/`;
    const values = new Map<string, string>();
    for (const inner of fn.node) for (const name of inner.output) if (name !== '') values.set(name, prefix + name);
    fn.output.forEach((name, i) => node.output[i] && values.set(name, node.output[i]));
    // an input that is not given is omitted inside, too
    fn.input.forEach((name, i) => values.set(name, node.input[i] ?? ''));
    const value = (name: string): string => values.get(name) ?? name;
    const given = new Map([...defaultsOf(fn), ...node.attribute].map((attribute) => [attribute.name, attribute]));
    const referred = (attribute: AttributeProto): AttributeProto | undefined => {
      const found = given.get(attribute.refAttrName);
      return found && Object.assign(create(AttributeProtoSchema), found, { name: attribute.name });
    };
    return fn.node.map((inner) => renamed(inner, { value, referred, name: ({ name }) => prefix + name }));
  }
}

const keyOf = (domain: string, name: string): string => `${domain === 'ai.onnx' ? '' : domain}\0${name}`;

function defaultsOf(fn: FunctionProto): AttributeProto[] {
  return (fn.$unknown ?? [])
    .filter(({ no }) => no === ATTRIBUTE_DEFAULTS)
    .map(({ data }) => fromBinary(AttributeProtoSchema, new BinaryReader(data).bytes()));
}
