/** The ways in which exporters write attention, and what looks like attention and is none. */
import type { ForeignAttention } from '../../../src/engine/onnx/types';
import { PROBE_IDS } from '../../../src/engine/onnx/probe';
import { SMALL, WIDTH, type Small } from './foreignGraphs';

const N = PROBE_IDS.length;
/** Element type. */
const INT8 = 3;

/** A way to write attention: emits it and gives z. */
export interface Way {
  name: string;
  emit: (g: Small) => string;
  expected?: Partial<ForeignAttention>;
  rotary?: boolean;
}

const pv = (g: Small, pattern: string): string => g.op('MatMul', [pattern, g.byHead(g.v)]);
const qk = (g: Small, q: string, k: string): string => g.op('MatMul', [g.byHead(q), g.turned(g.byHead(k))]);
const repeated = (g: Small, x: string): string => {
  const tiled = g.op('Expand', [g.op('Unsqueeze', [g.byHead(x, SMALL.kvHeads), g.ints([2])]), g.ints([1, 1, 3, 1, 1])]);
  return g.op('Reshape', [
    tiled,
    g.op('Concat', [g.ints([1, SMALL.heads]), g.op('Unsqueeze', [g.length(), g.ints([0])]), g.ints([-1])], { axis: 0 }),
  ]);
};
/** `[1, a, b, pos, d]` */
const shape = (g: Small, a: number, b: number): string =>
  g.op('Concat', [g.ints([1, a, b]), g.op('Unsqueeze', [g.length(), g.ints([0])]), g.ints([-1])], { axis: 0 });
const grouped = (g: Small, x: string, n: number): string =>
  g.op('Reshape', [g.byHead(x, SMALL.kvHeads * n), shape(g, SMALL.kvHeads, n)]);
const kv = { nKeyValueHeads: SMALL.kvHeads };

/** Rows are positions and heads. */
const singleKeyValueHead = (g: Small, heads: number): string => {
  const first = (x: string, n: number): string =>
    g.op('Slice', [x, g.ints([0]), g.ints([n * SMALL.dHead]), g.ints([2])]);
  const rows = g.op('Reshape', [first(g.q, heads), g.ints([0, -1, SMALL.dHead])]);
  const scores = g.op('MatMul', [rows, g.turned(first(g.kvK, 1), [0, 2, 1])]);
  const n = g.op('Unsqueeze', [g.length(), g.ints([0])]);
  const apart = g.op('Reshape', [g.scaled(scores), g.op('Concat', [g.ints([1]), n, g.ints([heads]), n], { axis: 0 })]);
  const mask = g.op('Unsqueeze', [g.causal(), g.ints([1])]);
  const pattern = g.softmax(g.op('Where', [mask, apart, g.floats([-1e9])]));
  const joined = g.op('Reshape', [pattern, g.op('Concat', [g.ints([1, -1]), n], { axis: 0 })]);
  return g.op('MatMul', [joined, first(g.kvV, 1)]);
};

