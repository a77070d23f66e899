/** A graph that multiplies whole numbers, with products of floats in their place: without the rounding of activations. */
import { create } from '@bufbuild/protobuf';
import { attribute } from '../graph/builder';
import { GraphProtoSchema, ModelProtoSchema, NodeProtoSchema, type NodeProto } from '../graph/onnx_pb';
import type { Flow } from './follow';
import { indexGraph } from './graph';
import { projectionAt, type Projection } from './projections';
import type { OnnxGraph } from './types';

/** @returns undefined when it multiplies no whole numbers */
export function withFloatProducts(flow: Flow): OnnxGraph | undefined {
  const { graph } = flow;
  const whole = graph.model.graph!;
  const replaced = new Map<NodeProto, NodeProto[]>();
  for (const node of flow.nodes) {
    const projection = projectionAt(flow, node.output[0]!);
    if (projection?.quantised && projection.product === node.output[0]) replaced.set(node, floatProduct(projection));
  }
  if (replaced.size === 0) return undefined;
  const node = whole.node.flatMap((each) => replaced.get(each) ?? [each]);
  const { name, input, valueInfo, initializer, output } = whole;
  const { irVersion, opsetImport, producerName } = graph.model;
  const rewritten = create(GraphProtoSchema, { name, input, valueInfo, node, initializer, output });
  const model = create(ModelProtoSchema, { irVersion, opsetImport, producerName, graph: rewritten });
  return indexGraph(model, graph.file, graph.folder, graph.tensors);
}

function floatProduct({ input, product, weight, quantised }: Projection): NodeProto[] {
  const { scale, zeroPoint } = quantised!;
  const matrix = `${product}#weight`;
  return [
    create(NodeProtoSchema, {
      opType: 'DequantizeLinear',
      input: [weight, scale, ...(zeroPoint === undefined ? [] : [zeroPoint])],
      output: [matrix],
      attribute: [attribute('axis', 1)],
    }),
    create(NodeProtoSchema, { opType: 'MatMul', input: [input, matrix], output: [product] }),
  ];
}
