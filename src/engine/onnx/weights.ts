/** The weights of a foreign graph as a ModelDescription, found by following the graph from each head to its initializers. */
import * as l10n from '@vscode/l10n';
import type { StoredTensor } from '../checkpoint/checkpoint';
import type { Layer, Linear, ModelDescription, NormWeights, Positions } from '../checkpoint/description';
import { InputError } from '../checkpoint/errors';
import { withFloatProducts } from './floatProducts';
import { followHeads, PARTS, withoutRepeats, type HeadColumns, type LayerHeads, type Part } from './heads';
import { foreignInputs } from './inputs';
import { Matched, need, Unmatched } from './matched';
import type { MlpPart } from './mlps';
import { normBetween, type ForeignNorm } from './norms';
import { outputsOf } from './output';
import { contextOf, positionTable } from './positions';
import { createProbe, PROBE_IDS } from './probe';
import { qkvOf } from './qkv';
import { readOf } from './reads';
import type { FoundResidual } from './residual';
import type { Rotation } from './rope';
import type { ForeignAttention, OnnxGraph, Probe } from './types';
import { verify } from './verify';

export interface ForeignWeights {
  /** `nCtx` is 0 where the graph does not say it. */
  description: ModelDescription;
  tensors: Map<string, StoredTensor>;
}

/** @returns the weights, or one sentence that says which could not be matched */
export async function findWeights(
  graph: OnnxGraph,
  attentions: readonly ForeignAttention[],
  residual: FoundResidual,
  probe: Probe,
): Promise<ForeignWeights | string> {
  try {
    const found = await match(attentions, residual, probe);
    const floats = withFloatProducts(residual.flow);
    if (floats) found.description.notices.push(ROUNDED);
    const inputs = foreignInputs(graph);
    const exact = floats ? createProbe(floats, inputs) : probe;
    const ids = PROBE_IDS.slice(0, inputs.length);
    const differs = await verify(found, attentions, residual, exact, ids);
    if (differs !== undefined) throw new Unmatched(differs);
    return found;
  } catch (error) {
    // ONNX Runtime may refuse what is asked about the graph although it runs the graph itself
    if (!(error instanceof Unmatched || error instanceof InputError)) throw error;
    return l10n.t('The weights of {0} were not matched to heads: {1}.', graph.file, error.message.replace(/\.$/, ''));
  }
}

/** One layer's attention and where its stream is. */
interface Own {
  attention: ForeignAttention;
  stops: ReadonlySet<string>;
}

async function match(
  attentions: readonly ForeignAttention[],
  residual: FoundResidual,
  probe: Probe,
): Promise<ForeignWeights> {
  const { flow, blocks, dModel, parallel } = residual;
  const layers = blocks.map(({ attention, residPre }): Own => {
    return { attention: attentions[attention]!, stops: flow.aliases(residPre) };
  });
  const { nHeads, dHead } = sameSizes(layers);
  const { heads: followed, rotation } = need(await followHeads(flow, layers, probe));
  const nKeyValueHeads = keyValueHeads(followed, nHeads);
  const heads = followed.map((own): LayerHeads => {
    const once = (part: HeadColumns): HeadColumns => ({
      ...part,
      columns: withoutRepeats(part.columns, nKeyValueHeads),
    });
    return { q: own.q, k: once(own.k), v: once(own.v) };
  });
  const matched = new Matched(flow);
  const norms = new Norms();
  const outputs = layers.map((own, l) => ({ ...own, attnOut: blocks[l]!.attnOut }));
  const outs = await outputsOf(flow, matched, outputs, probe);
  const described = layers.map(({ attention, stops }, l): Layer => {
    const ln1 = norms.take(sharedNorm(residual, stops, heads[l]!, l));
    return {
      ...(ln1 && { ln1: matched.norm(ln1, dModel) }),
      qkv: qkvOf(matched, heads[l]!, rotation, l),
      out: outs[l]!,
      ...mlpOf(residual, matched, norms, l),
      attnScale: attnScale(attention.scale, dHead),
    };
  });
  const { lnFinal, unembed } = unembedding(residual, matched, norms);
  const W_E = embedding(residual, matched);
  const positions = await positionsOf(residual, matched, heads, rotation, probe);
  const table = 'W_pos' in positions ? positions.W_pos.shape[0]! : undefined;
  const context = table ?? contextOf(flow, layers[0]!.attention, rotation);
  const { mlp } = described.find((layer) => layer.mlp) ?? {};
  const description: ModelDescription = {
    architecture: 'onnx',
    nLayers: described.length,
    ...{ nHeads, nKeyValueHeads, dModel, dHead },
    dMlp: mlp ? mlp.out.weight.shape[mlp.out.layout === 'out-in' ? 1 : 0]! : 0,
    nCtx: context ?? 0,
    dVocab: W_E.shape[0]!,
    norm: norms.one(),
    parallel,
    positions,
    W_E,
    layers: described,
    ...(lnFinal && { lnFinal }),
    unembed,
    notices: [],
  };
  return { description, tensors: matched.tensors };
}

const ROUNDED = l10n.t(
  'The graph rounds activations to 8 bits before it multiplies them; circuits that are read from weights alone do not.',
);

async function positionsOf(
  { flow, position, dModel }: FoundResidual,
  matched: Matched,
  heads: readonly LayerHeads[],
  rotation: Rotation | undefined,
  probe: Probe,
): Promise<Positions> {
  if (position && rotation) throw new Unmatched(l10n.t('it has both a table of positions and rotary positions'));
  if (rotation) return rotation.rotary;
  if (!position) throw new Unmatched(l10n.t('it has neither a table of positions nor rotary positions'));
  const added = (part: Part): boolean =>
    heads.every((own) => readOf(flow, own[part].projection.input, dModel).position !== undefined);
  if (position.kind === 'shortformer' && !(added('q') && added('k') && !added('v')))
    throw new Unmatched(
      l10n.t('positions are added to what some of its queries, keys and values are made of, and not to others'),
    );
  return { kind: position.kind, W_pos: await positionTable(flow, matched, position.value, dModel, probe) };
}

