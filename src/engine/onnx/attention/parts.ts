import type { OnnxGraph, Probe, ProbeTensor } from '../types';

/** Bytes that one run of the probe brings, about; graphs of a fixed, long length would bring any number of them. */
const MOST = 2 ** 28;
/** Tokens from which on the first thing tells how large they all are. */
const LONG = 64;

/**
 * Probes the values of many things in as few runs as that allows.
 * @param make makes a result of a thing and the values that it wants; things without one are left out
 */
export async function inParts<T, R>(
  graph: OnnxGraph,
  probe: Probe,
  things: T[],
  wanted: (thing: T) => string[],
  make: (thing: T, probed: Record<string, ProbeTensor>) => R | undefined,
): Promise<R[]> {
  const results: R[] = [];
  let count = fixedLength(graph) > LONG ? 1 : things.length;
  for (let at = 0; at < things.length;) {
    const some = things.slice(at, at + count);
    const probed = await probe([...new Set(some.flatMap(wanted))]);
    results.push(...some.flatMap((thing) => make(thing, probed) ?? []));
    at += some.length;
    const bytes = Object.values(probed).reduce((sum, { data }) => sum + data.byteLength, 0);
    count = Math.max(1, Math.floor((MOST * some.length) / bytes));
  }
  return results;
}

/** The largest fixed size of an input: a length, when that is fixed. */
function fixedLength({ model }: OnnxGraph): number {
  const stored = new Set(model.graph?.initializer.map(({ name }) => name));
  const inputs = model.graph?.input.filter(({ name }) => !stored.has(name)) ?? [];
  const sizes = inputs.flatMap(({ type }) => {
    const dims = type?.value.case === 'tensorType' ? type.value.value.shape?.dim : undefined;
    return (dims ?? []).map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : 0));
  });
  return Math.max(0, ...sizes);
}
