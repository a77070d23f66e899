/** Tables of positions, and how many positions a model was made for. */
import * as l10n from '@vscode/l10n';
import type { WeightRef } from '../checkpoint/description';
import { DataType } from '../graph/builder';
import { runWeights } from '../runtime/weightRun';
import type { Flow } from './follow';
import { Unmatched, type Matched } from './matched';
import type { Rotation } from './rope';
import { derive } from './stored';
import type { ForeignAttention, Probe } from './types';

/** OPT's tables begin with two rows that stand for no position. */
const ROWS_BEFORE = 8;

/** The table whose rows are added to the embedding, its first row that of position 0. @throws Unmatched */
export async function positionTable(
  flow: Flow,
  matched: Matched,
  position: string,
  dModel: number,
  probe: Probe,
): Promise<WeightRef> {
  const tables = constantsAbove(flow, position).filter((value) => {
    const shape = flow.graph.tensors.get(value)?.shape ?? [];
    return shape.at(-1) === dModel && shape.reduce((a, b) => a * b, 1) > dModel;
  });
  if (tables.length !== 1)
    throw new Unmatched(l10n.t('{0} tables of positions are added to the embedding; one was expected', tables.length));
  const [table] = tables as [string];
  const rows = flow.sizeOf(table)! / dModel;
  const ref = matched.table(table, position, { shape: [rows, dModel] });
  const { data } = (await probe([position]))[position]!;
  const used = Math.min(rows, data.length / dModel);
  const first = await rowsOf(matched, ref, Math.min(rows, used + ROWS_BEFORE));
  for (let from = 0; from + used <= first.length / dModel; from++) {
    const same = data.every((x, i) => Math.abs(x - first[from * dModel + i]!) <= 1e-3 * Math.abs(x) + 1e-6);
    if (!same) continue;
    if (from === 0) return ref;
    const tensor = derive(matched.tensors.get(ref.tensor)!, { op: 'slice', axis: 0, from, to: rows });
    matched.tensors.set(`${ref.tensor}[${from}:]`, tensor);
    return { tensor: `${ref.tensor}[${from}:]`, shape: tensor.shape };
  }
  throw new Unmatched(l10n.t('what is added to the embedding is not made of the rows of {0} in their order', table));
}

async function rowsOf(matched: Matched, ref: WeightRef, n: number): Promise<Float32Array> {
  const { rows } = await runWeights(matched, 'cpu', (g, w) => {
    const { value, dtype } = w.stored(g, ref);
    const taken = g.op('Slice', [value, g.ints([0]), g.ints([n]), g.ints([0])]);
    return { rows: dtype === DataType.FLOAT ? taken : g.op('Cast', [taken], { to: DataType.FLOAT }) };
  });
  return rows!.data;
}

/** Initializers above a value that are not met through activations. */
function constantsAbove(flow: Flow, value: string): string[] {
  const seen = new Set([value]);
  for (const each of seen)
    for (const input of flow.graph.producer(each)?.input ?? [])
      if (input !== '' && !flow.data.has(input)) seen.add(input);
  return [...seen].filter((each) => flow.graph.tensors.has(each));
}

/** Positions for which the graph stores a rotary table or a causal mask. */
export function contextOf(
  flow: Flow,
  { hooks, operands }: ForeignAttention,
  rotation: Rotation | undefined,
): number | undefined {
  const shapes = (value: string | undefined): number[][] =>
    value === undefined ? [] : besideData(flow, value, operands).map((name) => flow.graph.tensors.get(name)!.shape);
  const dims = rotation?.rotary.dims ?? 0;
  const tables = shapes(hooks['attn.hook_rot_q']?.value).filter((shape) => [dims, dims / 2].includes(shape.at(-1)!));
  const masks = shapes(hooks['attn.hook_pattern']?.value).filter((shape) => shape.at(-1) === shape.at(-2));
  const sizes = [...tables, ...masks].map((shape) => shape.at(-2) ?? 1).filter((size) => size > 1);
  return sizes.length > 0 ? Math.max(...sizes) : undefined;
}

/** Initializers that join activations a few operators above a value. */
function besideData(flow: Flow, value: string, { q, k }: ForeignAttention['operands']): string[] {
  const { nodes } = flow.upstream(value, new Set(value === q || value === k ? [] : [q, k]));
  return [...nodes]
    .slice(0, 24)
    .flatMap(({ input }) =>
      input.filter((each) => each !== '' && !flow.data.has(each)).flatMap((each) => constantsAbove(flow, each)),
    );
}
