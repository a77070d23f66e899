import type { Checkpoint } from '../checkpoint/checkpoint';
import type { ModelDescription } from '../checkpoint/description';
import { attention, type AttentionEdits, type AttentionInputs, type AttentionValues } from './attention';
import { DataType, GraphBuilder, type Dim, type Value } from './builder';
import { embed, positions } from './embed';
import { layerHook, layerHooks, type LayerHook } from './hooks';
import { attentionEdits, edited, type InterventionKinds } from './interventions';
import { linear, mlp, norm } from './linear';
import { graphInputs, keptName, RESID_OUT, rowsName, rowsNames } from './names';
import { divergence, nextTokens, partOfNextTokens, type NamedValue } from './nextTokens';
import { withPart, type VocabularyPart } from './vocabularyPart';
import { Weights, type WeightSource } from './weights';

export interface Graph {
  bytes: Uint8Array;
  inputs: string[];
  outputs: string[];
  /** Outputs that need not come back from the device that computes them. */
  device?: string[];
  /** The folder that its external data lies in. */
  folder: string;
  /** The foreign `.onnx` that it is made of: what ONNX Runtime does not take of it is that file's fault. */
  source?: string;
  /** What feeds and results call inputs and outputs that have another name in the graph. */
  calls?: ReadonlyMap<string, string>;
}

/** A checkpoint, or what of one a graph is made from. */
export type Described = Pick<Checkpoint, 'description' | 'tensors'>;

export interface BlocksRequest {
  from: number;
  to: number;
  hooks: string[];
  /** Of them, those that are also left on the device, as `keptName`, where the provider can. */
  kept?: string[];
  /** Also the residual stream after the last block. */
  residOut: boolean;
  /** It is left on the device. */
  residStays?: boolean;
  interventions?: InterventionKinds;
  /**
   * Attention in so many blocks of rows: as outputs, the hook_pattern of layers that no intervention gives it are then `rowsName`
   * for every block. hook_attn_scores are whole: with one of them it is without effect.
   */
  rowBlocks?: number | undefined;
  /** The rows are of several sequences. */
  batch?: Batch | undefined;
  /** It runs once: nothing is worth folding. */
  once?: boolean;
  /** Of `mlp`, of weights that are not read once: faster, and copies of them are in memory while it loads. */
  isPadded?: boolean | undefined;
}

/** What a graph of the unembedding gives, of rows of the residual stream. */
export interface UnembedGraphRequest {
  hooks: string[];
  topK?: number;
  ranksOf?: number;
  against?: boolean;
  /** Only what `topK` needs of these tokens: the outputs are `partOutputs`. */
  part?: VocabularyPart;
}

/**
 * The blocks [from, to) of a model; from 0 starts at the token embedding.
 * Outputs: the wanted hooks, and the residual stream after the last block when `residOut`.
 */
export function emitBlocks(checkpoint: Described, request: BlocksRequest): Graph {
  const { hooks, kept = [], residOut, residStays, isPadded, once } = request;
  const g = new GraphBuilder();
  const w = new Weights(checkpoint);
  const values = new Map<string, Value>();
  const blocks = hooks.some((name) => name.endsWith(layerHooks.attnScores)) ? undefined : request.rowBlocks;
  const options = { ...request, rowBlocks: blocks, isPadded: isPadded && !once };
  const resid = residualStream(g, w, checkpoint.description, options, values);
  const outputs = hooks
    .flatMap((name) => (values.has(rowsName(name, 0)) ? rowsNames(name, blocks!) : [name]))
    .map((name) => g.alias(lookup(values, name), name));
  const device = kept.map((name) => g.alias(lookup(values, name), keptName(name)));
  if (residOut) (residStays ? device : outputs).push(g.alias(resid, RESID_OUT));
  const all = [...outputs, ...device];
  const built = g.build(all.map((name) => ({ name, dtype: DataType.FLOAT })));
  return { ...built, outputs: all, device, folder: w.folder };
}

