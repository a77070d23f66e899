import assert from 'node:assert/strict';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import type { Activation } from '../../src/engine/checkpoint/description';
import { embedding, headWeights, unembedding } from '../../src/engine/graph/canonical';
import { activationOf, testPoint } from '../../src/engine/onnx/activations';
import { rotationOf } from '../../src/engine/onnx/rope';
import { ropeFrequencies } from '../../src/engine/runtime/inputs';
import { runWeights } from '../../src/engine/runtime/weightRun';
import type { HookTensor } from '../../src/protocol/engine';
import { attnOnly, llama, LLAMA } from './support/families';
import { fromF16, toF16 } from './support/files';
import { dialects, exportedCheckpoint, foreignOf, gridded, type Dialect } from './support/foreignModels';
import { SIZES, writeVariant, type ForeignVariant } from './support/foreignVariants';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { recogniseWeights } from './support/recognised';

type Described = Pick<Checkpoint, 'description' | 'tensors'>;

async function weightsOf(file: string): Promise<Described> {
  const found = await recogniseWeights(file);
  assert.ok(typeof found !== 'string', String(found));
  return found;
}

/** All heads' matrices of a layer, the norm folded in; with the first layer also W_E and W_U. */
const matricesOf = (of: Described, layer: number): Promise<Record<string, HookTensor>> =>
  runWeights(of, 'cpu', (g, w) => {
    const { b_O, ...heads } = headWeights(g, w, of.description, layer, true);
    const ends = { W_E: embedding(g, w, of.description), W_U: unembedding(g, w, of.description, true).W_U };
    return { ...heads, ...(b_O && { b_O }), ...(layer === 0 && ends) };
  });

const llama16 = (): string => writeRandomCheckpoint(llama(LLAMA, 'heads of 16', { head_dim: 16 })).folder;
const shortformer = (): string =>
  writeRandomCheckpoint(attnOnly('shortformer', { positional_embedding_type: 'shortformer' }, { embedding: 0.5 }))
    .folder;
const exported = (name: string) => (): string => exportedCheckpoint(name);

const cases: [name: string, folder: () => string, dialects: Dialect[]][] = [
  ['gpt2', exported('gpt2'), [dialects.plain, dialects.transposed, dialects.einsum, dialects.fused, dialects.integer]],
  ['neox', exported('neox'), [dialects.gemm, dialects.dequantized, dialects.multiHead]],
  ['llama', exported('llama'), [dialects.sdpa, dialects.attention3d]],
  ['llama with heads of 16', llama16, [dialects.groupQueryPacked]],
  ['attention only', shortformer, [dialects.einsum, dialects.dequantized]],
];

