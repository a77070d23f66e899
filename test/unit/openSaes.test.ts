import assert from 'node:assert/strict';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { CancelledError, GoneError } from '../../src/engine/errors';
import { findSaes, openSae } from '../../src/engine/mlsae/open';
import type { SaeRunner } from '../../src/engine/mlsae/types';
import type { ModelRunner } from '../../src/engine/runtime/types';
import { createService } from '../../src/engine/service';
import type { EngineHandlers, RequestContext } from '../../src/engine/service';
import type { OpenSaeParams, SaeInfo } from '../../src/protocol/latents';
import { noSteps } from './support/models';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { SAE_VARIANTS, writeRandomSae } from './support/randomSae';
import { variants } from './support/variants';

/** Real files, runners that only remember whether they were disposed. */
describe('autoencoders in the engine', () => {
  const context: RequestContext = { steps: noSteps };
  const { folder: model, config } = writeRandomCheckpoint(variants[0]!);
  const SIZE = { nInputs: Number(config.n_embd), nLayers: Number(config.n_layer) };
  const random = (name: string): ReturnType<typeof writeRandomSae> =>
    writeRandomSae(
      SAE_VARIANTS.find((variant) => variant.name === name)!,
      SIZE,
    );
  let engine: EngineHandlers;
  /** In the order in which they were disposed: `model`, or a folder. */
  let disposed: string[];
  let providers: string[];
  /** What the model's runner does when it is asked to run. */
  let running: Promise<never>;

  beforeEach(() => {
    [disposed, providers] = [[], []];
    engine = createService({
      openCheckpoint,
      findCheckpoints: async () => [],
      createRunner: async () =>
        ({
          provider: 'fake',
          providerNotes: [],
          run: () => running,
          dispose: async () => void disposed.push('model'),
        }) as unknown as ModelRunner,
      findSaes,
      openSae,
      createSaeRunner: (sae, provider) => {
        providers.push(provider);
        return { dispose: async () => void disposed.push(sae.path) } as unknown as SaeRunner;
      },
      writeSafetensors: () => undefined,
      runtime: () => ({ onnxruntime: '0', providers: [] }),
      log: () => undefined,
    });
  });

  const openModel = async (): Promise<string> =>
    (await engine.openCheckpoint({ path: model, providers: [] }, context)).id;
  const open = async (params: OpenSaeParams): Promise<SaeInfo> => engine.openSae(params, context);
  /** Any request about an open one. */
  const ask = (saeId: string): Promise<unknown> => Promise.resolve(engine.mmcs({ saeId }, context));

  it('opens beside a model, tells what it is, closes', async () => {
    const checkpointId = await openModel();
    const made = random('mlsae tuned lens');
    const { id, bytes, ...info } = await open({ checkpointId, path: made.folder, tunedLens: made.tunedLens! });
    assert.deepEqual(info, {
      checkpointId,
      path: made.folder,
      name: made.folder.split('/').at(-1),
      label: 'mlsae ×4 k3',
      format: 'mlsae',
      activation: 'topk',
      nInputs: SIZE.nInputs,
      nLatents: 4 * SIZE.nInputs,
      k: 3,
      layers: [0, 1],
      standardize: true,
      tunedLens: true,
      notices: [],
    });
    assert.ok(bytes > 0);
    assert.deepEqual(providers, ['fake']);
    assert.deepEqual(
      (await engine.findSaes({ roots: [made.folder] }, context)).map(({ path }) => path),
      [made.folder],
    );
    assert.equal(await engine.closeSae({ saeId: id }, context), null);
    assert.deepEqual(disposed, [made.folder]);
    await assert.rejects(ask(id), { name: 'GoneError', message: 'This autoencoder is no longer open: open it again.' });
    assert.equal(await engine.closeSae({ saeId: id }, context), null);
    assert.deepEqual(disposed, [made.folder]);
  });

  it('a layer that is given is used, and only then', async () => {
    const checkpointId = await openModel();
    const { folder } = random('sparsify');
    assert.deepEqual((await open({ checkpointId, path: folder })).layers, [1]);
    await assert.rejects(open({ checkpointId, path: folder, layer: 0 }), { name: 'InputError', message: /Layer 0/ });
  });

  it('needs its model, and goes with it', async () => {
    await assert.rejects(open({ checkpointId: 'checkpoint-1', path: model }), GoneError);
    const [first, second] = [await openModel(), await openModel()];
    const [a, b] = [random('mlsae').folder, random('mlsae').folder];
    const info = await open({ checkpointId: first, path: a });
    const other = await open({ checkpointId: second, path: b });
    assert.notEqual(info.id, other.id);
    await engine.closeCheckpoint({ checkpointId: first }, context);
    // what reads the model goes before the model
    assert.deepEqual(disposed, [a, 'model']);
    await assert.rejects(ask(info.id), GoneError);
    await engine.closeSae({ saeId: other.id }, context);
    assert.deepEqual(disposed, [a, 'model', b]);
  });

  it('is disposed only when nothing runs', async () => {
    const checkpointId = await openModel();
    const { id } = await open({ checkpointId, path: random('mlsae').folder });
    let fail: (error: Error) => void = assert.fail;
    running = new Promise<never>((_, reject) => (fail = reject));
    const run = Promise.resolve(engine.analyze({ checkpointId, ids: [1, 2], topK: 1 }, context));
    const closing = Promise.resolve(engine.closeSae({ saeId: id }, context));
    await assert.rejects(Promise.race([closing, later()]), /later/);
    assert.deepEqual(disposed, []);
    fail(new Error('done'));
    await assert.rejects(run, /done/);
    await closing;
    assert.equal(disposed.length, 1);
  });

  it('what was cancelled is not open', async () => {
    const checkpointId = await openModel();
    const { folder } = random('mlsae');
    let steps = 0;
    const step = async (): Promise<void> => {
      if (++steps > 1) throw new CancelledError();
    };
    await assert.rejects(
      async () => engine.openSae({ checkpointId, path: folder }, { steps: { step } }),
      CancelledError,
    );
    await engine.closeCheckpoint({ checkpointId }, context);
    assert.deepEqual([providers, disposed], [[], ['model']]);
  });

  it('what is not one is refused in one sentence', async () => {
    const checkpointId = await openModel();
    await assert.rejects(open({ checkpointId, path: model }), {
      name: 'InputError',
      message: /is a model, not a sparse/,
    });
  });
});

const later = (): Promise<never> => new Promise((_, reject) => setImmediate(() => reject(new Error('later'))));
