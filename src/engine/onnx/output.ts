/** What attention's mixed values are multiplied with before they are added to the residual stream. */
import * as l10n from '@vscode/l10n';
import type { Linear } from '../checkpoint/description';
import type { Flow } from './follow';
import { Unmatched, type Matched } from './matched';
import { projectionsAbove, type Projection } from './projections';
import { trace, type Source, type Traced } from './trace';
import type { ForeignAttention, ForeignHook, Probe, ProbeTensor } from './types';

export interface OutputOf {
  attention: ForeignAttention;
  attnOut: string;
  stops: ReadonlySet<string>;
}

/** Each layer's W_O with rows `[head, d_head]`. @throws Unmatched */
export async function outputsOf(
  flow: Flow,
  matched: Matched,
  layers: readonly OutputOf[],
  probe: Probe,
): Promise<Linear[]> {
  const zs = layers.map(({ attention: { hooks } }, layer) => zOf(hooks, layer));
  const projections = layers.map(({ attnOut, stops }, layer) => projectionOf(flow, attnOut, stops, zs[layer]!, layer));
  const seen = await probe([...new Set(zs.map(({ value }) => value))]);
  const sources = layers.map(({ attention }, layer) => sourceOf(zs[layer]!, attention, seen));
  const inputs = projections.map(({ input }) => input);
  const targets = inputs.map((value, layer) => {
    const { nHeads, dHead } = layers[layer]!.attention;
    return { value, index: (column: number, position: number) => position * nHeads * dHead + column };
  });
  const traced = await trace(probe, sources, targets);
  return layers.map(({ attention: { nHeads, dHead } }, layer) => {
    const rows = rowsOf(traced.get(inputs[layer]!)!, nHeads * dHead, layer);
    const linear = matched.linear(projections[layer]!);
    return rows ? matched.withRows(linear, rows, `layer ${layer} by head`) : linear;
  });
}

function zOf(hooks: ForeignAttention['hooks'], layer: number): ForeignHook {
  const z = hooks['attn.hook_z'];
  if (!z) throw new Unmatched(l10n.t("layer {0}'s mixed values were not found", layer));
  return z;
}

function projectionOf(
  flow: Flow,
  attnOut: string,
  stops: ReadonlySet<string>,
  z: ForeignHook,
  layer: number,
): Projection {
  const { found, bare } = projectionsAbove(flow, attnOut, new Set([...stops, z.value]));
  const [projection] = found;
  if (projection && found.length === 1 && !bare) return projection;
  throw new Unmatched(
    l10n.t("layer {0}'s attention ends in {1} products with weights; one was expected", layer, found.length),
  );
}

function sourceOf(
  { value, axes }: ForeignHook,
  { nHeads, dHead }: ForeignAttention,
  seen: Record<string, ProbeTensor>,
): Source {
  const { dims } = seen[value]!;
  const sizes: Record<string, number> = { b: 1, h: nHeads, d: dHead };
  const positions = dims.reduce((a, b) => a * b, 1) / (nHeads * dHead);
  const shape = [...axes].map((axis) => sizes[axis] ?? positions);
  return { value, dims, shape, axes: ['h', 'd'].map((axis) => axes.indexOf(axis)) };
}

/** The order in which W_O's rows are those of `[head, d_head]`; undefined when they are. */
function rowsOf(traced: Traced, n: number, layer: number): number[] | undefined {
  const columns = Array.from({ length: n }, (_, i) => {
    const origin = traced(i);
    return origin && Math.abs(origin.scale - 1) < 1e-3 ? origin.column : -1;
  });
  if (new Set(columns).size !== n || columns.includes(-1))
    throw new Unmatched(
      l10n.t("what lies between layer {0}'s mixed values and their projection is not a rearrangement", layer),
    );
  return columns.every((column, i) => column === i) ? undefined : columns.map((_, i) => columns.indexOf(i));
}
