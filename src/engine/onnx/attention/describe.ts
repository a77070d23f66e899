/** Gives the values of one attention our hook names. */
import type { ForeignAttention, ForeignHook, OnnxGraph } from '../types';
import { scaleOf, type Measured, type Probed } from './measure';
import type { Above, Ancestor } from './upstream';
import { likeness, Vectors, type Likeness } from './vectors';

/** A value with the vectors of an operand. */
interface Match extends Likeness {
  ancestor: Ancestor;
  vectors: Vectors;
}

const ORDERS = ['phd', 'hpd', 'hdp'];

export function describe(graph: OnnxGraph, m: Measured, above: Above, probed: Probed): ForeignAttention {
  const { structure, nHeads, dHead } = m;
  const [q, k, v] = (['q', 'k', 'v'] as const).map((part) => {
    const own: Match = {
      ancestor: { value: structure[part].value, factors: [] },
      vectors: m[part],
      ratio: 1,
      exact: true,
    };
    const matches = [own, ...above[part].flatMap((each) => match(each, m[part], probed) ?? [])];
    return { part, matches, origin: earliest(graph, matches) };
  }) as [Part, Part, Part];
  const hooks: Record<string, ForeignHook> = {
    'attn.hook_pattern': { value: m.pattern, axes: `b${m.order}` as ForeignHook['axes'] },
    'attn.hook_attn_scores': { value: structure.scores, axes: `b${m.order}` as ForeignHook['axes'] },
    'attn.hook_z': { value: structure.z.value, axes: `b${m.zOrder}` as ForeignHook['axes'] },
  };
  for (const { part, origin } of [q, k, v]) hooks[`attn.hook_${part}`] = hookOf(origin, nHeads);
  if (!q.origin.exact || !k.origin.exact)
    for (const { part, matches } of [q, k]) {
      const rotated = earliest(
        graph,
        matches.filter(({ exact }) => exact),
      );
      hooks[`attn.hook_rot_${part}`] = hookOf(rotated, nHeads);
    }
  const inner = innerScale(graph, q.origin, probed) * innerScale(graph, k.origin, probed);
  return {
    ...{ nHeads, nKeyValueHeads: v.origin.vectors.sizes.h, dHead, hooks },
    operands: { q: structure.q.value, k: structure.k.value, v: structure.v.value },
    scale: m.outerScale * inner,
    causal: m.causal,
  };
}

interface Part {
  part: 'q' | 'k' | 'v';
  matches: Match[];
  origin: Match;
}

/** Tries the ways in which an ancestor's numbers may lie. */
function match(ancestor: Ancestor, operand: Vectors, probed: Probed): Match | undefined {
  const data = probed[ancestor.value]?.data;
  const { h, p, d } = operand.sizes;
  const heads = (data?.length ?? 0) / (p * d);
  if (!data || heads === 0 || !Number.isInteger(h / heads)) return undefined;
  const found = ORDERS.flatMap((order) => {
    const vectors = new Vectors(data, order, { h: heads, p, d });
    const like = likeness(vectors, operand);
    return like ? [{ ...like, ancestor, vectors }] : [];
  });
  return found.find(({ exact }) => exact) ?? found[0];
}

/** The one that is computed first: nearest to its projection. */
function earliest(graph: OnnxGraph, matches: Match[]): Match {
  const index = new Map((graph.model.graph?.node ?? []).map((node, at) => [node, at]));
  const at = ({ ancestor }: Match): number => index.get(graph.producer(ancestor.value)!) ?? -1;
  return matches.reduce((first, each) => (at(each) < at(first) ? each : first));
}

function hookOf({ ancestor, vectors }: Match, nHeads: number): ForeignHook {
  const heads = vectors.sizes.h === nHeads ? 'h' : 'j';
  return { value: ancestor.value, axes: `b${vectors.order.replace('h', heads)}` as ForeignHook['axes'] };
}

/** operand = value · scale: as the graph says it, where the numbers agree; else as measured. */
function innerScale(graph: OnnxGraph, { ancestor, ratio }: Match, probed: Probed): number {
  const said = scaleOf(graph, ancestor.factors, probed);
  return Math.abs(said * ratio - 1) < 1e-2 ? said : 1 / ratio;
}
