import assert from 'node:assert/strict';
import { normScale } from '../../src/engine/onnx/norms';
import type { FoundResidual } from '../../src/engine/onnx/residual';
import type { ForeignHook, ProbeTensor } from '../../src/engine/onnx/types';
import { dialects, exportedCheckpoint, foreignOf, type Dialect } from './support/foreignModels';
import { SIZES, writeVariant, type ForeignVariant } from './support/foreignVariants';
import { recognise, type Recognised } from './support/recognised';

const { dModel } = SIZES;

function streamOf({ residual }: Recognised): FoundResidual {
  assert.ok(typeof residual !== 'string', String(residual));
  return residual;
}

/** Of a layer, in order: names by which its hooks are known. */
const SEQUENTIAL = ['hook_resid_pre', 'hook_attn_out', 'hook_resid_mid', 'hook_mlp_out', 'hook_resid_post'];
const PARALLEL = SEQUENTIAL.filter((name) => name !== 'hook_resid_mid');
const SCALES = ['ln1.hook_scale', 'ln2.hook_scale'];
const MLP = ['mlp.hook_pre', 'mlp.hook_post'];

const layersOf = (names: string[]): string[] =>
  Array.from({ length: SIZES.nLayers }, (_, l) => names.map((name) => `blocks.${l}.${name}`)).flat();

/** The hooks' values on the probe's prompt, as `[pos, width]`. */
async function valuesOf(of: Recognised): Promise<(name: string) => ProbeTensor> {
  const { hooks } = streamOf(of);
  const seen = await of.probe(Object.values(hooks).map(({ value }) => value));
  return (name) => seen[hooks[name]!.value]!;
}

function assertSum(actual: ProbeTensor, ...parts: ProbeTensor[]): void {
  const total = actual.data.map((_, i) => parts.reduce((sum, { data }) => sum + data[i % data.length]!, 0));
  actual.data.forEach((x, i) => assert.ok(Math.abs(x - total[i]!) < 1e-5, `${x} instead of ${total[i]} at ${i}`));
  const apart = parts.map(({ data }) => data.reduce((top, x) => Math.max(top, Math.abs(x)), 0));
  assert.ok(Math.min(...apart) > 0.1, 'every part counts');
}

describe('the residual stream of an .onnx', function () {
  this.timeout(20_000);

  const sums: [how: ForeignVariant['sum'], parallel: boolean][] = [
    ['sequential', false],
    ['outputs first', true],
    ['attention first', true],
    ['MLP first', true],
  ];
  for (const [sum, parallel] of sums)
    it(`is the chain of additions, ${sum}`, async () => {
      const found = await recognise(writeVariant({ sum: sum! }).file);
      const { hooks, parallel: isParallel, dModel: width } = streamOf(found);
      assert.equal(isParallel, parallel);
      assert.equal(width, dModel);
      const layer = [...(parallel ? PARALLEL : SEQUENTIAL), ...SCALES, ...MLP];
      const expected = ['hook_embed', 'hook_pos_embed', ...layersOf(layer), 'ln_final.hook_scale'];
      assert.deepEqual(Object.keys(hooks).sort(), expected.sort());
      const value = await valuesOf(found);
      assertSum(value('blocks.0.hook_resid_pre'), value('hook_embed'), value('hook_pos_embed'));
      for (const l of [0, 1]) {
        const [pre, attn, mid, mlp, post] = SEQUENTIAL.map((name) => `blocks.${l}.${name}`) as [string, ...string[]];
        assertSum(value(post!), value(pre), value(attn!), value(mlp!));
        if (!parallel) assertSum(value(mid!), value(pre), value(attn!));
      }
      assert.deepEqual(hooks['blocks.1.hook_resid_pre'], hooks['blocks.0.hook_resid_post']);
    });

  it('gives attention’s and the MLP’s outputs their own names', async () => {
    const found = await recognise(writeVariant({ sum: 'outputs first' }).file);
    const value = await valuesOf(found);
    const patterns = found.attentions.map(({ hooks }) => hooks['attn.hook_pattern']!.value);
    const [pattern] = patterns as [string];
    const given = { [pattern]: (await found.probe([pattern]))[pattern]! };
    given[pattern]!.data = new Float32Array(given[pattern]!.data.length);
    const { hooks } = streamOf(found);
    const [attn, mlp] = ['attn', 'mlp'].map((name) => hooks[`blocks.0.hook_${name}_out`]!.value) as [string, string];
    const without = await found.probe([attn, mlp], given);
    assert.notDeepEqual(without[attn]!.data, value('blocks.0.hook_attn_out').data);
    assert.deepEqual(without[mlp]!.data, value('blocks.0.hook_mlp_out').data);
  });

  it('is found although one norm is shared, and where positions are rotary', async () => {
    const variant: ForeignVariant = { sum: 'outputs first', sharedNorm: true, positions: 'interleaved', gateUp: true };
    const { hooks } = streamOf(await recognise(writeVariant(variant).file));
    const layer = [...PARALLEL, ...SCALES, 'mlp.hook_post'];
    const expected = ['hook_embed', ...layersOf(layer), 'ln_final.hook_scale'];
    assert.deepEqual(Object.keys(hooks).sort(), expected.sort());
  });

  it('is found where the embedding is normed, which is then no hook', async () => {
    const { hooks } = streamOf(await recognise(writeVariant({ embed: 'normed' }).file));
    assert.equal(hooks['hook_embed'], undefined);
    assert.ok(hooks['blocks.0.hook_resid_pre']);
  });

  const scaled: [string, Dialect][] = [
    ['gpt2', dialects.plain],
    ['neox-sequential', dialects.cluttered],
  ];
  for (const [model, dialect] of scaled)
    it(`has the scales of the norms of ${model} in ${dialect.name}`, async () => {
      const found = await recognise(await foreignOf(exportedCheckpoint(model), dialect));
      const { hooks, flow, dModel: width } = streamOf(found);
      const { value, scaleOf } = hooks['blocks.1.ln1.hook_scale'] as Required<ForeignHook>;
      assert.equal(value, hooks['blocks.1.hook_resid_pre']!.value);
      // the graph's own root of variance + eps
      const roots = flow.nodes.filter(({ opType }) => opType === 'Sqrt').map(({ output }) => output[0]!);
      const seen = await found.probe([value, ...roots]);
      const scales = normScale(seen[value]!.data, width, scaleOf);
      const near = roots.filter((root) => seen[root]!.data.every((x, i) => Math.abs(x - scales[i]!) < 1e-5 * x));
      assert.ok(near.length > 0, 'no root of the graph is the scale');
    });

  it('is said not to be there after norms (post-norm)', async () => {
    const file = await foreignOf(exportedCheckpoint('gpt2'), dialects.postNorm);
    const { residual } = await recognise(file);
    assert.equal(
      residual,
      `The residual stream of ${file} was not found: the longest chain of additions takes in 1 of 2 attentions, as sums ` +
        `are normed before the next is added (post-norm).`,
    );
  });
});
