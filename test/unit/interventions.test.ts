/** Interventions of every architecture and option against plain float64: what is changed, and nothing else. */
import assert from 'node:assert/strict';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import { hookNames } from '../../src/engine/graph/hooks';
import type { Edit, ForwardResult, Interventions } from '../../src/engine/runtime/types';
import { assertClose } from './support/closeness';
import { gaussian } from './support/files';
import { openModel, openRandom, promptOf } from './support/models';
import type { Edit64, Hooks64 } from './support/naive64';
import { variants } from './support/variants';

type Rows = number[][];
type Cube = number[][][];

const floats = (shape: number[], seed: number): { shape: number[]; data: Float32Array } => ({
  shape,
  data: Float32Array.from(
    gaussian(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
  ),
});

for (const variant of variants.filter(({ config }) => config.n_layers !== 0)) {
  describe(`interventions on ${variant.name}`, function () {
    this.timeout(20_000);
    let model: OpenModel;
    let folder: string;
    let forward: (ids: number[], edit?: Edit64) => Hooks64;
    let ids: number[];
    let names: string[];
    let last: number;

    before(async () => {
      ({ model, folder, forward } = await openRandom(variant));
      const { description } = model.checkpoint;
      ids = promptOf(variant, description.dVocab);
      names = hookNames(description);
      last = description.nLayers - 1;
    });
    after(() => model?.runner.dispose());

    const run = (interventions: Interventions, of = model): Promise<ForwardResult> =>
      of.runner.run({ ids, hooks: names, interventions });

    function assertAll({ hooks }: ForwardResult, expected: Hooks64): void {
      for (const name of names) assertClose(name, hooks[name]!, expected.get(name)!);
    }

    /** z of the last layer: head 0 is taken away, head 1 doubled, and something added everywhere. */
    function zEdit(): { edit: Edit; naive: Edit64 } {
      const { nHeads, dHead } = model.checkpoint.description;
      const keep = { shape: [1, nHeads, 1], data: Float32Array.from({ length: nHeads }, (_, h) => [0, 2][h] ?? 1) };
      const add = floats([ids.length, nHeads, dHead], 1);
      const naive: Edit64 = (name, values) =>
        name !== `blocks.${last}.attn.hook_z`
          ? values
          : (values as Cube).map((heads, pos) =>
              heads.map((head, h) =>
                head.map((value, d) => value * keep.data[h]! + add.data[(pos * nHeads + h) * dHead + d]!),
              ),
            );
      return { edit: { keep, add }, naive };
    }

    /** The last position of a residual stream is replaced. */
    function residEdit(hook: string, seed: number): { edit: Edit; naive: Edit64 } {
      const { dModel } = model.checkpoint.description;
      const keep = { shape: [ids.length, 1], data: new Float32Array(ids.length).fill(1) };
      keep.data[ids.length - 1] = 0;
      const add = { shape: [ids.length, dModel], data: new Float32Array(ids.length * dModel) };
      const row = floats([dModel], seed).data;
      add.data.set(row, (ids.length - 1) * dModel);
      const naive: Edit64 = (name, values) => (name === hook ? [...(values as Rows).slice(0, -1), [...row]] : values);
      return { edit: { keep, add }, naive };
    }

    it('on z', async () => {
      const { edit, naive } = zEdit();
      assertAll(await run({ z: new Map([[last, edit]]) }), forward(ids, naive));
    });

    it('on the residual stream, before a block and after the last', async () => {
      const pre = residEdit(`blocks.${last}.hook_resid_pre`, 2);
      assertAll(await run({ resid: new Map([[last, pre.edit]]) }), forward(ids, pre.naive));
      const post = residEdit(`blocks.${last}.hook_resid_post`, 3);
      assertAll(await run({ resid: new Map([[last + 1, post.edit]]) }), forward(ids, post.naive));
    });

    it('on patterns', async () => {
      const { nHeads } = model.checkpoint.description;
      const n = ids.length;
      const pattern = floats([nHeads, n, n], 4).data.map(Math.abs);
      const naive: Edit64 = (name, values) =>
        name === `blocks.${last}.attn.hook_pattern`
          ? (values as Cube).map((rows, h) => rows.map((row, d) => row.map((_, s) => pattern[(h * n + d) * n + s]!)))
          : values;
      assertAll(await run({ patterns: new Map([[last, pattern]]) }), forward(ids, naive));
    });

    it('together, block by block', async () => {
      const z = zEdit();
      const pre = residEdit('blocks.0.hook_resid_pre', 5);
      const both: Interventions = { z: new Map([[last, z.edit]]), resid: new Map([[0, pre.edit]]) };
      const expected = forward(ids, (name, values) => z.naive(name, pre.naive(name, values)));
      assertAll(await run(both), expected);
      const inPieces = await openModel(folder, { segmentBytes: 1, keepBytes: 0 });
      assertAll(await run(both, inPieces), expected);
      await inPieces.runner.dispose();
    });

    it('that change nothing change nothing, in one session for all layers', async () => {
      const none: Interventions = { z: new Map(), resid: new Map() };
      assertAll(await run(none), forward(ids));
      const { edit } = zEdit();
      const others = await run({ z: new Map([[0, edit]]), resid: new Map([[1, {}]]) });
      assert.equal(others.loadMs, 0);
    });
  });
}

describe('an intervention', () => {
  it('on a layer that is not there is refused', async () => {
    const { model } = await openRandom(variants[0]!);
    const { nLayers } = model.checkpoint.description;
    const run = (interventions: Interventions): Promise<ForwardResult> =>
      model.runner.run({ ids: [1], hooks: ['logits'], interventions });
    await assert.rejects(run({ z: new Map([[nLayers, {}]]) }), /no layer 2/);
    await assert.rejects(run({ resid: new Map([[nLayers + 1, {}]]) }), /no layer 3/);
    await assert.rejects(run({ patterns: new Map([[-1, new Float32Array(1)]]) }), /no layer -1/);
    await model.runner.dispose();
  });
});