export const ways = (): Way[] => [
  { name: 'plain', emit: (g) => pv(g, g.softmax(g.masked(g.scaled(qk(g, g.q, g.k))))) },
  { name: 'not causal', emit: (g) => pv(g, g.softmax(g.scaled(qk(g, g.q, g.k)))), expected: { causal: false } },
  {
    name: 'queries scaled before their heads are split',
    emit: (g) => pv(g, g.softmax(g.masked(qk(g, g.scaled(g.q), g.k)))),
  },
  {
    name: 'queries and keys scaled by the root of a computed scale',
    emit: (g) => {
      const width = g.op('Cast', [g.op('Slice', [g.op('Shape', [g.byHead(g.q)]), g.ints([-1]), g.ints([99])])], {
        to: 1,
      });
      const root = g.op('Sqrt', [g.op('Div', [g.floats([1], [1]), g.op('Sqrt', [width])])]);
      const [q, k] = [g.op('Mul', [g.byHead(g.q), root]), g.op('Mul', [g.turned(g.byHead(g.k)), root])];
      return pv(g, g.softmax(g.masked(g.op('MatMul', [q, k]))));
    },
  },
  {
    name: 'a softmax of exponentials',
    emit: (g) => {
      const scores = g.masked(g.scaled(qk(g, g.q, g.k)));
      const shifted = g.op('Sub', [scores, g.op('ReduceMax', [scores, g.ints([-1])])]);
      const powers = g.op('Exp', [shifted]);
      return pv(g, g.op('Div', [powers, g.op('ReduceSum', [powers, g.ints([-1])])]));
    },
  },
  {
    name: 'a mask multiplied and subtracted, a guard against NaN, a factor for each head',
    emit: (g) => {
      const seen = g.op('Cast', [g.causal()], { to: 1 });
      const scores = g.op('Mul', [g.scaled(qk(g, g.q, g.k)), seen]);
      const hidden = g.op('Mul', [g.op('Sub', [g.floats([1]), seen]), g.floats([1e4 + 0.5])]);
      const pattern = g.softmax(g.op('Sub', [scores, hidden]));
      const guarded = g.op('Where', [g.op('IsNaN', [pattern]), g.floats([0]), pattern]);
      return pv(g, g.op('Mul', [guarded, g.weight('factors', [SMALL.heads, 1, 1])]));
    },
  },
  {
    name: 'capped scores',
    emit: (g) => {
      const capped = g.scaled(g.op('Tanh', [g.op('Div', [g.scaled(qk(g, g.q, g.k)), g.floats([2.5])])]), 2.5);
      return pv(g, g.softmax(g.masked(capped)));
    },
  },
  {
    name: 'heads joined with the batch',
    emit: (g) => {
      const joined = (x: string): string => g.op('Squeeze', [g.byHead(x), g.ints([0])]);
      const scores = g.op('MatMul', [joined(g.q), g.turned(joined(g.k), [0, 2, 1])]);
      return g.op('MatMul', [g.softmax(g.masked(g.scaled(scores))), joined(g.v)]);
    },
  },
  {
    name: 'Einsum, as TransformerLens exports',
    emit: (g) => {
      const scores = g.op('Einsum', [g.split(g.q), g.split(g.k)], { equation: 'bqhd,bkhd->bhqk' });
      return g.op('Einsum', [g.softmax(g.masked(g.scaled(scores))), g.split(g.v)], { equation: 'bhqk,bkhd->bqhd' });
    },
  },
  {
    name: 'Einsum, keys first',
    emit: (g) => {
      const scores = g.op('Einsum', [g.byHead(g.k), g.byHead(g.q)], { equation: '...kd,...qd->...qk' });
      return g.op('Einsum', [g.byHead(g.v), g.softmax(g.masked(g.scaled(scores)))], { equation: '...kd,...qk->...qd' });
    },
  },
  {
    name: 'repeated keys and values',
    emit: (g) => {
      const scores = g.op('MatMul', [g.byHead(g.q), g.turned(repeated(g, g.kvK))]);
      return g.op('MatMul', [g.softmax(g.masked(g.scaled(scores))), repeated(g, g.kvV)]);
    },
    expected: kv,
  },
  {
    name: 'repeated keys, after rotation',
    emit: (g) => {
      const rotated = g.rotary(g.byHead(g.kvK, SMALL.kvHeads));
      const index = g.ints([0, 0, 0, 1, 1, 1]);
      const k = g.op('Gather', [rotated, index], { axis: 1 });
      const scores = g.op('MatMul', [g.scaled(g.rotary(g.byHead(g.q))), g.turned(k)]);
      return g.op('MatMul', [
        g.softmax(g.masked(scores)),
        g.op('Gather', [g.byHead(g.kvV, SMALL.kvHeads), index], { axis: 1 }),
      ]);
    },
    expected: kv,
    rotary: true,
  },
  {
    name: 'norms of queries and keys before their rotation',
    emit: (g) => {
      const normed = (x: string): string => {
        const squares = g.op('ReduceMean', [g.op('Mul', [x, x]), g.ints([-1])]);
        const root = g.op('Sqrt', [g.op('Add', [squares, g.floats([1e-6])])]);
        return g.op('Mul', [g.op('Div', [x, root]), g.weight('norm', [SMALL.dHead])]);
      };
      const [q, k] = [g.rotary(normed(g.byHead(g.q))), g.rotary(normed(g.byHead(g.k)))];
      return pv(g, g.softmax(g.masked(g.scaled(g.op('MatMul', [q, g.turned(k)])))));
    },
    rotary: true,
  },
  {
    name: 'values projected in whole numbers',
    emit: (g) => {
      const [x, scale, zero] = g.ops('DynamicQuantizeLinear', [g.x], 3);
      const weights = g.op('Cast', [g.scaled(g.weight('whole', [WIDTH, WIDTH]), 100)], { to: INT8 });
      const product = g.op('Cast', [g.op('MatMulInteger', [x!, weights, zero!])], { to: 1 });
      const v = g.byHead(g.op('Mul', [product, g.scaled(scale!, 0.01)]));
      return g.op('MatMul', [g.softmax(g.masked(g.scaled(qk(g, g.q, g.k)))), v]);
    },
  },
  {
    name: 'groups of heads as an axis of their own',
    emit: (g) => {
      const scores = g.op('MatMul', [grouped(g, g.q, 3), g.turned(grouped(g, g.kvK, 1), [0, 1, 2, 4, 3])]);
      return g.op('MatMul', [g.softmax(g.masked(g.scaled(scores))), grouped(g, g.kvV, 1)]);
    },
    expected: kv,
  },
  { name: 'a single key/value head', emit: (g) => singleKeyValueHead(g, SMALL.heads), expected: { nKeyValueHeads: 1 } },
  {
    name: 'a single key/value head, as many heads as positions',
    emit: (g) => singleKeyValueHead(g, N),
    expected: { nHeads: N, nKeyValueHeads: 1 },
  },
  {
    name: 'a fused projection, cut after a transposition',
    emit: (g) => {
      const all = g.op(
        'Transpose',
        [g.op('Reshape', [g.projected('qkv', 3 * WIDTH), g.ints([0, 0, 3, SMALL.heads, -1])])],
        { perm: [2, 0, 3, 1, 4] },
      );
      const [q, k, v] = [0, 1, 2].map((part) => g.op('Gather', [all, g.ints([part], [])], { axis: 0 }));
      return g.op('MatMul', [g.softmax(g.masked(g.scaled(g.op('MatMul', [q!, g.turned(k!)])))), v!]);
    },
  },
  {
    name: 'a sink beside the tokens',
    emit: (g) => {
      const scores = g.masked(g.scaled(qk(g, g.q, g.k)));
      const column = g.op('Expand', [
        g.weight('sinks', [1, SMALL.heads, 1, 1]),
        g.op('Concat', [g.ints([1, SMALL.heads]), g.op('Unsqueeze', [g.length(), g.ints([0])]), g.ints([1])], {
          axis: 0,
        }),
      ]);
      const all = g.softmax(g.op('Concat', [scores, column], { axis: -1 }));
      return pv(g, g.op('Slice', [all, g.ints([0]), g.ints([-1]), g.ints([3])]));
    },
  },
  {
    name: 'GroupQueryAttention',
    emit: (g) => {
      const n = g.op('Cast', [g.length()], { to: 6 });
      const last = g.op('Sub', [g.op('Unsqueeze', [n, g.ints([0])]), g.op('Cast', [g.ints([1])], { to: 6 })]);
      g.node(
        'GroupQueryAttention',
        [g.q, g.kvK, g.kvV, '', '', last, n],
        ['gqa'],
        { num_heads: SMALL.heads, kv_num_heads: SMALL.kvHeads },
        'com.microsoft',
      );
      return 'gqa';
    },
    expected: kv,
  },
];

