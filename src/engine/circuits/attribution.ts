/**
 * Direct logit attribution, as TransformerLens's `logit_attrs`: what every part of the model wrote into the residual stream at one
 * position, through the final norm with its scale frozen. A head's value bias is in the head's term, an MLP's output bias in the
 * MLP's, as there; b_O, the final norm's bias and b_U are terms of their own.
 */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { PathTerm } from '../../protocol/circuits/paths';
import { headName } from '../../protocol/checkpoint';
import type { ModelDescription } from '../checkpoint/description';
import type { OpenModel } from '../circuitHandlers';
import { outputPerHead } from '../graph/attention';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { embedHooks, layerHook } from '../graph/hooks';
import type { Weights } from '../graph/weights';
import { headRow, layerPattern } from '../runtime/patternRows';
import type { Steps } from '../runtime/types';
import { runWeights } from '../runtime/weightRun';
import { dot, hookRow, lastRow, total, type Hooks } from './rows';
import type { UnembedColumn } from './unembedColumn';

/** What `attribution` reads of the prompt, which ends at the position that is looked at. */
export function attributionHooks(d: ModelDescription): string[] {
  return [
    ...embedHooks(d),
    ...d.layers.flatMap(({ mlp }, layer) => [
      layerHook(layer, 'v'),
      layerHook(layer, 'pattern'),
      ...(mlp ? [layerHook(layer, 'mlpOut')] : []),
    ]),
    ...(d.lnFinal ? ['ln_final.hook_scale'] : []),
  ];
}

export async function attribution(
  model: OpenModel,
  hooks: Hooks,
  column: UnembedColumn,
  steps: Steps,
): Promise<PathTerm[]> {
  const d = model.checkpoint.description;
  const scale = hooks['ln_final.hook_scale']?.data.at(-1) ?? 1;
  const direction = column.direction.map((value) => value / scale);
  const written = (name: string): number => dot(lastRow(hooks, name), direction);
  const terms: PathTerm[] = [{ name: 'embedding', kind: 'embedding', value: written('hook_embed') }];
  if (d.positions.kind === 'standard')
    terms.push({ name: 'positions', kind: 'position', value: written('hook_pos_embed') });
  for (let layer = 0; layer < d.nLayers; layer++) {
    await steps.step(l10n.t('Attributing layer {0}', layer), layer / d.nLayers);
    terms.push(...(await headTerms(model, layer, hooks, direction)));
    if (d.layers[layer]!.mlp)
      terms.push({ name: `L${layer} MLP`, kind: 'mlp', value: written(layerHook(layer, 'mlpOut')) });
  }
  if (column.normBias !== undefined) terms.push({ name: 'final norm bias', kind: 'bias', value: column.normBias });
  return terms;
}

/** Every head of a layer by source position, pattern[d, s] · v_s W_O · direction; and b_O. */
async function headTerms(
  { checkpoint, runner }: OpenModel,
  layer: number,
  hooks: Hooks,
  direction: Float32Array,
): Promise<PathTerm[]> {
  const d = checkpoint.description;
  const v = hooks[layerHook(layer, 'v')]!;
  const n = v.shape[0]!;
  const pattern = layerPattern(hooks[layerHook(layer, 'pattern')]!);
  const row = new Float32Array(d.nHeads * n);
  for (let head = 0; head < d.nHeads; head++) row.set(headRow(pattern, n, head, n - 1), head * n);
  const out = await runWeights(checkpoint, runner.provider, (g, w) => emitHeads(g, w, d, layer), {
    v: new Tensor('float32', v.data, v.shape),
    row: new Tensor('float32', row, [d.nHeads, n]),
    direction: new Tensor('float32', direction, [d.dModel, 1]),
  });
  const terms: PathTerm[] = Array.from({ length: d.nHeads }, (_, head) => {
    const bySource = hookRow(out.bySource!, head).slice();
    const ref = { layer, head };
    return { name: headName(ref), kind: 'head', value: total(bySource), heads: [ref], bySource };
  });
  if (out.b_O) terms.push({ name: `L${layer} b_O`, kind: 'bias', value: out.b_O.data[0]! });
  return terms;
}

function emitHeads(g: GraphBuilder, w: Weights, d: ModelDescription, layer: number): Record<string, Value> {
  const { out } = d.layers[layer]!;
  const v = g.op('Transpose', [g.input('v', DataType.FLOAT, ['pos', d.nHeads, d.dHead])], { perm: [1, 0, 2] });
  const row = g.input('row', DataType.FLOAT, [d.nHeads, 'pos']);
  const direction = g.input('direction', DataType.FLOAT, [d.dModel, 1]);
  const read = g.op('MatMul', [outputPerHead(g, w, d, out), direction]);
  const perSource = g.op('Squeeze', [g.op('MatMul', [v, read]), g.ints([-1])]);
  return {
    bySource: g.op('Mul', [perSource, row]),
    ...(out.bias && { b_O: g.op('MatMul', [w.float(g, out.bias, [1, d.dModel]), direction]) }),
  };
}
