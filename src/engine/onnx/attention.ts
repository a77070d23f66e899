/** Finds attention in a foreign graph: by structure first, then by what a short prompt shows. */
import { describe } from './attention/describe';
import { measured, type Measured } from './attention/measure';
import { inParts } from './attention/parts';
import { structures, type Structure } from './attention/structure';
import { ancestors, contentOf, type Above } from './attention/upstream';
import type { ForeignAttention, OnnxGraph, Probe } from './types';

/** Every attention of the graph, in the order in which they are computed; encoders' too, which are not causal. */
export async function findAttention(graph: OnnxGraph, probe: Probe): Promise<ForeignAttention[]> {
  const computed = ({ value }: { value: string }): boolean => graph.constant(value) === undefined;
  const shown = ({ q, k, v, pattern, z, softmax, factors }: Structure): string[] => [
    ...[q, k, v, pattern, z].map(({ value }) => value),
    ...[softmax, ...factors.filter(computed).map(({ value }) => value)],
  ];
  const found = await inParts(graph, probe, structures(graph), shown, (each, probed) => measured(graph, each, probed));
  if (found.length === 0) return [];
  const content = contentOf(graph, found[0]!.structure.v.value);
  const withAbove = found.map((each) => ({ each, above: aboveOf(each, (value) => ancestors(graph, content, value)) }));
  const values = ({ above: { q, k, v } }: { above: Above }): string[] =>
    [...q, ...k, ...v].flatMap(({ value, factors }) => [value, ...factors.filter(computed).map((each) => each.value)]);
  return inParts(graph, probe, withAbove, values, ({ each, above }, probed) => describe(graph, each, above, probed));
}

function aboveOf({ structure: { q, k, v } }: Measured, of: (value: string) => Above['q']): Above {
  return { q: of(q.value), k: of(k.value), v: of(v.value) };
}
