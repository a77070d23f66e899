/**
 * Attention-only models with everything frozen that is not linear: attention patterns and the scales of norms. What is left is a
 * sum over paths, and this follows it by the number of heads on a path:
 *
 *     r_n ← r_n + Σ_h A_h (r_{n−1} / scale) W_OV,    r_0 = the embedding
 *
 * with norms folded into W_OV. A head's value bias begins a path at that head (order 1), b_O one through no head (order 0).
 */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { HookTensor } from '../../protocol/engine';
import type { ModelDescription } from '../checkpoint/description';
import type { OpenModel } from '../circuitHandlers';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { headWeights } from '../graph/canonical';
import { embedHooks, layerHook } from '../graph/hooks';
import type { Weights } from '../graph/weights';
import type { Steps } from '../runtime/types';
import { WeightGraph } from '../runtime/weightRun';
import type { Hooks } from './rows';

/** What a frozen model is made of. */
export const frozenHooks = (d: ModelDescription): string[] => [
  ...embedHooks(d),
  ...d.layers.flatMap(({ ln1 }, layer) => [
    layerHook(layer, 'pattern'),
    ...(ln1 ? [layerHook(layer, 'ln1Scale')] : []),
  ]),
];

/** The residual stream before the first block. `[pos, d_model]` */
export function residualStart(d: ModelDescription, hooks: Hooks): HookTensor {
  const embed = hooks['hook_embed']!;
  if (d.positions.kind !== 'standard') return embed;
  return { shape: embed.shape, data: sum(embed.data, hooks['hook_pos_embed']!.data) };
}

const sum = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value + b[i]!);

/** One layer's heads with their patterns and its norm's scale frozen; to be disposed. */
export class FrozenLayer {
  private constructor(
    private readonly graph: WeightGraph,
    private readonly frozen: Record<string, Tensor>,
  ) {}

  static async create({ checkpoint, runner }: OpenModel, layer: number, hooks: Hooks): Promise<FrozenLayer> {
    const d = checkpoint.description;
    const pattern = hooks[layerHook(layer, 'pattern')]!;
    const n = pattern.shape.at(-1)!;
    const scale = hooks[layerHook(layer, 'ln1Scale')]?.data ?? new Float32Array(n).fill(1);
    const graph = await WeightGraph.create(checkpoint, runner.provider, (g, w) => emitFrozen(g, w, d, layer));
    return new FrozenLayer(graph, {
      pattern: new Tensor('float32', pattern.data, pattern.shape),
      scale: new Tensor('float32', scale, [n, 1]),
    });
  }

  /** What each head writes when it reads x, biases aside. x: `[pos, d_model]`; result: `[head, pos, d_model]` */
  async run({ data, shape }: HookTensor): Promise<{ each: HookTensor; headBias: HookTensor; b_O?: HookTensor }> {
    const x = new Tensor('float32', data, shape);
    const { each, headBias, b_O } = await this.graph.run({ ...this.frozen, x });
    return { each: each!, headBias: headBias!, ...(b_O && { b_O }) };
  }

  dispose(): Promise<void> {
    return this.graph.dispose();
  }
}

function emitFrozen(g: GraphBuilder, w: Weights, d: ModelDescription, layer: number): Record<string, Value> {
  const { W_V, b_V, W_O, b_O } = headWeights(g, w, d, layer, true);
  const x = g.input('x', DataType.FLOAT, ['pos', d.dModel]);
  const pattern = g.input('pattern', DataType.FLOAT, [d.nHeads, 'pos', 'pos']);
  const scaled = g.op('Div', [x, g.input('scale', DataType.FLOAT, ['pos', 1])]);
  const moved = g.op('MatMul', [pattern, g.op('MatMul', [scaled, W_V])]);
  return {
    each: g.op('MatMul', [moved, W_O]),
    /** Rows of a pattern add up to 1: the same at every position. `[head, 1, d_model]` */
    headBias: g.op('MatMul', [b_V, W_O]),
    ...(b_O && { b_O }),
  };
}

/**
 * What paths through exactly n heads leave in the residual stream after the last block, for n = 0 … nLayers. `[n][pos, d_model]`
 * @param biasesOut whether b_O (and what heads make of it) is counted
 * @param steps a layer is one step
 */
export async function frozenOrders(
  model: OpenModel,
  hooks: Hooks,
  { biasesOut }: { biasesOut: boolean },
  steps: Steps,
): Promise<{ orders: Float32Array[]; shape: number[] }> {
  const d = model.checkpoint.description;
  const { data, shape } = residualStart(d, hooks);
  let orders = [data];
  for (let layer = 0; layer < d.nLayers; layer++) {
    await steps.step(l10n.t('Counting paths through layer {0}', layer), layer / d.nLayers);
    const frozen = await FrozenLayer.create(model, layer, hooks);
    try {
      const next = [...orders.map((resid) => resid.slice()), new Float32Array(data.length)];
      for (const [n, resid] of orders.entries()) {
        const { each, headBias, b_O } = await frozen.run({ data: resid, shape });
        addEach(next[n + 1]!, each.data);
        if (n > 0) continue;
        addEach(next[1]!, headBias.data, d.dModel);
        if (b_O && biasesOut) addEach(next[0]!, b_O.data, d.dModel);
      }
      orders = next;
    } finally {
      await frozen.dispose();
    }
  }
  return { orders, shape };
}

/** Adds every block of `parts` to `to`; a block of one row (`width`) to each of its rows. */
export function addEach(to: Float32Array, parts: Float32Array, width = to.length): void {
  for (let start = 0; start < parts.length; start += width)
    for (let i = 0; i < to.length; i++) to[i]! += parts[start + (i % width)]!;
}
