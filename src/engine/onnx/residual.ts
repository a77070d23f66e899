/** The residual stream of a foreign graph: the chain of additions that its blocks read and write. */
import * as l10n from '@vscode/l10n';
import { layerHook } from '../graph/hooks';
import { blocksOf, type Block } from './blocks';
import { Flow } from './follow';
import { foreignInputs } from './inputs';
import { findMlps, type ForeignMlp } from './mlps';
import { normBetween, type ForeignNorm } from './norms';
import { PROBE_IDS } from './probe';
import { projectionAt, projectionsAbove, type Projection } from './projections';
import { readOf } from './reads';
import { writesOf, type Write } from './stream';
import type { ForeignAttention, ForeignHook, ForeignResidual, OnnxGraph, Probe, ProbeTensor } from './types';

/** A residual stream with what was learnt about it; weights.ts goes on from here. */
export interface FoundResidual extends ForeignResidual {
  flow: Flow;
  blocks: Block[];
  /** A layer's MLP, or a clause about what is not understood; undefined without one. */
  mlps: (ForeignMlp | string | undefined)[];
  /** The stream's first and last value, and all reshaped copies of them. */
  start: string;
  end: ReadonlySet<string>;
  /** What is added to the embedding, or to what queries and keys are made of. */
  position?: { value: string; kind: 'standard' | 'shortformer' };
  /** From the last value to the logits: the value of the logits and what makes them. */
  unembed?: { logits: string; projection: Projection };
}

/** @returns the stream, or one sentence that says why there is none */
export async function findResidual(
  graph: OnnxGraph,
  attentions: readonly ForeignAttention[],
  probe: Probe,
): Promise<FoundResidual | string> {
  const none = (why: string): string => l10n.t('The residual stream of {0} was not found: {1}.', graph.file, why);
  const inputs = foreignInputs(graph);
  const flow = new Flow(graph, inputs.ids);
  if (attentions.length === 0) return none(l10n.t('the graph has no attention'));
  if (!flow.embedding) return none(l10n.t('nothing looks the token ids up in a table of embeddings'));
  const patterns = attentions.map(({ hooks }) => hooks['attn.hook_pattern']!.value);
  const candidates = flow.nodes.filter(
    (node) => node.opType === 'Add' && node.input.every((input) => flow.data.has(input)),
  );
  // one run for all that will be asked, where it is not much
  const more = (inputs.length ?? 0) <= PROBE_IDS.length ? askedLater(flow) : [];
  const seen = await probe([flow.embedding.output, ...candidates.map(({ output }) => output[0]!), ...more]);
  const embedded = seen[flow.embedding.output]!;
  const dModel = embedded.dims.at(-1)!;
  const isRow = (value: string): boolean =>
    seen[value]!.dims.at(-1) === dModel && seen[value]!.data.length === embedded.data.length;
  const writes = writesOf(flow, patterns, (add) => isRow(add.output[0]!));
  const written = writes.reduce((sum, each) => sum + each.attentions.length, 0);
  if (written < attentions.length)
    return none(
      endsInNorm(flow, writes, candidates)
        ? l10n.t(
            'the longest chain of additions takes in {0} of {1} attentions, as sums are normed before the next is added (post-norm)',
            written,
            attentions.length,
          )
        : l10n.t('the longest chain of additions takes in {0} of {1} attentions', written, attentions.length),
    );
  const layers = blocksOf(flow, writes, patterns);
  if (typeof layers === 'string') return none(layers);
  const { blocks, parallel } = layers;
  const found: Found = { flow, blocks, parallel, dModel, start: blocks[0]!.residPre };
  return { ...found, ...(await details(found, probe)) };
}

/** What projections read and make, and the outputs. */
function askedLater(flow: Flow): string[] {
  const around = flow.nodes.flatMap(({ output: [value] }) => projectionAt(flow, value!) ?? []);
  const outputs = (flow.graph.model.graph?.output ?? []).map(({ name }) => name).filter((name) => flow.data.has(name));
  return [...around.flatMap(({ input, output }) => [input, ...flow.aliases(output)]), ...outputs];
}

type Found = Pick<FoundResidual, 'flow' | 'blocks' | 'parallel' | 'dModel' | 'start'>;

/** Whether the chain ends because nothing is added to its last value. */
function endsInNorm(flow: Flow, writes: readonly Write[], adds: Flow['nodes']): boolean {
  const last = writes.at(-1);
  if (!last) return false;
  const readers = [...flow.aliases(last.after)].flatMap((alias) => flow.graph.consumers(alias));
  return !readers.some((node) => adds.includes(node));
}

/** Embedding, MLPs, unembedding, and the hooks of all. */
async function details(found: Found, probe: Probe): Promise<Omit<FoundResidual, keyof Found>> {
  const { flow, blocks, start } = found;
  const mlps = await mlpsOf(found, probe);
  const end = flow.aliases(blocks.at(-1)!.residPost);
  const unembed = findUnembed(flow, end);
  const embed = embedOf(flow, start);
  const position = embed?.position ?? shortformer(found);
  const values = valuesOf(blocks, mlps, embed?.embed, position?.value);
  const seen = await probe([...new Set(Object.values(values))]);
  const hooks: Record<string, ForeignHook> = {};
  for (const [name, value] of Object.entries(values)) {
    const axes = axesOf(seen[value]!);
    if (axes) hooks[name] = { value, axes };
  }
  addScales(found, mlps, unembed, hooks);
  return { hooks, mlps, end, ...(position && { position }), ...(unembed && { unembed }) };
}

