/** Attention is found in foreign graphs, and what is found is what the same weights compute elsewhere. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { HookTensor } from '../../src/protocol/engine';
import { findAttention } from '../../src/engine/onnx/attention';
import { expand } from '../../src/engine/onnx/expand';
import { foreignInputs } from '../../src/engine/onnx/inputs';
import { createProbe, PROBE_IDS } from '../../src/engine/onnx/probe';
import { readOnnx } from '../../src/engine/onnx/read';
import type { ForeignAttention, ForeignHook, OnnxGraph, ProbeTensor } from '../../src/engine/onnx/types';
import { assertClose } from './support/closeness';
import { others, ways } from './support/attentionWays';
import { SMALL, Small } from './support/foreignGraphs';
import { openModel } from './support/models';

const FIXTURES = resolve('test/fixtures/onnx');
const N = PROBE_IDS.length;
/** Of float16, in which some exports compute: some roundings of 2⁻¹¹ each. */
const HALF_BAR = 8 * 2 ** -11;

describe('attention in PyTorch exports', () => {
  for (const file of readdirSync(FIXTURES).filter((name) => name.endsWith('.onnx')))
    it(`${file} has the hooks of its checkpoint`, async () => {
      const { graph, found } = await find(await readOnnx(join(FIXTURES, file)));
      const folder = file.startsWith('neox-sequential') ? 'neox-sequential' : file.split('-')[0]!;
      const { checkpoint, runner } = await openModel(join(FIXTURES, 'checkpoints', folder));
      const { description: d } = checkpoint;
      assert.equal(found.length, d.nLayers);
      const rotary = d.positions.kind === 'rotary';
      const names = ['pattern', 'attn_scores', 'q', 'k', 'v', 'z', ...(rotary ? ['rot_q', 'rot_k'] : [])].map(
        (name) => `attn.hook_${name}`,
      );
      const layers = found.map((_, layer) => layer);
      const { hooks } = await runner.run({
        ids: PROBE_IDS,
        hooks: layers.flatMap((l) => names.map((name) => `blocks.${l}.${name}`)),
      });
      await runner.dispose();
      const probed = await createProbe(
        graph,
        foreignInputs(graph),
      )(found.flatMap((each) => Object.values(each.hooks).map(({ value }) => value)));
      for (const [layer, each] of found.entries()) {
        assert.deepEqual(Object.keys(each.hooks).sort(), [...names].sort());
        assert.deepEqual(
          [each.nHeads, each.nKeyValueHeads, each.dHead, each.causal],
          [d.nHeads, d.nKeyValueHeads, d.dHead, true],
        );
        assertClose(
          'scale',
          { shape: [], data: [each.scale] },
          { shape: [], data: [1 / d.layers[layer]!.attnScale] },
          1e-6,
        );
        for (const name of names) {
          const expected = hooks[`blocks.${layer}.${name}`]!;
          const own = hookTensor(each, each.hooks[name]!, probed[each.hooks[name]!.value]!);
          // what exporters put in the place of −∞ differs
          if (name === 'attn.hook_attn_scores')
            own.data = own.data.map((x, i) => (expected.data[i] === -Infinity && x < -1e4 ? -Infinity : x));
          assertClose(
            `${layer} ${name}`,
            own,
            { ...expected, shape: [...expected.shape] },
            file.includes('half') ? HALF_BAR : undefined,
          );
        }
      }
    });
});

describe('attention as others write it', () => {
  for (const { name, emit, expected, rotary } of ways())
    it(name, async () => {
      const g = new Small();
      const { graph, found } = await find(g.graph(emit(g)));
      assert.equal(found.length, 1);
      const own = found[0]!;
      const { nHeads, nKeyValueHeads, dHead, causal } = own;
      assert.deepEqual(
        { nHeads, nKeyValueHeads, dHead, causal },
        { nHeads: SMALL.heads, nKeyValueHeads: SMALL.heads, dHead: SMALL.dHead, causal: true, ...expected },
      );
      assert.ok(Math.abs(own.scale * Math.sqrt(SMALL.dHead) - 1) < 1e-6, `scale ${own.scale}`);
      assert.equal('attn.hook_rot_q' in own.hooks, rotary ?? false);
      const probed = await createProbe(graph, foreignInputs(graph))(Object.values(own.hooks).map(({ value }) => value));
      assertConsistent(own, probed, name);
    });

  for (const [name, emit] of others())
    it(`${name} is none`, async () => {
      const g = new Small();
      assert.deepEqual((await find(g.graph(emit(g)))).found, []);
    });
});

