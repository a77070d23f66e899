/** Queries, keys and values of a foreign graph's heads, followed to the columns of the projections that make them. */
import * as l10n from '@vscode/l10n';
import type { ForeignAttention, ForeignHook, Probe, ProbeTensor } from './types';
import type { Flow } from './follow';
import { projectionsAbove, type Projection } from './projections';
import { columnsOf, fill, positionsOf, trace, type Source, type Traced } from './trace';
import { rotationOf, type Rotation } from './rope';

export type Part = 'q' | 'k' | 'v';
export const PARTS: Part[] = ['q', 'k', 'v'];
/** Relative precision of angles and of products with them. */
const BARS = { F32: 1e-5, F16: 2e-3 };
const NAMES: Record<Part, string> = { q: l10n.t('queries'), k: l10n.t('keys'), v: l10n.t('values') };

/** Products with weights in blocks, or rounded otherwise. */
const UNREAD = /^(MatMulNBits|MatMulBnb4|QLinearMatMul|QAttention|DynamicQuantizeMatMul|MatMulIntegerToFloat|Conv)$/;

/** Where the numbers of one operand of a layer's heads come from. */
export interface HeadColumns {
  projection: Projection;
  /** The projection's column of each head's dimensions `[head][d_head]`; of key/value heads before they are repeated. */
  columns: number[][];
}
export type LayerHeads = Record<Part, HeadColumns>;

/** The numbers of a value with heads: index of (head, pos, d) in its data, whatever its rank. */
function indexer({ axes }: ForeignHook, sizes: Record<string, number>): (h: number, p: number, d: number) => number {
  return (h, p, d) => {
    const at: Record<string, number> = { b: 0, h, j: h, p, d };
    return [...axes].reduce((index, axis) => index * (sizes[axis] ?? 1) + at[axis]!, 0);
  };
}

/** A value with heads, and how its numbers are found. */
interface Target {
  layer: number;
  part: Part;
  hook: ForeignHook;
  projection: Projection;
  heads: number;
  dHead: number;
  index: (h: number, p: number, d: number) => number;
}

/** @returns each layer's operands, or a sentence's end about what could not be followed */
export async function followHeads(
  flow: Flow,
  layers: readonly { attention: ForeignAttention; stops: ReadonlySet<string> }[],
  probe: Probe,
): Promise<{ heads: LayerHeads[]; rotation?: Rotation } | string> {
  const projections: Projection[][] = [];
  for (const [layer, { attention, stops }] of layers.entries()) {
    const found = PARTS.map((part) => onlyProjection(flow, attention, part, stops));
    const bad = found.find((each) => typeof each === 'string');
    if (bad !== undefined) return l10n.t("layer {0}'s {1}", layer, String(bad));
    projections.push(found as Projection[]);
  }
  const hooks = layers.flatMap(({ attention }) => PARTS.map((part) => attention.hooks[`attn.hook_${part}`]!));
  const byOutput = new Map(projections.flat().map((projection) => [projection.output, projection]));
  const outputs = [...byOutput.keys()];
  const seen = await probe([...new Set([...outputs, ...hooks.map(({ value }) => value)])]);
  const sources = outputs.map((value) => columnsOf(value, seen[value]!.dims, byOutput.get(value)!.axes?.out));
  const positions = positionsOf(sources[0]!);
  const targets = layers.flatMap(({ attention }, layer) =>
    PARTS.map((part, i) => targetOf(layer, part, attention, projections[layer]![i]!, seen, positions)),
  );
  const traced = await trace(probe, sources, targets.map(inColumns));
  const all: LayerHeads[] = [];
  for (let layer = 0; layer < layers.length; layer++) {
    const own = targets.slice(all.length * 3, all.length * 3 + 3);
    const columns = own.map((target) => columnsAt(target, traced.get(target.hook.value)!));
    const bad = own.find((_, i) => columns[i] === undefined);
    if (bad)
      return l10n.t("layer {0}'s {1} are not a projection's numbers (they may be normed)", bad.layer, NAMES[bad.part]);
    const [q, k, v] = own.map(({ projection }, i): HeadColumns => ({ projection, columns: columns[i]! }));
    all.push({ q: q!, k: k!, v: v! });
  }
  const rotation = await findRotation(
    layers.map((layer) => layer.attention),
    all,
    sources,
    probe,
    isHalf(flow, projections[0]![0]!) ? BARS.F16 : BARS.F32,
  );
  if (typeof rotation === 'string') return rotation;
  return { heads: all, ...(rotation && { rotation }) };
}

