/** Operators that hide attention or additions, in the forms in which exporters write them. */
import { float, type Attribute, type GraphBuilder } from '../../../src/engine/graph/builder';

/** Dims of random float32 numbers, or a tensor of others. */
export type Feed = number[] | { type: 'int64' | 'int32' | 'bool'; dims: number[]; values: number[] };
type Inputs = (Feed | undefined)[];
type Attributes = Record<string, Attribute>;

export interface Case {
  name: string;
  op: string;
  domain: string;
  /** By input; undefined for an omitted one. */
  inputs: Inputs;
  attributes: Attributes;
  /** Indices of the outputs that are compared. */
  outputs: number[];
  opset: number;
  /** The graph does not say how many axes inputs have. */
  shapeless?: boolean;
  /** What the kernel is given in the place of a form that it does not know. */
  plain?: (g: GraphBuilder, inputs: string[]) => string[];
}

const of =
  (op: string, domain = '', opset = 20, own: Attributes = {}) =>
  (name: string, inputs: Inputs, attributes: Attributes = {}, more: Partial<Case> = {}): Case => ({
    ...{ name: [domain, op, name].filter((part) => part !== '').join(' '), op, domain, inputs, opset },
    ...{ attributes: { ...own, ...attributes }, outputs: [0], ...more },
  });

const int32 = (values: number[], dims: number[] = [values.length]): Feed => ({ type: 'int32', dims, values });
const int64 = (values: number[], dims: number[] = [values.length]): Feed => ({ type: 'int64', dims, values });
const bool = (values: number[], dims: number[]): Feed => ({ type: 'bool', dims, values });
const none = undefined;
const nones = (count: number): undefined[] => Array<undefined>(count).fill(undefined);

// batch, positions, heads, key/value heads, d_head
const [B, S, H, J, D] = [2, 5, 6, 2, 8];
const WIDTH = H * D;
const MS = 'com.microsoft';
const triangle = Array.from({ length: S * S }, (_, i) => (i % S <= Math.floor(i / S) ? 1 : 0));
const positions = int64([0, 1, 2, 3, 4, 7, 3, 0, 1, 9], [B, S]);
const rows: Feed = [B, S, WIDTH];
const kvRows: Feed = [B, S, J * D];
const byHead: Feed = [B, H, S, D];
const byKvHead: Feed = [B, J, S, D];
const noPast: Feed = [B, H, 0, D];
const lengths = [3, 5];
const seen = int32([1, 1, 1, 0, 0, 1, 1, 1, 1, 1], [B, S]);

const skipNorm = of('SkipLayerNormalization', MS);
const skipRms = of('SkipSimplifiedLayerNormalization', MS);
const fusedMatMul = of('FusedMatMul', MS);
const sums = { outputs: [0, 3] };
const turnable: Inputs = [
  [B, D, S],
  [3, D],
];
const norms: Case[] = [
  skipNorm('', [rows, rows, [WIDTH], [WIDTH]], {}, sums),
  skipNorm('with a bias', [rows, [S, WIDTH], [WIDTH], none, [WIDTH]], { epsilon: 0.25 }, sums),
  skipNorm('in an old opset, without the sum', [rows, rows, [WIDTH], [WIDTH]], {}, { opset: 13 }),
  skipRms('', [rows, rows, [WIDTH]], { epsilon: 0.25 }, sums),
  skipRms('with a bias', [rows, rows, [WIDTH], [WIDTH]], {}, sums),
  fusedMatMul('scaled', [rows, [B, 3, WIDTH]], { transB: 1, alpha: 0.125 }),
  fusedMatMul('of two transposed', turnable, { transA: 1, transB: 1, alpha: float(2) }),
  fusedMatMul('of values whose axes are not known', turnable, { transA: 1, transB: 1 }, { shapeless: true }),
];

const contribRotary = of('RotaryEmbedding', MS);
const rotary = of('RotaryEmbedding', '', 23);
const table: Feed = [10, D / 2];
const part: Feed = [10, 1];
const ofPart = { num_heads: H, rotary_embedding_dim: 2 };
const rotaries: Case[] = [
  contribRotary('', [rows, positions, table, table]),
  contribRotary('by head', [byHead, positions, table, table]),
  contribRotary('interleaved, from a position', [rows, int64([3]), table, table], { interleaved: 1 }),
  contribRotary('of a part', [rows, positions, part, part], ofPart),
  rotary('by head', [byHead, table, table, positions]),
  rotary('of joined heads, interleaved, of a part', [rows, part, part, positions], { ...ofPart, interleaved: 1 }),
  rotary('with a table for each token', [rows, [B, S, D / 2], [B, S, D / 2]], { num_heads: H }),
];

const mha = of('MultiHeadAttention', MS, 20, { num_heads: H });
const threeRows = [rows, rows, rows];
const longer: Feed = [B, H, S + 2, D];
const unpacked = (g: GraphBuilder, x: string, index: number): string =>
  g.op('Reshape', [g.op('Gather', [x, g.ints([index], [])], { axis: 3 }), g.ints([0, 0, -1])]);
