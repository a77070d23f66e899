/** Runs of a foreign graph beside the same weights as safetensors: interventions, pieces, unembedding, fixed lengths. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { layerHook } from '../../src/engine/graph/hooks';
import type { Edit, ForwardRequest, Interventions, UnembedRequest } from '../../src/engine/runtime/types';
import { assertClose } from './support/closeness';
import { gaussian } from './support/files';
import { dialects, EXPORTS, exportedCheckpoint, foreignOf } from './support/foreignModels';
import { openModel } from './support/models';
import { assertSameRun, openDoors, type Doors } from './support/twoDoors';

const floats = (shape: number[], seed: number): { shape: number[]; data: Float32Array } => ({
  shape,
  data: Float32Array.from(
    gaussian(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
  ),
});

/** Past the end of the prompt there are more rows in an export of fixed length. */
const cases = [
  { name: 'gpt2-past-13', checkpoint: 'gpt2' },
  { name: 'neox-static-17', checkpoint: 'neox', nTokens: 6 },
  { name: 'llama-static-11', checkpoint: 'llama', nTokens: 7 },
  { name: 'llama-dynamic-17-unfolded', checkpoint: 'llama' },
];

for (const { name, checkpoint, nTokens } of cases) {
  describe(`runs of ${name}.onnx`, function () {
    this.timeout(30_000);
    const file = join(EXPORTS, `${name}.onnx`);
    let doors: Doors;
    let hooks: string[];
    let last: number;

    before(async () => {
      doors = await openDoors(exportedCheckpoint(checkpoint), file, nTokens);
      const { nLayers, parallel } = doors.safetensors.checkpoint.description;
      last = nLayers - 1;
      hooks = Array.from({ length: nLayers }, (_, layer) => [
        layerHook(layer, 'residPre'),
        layerHook(layer, 'pattern'),
        layerHook(layer, 'v'),
        layerHook(layer, 'z'),
        ...(parallel ? [] : [layerHook(layer, 'residMid')]),
        layerHook(layer, 'residPost'),
        layerHook(layer, 'valueNorm'),
        layerHook(layer, 'ln1Scale'),
      ]).flat();
      hooks.push('ln_final.hook_scale', 'logits');
    });
    after(() => doors?.close());

    /** Head 0 is taken away, and something added everywhere. */
    function zEdit(): Edit {
      const { nHeads, dHead } = doors.safetensors.checkpoint.description;
      const keep = { shape: [1, nHeads, 1], data: Float32Array.from({ length: nHeads }, (_, h) => Math.min(h, 1)) };
      return { keep, add: floats([doors.ids.length, nHeads, dHead], 1) };
    }

    /** The last position is replaced. */
    function residEdit(seed: number): Edit {
      const n = doors.ids.length;
      const { dModel } = doors.safetensors.checkpoint.description;
      const keep = { shape: [n, 1], data: new Float32Array(n).fill(1, 0, -1) };
      const add = floats([n, dModel], seed);
      add.data.fill(0, 0, (n - 1) * dModel);
      return { keep, add };
    }

    const same = (request: Partial<ForwardRequest>): Promise<void> =>
      assertSameRun(doors, { hooks, topK: 3, ...request });
    const edited = (interventions: Interventions): Promise<void> => same({ interventions });

    it('give the same hooks, derived ones too', () => same({}));
    it('take edits of z', () => edited({ z: new Map([[last, zEdit()]]) }));
    it('take edits of the residual stream, before every block and after the last', async () => {
      for (let layer = 0; layer <= last + 1; layer++) await edited({ resid: new Map([[layer, residEdit(layer)]]) });
    });
    it('take patterns', () => {
      const { nHeads } = doors.safetensors.checkpoint.description;
      const n = doors.ids.length;
      return edited({ patterns: new Map([[last, floats([nHeads, n, n], 4).data.map(Math.abs)]]) });
    });
    it('take all of them, block by block', async () => {
      const inPieces = await openModel(file, { segmentBytes: 1, keepBytes: 0 });
      const interventions = { z: new Map([[0, zEdit()]]), resid: new Map([[last, residEdit(5)]]) };
      await assertSameRun({ ...doors, onnx: inPieces }, { hooks, topK: 3, interventions });
      await assertSameRun({ ...doors, onnx: inPieces }, { hooks, topK: 3 });
      await inPieces.runner.dispose();
    });
    it('come hook by hook', async () => {
      for (const hook of hooks.slice(-4)) await assertSameRun(doors, { hooks: [hook] });
    });
    it('unembed from a position on', () => same({ unembedFrom: 3, hooks: ['logits', 'ln_final.hook_scale'] }));

    it('unembed any rows, beside others', async () => {
      const { dModel } = doors.safetensors.checkpoint.description;
      // more rows than an export of fixed length takes at once
      const rows = 25;
      const request: UnembedRequest = {
        resid: floats([rows, dModel], 7).data,
        topK: 4,
        targets: [Array.from({ length: rows }, (_, i) => i), new Array<number>(rows).fill(2)],
        against: floats([rows, dModel], 8).data,
      };
      const expected = await doors.safetensors.runner.unembed(request);
      const actual = await doors.onnx.runner.unembed(request);
      assert.deepEqual(actual.ids, expected.ids);
      const list = (data: ArrayLike<number>): { shape: number[]; data: Float32Array } => ({
        shape: [data.length],
        data: Float32Array.from(data),
      });
      assertClose('logProbs', list(actual.logProbs), list(expected.logProbs));
      assertClose('kl', list(actual.kl!), list(expected.kl!));
      expected.targets.forEach((target, i) => {
        assertClose('target', list(actual.targets[i]!.logProbs), list(target.logProbs));
        assert.deepEqual(actual.targets[i]!.ranks, target.ranks);
      });
    });
  });
}

