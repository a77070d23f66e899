/**
 * Attention-only models without norms: a logit as the sum over every path (Framework, “Path expansion”). A path through heads
 * h1 … hk moves by the pattern product A^k … A^1 and writes by W_OV^1 … W_OV^k. It is followed backwards from the unembedding, so
 * that a path is one row over source positions and one direction of the residual stream. A head's value bias is in the path that
 * begins at that head; a layer's b_O is one term, with all that later heads make of it.
 */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { PathTerm } from '../../protocol/circuits/paths';
import { headName, type HeadRef } from '../../protocol/checkpoint';
import type { ModelDescription } from '../checkpoint/description';
import type { OpenModel } from '../circuitHandlers';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { headWeights } from '../graph/canonical';
import { embedHooks, layerHook } from '../graph/hooks';
import type { Weights } from '../graph/weights';
import type { Steps } from '../runtime/types';
import { runWeights, WeightGraph } from '../runtime/weightRun';
import { frozenOrders, residualStart } from './frozenLinear';
import { dot, hookRow, lastRow, total, type Hooks } from './rows';

/** Paths that are listed one by one; longer ones are one term together. */
const MAX_PATHS = 2500;

export const pathName = (heads: HeadRef[]): string => heads.map(headName).join('→');

/** What `pathExpansion` reads of the prompt, which ends at the position that is looked at. */
export const pathHooks = (d: ModelDescription): string[] => [
  ...embedHooks(d),
  ...d.layers.map((_, layer) => layerHook(layer, 'pattern')),
];

/** A path from its first head to the unembedding. */
interface Path {
  heads: HeadRef[];
  /** How much of each source position it takes. `[src]` */
  weights: Float32Array;
  /** What it makes of the residual stream. `[d_model]` */
  direction: Float32Array;
  /** Of its first head's value bias, in logits per unit of weight. */
  bias: number;
}

export interface Expansion {
  terms: PathTerm[];
  notices: string[];
}

/** @param direction of the token in the residual stream: its column of W_U */
export async function pathExpansion(
  model: OpenModel,
  hooks: Hooks,
  direction: Float32Array,
  steps: Steps,
): Promise<Expansion> {
  const { checkpoint, runner } = model;
  const d = checkpoint.description;
  const n = hooks['hook_embed']!.shape[0]!;
  const longest = longestListed(d.nLayers, d.nHeads);
  const weights = new Float32Array(n);
  weights[n - 1] = 1;
  let paths: Path[] = [{ heads: [], weights, direction, bias: 0 }];
  /** Every path from here on, for what is the same at every position: rows of a pattern add up to 1. */
  let constant: Path = { ...paths[0]! };
  const terms: PathTerm[] = directTerms(d, hooks, direction);
  for (let layer = d.nLayers - 1; layer >= 0; layer--) {
    await steps.step(l10n.t('Following paths through layer {0}', layer), 1 - (layer + 1) / d.nLayers);
    const pattern = hooks[layerHook(layer, 'pattern')]!;
    const graph = await WeightGraph.create(checkpoint, runner.provider, (g, w) => emitLayer(g, w, d, layer));
    try {
      const growing = paths.filter(({ heads }) => heads.length < longest);
      paths = paths.concat((await extend(graph, d, layer, pattern, growing)).paths);
      const before = await extend(graph, d, layer, pattern, [constant]);
      if (before.b_O) terms.push({ name: `L${layer} b_O`, kind: 'bias', value: before.b_O[0]! });
      const heads = before.paths.map((path) => path.direction);
      constant = { ...constant, direction: constant.direction.map((x, i) => heads.reduce((sum, h) => sum + h[i]!, x)) };
    } finally {
      await graph.dispose();
    }
  }
  terms.push(...(await pathTerms(model, hooks, paths.slice(1))));
  if (longest >= d.nLayers) return { terms, notices: [] };
  const { orders } = await frozenOrders(model, hooks, { biasesOut: false }, steps);
  const rest = orders.slice(longest + 1).map((resid) => dot(resid.slice(-d.dModel), direction));
  terms.push({ name: `paths of more than ${longest} heads`, kind: 'rest', value: rest.reduce((a, b) => a + b, 0) });
  const notice =
    longest === 1
      ? l10n.t('Paths of more than 1 head are too many to be listed: they are one term together.')
      : l10n.t('Paths of more than {0} heads are too many to be listed: they are one term together.', longest);
  return { terms, notices: [notice] };
}