/** Sequences of one length that run at once, one after another. */
export interface Batch {
  sequences: number;
  length: number;
}

/**
 * The blocks [from, to) as part of a graph.
 * @param batch the graph's inputs then have these sizes: `ids` and `positions` `[sequences · length]`, masks `[length, length]`
 * @param values gets what each hook is
 * @returns the residual stream after the last block
 */
export function residualStream(
  g: GraphBuilder,
  w: WeightSource,
  d: ModelDescription,
  {
    from,
    to,
    interventions = {},
    rowBlocks,
    once,
    isPadded,
    batch,
  }: Pick<BlocksRequest, 'from' | 'to' | 'interventions' | 'rowBlocks' | 'batch' | 'once' | 'isPadded'>,
  values: Map<string, Value>,
): Value {
  const rows = batch ? batch.sequences * batch.length : 'pos';
  const position = positions(g, w, d, rows, values);
  let resid =
    from === 0 ? embed(g, w, d, rows, position, values) : g.input(graphInputs.resid, DataType.FLOAT, [rows, d.dModel]);
  const bounds =
    rowBlocks === undefined
      ? undefined
      : Array.from({ length: rowBlocks + 1 }, (_, b) => g.input(graphInputs.bound(b), DataType.INT64, [1]));
  const inputs = { ...attentionInputs(g, d, rows, batch?.length), bounds, once, isPadded };
  for (let layer = from; layer < to; layer++) {
    resid = edited(g, interventions, 'resid', layer, resid);
    resid = block(g, w, d, layer, resid, position, inputs, attentionEdits(g, interventions, layer), values);
  }
  if (to === d.nLayers && interventions.resid) {
    resid = edited(g, interventions, 'resid', to, resid);
    if (to > 0) values.set(layerHook(to - 1, 'residPost'), resid);
  }
  return resid;
}

/** Final norm and unembedding of rows of the residual stream. */
export function unembedding(
  g: GraphBuilder,
  w: WeightSource,
  d: ModelDescription,
  resid: Value,
): { scale?: Value; logits: Value } {
  const { y, scale } = norm(g, w, d, resid, d.lnFinal);
  return { ...(scale && { scale }), logits: linear(g, w, y, d.unembed) };
}

/**
 * Final norm and unembedding of rows of the residual stream; with `topK` also the next tokens, with `ranksOf` targets a row
 * also their ranks; with `against` also KL(against ‖ resid) of rows that are fed beside them.
 */
export function emitUnembed(checkpoint: Described, request: UnembedGraphRequest): Graph {
  const { hooks, topK, ranksOf, against, part } = request;
  if (part && topK !== undefined) return emitPart(checkpoint, part, topK);
  const g = new GraphBuilder();
  const w = new Weights(checkpoint);
  const d = checkpoint.description;
  const read = (input: string): { scale?: Value; logits: Value } =>
    unembedding(g, w, d, g.input(input, DataType.FLOAT, ['pos', d.dModel]));
  const { scale, logits } = read(graphInputs.resid);
  const values = new Map([['logits', logits]]);
  if (scale) values.set('ln_final.hook_scale', scale);
  const named = hooks.map((name): NamedValue => ({ name, value: lookup(values, name), dtype: DataType.FLOAT }));
  if (topK !== undefined) named.push(...nextTokens(g, logits, graphInputs.targets, Math.min(topK, d.dVocab), ranksOf));
  if (against) named.push(divergence(g, read(graphInputs.against).logits, logits));
  const outputs = named.map(({ name, value, dtype }) => ({ name: g.alias(value, name), dtype }));
  return { ...g.build(outputs), outputs: outputs.map((o) => o.name), folder: w.folder };
}