describe('weights of an .onnx', function () {
  this.timeout(20_000);

  for (const [name, folder, each] of cases)
    for (const dialect of each)
      it(`are those of the ${name} checkpoint in ${dialect.name}`, async () => {
        const isInteger = ['dequantized', 'integer'].includes(dialect.linear ?? '');
        const checkpoint = isInteger ? gridded(folder()) : folder();
        const theirs = await openCheckpoint(checkpoint);
        const own = await weightsOf(await foreignOf(checkpoint, dialect));
        const { nLayers, positions, norm, nKeyValueHeads, layers } = theirs.description;
        for (let layer = 0; layer < nLayers; layer++) {
          const [actual, expected] = [await matricesOf(own, layer), await matricesOf(theirs, layer)];
          for (const [matrix, { shape, data }] of Object.entries(expected)) {
            assert.deepEqual(actual[matrix]!.shape, shape, matrix);
            // −0 is 0
            const numbers = (of: ArrayLike<number>): number[] => Array.from(of, (x) => x + 0);
            assert.deepEqual(numbers(actual[matrix]!.data), numbers(data), `${matrix} of layer ${layer}`);
          }
          assert.ok(Math.abs(own.description.layers[layer]!.attnScale - layers[layer]!.attnScale) < 1e-6);
          assert.equal(own.description.layers[layer]!.mlp?.act, layers[layer]!.mlp?.act);
        }
        assert.equal(own.description.positions.kind, positions.kind);
        if (positions.kind === 'rotary') assert.deepEqual(own.description.positions, positions);
        assert.deepEqual(own.description.norm, norm.kind === 'none' ? { kind: 'none', eps: 0 } : norm);
        assert.equal(own.description.nKeyValueHeads, nKeyValueHeads);
      });

  const { nHeads, dHead, dModel, dMlp } = SIZES;
  const variants: Record<string, ForeignVariant> = {
    'interleaved rotary positions and one norm for attention and MLP': {
      ...{ positions: 'interleaved', sum: 'outputs first', sharedNorm: true },
    },
    'key/value heads in one projection with the queries, gate and up in another': { qkv: 'grouped', gateUp: true },
    'a table of positions that begins with two other rows, scaled queries, mixed values by dimension': {
      ...{ offset: 2, queries: 'scaled', headsLast: true },
    },
    'biases inside fused operators, a scaled embedding': { fusedBiases: true, embed: 3 },
    'scaled queries, interleaved rotary positions, grouped heads': {
      ...{ queries: 'scaled', positions: 'interleaved', qkv: 'grouped' },
    },
  };
  for (const [name, variant] of Object.entries(variants))
    it(`are found with ${name}`, async () => {
      const written = writeVariant(variant);
      const own = await weightsOf(written.file);
      const { nKeyValueHeads, positions } = own.description;
      assert.equal(nKeyValueHeads, written.nKeyValueHeads);
      for (const [l, layer] of written.layers.entries()) {
        const d = own.description;
        const { W_Q, W_K, W_V, W_O, ...mlp } = await runWeights(own, 'cpu', (g, w) => {
          const { b_Q, b_K, b_V, b_O, ...heads } = headWeights(g, w, d, l, false);
          assert.ok(b_Q && b_K && b_V && (b_O === undefined) === false);
          const { gate, in: up } = d.layers[l]!.mlp!;
          return { ...heads, up: w.float(g, up.weight), ...(gate && { gate: w.float(g, gate.weight) }) };
        });
        for (let h = 0; h < nHeads; h++) {
          const own = (m: HookTensor | undefined): ArrayLike<number> =>
            m!.data.subarray(h * dModel * dHead, (h + 1) * dModel * dHead);
          const kv = Math.floor((h * nKeyValueHeads) / nHeads);
          // the order of a head's own dimensions is free, as long as q and k have the same
          assertNear(gram(own(W_Q), own(W_K)), gram(head(layer.q, h), head(layer.k, kv)));
          assertNear(own(W_V), head(layer.v, kv));
          assertNear(own(W_O), layer.o.subarray(h * dHead * dModel, (h + 1) * dHead * dModel));
        }
        assertNear(mlp['up']!.data, layer.up);
        if (layer.gate) assertNear(mlp['gate']!.data, layer.gate);
        assert.equal(mlp['up']!.data.length, dModel * dMlp);
      }
      const { W_E } = await runWeights(own, 'cpu', (g, w) => ({ W_E: embedding(g, w, own.description) }));
      const factor = typeof variant.embed === 'number' ? variant.embed : 1;
      assertNear(
        W_E!.data,
        written.W_E.map((x) => x * factor),
      );
      if (variant.positions === 'interleaved')
        assert.deepEqual(positions, { kind: 'rotary', dims: SIZES.rotary, theta: 100 });
      else assertNear(await tableOf(own), written.W_pos!.subarray((variant.offset ?? 0) * dModel));
    });

  const refusals: [what: string, variant: ForeignVariant, why: RegExp][] = [
    ['normed queries', { queries: 'normed' }, /layer 0's queries are not a projection's numbers/],
    [
      'weights in blocks',
      { queries: 'in blocks' },
      /layer 0's queries are made by MatMulNBits, whose weights are in a form/,
    ],
    ['no positions', { positions: 'none' }, /neither a table of positions nor rotary positions/],
    [
      'another activation',
      { activation: 'Tanh' },
      /layer 0's MLP has an activation that is none of gelu, gelu_new, silu and relu/,
    ],
    [
      'a normed embedding',
      { embed: 'normed' },
      /what leads from the embedding to \S+, where the residual stream begins, is not a sum/,
    ],
    ['scores that are capped', { softcap: 2 }, /the pattern of layer 0 that they make differs/],
    ['a last output that is halved', { lastOut: 0.5 }, /the residual stream after layer 1 that they make differs/],
  ];
  for (const [what, variant, why] of refusals)
    it(`are not given with ${what}`, async () => {
      const { file } = writeVariant(variant);
      const found = await recogniseWeights(file);
      assert.ok(typeof found === 'string', 'weights were given');
      assert.match(found, why);
      assert.ok(found.startsWith(`The weights of ${file} were not matched to heads: `) && found.endsWith('.'));
    });

  function head(m: Float64Array, h: number): number[] {
    const columns = m.length / dModel;
    return Array.from(
      { length: dModel * dHead },
      (_, i) => m[Math.floor(i / dHead) * columns + h * dHead + (i % dHead)]!,
    );
  }
  /** W_Q W_Kᵀ */
  function gram(q: ArrayLike<number>, k: ArrayLike<number>): number[] {
    return Array.from({ length: dModel ** 2 }, (_, i) => {
      const [a, b] = [Math.floor(i / dModel) * dHead, (i % dModel) * dHead];
      return Array.from({ length: dHead }, (__, d) => q[a + d]! * k[b + d]!).reduce((x, y) => x + y, 0);
    });
  }
  async function tableOf(of: Described): Promise<ArrayLike<number>> {
    const { positions } = of.description;
    assert.ok(positions.kind === 'standard');
    const { W_pos } = await runWeights(of, 'cpu', (g, w) => ({ W_pos: w.float(g, positions.W_pos) }));
    return W_pos!.data;
  }
});

