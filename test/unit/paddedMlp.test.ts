/** Which sessions pad the MLPs whose rows are 4 KiB apart, and that neither shapes nor numbers show it (of all: hooks.random.test.ts). */
import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { layerHook, type LayerHook } from '../../src/engine/graph/hooks';
import { ModelProtoSchema } from '../../src/engine/graph/onnx_pb';
import { emitBlocks } from '../../src/engine/graph/transformer';
import { runnerOn } from '../../src/engine/runtime/runner';
import { Session } from '../../src/engine/runtime/session';
import { assertClose } from './support/closeness';
import { gpt2, llama, LLAMA, neox } from './support/families';
import { openRandom } from './support/models';
import { writeRandomCheckpoint, type Variant } from './support/randomCheckpoint';

const padsOf = (bytes: Uint8Array): number =>
  fromBinary(ModelProtoSchema, bytes).graph!.node.filter(({ opType }) => opType === 'Pad').length;

/** Matrices and biases that each layer of the sessions of a run pads. */
async function paddings(variant: Variant, glance: boolean): Promise<number> {
  const checkpoint = await openCheckpoint(writeRandomCheckpoint(variant).folder);
  const runner = runnerOn(checkpoint, 'cpu');
  const { nLayers } = checkpoint.description;
  const create = Session.create.bind(Session);
  let padded = 0;
  Session.create = (graph, ...rest) => {
    padded += padsOf(graph.bytes);
    return create(graph, ...rest);
  };
  try {
    // what a glance leaves is packed by the second
    for (let i = 0; i < 2; i++)
      await runner.run({ ids: [1, 2, 3], hooks: [layerHook(nLayers - 1, 'residPost')], glance });
  } finally {
    Session.create = create;
    await runner.dispose();
  }
  return padded / nLayers;
}

/** Of graphs that are asked for directly. */
async function emitted(variant: Variant, how: { once?: boolean; isPadded?: boolean }): Promise<number> {
  const checkpoint = await openCheckpoint(writeRandomCheckpoint(variant).folder);
  const { nLayers } = checkpoint.description;
  const hooks = [layerHook(nLayers - 1, 'mlpPost')];
  return padsOf(emitBlocks(checkpoint, { from: 0, to: nLayers, hooks, residOut: true, ...how }).bytes) / nLayers;
}

describe('MLPs are padded', () => {
  for (const [variant, wanted] of [
    [gpt2('1024', { n_inner: 1024 }), 3],
    [neox('2048', { intermediate_size: 2048 }), 3],
    [llama(LLAMA, '1024', { intermediate_size: 1024 }), 3],
    [llama(LLAMA, '1024 with biases', { intermediate_size: 1024, mlp_bias: true }), 5],
  ] as const) {
    it(`${variant.name}: by runs that are compared, and not at a glance, whose memory has a goal`, async () => {
      assert.equal(await paddings(variant, false), wanted);
      assert.equal(await paddings(variant, true), 0);
    });

    it(`${variant.name}: in graphs that stay, and not in those that run once or where nobody asks for it`, async () => {
      assert.equal(await emitted(variant, { isPadded: true }), wanted);
      assert.equal(await emitted(variant, { isPadded: true, once: false }), wanted);
      assert.equal(await emitted(variant, { isPadded: true, once: true }), 0);
      assert.equal(await emitted(variant, { isPadded: false }), 0);
      assert.equal(await emitted(variant, {}), 0);
    });
  }

  it('not of widths whose rows begin in different sets of the cache', async () => {
    for (const n_inner of [1000, 1040, 1536]) {
      assert.equal(await paddings(gpt2(`${n_inner}`, { n_inner }), false), 0);
      assert.equal(await emitted(gpt2(`${n_inner}`, { n_inner }), { isPadded: true }), 0);
    }
  });
});

describe('MLPs that are padded', function () {
  this.timeout(20_000);
  const HOOKS: LayerHook[] = ['mlpPre', 'mlpPreLinear', 'mlpPost', 'mlpOut', 'residPost'];
  const WIDE: LayerHook[] = ['mlpPre', 'mlpPreLinear', 'mlpPost'];
  for (const [variant, dMlp] of [
    [gpt2('1024, relu', { n_inner: 1024, activation_function: 'relu' }), 1024],
    [neox('2048, sequential', { intermediate_size: 2048, use_parallel_residual: false }), 2048],
    [neox('1024, parallel', { intermediate_size: 1024 }), 1024],
    [llama(LLAMA, '1024', { intermediate_size: 1024 }), 1024],
    [llama(LLAMA, '2048 with biases', { intermediate_size: 2048, mlp_bias: true }), 2048],
  ] as const)
    it(`${variant.name}: have hooks of the model’s own width, with the numbers of float64, together and one by one`, async () => {
      const { model, forward } = await openRandom(variant);
      const { dModel, nLayers } = model.checkpoint.description;
      const ids = [3, 8, 1, 8, 3];
      const expected = forward(ids);
      const kinds = HOOKS.filter((kind) => kind !== 'mlpPreLinear' || variant.config.model_type === 'llama');
      const names = kinds.flatMap((kind) => Array.from({ length: nLayers }, (_, l) => layerHook(l, kind)));
      const wide = names.filter((name) => WIDE.some((kind) => name === layerHook(Number(name.split('.')[1]), kind)));
      for (const hooks of [names, ...names.map((name) => [name])]) {
        const run = await model.runner.run({ ids, hooks });
        for (const name of hooks) {
          const { shape } = run.hooks[name]!;
          assert.deepEqual(shape, [ids.length, wide.includes(name) ? dMlp : dModel], name);
          assertClose(name, run.hooks[name]!, expected.get(name)!);
        }
      }
      await model.runner.dispose();
    });
});