function attentionInputs(g: GraphBuilder, d: ModelDescription, rows: Dim, length: number | undefined): AttentionInputs {
  const rope = d.positions.kind === 'rotary' ? d.positions.dims / 2 : 0;
  const seen = length ?? rows;
  return {
    mask: (window) => g.input(graphInputs.mask(window), DataType.FLOAT, [seen, seen]),
    cos: g.input(graphInputs.cos, DataType.FLOAT, [rows, rope]),
    sin: g.input(graphInputs.sin, DataType.FLOAT, [rows, rope]),
    length,
  };
}

/** What next tokens are made of, of a part of the vocabulary: for weights that are not in memory at once. */
function emitPart(checkpoint: Described, part: VocabularyPart, topK: number): Graph {
  const g = new GraphBuilder();
  const sliced = withPart(checkpoint, part);
  const w = new Weights(sliced);
  const { dModel, dVocab } = sliced.description;
  const { logits } = unembedding(g, w, sliced.description, g.input(graphInputs.resid, DataType.FLOAT, ['pos', dModel]));
  const named = partOfNextTokens(g, logits, graphInputs.targets, topK, dVocab);
  const outputs = named.map(({ name, value, dtype }) => ({ name: g.alias(value, name), dtype }));
  return { ...g.build(outputs), outputs: outputs.map((o) => o.name), folder: w.folder };
}

/** One block; registers its hooks and returns the residual stream after it. */
function block(
  g: GraphBuilder,
  w: WeightSource,
  d: ModelDescription,
  index: number,
  resid: Value,
  position: Value | undefined,
  inputs: AttentionInputs & { isPadded?: boolean | undefined },
  edits: AttentionEdits,
  values: Map<string, Value>,
): Value {
  const layer = d.layers[index]!;
  const set = (hook: LayerHook, value: Value | undefined): void => {
    if (value !== undefined) values.set(layerHook(index, hook), value);
  };
  set('residPre', resid);
  const ln1 = norm(g, w, d, resid, layer.ln1);
  set('ln1Scale', ln1.scale);
  const shortformer = position !== undefined && d.positions.kind === 'shortformer';
  const xQK = shortformer ? g.op('Add', [ln1.y, position]) : ln1.y;
  const attn = attention(g, w, d, layer, ln1.y, xQK, inputs, edits);
  setAttention(
    g,
    set,
    (rows) => rows.forEach((value, b) => values.set(rowsName(layerHook(index, 'pattern'), b), value)),
    attn,
  );
  const mid = g.op('Add', [resid, attn.out]);
  if (!layer.mlp) {
    set('residPost', mid);
    return mid;
  }
  if (!d.parallel) set('residMid', mid);
  const ln2 = norm(g, w, d, d.parallel ? resid : mid, layer.ln2);
  set('ln2Scale', ln2.scale);
  const m = mlp(g, w, ln2.y, layer.mlp, inputs.isPadded);
  set('mlpPre', m.pre);
  set('mlpPreLinear', m.preLinear);
  set('mlpPost', m.post);
  set('mlpOut', m.out);
  const post = g.op('Add', [mid, m.out]);
  set('residPost', post);
  return post;
}

function setAttention(
  g: GraphBuilder,
  set: (hook: LayerHook, v: Value | undefined) => void,
  setRows: (rows: Value[]) => void,
  a: AttentionValues,
): void {
  // TransformerLens has them as [pos, head, d_head]
  const byPosition = (x: Value | undefined): Value | undefined => x && g.op('Transpose', [x], { perm: [1, 0, 2] });
  set('q', byPosition(a.q));
  set('k', byPosition(a.k));
  set('v', byPosition(a.v));
  set('rotQ', byPosition(a.rotQ));
  set('rotK', byPosition(a.rotK));
  set('attnScores', a.scores);
  if (Array.isArray(a.pattern)) setRows(a.pattern);
  else set('pattern', a.pattern);
  set('valueNorm', a.valueNorm);
  set('z', a.z);
  set('attnOut', a.out);
}

function lookup(values: Map<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new Error(`the graph has no hook ${name}`);
  return value;
}
