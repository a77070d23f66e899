/** The ModelDescription of a foreign graph: of its weights where they were found, of sizes alone where they were not. */
import * as l10n from '@vscode/l10n';
import type { Checkpoint, StoredTensor } from '../checkpoint/checkpoint';
import type { Config } from '../checkpoint/config';
import type { Layer, Linear, ModelDescription, WeightRef } from '../checkpoint/description';
import { weightRefs } from '../checkpoint/usedWeights';
import type { Found } from './open';
import type { Foreign, ForeignInputs, OnnxGraph } from './types';

/** Stands where a weight was not found; no tensor has this name, and `Weights` says why. */
const ABSENT: WeightRef = { tensor: '(not found)', shape: [0] };
const absent: Linear = { weight: ABSENT, layout: 'out-in' };

/** Of a model whose files do not say how long a prompt may be. */
const UNKNOWN_CONTEXT = 2048;

/** @returns with the tensors that it names */
export function describeForeign(
  graph: OnnxGraph,
  inputs: ForeignInputs,
  found: Found,
  config: Config | undefined,
): { description: ModelDescription; tensors: ReadonlyMap<string, StoredTensor> } {
  const { weights } = found;
  const known = typeof weights === 'string' ? sizesOnly(graph, inputs, found, config) : weights.description;
  const modelType = config?.optionalString('model_type');
  const said = config?.optionalInt(['n_positions', 'max_position_embeddings', 'n_ctx', 'n_ctx_max']);
  const nCtx = inputs.length ?? (known.nCtx || said);
  const notices =
    nCtx === undefined
      ? [l10n.t('No file says how long a prompt may be; up to {0} tokens are run.', UNKNOWN_CONTEXT)]
      : [];
  return {
    description: {
      ...known,
      architecture: modelType === undefined ? 'onnx' : `onnx (${modelType})`,
      nCtx: nCtx ?? UNKNOWN_CONTEXT,
      notices: [...known.notices, ...notices],
    },
    tensors: typeof weights === 'string' ? new Map() : weights.tensors,
  };
}

function sizesOnly(
  graph: OnnxGraph,
  inputs: ForeignInputs,
  { attentions, residual, logits }: Found,
  config: Config | undefined,
): ModelDescription {
  const { nHeads, nKeyValueHeads, dHead } = attentions[0]!;
  const layer: Layer = { qkv: { kind: 'separate', q: absent, k: absent, v: absent }, out: absent, attnScale: 1 };
  const dModel =
    typeof residual === 'string' ? (config?.optionalInt(['hidden_size', 'n_embd', 'd_model']) ?? 0) : residual.dModel;
  const added = typeof residual !== 'string' && 'hook_pos_embed' in residual.hooks;
  return {
    architecture: 'onnx',
    nLayers: attentions.length,
    nHeads,
    nKeyValueHeads,
    dModel,
    dHead,
    dMlp: 0,
    nCtx: 0,
    dVocab: typeof logits === 'string' ? vocabulary(graph, inputs, config) : logits.dVocab,
    norm: { kind: 'none', eps: 0 },
    parallel: typeof residual !== 'string' && residual.parallel,
    positions: added ? { kind: 'standard', W_pos: ABSENT } : { kind: 'rotary', dims: 0, theta: 1 },
    W_E: ABSENT,
    layers: new Array<Layer>(attentions.length).fill(layer),
    unembed: absent,
    notices: [],
  };
}

/** Rows of the table that the ids choose from; else what config.json says. */
function vocabulary(graph: OnnxGraph, { ids }: ForeignInputs, config: Config | undefined): number {
  const passes = new Set(['Cast', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity', 'Flatten']);
  const queue = [ids];
  for (const value of queue) {
    for (const { opType, input, output } of graph.consumers(value)) {
      const rows = opType === 'Gather' && input[1] === value ? graph.tensors.get(input[0]!)?.shape[0] : undefined;
      if (rows !== undefined) return rows;
      if (passes.has(opType) && !queue.includes(output[0]!)) queue.push(output[0]!);
    }
  }
  return config?.optionalInt('vocab_size') ?? 2 ** 31 - 1;
}

const product = (values: readonly number[]): number => values.reduce((a, b) => a * b, 1);

/** Parameters, bytes and types of the weights that the description names; where it names none, of all that the graph holds. */
export function sizesOfTensors(
  description: ModelDescription,
  tensors: ReadonlyMap<string, StoredTensor>,
  { graph, missing }: Foreign,
): Pick<Checkpoint, 'nParams' | 'bytes' | 'dtypes'> {
  const names = new Set(weightRefs(description).map(({ tensor }) => tensor));
  const used =
    missing.weights === undefined
      ? [...names].flatMap((name) => tensors.get(name) ?? [])
      : [...graph.tensors.values()].filter(({ dtype, shape }) => dtype !== 'BOOL' && shape.length > 0);
  const bytes = new Map<string, number>();
  for (const { dtype, length } of used) bytes.set(dtype, (bytes.get(dtype) ?? 0) + length);
  return {
    nParams: used.reduce((sum, { shape }) => sum + product(shape), 0),
    bytes: used.reduce((sum, { length }) => sum + length, 0),
    dtypes: [...bytes].sort(([, a], [, b]) => b - a).map(([dtype]) => dtype),
  };
}
