/**
 * Which terms of the sum over paths matter (Framework, “Term importance”): the loss when only paths through at most n heads are kept,
 * and without each single head's or virtual head's own term. Attention patterns are frozen, and so are the scales of norms. Only for
 * attention-only models: what an MLP writes is no sum over the paths into it, so no path through one could be kept or dropped.
 */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { TermEffect } from '../../protocol/circuits/paths';
import type { HeadRef } from '../../protocol/checkpoint';
import type { HookTensor } from '../../protocol/engine';
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { ModelDescription } from '../checkpoint/description';
import { InputError } from '../checkpoint/errors';
import type { CircuitAnalysis, OpenModel } from '../circuitHandlers';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { unembedding } from '../graph/canonical';
import type { Weights } from '../graph/weights';
import { checkPatternMemory } from '../memory';
import { readPrompt } from '../prompt';
import type { Steps } from '../runtime/types';
import { WeightGraph } from '../runtime/weightRun';
import { addEach, frozenHooks, FrozenLayer, frozenOrders, residualStart } from './frozenLinear';
import { meanLoss } from './nextToken';
import { pathName } from './pathExpansion';
import { total, type Hooks } from './rows';

/** Virtual heads are left out where there are more: each costs an unembedding of the whole text. */
const MAX_VIRTUAL_HEADS = 2000;
/** Logits that one run of the unembedding makes. */
const LOGITS_PER_RUN = 2 ** 24;

/** @throws InputError for a model with MLPs, or fewer than two tokens */
export const importance: CircuitAnalysis<'importance'> = async (model, { text, ids }, steps) => {
  const { checkpoint, runner } = model;
  const d = checkpoint.description;
  checkAttentionOnly(checkpoint);
  const prompt = readPrompt(checkpoint, { text, ids });
  const tokens = prompt.tokens.map(({ id }) => id);
  if (tokens.length < 2)
    throw new InputError(l10n.t('The loss needs at least two tokens: the first is predicted by none.'));
  checkPatternMemory(tokens.length, d.nLayers * d.nHeads);
  await steps.step(l10n.t('Running {0} tokens', tokens.length));
  const finalScale = d.lnFinal ? ['ln_final.hook_scale'] : [];
  const { hooks, next } = await runner.run({ ids: tokens, hooks: [...frozenHooks(d), ...finalScale], topK: 1 }, steps);
  const { orders: byOrder, shape } = await frozenOrders(model, hooks, { biasesOut: true }, steps);
  const loss = await Loss.create(model, tokens, hooks['ln_final.hook_scale']?.data);
  try {
    const resid = new Float32Array(byOrder[0]!.length);
    const orders: { n: number; loss: number }[] = [];
    for (const [n, own] of byOrder.entries()) {
      addEach(resid, own);
      orders.push({ n, loss: await loss.of(resid) });
    }
    const whole = { resid: { data: resid, shape }, loss: orders.at(-1)!.loss };
    const nVirtual = virtualHeads(d);
    const terms = await termEffects(model, hooks, loss, whole, nVirtual <= MAX_VIRTUAL_HEADS, steps);
    return {
      tokens: prompt.tokens,
      loss: meanLoss(next!),
      orders,
      terms: terms.sort((a, b) => b.effect - a.effect),
      notices: [...prompt.notices, ...notices(d, nVirtual)],
    };
  } finally {
    await loss.dispose();
  }
};

function checkAttentionOnly({ name, description: { layers } }: Checkpoint): void {
  if (layers.every(({ mlp }) => !mlp)) return;
  throw new InputError(
    l10n.t(
      'Term importance needs an attention-only model: {0} has MLPs, and what an MLP writes is no sum over the paths into it.',
      name,
    ),
  );
}

/** Pairs of a head and one in a later layer. */
const virtualHeads = ({ nHeads, nLayers }: ModelDescription): number => (nHeads ** 2 * nLayers * (nLayers - 1)) / 2;

function notices(d: ModelDescription, nVirtual: number): string[] {
  const all: string[] = [];
  if (d.norm.kind !== 'none') all.push(l10n.t('The scales of the norms are frozen, as the attention patterns are.'));
  if (nVirtual > MAX_VIRTUAL_HEADS)
    all.push(l10n.t('The {0} virtual heads are too many to be taken out one by one: only heads are.', nVirtual));
  else if (d.nLayers > 2) all.push(l10n.t('Virtual heads of more than two heads are not taken out one by one.'));
  return all;
}

