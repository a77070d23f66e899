/** The projections of queries, keys and values as a description has them. */
import type { FusedQkv, Linear, SeparateQkv } from '../checkpoint/description';
import type { LayerHeads, Part } from './heads';
import type { Matched } from './matched';
import type { Rotation } from './rope';

/** @throws Unmatched */
export function qkvOf(
  matched: Matched,
  heads: LayerHeads,
  rotation: Rotation | undefined,
  layer: number,
): FusedQkv | SeparateQkv {
  const order = rotation?.order;
  const isOrdered = order?.every((from, to) => from === to) ?? true;
  const fused = isOrdered ? fusedOrder(heads) : undefined;
  if (fused) return { kind: 'fused', linear: matched.linear(heads.q.projection), order: fused };
  const part = (name: Part): Linear => {
    const { projection, columns } = heads[name];
    const indices = columns.flatMap((own) => (name === 'v' || isOrdered ? own : order!.map((d) => own[d]!)));
    return matched.linear(projection, { indices, part: `layer ${layer} ${name}` });
  };
  return { kind: 'separate', q: part('q'), k: part('k'), v: part('v') };
}

/** How one projection holds all three, if it does. */
function fusedOrder({ q, k, v }: LayerHeads): FusedQkv['order'] | undefined {
  const [nHeads, dHead] = [q.columns.length, q.columns[0]!.length];
  if (k.projection.output !== q.projection.output || v.projection.output !== q.projection.output) return undefined;
  if (k.columns.length !== nHeads || v.columns.length !== nHeads) return undefined;
  const at: Record<FusedQkv['order'], (part: number, h: number) => number> = {
    'qkv-head': (part, h) => (part * nHeads + h) * dHead,
    'head-qkv': (part, h) => (h * 3 + part) * dHead,
  };
  return (['qkv-head', 'head-qkv'] as const).find((order) =>
    [q, k, v].every(({ columns }, part) =>
      columns.every((own, h) => own.every((column, d) => column === at[order](part, h) + d)),
    ),
  );
}
