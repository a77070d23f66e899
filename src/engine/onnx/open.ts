/** Opens a `.onnx` file that someone exported: its graph is read, what is a transformer in it is found, no weight is loaded. */
import * as l10n from '@vscode/l10n';
import { resolve } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { ModelDescription } from '../checkpoint/description';
import { InputError } from '../checkpoint/errors';
import { specialTokens } from '../checkpoint/specialTokens';
import { layerHook, layerHooks } from '../graph/hooks';
import { findAttention } from './attention';
import { besideOnnx, modelName } from './beside';
import { checkHooks } from './checkHooks';
import { describeForeign, sizesOfTensors } from './describe';
import { expand } from './expand';
import { foreignInputs } from './inputs';
import { findLogits } from './logits';
import { createProbe } from './probe';
import { readOnnx } from './read';
import { findResidual } from './residual';
import type { Foreign, ForeignAttention, ForeignHook, ForeignInputs, ForeignResidual, OnnxGraph } from './types';
import { findWeights, type ForeignWeights } from './weights';

/** What was found in a graph; a sentence stands for what was not. */
export interface Found {
  attentions: ForeignAttention[];
  residual: ForeignResidual | string;
  weights: ForeignWeights | string;
  logits: { hook: ForeignHook; dVocab: number } | string;
}

/**
 * @param path the `.onnx` file; tokenizer.json and config.json, beside it or in the folder above, may be absent
 * @throws InputError
 */
export async function openOnnx(path: string): Promise<Checkpoint> {
  const file = resolve(path);
  const read = await readOnnx(file);
  const graph = expand(read);
  const inputs = foreignInputs(graph);
  const found = await recognise(graph, inputs);
  const bidirectional = found.attentions.findIndex(({ causal }) => !causal);
  inputs.bidirectional = bidirectional >= 0;
  const { config, tokenizer, notice } = await besideOnnx(file);
  const { description, tensors } = describeForeign(graph, inputs, found, config);
  const foreign = await foreignOf(graph, inputs, found, description);
  const missing = [...Object.values(foreign.missing), ...weightingNotice(foreign)];
  return {
    path: file,
    name: modelName(file),
    description,
    tensors,
    foreign,
    ...(tokenizer && { tokenizer }),
    ...specialTokens(config, tokenizer, description.dVocab),
    ...sizesOfTensors(description, tensors, foreign),
    notices: [
      ...description.notices,
      ...(bidirectional < 0 ? [] : [seesAhead(bidirectional)]),
      ...missing,
      ...(notice === undefined ? [] : [notice]),
    ],
  };
}

const seesAhead = (layer: number): string =>
  l10n.t(
    'In layer {0} tokens see those after them: what is predicted after a token is not a guess at the next one.',
    layer,
  );

/** What value-weighted patterns are weighted by where W_O is not known. */
function weightingNotice({ missing, hooks }: Foreign): string[] {
  if (missing.weights === undefined) return [];
  const hasValues = hooks.has(layerHook(0, 'v'));
  return [
    hasValues
      ? l10n.t('Value-weighted patterns are weighted by ‖v‖ instead of ‖v W_O‖.')
      : l10n.t('Value-weighted patterns are the patterns themselves.'),
  ];
}

async function recognise(graph: OnnxGraph, inputs: ForeignInputs): Promise<Found> {
  const probe = createProbe(graph, inputs);
  const attentions = await findAttention(graph, probe);
  checkAttentions(graph, attentions);
  const residual = await findResidual(graph, attentions, probe);
  const logits = await findLogits(graph, inputs, probe, typeof residual === 'string' ? undefined : residual.dModel);
  const weights =
    typeof residual === 'string'
      ? l10n.t(
          'Weights are not matched to heads, as the residual stream was not found: circuits of weights are not available.',
        )
      : await findWeights(graph, attentions, residual, probe);
  return { attentions, residual, weights, logits };
}

/** @throws InputError unless there are attentions, all of the same sizes */
function checkAttentions(graph: OnnxGraph, attentions: readonly ForeignAttention[]): void {
  const [first] = attentions;
  if (!first) {
    throw new InputError(
      l10n.t(
        '{0} has no attention that is recognised: a Softmax over a causal product of queries and keys, which then weighs values, was expected.',
        graph.file,
      ),
    );
  }
  attentions.forEach(({ nHeads }, layer) => {
    if (nHeads === first.nHeads) return;
    throw new InputError(
      l10n.t(
        '{0}: attention {1} has {2} heads and attention 0 has {3}; the same number was expected.',
        graph.file,
        layer,
        nHeads,
        first.nHeads,
      ),
    );
  });
}

/** The hooks of all parts by full name, those whose values are not what they should be left out. */
async function foreignOf(
  graph: OnnxGraph,
  inputs: ForeignInputs,
  { attentions, residual, weights, logits }: Found,
  description: ModelDescription,
): Promise<Foreign> {
  const named = new Map<string, ForeignHook>();
  attentions.forEach(({ hooks }, layer) => {
    for (const [name, hook] of Object.entries(hooks)) named.set(`blocks.${layer}.${name}`, hook);
  });
  if (typeof residual !== 'string') for (const [name, hook] of Object.entries(residual.hooks)) named.set(name, hook);
  if (typeof logits !== 'string') named.set('logits', logits.hook);
  const hooks = await checkHooks(graph, inputs, description, named);
  const stream = attentions.map((_, layer) => layerHook(layer, 'residPre'));
  stream.push(layerHook(attentions.length - 1, 'residPost'));
  const lost = stream.find((name) => !hooks.has(name));
  const noStream = typeof residual === 'string' ? residual : lost && lostStream(lost);
  if (noStream !== undefined) for (const name of hooks.keys()) if (isOfStream(name)) hooks.delete(name);
  const noPattern = attentions.findIndex((_, layer) => !hooks.has(layerHook(layer, 'pattern')));
  if (noPattern >= 0)
    throw new InputError(
      l10n.t('{0}: the pattern of attention {1} is not [head, destination, source].', graph.file, noPattern),
    );
  return {
    graph,
    hooks,
    inputs,
    missing: {
      ...(noStream !== undefined && { residual: noStream }),
      ...(typeof weights === 'string' && { weights }),
      ...(typeof logits === 'string' && { logits }),
    },
  };
}

const lostStream = (name: string): string =>
  l10n.t(
    'The residual stream was not recognised ({0} is not [position, d_model]): what reads it is not available.',
    name,
  );

const isOfStream = (name: string): boolean =>
  Object.values(layerHooks).some((hook) => hook.includes('resid') && name.endsWith(hook));