/** What is no attention. */
export const others = (): [string, (g: Small) => string][] => [
  [
    'a router',
    (g) =>
      g.op('MatMul', [
        g.softmax(g.op('MatMul', [g.x, g.weight('router', [WIDTH, N])])),
        g.weight('experts', [N, WIDTH]),
      ]),
  ],
  [
    'weights of positions by content alone',
    (g) => g.op('MatMul', [g.softmax(g.op('MatMul', [g.x, g.weight('dense', [WIDTH, N])])), g.x]),
  ],
  ['next-token probabilities', (g) => g.softmax(g.op('MatMul', [g.x, g.weight('unembed', [WIDTH, 11])]))],
  [
    'key/value heads that serve every second head',
    (g) => {
      const pairs = (x: string): string => g.op('Reshape', [g.byHead(x), shape(g, 3, 2)]);
      const shared = (x: string): string => g.op('Reshape', [g.byHead(x, SMALL.kvHeads), shape(g, 1, 2)]);
      const pattern = g.softmax(
        g.masked(g.scaled(g.op('MatMul', [pairs(g.q), g.turned(shared(g.kvK), [0, 1, 2, 4, 3])]))),
      );
      return g.op('MatMul', [pattern, shared(g.kvV)]);
    },
  ],
  [
    'a softmax over heads',
    (g) => g.op('MatMul', [g.op('Softmax', [g.scaled(qk(g, g.q, g.k))], { axis: 1 }), g.byHead(g.v)]),
  ],
  [
    'attention to a fixed memory',
    (g) => {
      const memory = g.op('Expand', [
        g.weight('memory', [1, SMALL.heads, 3, SMALL.dHead]),
        g.op('Concat', [g.op('Slice', [g.op('Shape', [g.ids]), g.ints([0]), g.ints([1])]), g.ints([1, 1, 1])], {
          axis: 0,
        }),
      ]);
      return g.op('MatMul', [g.softmax(g.op('MatMul', [g.byHead(g.q), g.turned(memory)])), memory]);
    },
  ],
];
