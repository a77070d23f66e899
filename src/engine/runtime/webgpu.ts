/** What ONNX Runtime's WebGPU provider (1.30) cannot do as it is, and what is put in its place. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  type GraphProto,
  type NodeProto,
} from '../graph/onnx_pb';

/** It moves a Transpose behind a Cast to float64, which WebGPU has not, after the node was placed there: no session is created. */
export const BREAKS_WEBGPU = 'MatmulTransposeFusion';

/** Reductions take their axes as an input since then. */
const AXES_ARE_INPUTS = 18n;

/**
 * ReduceLogSumExp overflows there from values of 89 on (it does not take off the largest first), and LogSoftmax is not there: both
 * are spelled out. What does not contain them comes back as it is.
 */
export function forWebgpu(bytes: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  const { graph } = model;
  const opset = model.opsetImport.find(({ domain }) => domain === '')?.version ?? 0n;
  if (!graph || opset < AXES_ARE_INPUTS || !graph.node.some(isReplaced)) return bytes;
  graph.node = graph.node.flatMap((node) => (isReplaced(node) ? spelledOut(graph, node) : [node]));
  return toBinary(ModelProtoSchema, model);
}

const isReplaced = ({ opType, domain }: NodeProto): boolean =>
  domain === '' && (opType === 'ReduceLogSumExp' || opType === 'LogSoftmax');

/** max + log Σ exp(x − max), or x − that. */
function spelledOut(graph: GraphProto, node: NodeProto): NodeProto[] {
  const nodes: NodeProto[] = [];
  const output = node.output[0]!;
  const op = (opType: string, input: string[], name = `${output}/${opType}`, keepdims?: number): string => {
    const attribute = keepdims === undefined ? [] : [int('keepdims', keepdims)];
    nodes.push(create(NodeProtoSchema, { opType, name, input, output: [name], attribute }));
    return name;
  };
  const x = node.input[0]!;
  const isLogSoftmax = node.opType === 'LogSoftmax';
  const axes = isLogSoftmax ? constant(graph, `${output}/axes`, attributeOf(node, 'axis') ?? -1n) : node.input[1];
  const over = (value: string): string[] => (axes ? [value, axes] : [value]);
  const max = op('ReduceMax', over(x), undefined, 1);
  const shifted = op('Sub', [x, max]);
  const logSum = op('Log', [op('ReduceSum', over(op('Exp', [shifted])), undefined, 1)]);
  if (isLogSoftmax) op('Sub', [shifted, logSum], output);
  else if (attributeOf(node, 'keepdims') === 0n) op('Squeeze', over(op('Add', [max, logSum])), output);
  else op('Add', [max, logSum], output);
  return nodes;
}

const int = (name: string, value: number): NodeProto['attribute'][number] =>
  create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });

const attributeOf = (node: NodeProto, name: string): bigint | undefined =>
  node.attribute.find((attribute) => attribute.name === name)?.i;

function constant(graph: GraphProto, name: string, value: bigint): string {
  const tensor = create(TensorProtoSchema, { name, dataType: DataType.INT64, dims: [1n], int64Data: [value] });
  graph.initializer.push(tensor);
  return name;
}
