/** Short runs of a foreign graph that tell what its values are: recognition checks on them what structure suggests. */
import { Tensor } from 'onnxruntime-node';
import { TensorProto_DataType as DataType } from '../graph/onnx_pb';
import type { Graph } from '../graph/transformer';
import { Session } from '../runtime/session';
import { cutGraph, type Rewrite } from './cut';
import { feedsOf } from './inputs';
import type { Suffix } from './suffix';
import type { ForeignInputs, OnnxGraph, Probe, ProbeTensor } from './types';

/** Different tokens, which every vocabulary has. */
export const PROBE_IDS = [3, 1, 4, 0, 2];

/** Numbers of a value that is kept, so that it is not computed again: those of short prompts. */
const MOST_KEPT = 2 ** 18;

const TYPES: Record<string, DataType> = {
  float32: DataType.FLOAT,
  float16: DataType.FLOAT16,
  bfloat16: DataType.BFLOAT16,
  float64: DataType.DOUBLE,
  double: DataType.DOUBLE,
};

/** @throws (later) InputError when ONNX Runtime cannot run the graph */
export function createProbe(graph: OnnxGraph, inputs: ForeignInputs, prompt: number[] = PROBE_IDS): Probe {
  const n = inputs.length ?? prompt.length;
  const ids = Array.from({ length: n }, (_, i) => prompt[i % prompt.length]!);
  const types = new Map<string, DataType>();
  const kept = new Map<string, ProbeTensor>();
  return async (values, given = {}) => {
    const known = Object.keys(given).length === 0 ? kept : new Map<string, ProbeTensor>();
    const names = [...new Set(values)].filter((name) => !known.has(name));
    const result = Object.fromEntries(values.flatMap((name) => (known.has(name) ? [[name, known.get(name)!]] : [])));
    if (names.length === 0) return result;
    const wanted = names.map((value) => ({ name: value, value, then: (g: Suffix, x: string) => g.toFloat(x) }));
    const unknown = Object.keys(given).filter((value) => !types.has(value));
    for (const [value, type] of await valueTypes(graph, unknown)) types.set(value, type);
    const replaced = new Map(
      Object.entries(given).map(([value, { dims }], i): [string, Rewrite] => [
        value,
        (g) => g.op('Cast', [g.input(`given.${i}`, DataType.FLOAT, dims)], { to: types.get(value)! }),
      ]),
    );
    const cut = cutGraph(graph, wanted, replaced);
    const feeds = feedsOf(graph, inputs, ids, cut.inputs);
    Object.values(given).forEach(({ dims, data }, i) => {
      feeds[`given.${i}`] = new Tensor('float32', data, dims);
    });
    const outputs = await ran(cut, feeds);
    for (const name of names) {
      const { dims, data } = outputs[name]!;
      result[name] = { dims: [...dims], data: data as Float32Array };
      if (data.length <= MOST_KEPT) known.set(name, result[name]);
    }
    return result;
  };
}

/** The float types of values, as ONNX Runtime infers them; others are absent. */
export async function valueTypes(graph: OnnxGraph, values: readonly string[]): Promise<Map<string, DataType>> {
  const names = [...new Set(values)];
  if (names.length === 0) return new Map();
  const cut = cutGraph(
    graph,
    names.map((value) => ({ name: value, value })),
  );
  const session = await loaded(cut);
  const types = floatTypes(session, names);
  await session.dispose();
  return types;
}

function floatTypes(session: Session, names: readonly string[]): Map<string, DataType> {
  const types = session.outputTypes();
  return new Map(
    names.flatMap((name) => {
      const type = TYPES[types[name] ?? ''];
      return type === undefined ? [] : [[name, type] as const];
    }),
  );
}

/** Values on prompts of two lengths (one, where the length is fixed), and their float types, in one session. */
export async function inspect(
  graph: OnnxGraph,
  inputs: ForeignInputs,
  values: readonly string[],
): Promise<{ types: Map<string, DataType>; long: Map<string, number[]>; short: Map<string, number[]> }> {
  const names = [...new Set(values)];
  const cut = cutGraph(graph, [
    ...names.map((value) => ({ name: value, value })),
    // bfloat16 cannot be given to JavaScript
    ...names.map((value) => ({ name: `float ${value}`, value, then: (g: Suffix, x: string) => g.toFloat(x) })),
  ]);
  const session = await loaded(cut);
  try {
    const dims = async (n: number): Promise<Map<string, number[]>> => {
      const ids = Array.from({ length: n }, (_, i) => PROBE_IDS[i % PROBE_IDS.length]!);
      const wanted = new Set(names.map((value) => `float ${value}`));
      const outputs = await session.run(feedsOf(graph, inputs, ids, cut.inputs), wanted);
      return new Map(names.map((value) => [value, [...outputs[`float ${value}`]!.dims]]));
    };
    const n = inputs.length ?? PROBE_IDS.length;
    const long = await dims(n);
    return { types: floatTypes(session, names), long, short: inputs.length === undefined ? await dims(n - 1) : long };
  } finally {
    await session.dispose();
  }
}

/** Unoptimised graphs load at once; some of float16 only load optimised (a node that ONNX Runtime adds has the wrong type else). */
const loaded = (cut: Graph): Promise<Session> =>
  Session.create(cut, 'cpu', { once: true, threads: 1 }).catch(() => Session.create(cut, 'cpu', { threads: 1 }));

async function ran(cut: Graph, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await loaded(cut);
  try {
    return await session.run(feeds);
  } finally {
    await session.dispose();
  }
}