async function find(original: OnnxGraph): Promise<{ graph: OnnxGraph; found: ForeignAttention[] }> {
  const graph = expand(original);
  return { graph, found: await findAttention(graph, createProbe(graph, foreignInputs(graph))) };
}

/** Numbers of a foreign value in the shape of our hook; key/value heads repeated, what a fixed length pads cut off. */
function hookTensor(of: ForeignAttention, { axes }: ForeignHook, { data }: ProbeTensor): HookTensor {
  const letters = [...axes].filter((letter) => letter !== 'b');
  const isPattern = letters.includes('q');
  const known: Record<string, number> = { h: of.nHeads, j: of.nKeyValueHeads, d: of.dHead };
  const fixed = letters.reduce((product, letter) => product * (known[letter] ?? 1), 1);
  const n = isPattern ? Math.sqrt(data.length / fixed) : data.length / fixed;
  const strides: Record<string, number> = {};
  let stride = 1;
  for (const letter of letters.toReversed()) {
    strides[letter] = stride;
    stride *= known[letter] ?? n;
  }
  assert.equal(stride, data.length);
  const group = of.nHeads / of.nKeyValueHeads;
  const head = (h: number): number => (letters.includes('j') ? Math.floor(h / group) * strides.j! : h * strides.h!);
  const shape = isPattern ? [of.nHeads, N, N] : [N, of.nHeads, of.dHead];
  const out: number[] = [];
  for (let a = 0; a < shape[0]!; a++)
    for (let b = 0; b < shape[1]!; b++)
      for (let c = 0; c < shape[2]!; c++)
        out.push(
          data[isPattern ? head(a) + b * strides.q! + c * strides.k! : a * strides.p! + head(b) + c * strides.d!]!,
        );
  return { shape, data: Float32Array.from(out) };
}

/** q · k · scale are the scores (where nothing else happens to them), their softmax the pattern, and pattern · v is z. */
function assertConsistent(own: ForeignAttention, probed: Record<string, ProbeTensor>, way: string): void {
  const tensor = (name: string): HookTensor => hookTensor(own, own.hooks[name]!, probed[own.hooks[name]!.value]!);
  const rotated = 'attn.hook_rot_q' in own.hooks ? 'rot_' : '';
  const [q, k, v, z] = [`${rotated}q`, `${rotated}k`, 'v', 'z'].map((name) => tensor(`attn.hook_${name}`).data);
  const pattern = tensor('attn.hook_pattern').data;
  const { nHeads: H, dHead: D } = own;
  const at = (x: Float32Array | undefined, p: number, h: number, d: number): number => x![(p * H + h) * D + d]!;
  const expected = { pattern: [] as number[], z: new Float64Array(N * H * D) };
  for (let h = 0; h < H; h++)
    for (let i = 0; i < N; i++) {
      const scores = Array.from({ length: N }, (_, j) => {
        let sum = 0;
        for (let d = 0; d < D; d++) sum += at(q, i, h, d) * at(k, j, h, d) * own.scale;
        const cap = way === 'capped scores' ? 2.5 * Math.tanh(sum / 2.5) : sum;
        return own.causal && j > i ? -Infinity : cap;
      });
      const powers = scores.map((score) => Math.exp(score));
      const sink = way.startsWith('a sink') ? 1 / (1 - rowSum(pattern, (h * N + i) * N)) : 0;
      const total = powers.reduce((a, b) => a + b, 0);
      // a sink takes what the tokens leave
      const left = sink ? 1 - 1 / sink : 1;
      powers.forEach((power, j) => {
        const weight = (power / total) * left;
        expected.pattern.push(weight);
        for (let d = 0; d < D; d++) expected.z[(i * H + h) * D + d]! += weight * at(v, j, h, d);
      });
    }
  assertClose('pattern', { shape: [], data: pattern }, { shape: [], data: expected.pattern });
  if (!way.includes('factor')) assertClose('z', { shape: [], data: z! }, { shape: [], data: expected.z });
}

function rowSum(values: Float32Array, from: number): number {
  return values.slice(from, from + N).reduce((a, b) => a + b, 0);
}