const multiHead: Case[] = [
  mha('', threeRows),
  mha('with biases, unidirectional, scaled', [...threeRows, [3 * WIDTH]], { unidirectional: 1, scale: 0.3 }),
  mha('with a mask by source', [...threeRows, none, seen]),
  mha('with a mask by destination and source', [...threeRows, none, int32([...triangle, ...triangle], [B, S, S])], {
    mask_filter_value: float(-2),
  }),
  mha('with lengths', [...threeRows, none, int32(lengths)]),
  mha('with an additive bias', [...threeRows, none, none, [1, H, S, S]]),
  mha('with presents', [...threeRows, ...nones(3), noPast, noPast], {}, { outputs: [0, 1, 2] }),
  mha('of packed q, k and v', [[B, S, H, 3, D]], {}, { plain: (g, [x]) => [0, 1, 2].map((i) => unpacked(g, x!, i)) }),
  mha(
    'of packed k and v',
    [rows, [B, S + 1, H, 2, D]],
    {},
    {
      plain: (g, [q, x]) => [q!, unpacked(g, x!, 0), unpacked(g, x!, 1)],
    },
  ),
  mha('of another sequence', [rows, longer, longer]),
];

const projecting = of('Attention', MS, 20, { num_heads: H });
const projection: Inputs = [rows, [WIDTH, 3 * WIDTH], [3 * WIDTH]];
const narrow: Inputs = [rows, [WIDTH, 2 * WIDTH + 12], [2 * WIDTH + 12]];
const projected: Case[] = [
  projecting('', projection),
  projecting('unidirectional, scaled', projection, { unidirectional: 1, scale: 0.3 }),
  projecting('with a mask by source', [...projection, seen], { unidirectional: 1 }),
  projecting('with lengths', [...projection, int32(lengths)]),
  projecting('with an additive bias', [...projection, none, none, [B, H, S, S]]),
  projecting('with values of another width', narrow, { qkv_hidden_sizes: [WIDTH, WIDTH, 12] }),
  projecting('with presents', [...projection, none, [2, B, H, 0, D]], {}, { outputs: [0, 1] }),
];
/** Of a form that is not known. */
export const unknown = projecting('', projection, { do_rotary: 1 });

const gqaOf = of('GroupQueryAttention', MS, 20, { num_heads: H, kv_num_heads: J });
const [COS, BIAS, SINK, Q_NORM] = [7, 10, 11, 14];
/** Heads of `d`, and from input `from` on `more`. */
const gqa = (name: string, attributes: Attributes = {}, d = D, from = COS, more: Inputs = []): Case => {
  const inputs: Inputs = [
    [B, S, H * d],
    [B, S, J * d],
    [B, S, J * d],
    [B, J, 0, d],
    [B, J, 0, d],
  ];
  inputs.push(int32(Array<number>(B).fill(S - 1)), int32([S], []), ...nones(from - COS), ...more);
  return gqaOf(name, inputs, attributes, { outputs: [0, 1, 2] });
};
// ONNX Runtime wants 8 columns at least
const columns: Inputs = [
  [16, 8],
  [16, 8],
];
const later = int64([2, 3, 4, 5, 6, 3, 4, 5, 6, 7], [B, S]);
const normed = (g: GraphBuilder, x: string, heads: number, weight: string): string => {
  const split = g.op('Reshape', [x, g.ints([0, 0, heads, -1])]);
  const norm = g.op('SimplifiedLayerNormalization', [split, weight], { axis: -1, epsilon: 0.25 });
  return g.op('Reshape', [norm, g.ints([0, 0, -1])]);
};
const withNorms: Partial<Case> = {
  plain: (g, [q, k, ...rest]) => [normed(g, q!, H, rest[12]!), normed(g, k!, J, rest[13]!), ...rest.slice(0, 12)],
};
const packed = (each: Case): Case => {
  const [q, k, v] = each.inputs as number[][];
  return { ...each, inputs: [[B, S, q![2]! + k![2]! + v![2]!], none, none, ...each.inputs.slice(3)] };
};
const grouped: Case[] = [
  gqa(''),
  gqa('with rotary positions', { do_rotary: 1 }, 16, COS, columns),
  gqa('with rotary positions from position ids', { do_rotary: 1 }, 16, COS, [...columns, later]),
  gqa('with interleaved rotary positions of a part', { do_rotary: 1, rotary_interleaved: 1 }, 32, COS, columns),
  gqa('with a window', { local_window_size: 2 }),
  gqa('with a cap and a scale', { softcap: 1.5, scale: 0.7 }),
  packed(gqa('of packed q, k and v, rotary', { do_rotary: 1 }, 16, COS, columns)),
  gqa('with an additive bias and a cap', { softcap: 1.5 }, D, BIAS, [[1, H, S, S]]),
  gqa('with sinks', {}, D, SINK, [[H]]),
  gqa('with a smooth softmax', { smooth_softmax: 1 }),
  { ...gqa('with norms of q and k', { qk_norm_epsilon: 0.25 }, D, Q_NORM, [[D], [D]]), ...withNorms },
];

const attention = of('Attention', '', 23);
const joined = { q_num_heads: H, kv_num_heads: J };
const three: Inputs = [rows, kvRows, kvRows];
const split: Inputs = [byHead, byKvHead, byKvHead];
const presents = { outputs: [0, 1, 2] };
const standard: Case[] = [
  attention('by head', split, {}, presents),
  attention('by head, of unknown sizes', split, { is_causal: 1 }, { shapeless: true }),
  attention('of joined heads, causal', three, { ...joined, is_causal: 1 }, presents),
  attention('with a selecting mask', [...three, bool(triangle, [S, S])], joined),
  attention('with an additive mask, scaled', [...three, [B, 1, S, S]], { ...joined, scale: 0.3 }),
  attention('with a cap and a mask, causal', [...three, [S, S]], { ...joined, softcap: 1.5, is_causal: 1 }),
  attention('with lengths', [...three, ...nones(3), int64(lengths)], joined, { opset: 24 }),
];

export const cases: Case[] = [...norms, ...rotaries, ...multiHead, ...projected, ...grouped, ...standard];