function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++)
    assert.ok(Math.abs(actual[i]! - expected[i]!) < 1e-5, `${actual[i]} instead of ${expected[i]} at ${i}`);
}

describe('rotary positions of an .onnx', () => {
  type Rotary = Parameters<typeof ropeFrequencies>[0];
  /** What a rotation by rotary positions makes of each dimension's 1, at position 1. */
  function turned(dHead: number, rotary: Rotary, half = false): Float32Array[] {
    const rounded = (x: number): number => (half ? fromF16(toF16(x)) : x);
    const n = rotary.dims / 2;
    const frequencies = ropeFrequencies(rotary);
    return Array.from({ length: dHead }, (_, j) => {
      const row = new Float32Array(dHead);
      const angle = frequencies[j % n]!;
      row[j] = j < rotary.dims ? rounded(Math.cos(angle)) : 1;
      if (j < rotary.dims) row[j < n ? j + n : j - n] = rounded(j < n ? Math.sin(angle) : -Math.sin(angle));
      return row;
    });
  }
  const formulas: Rotary[] = [
    { kind: 'rotary', dims: 64, theta: 10_000 },
    { kind: 'rotary', dims: 16, theta: 10_000 },
    { kind: 'rotary', dims: 128, theta: 1_000_000 },
    { kind: 'rotary', dims: 64, theta: 123_456 },
    { kind: 'rotary', dims: 2, theta: 10_000 },
    { kind: 'rotary', dims: 32, theta: 10_000, scaling: { kind: 'linear', factor: 8 } },
    ...[8, 32].map((factor): Rotary => {
      const blend = { lowFreqFactor: 1, highFreqFactor: 4, originalContext: 8192 };
      return { kind: 'rotary', dims: 128, theta: 500_000, scaling: { kind: 'llama3', factor, ...blend } };
    }),
  ];
  for (const formula of formulas)
    it(`are read off: ${JSON.stringify(formula)}`, () => {
      const found = rotationOf(turned(128, formula), 1e-5);
      assert.ok(typeof found !== 'string', String(found));
      assert.deepEqual(found.rotary, formula);
      assert.deepEqual(found.order, [...Array(128).keys()]);
    });

  it('are read off tables of float16', () => {
    const formula: Rotary = { kind: 'rotary', dims: 64, theta: 10_000 };
    const found = rotationOf(turned(64, formula, true), 2e-3);
    assert.ok(typeof found !== 'string', String(found));
    assert.deepEqual(found.rotary, formula);
  });

  it('that are no rotation, or of no formula, are said to be so', () => {
    const formula: Rotary = { kind: 'rotary', dims: 16, theta: 10_000 };
    const scaled = turned(16, formula).map((row) => row.map((x) => 1.1 * x));
    assert.equal(rotationOf(scaled, 1e-5), 'rotary positions are no rotation of pairs (their tables may be scaled)');
    const other = turned(16, formula).map((row, j) =>
      j % 8 === 3 ? turned(16, { ...formula, theta: 9000 })[j]! : row,
    );
    assert.equal(rotationOf(other, 1e-5), 'rotary positions have frequencies that fit no formula that is known');
  });
});

describe('activations of an .onnx', () => {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  /** The integral of the normal density, by Simpson's rule. */
  const normal = (x: number): number => {
    const [n, h] = [200, x / 200];
    const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
    const inner = Array.from({ length: n - 1 }, (_, i) => (i % 2 === 0 ? 4 : 2) * density((i + 1) * h));
    return 0.5 + (h / 3) * (density(0) + inner.reduce((a, b) => a + b, 0) + density(x));
  };
  const formulas: Record<Activation, (x: number) => number> = {
    relu: (x) => (x > 0 ? x : 0),
    silu: (x) => x * sigmoid(x),
    gelu: (x) => x * normal(x),
    gelu_new: (x) => x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)),
  };
  const made = (f: (x: number) => number): number[] => Array.from({ length: 96 }, (_, i) => f(testPoint(i)));

  for (const [name, formula] of Object.entries(formulas))
    it(`are told from what they make: ${name}`, () => assert.equal(activationOf(made(formula)), name));
  it('that are none of these are not taken for one', () => {
    assert.equal(activationOf(made((x) => x * sigmoid(1.702 * x))), undefined);
    assert.equal(activationOf(made((x) => x)), undefined);
    assert.equal(activationOf(made(Math.tanh)), undefined);
  });
});
