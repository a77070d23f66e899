/**
 * Rewrites operators that hide attention or the residual stream into plain ones, which compute the same.
 * Definitions: ONNX's Operators.md and ONNX Runtime's ContribOperators.md.
 */
import { GraphProtoSchema, ModelProtoSchema, type NodeProto, type TensorProto } from '../graph/onnx_pb';
import { create } from '@bufbuild/protobuf';
import { entryOf } from './attributes';
import { contribAttention, multiHeadAttention } from './expand/contribAttention';
import { Emitter } from './expand/emitter';
import { factsOf } from './expand/facts';
import { groupQueryAttention } from './expand/groupQuery';
import { biasedGelu, fusedMatMul, skipNorm } from './expand/norms';
import { contribRotary, standardRotary } from './expand/rotary';
import { standardAttention } from './expand/standardAttention';
import { indexGraph, opsetOf } from './graph';
import type { OnnxGraph } from './types';

/** Emits what stands for a node. @returns false when it is of a form that is not known: the node stays. */
type Rewriter = (e: Emitter, node: NodeProto) => boolean;

const STANDARD: Record<string, Rewriter> = {
  Attention: standardAttention,
  RotaryEmbedding: standardRotary,
};

const CONTRIB: Record<string, Rewriter> = {
  Attention: contribAttention,
  MultiHeadAttention: multiHeadAttention,
  GroupQueryAttention: groupQueryAttention,
  SkipLayerNormalization: skipNorm('LayerNormalization', 4),
  SkipSimplifiedLayerNormalization: skipNorm('SimplifiedLayerNormalization', 3),
  RotaryEmbedding: contribRotary,
  FastGelu: biasedGelu('FastGelu'),
  BiasGelu: biasedGelu('Gelu'),
  FusedMatMul: fusedMatMul,
  TransposeMatMul: fusedMatMul,
};

const TABLES: Record<string, Record<string, Rewriter>> = {
  '': STANDARD,
  'ai.onnx': STANDARD,
  'com.microsoft': CONTRIB,
};

/** Slices with inputs instead of attributes, and Range, are of opset 11. */
const MIN_OPSET = 11;

const rewriterOf = ({ domain, opType }: NodeProto): Rewriter | undefined =>
  entryOf(entryOf(TABLES, domain) ?? {}, opType);

/** The graph with plain operators only, as far as they are known; itself when it has no others. */
export function expand(graph: OnnxGraph): OnnxGraph {
  const { model } = graph;
  const whole = model.graph;
  const opset = opsetOf(model);
  if (!whole || opset < MIN_OPSET || !whole.node.some(rewriterOf)) return graph;
  const facts = factsOf(graph);
  const taken = new Set([...whole.input, ...whole.initializer].map(({ name }) => name));
  for (const { output } of whole.node) output.forEach((name) => taken.add(name));
  const initializer: TensorProto[] = [...whole.initializer];
  const node = whole.node.flatMap((each) => {
    const rewriter = rewriterOf(each);
    const e = rewriter && new Emitter(graph, facts, each, taken, opset);
    if (!e || !rewriter(e, each)) return [each];
    initializer.push(...e.initializers);
    return e.nodes;
  });
  const made = new Set([...whole.input, ...initializer].map(({ name }) => name));
  for (const { output } of node) output.forEach((name) => made.add(name));
  const { name, input, valueInfo } = whole;
  const output = whole.output.filter((each) => made.has(each.name));
  const expanded = create(GraphProtoSchema, { name, input, valueInfo, node, initializer, output });
  const { irVersion, opsetImport, producerName } = model;
  const rewritten = create(ModelProtoSchema, { irVersion, opsetImport, producerName, graph: expanded });
  return indexGraph(rewritten, graph.file, graph.folder, graph.tensors);
}