/** What is compared against: the residual stream of all paths, and its loss. */
interface Whole {
  resid: HookTensor;
  loss: number;
}

/** The loss without the own term of each head (reading the embedding) and of each pair of heads. */
async function termEffects(
  model: OpenModel,
  hooks: Hooks,
  loss: Loss,
  whole: Whole,
  virtual: boolean,
  steps: Steps,
): Promise<TermEffect[]> {
  const d = model.checkpoint.description;
  const start = residualStart(d, hooks);
  const { shape } = start;
  const size = start.data.length;
  /** What each head so far wrote when it read the embedding. */
  const written: { head: HeadRef; data: Float32Array }[] = [];
  const terms: TermEffect[] = [];
  const count = d.nLayers * d.nHeads + (virtual ? virtualHeads(d) : 0);
  const add = async (heads: HeadRef[], data: Float32Array): Promise<void> => {
    const name = pathName(heads);
    await steps.step(l10n.t('Taking out {0}', name), terms.length / count);
    const left = whole.resid.data.map((value, i) => value - data[i]!);
    const effect = (await loss.of(left)) - whole.loss;
    terms.push({ name, kind: heads.length === 1 ? 'head' : 'virtualHead', heads, effect });
  };
  for (let layer = 0; layer < d.nLayers; layer++) {
    const frozen = await FrozenLayer.create(model, layer, hooks);
    try {
      for (const earlier of virtual ? written : []) {
        const { each } = await frozen.run({ data: earlier.data, shape });
        for (let head = 0; head < d.nHeads; head++)
          await add([earlier.head, { layer, head }], each.data.subarray(head * size, (head + 1) * size));
      }
      const { each, headBias } = await frozen.run(start);
      for (let head = 0; head < d.nHeads; head++) {
        const data = each.data.slice(head * size, (head + 1) * size);
        addEach(data, headBias.data.subarray(head * d.dModel, (head + 1) * d.dModel), d.dModel);
        await add([{ layer, head }], data);
        if (virtual) written.push({ head: { layer, head }, data });
      }
    } finally {
      await frozen.dispose();
    }
  }
  return terms;
}

/** Mean cross-entropy of a text, in nats, by the residual stream before the final norm, whose scale is frozen. */
class Loss {
  private constructor(
    private readonly graph: WeightGraph,
    private readonly d: ModelDescription,
    private readonly ids: number[],
    private readonly scale: Float32Array,
  ) {}

  static async create({ checkpoint, runner }: OpenModel, ids: number[], scale?: Float32Array): Promise<Loss> {
    const d = checkpoint.description;
    const graph = await WeightGraph.create(checkpoint, runner.provider, (g, w) => emitLoss(g, w, d));
    return new Loss(graph, d, ids, scale ?? new Float32Array(ids.length).fill(1));
  }

  /** @param resid `[pos, d_model]`; the last position predicts nothing that is known */
  async of(resid: Float32Array): Promise<number> {
    const { dModel, dVocab } = this.d;
    const n = this.ids.length - 1;
    const rows = Math.max(1, Math.floor(LOGITS_PER_RUN / dVocab));
    let sum = 0;
    for (let start = 0; start < n; start += rows) {
      const end = Math.min(n, start + rows);
      const count = end - start;
      const { logProbs } = await this.graph.run({
        resid: new Tensor('float32', resid.subarray(start * dModel, end * dModel), [count, dModel]),
        scale: new Tensor('float32', this.scale.subarray(start, end), [count, 1]),
        targets: new Tensor('int64', BigInt64Array.from(this.ids.slice(start + 1, end + 1), BigInt), [count, 1]),
      });
      sum += total(logProbs!.data);
    }
    return -sum / n;
  }

  dispose(): Promise<void> {
    return this.graph.dispose();
  }
}

function emitLoss(g: GraphBuilder, w: Weights, d: ModelDescription): Record<string, Value> {
  const { W_U, b_U } = unembedding(g, w, d, true);
  const resid = g.input('resid', DataType.FLOAT, ['pos', d.dModel]);
  const scaled = g.op('Div', [resid, g.input('scale', DataType.FLOAT, ['pos', 1])]);
  const product = g.op('MatMul', [scaled, W_U]);
  const logits = b_U ? g.op('Add', [product, b_U]) : product;
  const targets = g.input('targets', DataType.INT64, ['pos', 1]);
  return { logProbs: g.op('GatherElements', [g.op('LogSoftmax', [logits], { axis: -1 }), targets], { axis: 1 }) };
}