function onlyProjection(
  flow: Flow,
  attention: ForeignAttention,
  part: Part,
  stops: ReadonlySet<string>,
): Projection | string {
  const hook = attention.hooks[`attn.hook_${part}`];
  if (!hook) return l10n.t('{0} were not found', NAMES[part]);
  const { found, bare } = projectionsAbove(flow, hook.value, stops);
  if (found.length === 1 && !bare) return found[0]!;
  const unread = [...flow.upstream(hook.value, stops).nodes].find(({ opType }) => UNREAD.test(opType));
  if (unread)
    return l10n.t('{0} are made by {1}, whose weights are in a form that is not read', NAMES[part], unread.opType);
  return bare
    ? l10n.t(
        '{0} come from {1} products with weights and the residual stream itself; one was expected',
        NAMES[part],
        found.length,
      )
    : l10n.t('{0} come from {1} products with weights; one was expected', NAMES[part], found.length);
}

function targetOf(
  layer: number,
  part: Part,
  { dHead, hooks }: ForeignAttention,
  projection: Projection,
  seen: Record<string, ProbeTensor>,
  positions: number,
): Target {
  const hook = hooks[`attn.hook_${part}`]!;
  const heads = seen[hook.value]!.data.length / (positions * dHead);
  const sizes = { b: 1, h: heads, j: heads, p: positions, d: dHead };
  return { layer, part, hook, projection, heads, dHead, index: indexer(hook, sizes) };
}

/** With columns `[head, d_head]`. */
function inColumns({ hook, dHead, index }: Target): { value: string; index: (column: number, p: number) => number } {
  return { value: hook.value, index: (column, p) => index(Math.floor(column / dHead), p, column % dHead) };
}

function columnsAt({ heads, dHead }: Target, traced: Traced): number[][] | undefined {
  const columns = Array.from({ length: heads }, (_, h) =>
    Array.from({ length: dHead }, (_, d) => traced(h * dHead + d)?.column ?? -1),
  );
  return columns.flat().includes(-1) ? undefined : columns;
}

/** Repeated key/value heads once: head h uses floor(h / group). */
export function withoutRepeats(columns: number[][], keyValueHeads: number): number[][] {
  const group = columns.length / keyValueHeads;
  const repeats = columns.every((own, h) => own.join() === columns[Math.floor(h / group) * group]!.join());
  return repeats ? columns.filter((_, h) => h % group === 0) : columns;
}

function isHalf(flow: Flow, { weight }: Projection): boolean {
  return ['F16', 'BF16'].includes(flow.graph.tensors.get(flow.origin(weight))?.dtype ?? '');
}

/** Queries with a 1 in each dimension, at position 1: every head of every layer takes one of them. */
async function findRotation(
  attentions: readonly ForeignAttention[],
  heads: readonly LayerHeads[],
  sources: readonly Source[],
  probe: Probe,
  bar: number,
): Promise<Rotation | undefined | string> {
  const rotated = attentions.flatMap(({ hooks }) => hooks['attn.hook_rot_q'] ?? []);
  const keys = attentions.flatMap(({ hooks }) => hooks['attn.hook_rot_k'] ?? []);
  if (rotated.length + keys.length === 0) return undefined;
  if (rotated.length < attentions.length || keys.length < attentions.length)
    return l10n.t('only some of its layers have rotary positions');
  const { nHeads, dHead } = attentions[0]!;
  const slots = nHeads * attentions.length;
  const turned: Float32Array[] = [];
  for (let from = 0; from < dHead; from += slots) {
    const hot = new Map(heads.map(({ q }) => [q.projection.output, new Set<number>()]));
    heads.forEach(({ q }, layer) =>
      q.columns.forEach((own, h) => {
        const column = own[from + layer * nHeads + h];
        if (column !== undefined) hot.get(q.projection.output)!.add(column);
      }),
    );
    const value = (column: number, _: number, name: string): number => Number(hot.get(name)?.has(column) ?? false);
    const given = Object.fromEntries(sources.map((source) => [source.value, fill(source, value)]));
    const needed = rotated.slice(0, Math.ceil((dHead - from) / nHeads));
    const seen = await probe(
      needed.map((hook) => hook.value),
      given,
    );
    for (let d = from; d < Math.min(dHead, from + slots); d++) {
      const hook = needed[Math.floor((d - from) / nHeads)]!;
      const { data } = seen[hook.value]!;
      const index = indexer(hook, { b: 1, h: nHeads, j: nHeads, p: data.length / (nHeads * dHead), d: dHead });
      const h = (d - from) % nHeads;
      const scale = data[index(h, 0, d)]!;
      turned.push(Float32Array.from({ length: dHead }, (__, to) => data[index(h, 1, to)]! / scale));
    }
  }
  return rotationOf(turned, bar);
}