/** The most heads on a path with which there are at most MAX_PATHS paths; at least 1. */
function longestListed(nLayers: number, nHeads: number): number {
  let [paths, ofLength] = [1, 1];
  for (let length = 1; length <= nLayers; length++) {
    ofLength *= ((nLayers - length + 1) / length) * nHeads;
    paths += ofLength;
    if (paths > MAX_PATHS) return Math.max(1, length - 1);
  }
  return nLayers;
}

function directTerms(d: ModelDescription, hooks: Hooks, direction: Float32Array): PathTerm[] {
  const written = (name: string): number => dot(lastRow(hooks, name), direction);
  const direct: PathTerm = { name: 'direct path', kind: 'direct', value: written('hook_embed') };
  if (d.positions.kind !== 'standard') return [direct];
  return [direct, { name: 'positions', kind: 'position', value: written('hook_pos_embed') }];
}

/** Puts every head of a layer before each of the paths; `b_O` is what the layer's b_O adds through each. */
async function extend(
  graph: WeightGraph,
  d: ModelDescription,
  layer: number,
  pattern: Hooks[string],
  paths: Path[],
): Promise<{ paths: Path[]; b_O?: Float32Array }> {
  const n = pattern.shape.at(-1)!;
  const out = await graph.run({
    directions: rowsTensor(
      paths.map(({ direction }) => direction),
      d.dModel,
    ),
    weights: rowsTensor(
      paths.map(({ weights }) => weights),
      n,
    ),
    pattern: new Tensor('float32', pattern.data, pattern.shape),
  });
  const longer = paths.flatMap(({ heads }, p) =>
    Array.from({ length: d.nHeads }, (_, head) => {
      const row = p * d.nHeads + head;
      return {
        heads: [{ layer, head }, ...heads],
        weights: hookRow(out.newWeights!, row),
        direction: hookRow(out.newDirections!, row),
        bias: out.newBias!.data[row]!,
      };
    }),
  );
  return { paths: longer, ...(out.b_O && { b_O: out.b_O.data }) };
}

function emitLayer(g: GraphBuilder, w: Weights, d: ModelDescription, layer: number): Record<string, Value> {
  const { W_V, b_V, W_O, b_O } = headWeights(g, w, d, layer, false);
  const directions = g.op('Transpose', [g.input('directions', DataType.FLOAT, ['path', d.dModel])], { perm: [1, 0] });
  const weights = g.input('weights', DataType.FLOAT, ['path', 'pos']);
  const pattern = g.input('pattern', DataType.FLOAT, [d.nHeads, 'pos', 'pos']);
  const read = g.op('MatMul', [W_O, directions]);
  return {
    // [path, head, …]
    newDirections: g.op('Transpose', [g.op('MatMul', [W_V, read])], { perm: [2, 0, 1] }),
    newBias: g.op('Transpose', [g.op('MatMul', [b_V, read])], { perm: [2, 0, 1] }),
    newWeights: g.op('Transpose', [g.op('MatMul', [weights, pattern])], { perm: [1, 0, 2] }),
    ...(b_O && { b_O: g.op('MatMul', [g.op('Unsqueeze', [b_O, g.ints([0])]), directions]) }),
  };
}

/** What each path takes from each source position: weights[s] · (x_s · direction + bias). */
async function pathTerms({ checkpoint, runner }: OpenModel, hooks: Hooks, paths: Path[]): Promise<PathTerm[]> {
  if (paths.length === 0) return [];
  const x = residualStart(checkpoint.description, hooks);
  const n = x.shape[0]!;
  const emit = (g: GraphBuilder): Record<string, Value> => {
    const input = (name: string): Value => g.input(name, DataType.FLOAT, ['row', 'column']);
    const xT = g.op('Transpose', [input('x')], { perm: [1, 0] });
    const read = g.op('Add', [g.op('MatMul', [input('directions'), xT]), input('bias')]);
    return { bySource: g.op('Mul', [input('weights'), read]) };
  };
  const { bySource } = await runWeights(checkpoint, runner.provider, emit, {
    x: new Tensor('float32', x.data, x.shape),
    directions: rowsTensor(
      paths.map(({ direction }) => direction),
      x.shape[1]!,
    ),
    weights: rowsTensor(
      paths.map(({ weights }) => weights),
      n,
    ),
    bias: new Tensor(
      'float32',
      Float32Array.from(paths, ({ bias }) => bias),
      [paths.length, 1],
    ),
  });
  return paths.map(({ heads }, p) => {
    const own = hookRow(bySource!, p).slice();
    const kind = heads.length === 1 ? 'head' : 'virtualHead';
    return { name: pathName(heads), kind, value: total(own), heads, bySource: own };
  });
}

function rowsTensor(rows: Float32Array[], width: number): Tensor {
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, i) => data.set(row, i * width));
  return new Tensor('float32', data, [rows.length, width]);
}