async function mlpsOf({ flow, blocks }: Found, probe: Probe): Promise<FoundResidual['mlps']> {
  const layers = blocks.flatMap(({ residPre, residMid, mlpOut }) =>
    mlpOut === undefined ? [] : [{ mlpOut, stops: flow.aliases(residMid ?? residPre) }],
  );
  const found = layers.length > 0 ? await findMlps(flow, layers, probe) : [];
  return blocks.map(({ mlpOut }) => (mlpOut === undefined ? undefined : found.shift()));
}

/** The token embedding, and what is added to it before the first block. */
function embedOf(
  flow: Flow,
  start: string,
): { embed: string; position?: NonNullable<FoundResidual['position']> } | undefined {
  const isEmbedding = (value: string): boolean => flow.embeddingAt(value) !== undefined;
  if (isEmbedding(start)) return { embed: start };
  const node = flow.graph.producer(start);
  if (node?.opType !== 'Add') return undefined;
  const embed = node.input.find(isEmbedding);
  const position = node.input.find((value) => value !== embed);
  const isData = position === undefined || flow.data.has(position);
  return embed === undefined || isData ? undefined : { embed, position: { value: position, kind: 'standard' } };
}

/** Positions that are added to what the first layer's queries read. */
function shortformer({ flow, blocks, dModel }: Found): FoundResidual['position'] {
  const { attnOut, residPre } = blocks[0]!;
  const reads = readersOf(flow, attnOut, flow.aliases(residPre)).map(({ input }) => readOf(flow, input, dModel));
  const value = reads.find(({ position }) => position !== undefined)?.position;
  return value === undefined ? undefined : { value, kind: 'shortformer' };
}

/** The graph's output that follows from the end of the stream through one projection: the logits. */
function findUnembed(flow: Flow, end: ReadonlySet<string>): FoundResidual['unembed'] {
  for (const { name } of flow.graph.model.graph?.output ?? []) {
    if (!flow.data.has(name)) continue;
    const { found } = projectionsAbove(flow, name, end);
    if (found.length === 1 && flow.upstream(found[0]!.input, end).reached.size > 0)
      return { logits: name, projection: found[0]! };
  }
  return undefined;
}

/** Values by hook name. */
function valuesOf(
  blocks: readonly Block[],
  mlps: FoundResidual['mlps'],
  embed: string | undefined,
  position: string | undefined,
): Record<string, string> {
  const values: Record<string, string | undefined> = { hook_embed: embed, hook_pos_embed: position };
  for (const [l, block] of blocks.entries()) {
    const mlp = mlps[l];
    values[layerHook(l, 'residPre')] = block.residPre;
    values[layerHook(l, 'attnOut')] = block.attnOut;
    values[layerHook(l, 'residMid')] = block.residMid;
    values[layerHook(l, 'mlpOut')] = block.mlpOut;
    values[layerHook(l, 'residPost')] = block.residPost;
    if (mlp === undefined || typeof mlp === 'string') continue;
    const pre = mlp.gate ?? mlp.in;
    values[layerHook(l, 'mlpPre')] = pre.columns ? undefined : pre.projection.output;
    values[layerHook(l, 'mlpPreLinear')] = mlp.gate && !mlp.in.columns ? mlp.in.projection.output : undefined;
    values[layerHook(l, 'mlpPost')] = mlp.out.input;
  }
  return Object.fromEntries(Object.entries(values).filter((each): each is [string, string] => each[1] !== undefined));
}

function axesOf({ dims }: ProbeTensor): ForeignHook['axes'] | undefined {
  return dims.length === 3 && dims[0] === 1 ? 'bpd' : dims.length === 2 ? 'pd' : undefined;
}

/** hook_scale of the norms that are understood, as what they are of the stream. */
function addScales(
  { flow, blocks, dModel }: Found,
  mlps: FoundResidual['mlps'],
  unembed: FoundResidual['unembed'],
  hooks: Record<string, ForeignHook>,
): void {
  const add = (name: string, of: string, norm: ForeignNorm | undefined | string): void => {
    const hook = hooks[of];
    if (hook && norm !== undefined && typeof norm !== 'string')
      hooks[name] = { ...hook, scaleOf: { kind: norm.kind, eps: norm.eps } };
  };
  for (const [l, { residPre, residMid, attnOut }] of blocks.entries()) {
    const pre = flow.aliases(residPre);
    const [read] = readersOf(flow, attnOut, pre).map(({ input }) => readOf(flow, input, dModel, pre).x);
    const norm1 = read === undefined ? undefined : normBetween(flow, pre, read, dModel);
    add(layerHook(l, 'ln1Scale'), layerHook(l, 'residPre'), norm1);
    const mlp = mlps[l];
    if (mlp === undefined || typeof mlp === 'string') continue;
    const stream = flow.aliases(residMid ?? residPre);
    const norm = normBetween(flow, stream, mlp.in.projection.input, dModel);
    add(layerHook(l, 'ln2Scale'), layerHook(l, residMid === undefined ? 'residPre' : 'residMid'), norm);
  }
  const last = blocks.length - 1;
  const end = flow.aliases(blocks[last]!.residPost);
  const norm = unembed && normBetween(flow, end, unembed.projection.input, dModel);
  add('ln_final.hook_scale', layerHook(last, 'residPost'), norm);
}

/** The projections above `value` that read the stream: those that none lies above. */
function readersOf(flow: Flow, value: string, stream: ReadonlySet<string>): Projection[] {
  const readers: Projection[] = [];
  const inputs = new Set([value]);
  for (const input of inputs)
    for (const projection of projectionsAbove(flow, input, stream).found) {
      if (projectionsAbove(flow, projection.input, stream).found.length === 0) readers.push(projection);
      else inputs.add(projection.input);
    }
  return readers;
}