/** All norms of a model are of one kind. */
class Norms {
  private found: ForeignNorm | undefined;
  private none = false;

  take(norm: ForeignNorm | undefined): ForeignNorm | undefined {
    if (!norm) this.none = true;
    const { kind, eps } = this.found ?? norm ?? {};
    if (norm && (norm.kind !== kind || Math.abs(norm.eps - eps!) > 1e-3 * eps!))
      throw new Unmatched(
        l10n.t('its norms differ ({0} with eps {1}, {2} with {3})', kind!, eps!, norm.kind, norm.eps),
      );
    this.found ??= norm;
    return norm;
  }

  one(): ModelDescription['norm'] {
    if (this.found && this.none)
      throw new Unmatched(l10n.t('some of its blocks read the residual stream through a norm and others do not'));
    return this.found ? { kind: this.found.kind, eps: this.found.eps } : { kind: 'none', eps: 0 };
  }
}

function sameSizes(layers: readonly Own[]): { nHeads: number; dHead: number } {
  const { nHeads, dHead } = layers[0]!.attention;
  const other = layers.findIndex(({ attention }) => attention.nHeads !== nHeads || attention.dHead !== dHead);
  if (other >= 0) throw new Unmatched(l10n.t('layer {0} has other heads than layer 0', other));
  return { nHeads, dHead };
}

/** The most repetition that all layers' keys and values share. */
function keyValueHeads(layers: readonly LayerHeads[], nHeads: number): number {
  const distinct = (columns: number[][]): number => new Set(columns.map((own) => own.join())).size;
  const count = Math.max(...layers.flatMap(({ k, v }) => [distinct(k.columns), distinct(v.columns)]));
  const fits = layers.every(({ k, v }) =>
    [k, v].every(
      ({ columns }) =>
        nHeads % count === 0 && withoutRepeats(columns, Math.min(columns.length, count)).length === count,
    ),
  );
  return fits ? count : nHeads;
}

const layerClause = <T>(found: T | string, layer: number, what: string): T | string =>
  typeof found === 'string' ? l10n.t("layer {0}'s {1} {2}", layer, what, found) : found;

/** The norm that queries, keys and values are read through. */
function sharedNorm(
  { flow, dModel }: FoundResidual,
  stops: ReadonlySet<string>,
  heads: LayerHeads,
  layer: number,
): ForeignNorm | undefined {
  const norms = PARTS.map((part) =>
    need(
      layerClause(
        normBetween(flow, stops, readOf(flow, heads[part].projection.input, dModel, stops).x, dModel),
        layer,
        l10n.t('attention'),
      ),
    ),
  );
  const [first] = norms;
  if (norms.some((norm) => norm?.gain !== first?.gain || norm?.bias !== first?.bias || norm?.kind !== first?.kind))
    throw new Unmatched(l10n.t("layer {0}'s queries, keys and values are read through different norms", layer));
  return first;
}

/** A layer's MLP and the norm that it reads the stream through. */
function mlpOf(
  { flow, blocks, mlps, dModel }: FoundResidual,
  matched: Matched,
  norms: Norms,
  layer: number,
): Pick<Layer, 'ln2' | 'mlp'> {
  const { residPre, residMid } = blocks[layer]!;
  const found = mlps[layer];
  if (found === undefined) return {};
  const mlp = need(layerClause(found, layer, 'MLP'));
  const stops = flow.aliases(residMid ?? residPre);
  const ln2 = norms.take(need(layerClause(normBetween(flow, stops, mlp.in.projection.input, dModel), layer, 'MLP')));
  const part = ({ projection, columns }: MlpPart): Linear => {
    if (!columns) return matched.linear(projection);
    const indices = Array.from({ length: columns[1] - columns[0] }, (_, i) => columns[0] + i);
    return matched.linear(projection, { indices, part: columns.join(':') });
  };
  const { act, gate, in: inner, out } = mlp;
  return {
    ...(ln2 && { ln2: matched.norm(ln2, dModel) }),
    mlp: { act, ...(gate && { gate: part(gate) }), in: part(inner), out: matched.linear(out) },
  };
}

/** sqrt(d_head) as it is, not as float16 rounds it. */
function attnScale(scale: number, dHead: number): number {
  const usual = Math.sqrt(dHead);
  return Math.abs(scale * usual - 1) < 1e-3 ? usual : 1 / scale;
}

function embedding({ flow, start, hooks }: FoundResidual, matched: Matched): ModelDescription['W_E'] {
  const embed = hooks['hook_embed'] && flow.embeddingAt(hooks['hook_embed'].value);
  if (!embed)
    throw new Unmatched(
      l10n.t('what leads from the embedding to {0}, where the residual stream begins, is not a sum', start),
    );
  return matched.table(flow.embedding!.table, embed.rows, { scale: embed.scale });
}

function unembedding(
  { flow, unembed, end, dModel }: FoundResidual,
  matched: Matched,
  norms: Norms,
): { lnFinal?: NormWeights; unembed: Linear } {
  if (!unembed) throw new Unmatched(l10n.t('no output of the graph is an unembedding of the residual stream'));
  const norm = normBetween(flow, end, unembed.projection.input, dModel);
  const taken = norms.take(need(typeof norm === 'string' ? l10n.t('the unembedding {0}', norm) : norm));
  return { ...(taken && { lnFinal: matched.norm(taken, dModel) }), unembed: matched.linear(unembed.projection) };
}