describe('a foreign graph without a residual stream', function () {
  this.timeout(20_000);

  it('takes edits of z and patterns, predicts, and says why it cannot do more', async () => {
    const folder = exportedCheckpoint('gpt2');
    const model = await openModel(await foreignOf(folder, dialects.postNorm));
    const ids = [3, 8, 23, 7];
    const { nHeads, nLayers } = model.checkpoint.description;
    const plain = await model.runner.run({ ids, hooks: ['blocks.0.attn.hook_pattern', 'logits'], topK: 2 });
    const patterns = new Map([[0, plain.hooks['blocks.0.attn.hook_pattern']!.data]]);
    const same = await model.runner.run({ ids, hooks: ['logits'], topK: 2, interventions: { patterns } });
    assertClose('logits', same.hooks['logits']!, {
      shape: plain.hooks['logits']!.shape,
      data: plain.hooks['logits']!.data,
    });
    assert.deepEqual(same.next!.ids, plain.next!.ids);
    const none = { keep: { shape: [1, nHeads, 1], data: new Float32Array(nHeads) } };
    const ablated = await model.runner.run({
      ids,
      hooks: ['logits', 'blocks.0.attn.hook_z'],
      interventions: { z: new Map([[0, none]]) },
    });
    assert.ok(ablated.hooks['blocks.0.attn.hook_z']!.data.every((value) => value === 0));
    assert.notDeepEqual(ablated.hooks['logits']!.data, plain.hooks['logits']!.data);
    const norms = await model.runner.run({ ids, hooks: ['blocks.1.attn.value_norm', 'blocks.1.attn.hook_v'] });
    const { data: v, shape } = norms.hooks['blocks.1.attn.hook_v']!;
    const [, , dHead] = shape as [number, number, number];
    const lengths = Array.from({ length: nHeads * ids.length }, (_, i) => {
      const at = ((i % ids.length) * nHeads + Math.floor(i / ids.length)) * dHead;
      return Math.hypot(...v.subarray(at, at + dHead));
    });
    assertClose('value_norm', norms.hooks['blocks.1.attn.value_norm']!, {
      shape: [nHeads, ids.length],
      data: Float32Array.from(lengths),
    });
    assert.ok(model.checkpoint.notices.some((notice) => notice.includes('‖v‖')));
    const resid = new Map([[nLayers, none]]);
    await assert.rejects(model.runner.run({ ids, hooks: ['logits'], interventions: { resid } }), {
      name: 'InputError',
      message: /hook_resid_pre was not recognised/,
    });
    await model.runner.dispose();
  });
});
