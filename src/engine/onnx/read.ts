/** Opens a `.onnx` file of any size without its weights. */
import * as l10n from '@vscode/l10n';
import { close, open } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { clone, fromBinary } from '@bufbuild/protobuf';
import type { StoredTensor } from '../checkpoint/checkpoint';
import { InputError, systemReason } from '../checkpoint/errors';
import { statFile } from '../checkpoint/regularFile';
import {
  ModelProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../graph/onnx_pb';
import { Places } from './external';
import { constants } from './fold';
import { inlineBranches } from './branches';
import { inlineFunctions } from './functions';
import { indexGraph, label, subgraphs } from './graph';
import type { OnnxGraph } from './types';
import { skeletonOf } from './wire';

/**
 * Reads the graph; weights stay where they are, also those inside the file, and are external data of the returned model.
 * @throws InputError that names the file and the node or tensor that is at fault
 */
export async function readOnnx(path: string): Promise<OnnxGraph> {
  const absolute = resolve(path);
  const { model, file, size } = await readSkeleton(absolute);
  const graph = model.graph;
  if (!graph || graph.node.length === 0)
    throw new InputError(l10n.t('{0} is not an ONNX model: it has no graph.', absolute));
  const roots = [await realpath(dirname(absolute)), dirname(file)];
  const places = new Places(absolute, file, size, roots);
  const placed = new Map<TensorProto, StoredTensor>();
  for (const tensor of tensorsIn(model, absolute)) {
    const stored = await places.place(tensor);
    if (stored) placed.set(tensor, stored);
  }
  const folder = places.finish();
  inlineFunctions(model, absolute);
  hoist(graph, placed, absolute);
  // defaults of inputs, as IR version 3 had them for all weights
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  graph.input = graph.input.filter(({ name }) => !initializers.has(name));
  inlineBranches(model, (of) => constants(of, byName(of, placed), producersIn(of)));
  return indexGraph(model, file, folder, byName(graph, placed), absolute);
}

async function readSkeleton(path: string): Promise<{ model: ModelProto; file: string; size: number }> {
  const cannot = (cause: unknown): never => {
    throw cause instanceof InputError
      ? cause
      : new InputError(l10n.t('{0} cannot be read: {1}.', path, systemReason(cause)));
  };
  await statFile(path, l10n.t('a .onnx file')).catch(cannot);
  const file = await realpath(path).catch(cannot);
  const fd = await promisify(open)(file, 'r').catch(cannot);
  try {
    const { size } = await statFile(file, l10n.t('a .onnx file'));
    const bytes = skeletonOf({ fd, size, path });
    return { model: parse(bytes, path), file, size };
  } finally {
    await promisify(close)(fd);
  }
}

function parse(bytes: Uint8Array, path: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new InputError(l10n.t('{0} is not an ONNX file: {1}.', path, (cause as Error).message));
  }
}

/** Every tensor of a model, those in subgraphs, attributes and functions as well. */
function* tensorsIn(model: ModelProto, path: string): Generator<TensorProto> {
  yield* tensorsOfGraph(model.graph!, path);
  for (const { node } of model.functions) yield* tensorsOfNodes(node, path);
}

function* tensorsOfGraph(graph: GraphProto, path: string): Generator<TensorProto> {
  const [sparse] = graph.sparseInitializer;
  if (sparse)
    throw new InputError(
      l10n.t('{0}: tensor {1} is sparse, a dense one was expected.', path, sparse.values?.name ?? ''),
    );
  yield* graph.initializer;
  yield* tensorsOfNodes(graph.node, path);
}

function* tensorsOfNodes(nodes: NodeProto[], path: string): Generator<TensorProto> {
  for (const node of nodes) {
    for (const { t, tensors, g, graphs, sparseTensor, sparseTensors } of node.attribute) {
      if (sparseTensor || sparseTensors.length > 0)
        throw new InputError(l10n.t('{0}: {1} has a sparse tensor, a dense one was expected.', path, label(node)));
      if (t) yield t;
      yield* tensors;
      for (const graph of g ? [g, ...graphs] : graphs) yield* tensorsOfGraph(graph, path);
    }
  }
}

/** Large constants become initializers of the graph that they are in: only those can be external data. */
function hoist(graph: GraphProto, placed: Map<TensorProto, StoredTensor>, path: string): void {
  graph.node = graph.node.filter((node) => {
    for (const inner of subgraphs(node)) hoist(inner, placed, path);
    const large = node.attribute.find(({ t, tensors }) => [...(t ? [t] : []), ...tensors].some(isExternal));
    if (!large) return true;
    if (node.opType !== 'Constant' || !large.t || node.output.length !== 1)
      throw new InputError(
        l10n.t('{0}: {1} has a large tensor as attribute, which only a Constant can have.', path, label(node)),
      );
    // a function that was laid in twice has it twice
    const tensor = clone(TensorProtoSchema, large.t);
    tensor.name = node.output[0]!;
    graph.initializer.push(tensor);
    const stored = placed.get(large.t);
    if (stored) placed.set(tensor, stored);
    return false;
  });
}

const isExternal = (tensor: TensorProto): boolean => tensor.dataLocation === DataLocation.EXTERNAL;

const producersIn = (graph: GraphProto): ((value: string) => NodeProto | undefined) => {
  const producers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  return (value) => producers.get(value);
};

/** Initializers and constants by the value that they are. */
function byName(graph: GraphProto, placed: ReadonlyMap<TensorProto, StoredTensor>): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  const add = (name: string, tensor: TensorProto | undefined): void => {
    const stored = tensor && placed.get(tensor);
    if (stored) tensors.set(name, stored);
  };
  for (const tensor of graph.initializer) add(tensor.name, tensor);
  for (const node of graph.node) {
    if (node.opType === 'Constant') add(node.output[0] ?? '', node.attribute.find(({ name }) => name === 'value')?.t);
  }
  return tensors;
}
