import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { InputError } from '../../src/engine/checkpoint/errors';
import { findCheckpoints, openCheckpoint } from '../../src/engine/checkpoint/open';
import { weightRefs } from '../../src/engine/checkpoint/usedWeights';
import { openSae, type OpenSaeOptions } from '../../src/engine/mlsae/open';
import { readTensors, SAMPLES, tempFolder, writeFile, writeTensors, type TestTensor } from './support/files';
import { SAE_VARIANTS, writeRandomSae, type RandomSae, type SaeVariant } from './support/randomSae';

const D_MODEL = 8;
const SIZE = { nInputs: D_MODEL, nLayers: 3 };
/** As much of a model as opening an autoencoder needs. */
const model = { name: 'random', description: { dModel: D_MODEL, nLayers: 3 } } as unknown as Checkpoint;

const variantOf = (name: string): SaeVariant => SAE_VARIANTS.find((variant) => variant.name === name)!;
const random = (name: string): RandomSae => writeRandomSae(variantOf(name), SIZE);

const refused = (path: string, options: OpenSaeOptions, ...expected: string[]): Promise<void> =>
  assert.rejects(openSae(path, model, options), (error: unknown) => {
    assert.ok(error instanceof InputError, String((error as Error).stack));
    for (const part of expected) assert.ok(error.message.includes(part), `${error.message}\nlacks ${part}`);
    assert.match(error.message, /^[^\n]+\.$/);
    return true;
  });

/** A written autoencoder whose config or tensors are changed; undefined takes away. */
function broken(
  name: string,
  change: { config?: object; tensors?: Record<string, TestTensor | undefined> },
): RandomSae {
  const made = random(name);
  if (change.config) writeFile(made.configFile, { ...made.config, ...change.config });
  const kept = Object.entries({ ...made.tensors, ...change.tensors }).filter(
    (each): each is [string, TestTensor] => !!each[1],
  );
  if (change.tensors) writeTensors(made.weightsFile, Object.fromEntries(kept));
  return made;
}

const refusedConfig = (name: string, config: object, ...expected: string[]): Promise<void> =>
  refused(broken(name, { config }).folder, {}, ...expected);

describe('opening an autoencoder', () => {
  for (const variant of SAE_VARIANTS) {
    it(`reads ${variant.name}`, async () => {
      const made = writeRandomSae(variant, SIZE);
      const sae = await openSae(made.folder, model, made.tunedLens === undefined ? {} : { tunedLens: made.tunedLens });
      assert.equal(sae.format, variant.format);
      assert.equal(sae.path, made.folder);
      assert.equal(sae.name, basename(made.folder));
      assert.deepEqual([sae.nInputs, sae.nLatents, sae.standardize], [8, 32, variant.standardize ?? false]);
      assert.deepEqual(sae.layers, variant.format.startsWith('mlsae') ? [0, 1, 2] : [1]);
      assert.equal(sae.activate.kind, variant.activation);
      if (sae.activate.kind === 'topk') assert.equal(sae.activate.k, variant.k ?? 3);
      assert.equal(sae.tunedLens !== undefined, variant.tunedLens !== undefined);
      assert.deepEqual(sae.notices, []);
      const stored = { ...readTensors(made.weightsFile), ...(made.tunedLens && lensOf(made.tunedLens)) };
      const lensRefs = [...(sae.tunedLens?.values() ?? [])];
      const refs = weightRefs([sae.activate, sae.encoder, sae.decoder, sae.bPre, sae.bEnc, sae.bDec, lensRefs]);
      const own = (name: string): string =>
        name.replace('tuned_lens.', made.tunedLens ? 'lens:' : 'lens.layer_translators.');
      for (const { tensor, shape } of refs) {
        assert.deepEqual(sae.tensors.get(tensor)?.shape, shape, tensor);
        assert.deepEqual(stored[own(tensor)]?.shape, shape, own(tensor));
      }
      const elements = new Map(refs.map(({ tensor, shape }) => [tensor, shape.reduce((a, b) => a * b, 1)]));
      const size = variant.dtype ? 2 : 4;
      assert.equal(sae.bytes, size * [...elements.values()].reduce((a, b) => a + b, 0));
    });
  }

  const lensOf = (file: string): object =>
    Object.fromEntries(Object.entries(readTensors(file)).map(([name, value]) => [`lens:${name}`, value]));

  it('means the tensors that compute it', async () => {
    const names = async (name: string): Promise<(string | undefined)[]> => {
      const { encoder, decoder, bPre, bEnc, bDec } = await openSae(random(name).folder, model);
      return [encoder.layout, decoder.layout, ...[encoder.weight, decoder.weight, bPre, bEnc, bDec].map((ref) => ref?.tensor)]; // prettier-ignore
    };
    const expected: Record<string, (string | undefined)[]> = {
      mlsae: ['latent-input', 'input-latent', 'encoder.weight', 'decoder.weight', 'pre_encoder_bias', undefined, 'pre_encoder_bias'], // prettier-ignore
      'saelens standard': ['input-latent', 'latent-input', 'W_enc', 'W_dec', 'b_dec', 'b_enc', 'b_dec'],
      'saelens old b_dec out': ['input-latent', 'latent-input', 'W_enc', 'W_dec', undefined, 'b_enc', 'b_dec'],
      'saelens gated': ['input-latent', 'latent-input', 'W_enc', 'W_dec', 'b_dec', undefined, 'b_dec'],
      sparsify: ['latent-input', 'latent-input', 'encoder.weight', 'W_dec', 'b_dec', 'encoder.bias', 'b_dec'],
    };
    for (const [name, tensors] of Object.entries(expected)) assert.deepEqual(await names(name), tensors, name);
  });

  it('reads the sample beside its model', async () => {
    const sae = await openSae(join(SAMPLES, 'mlsae-neox-6l-x16-k16'), await openCheckpoint(join(SAMPLES, 'neox-6l')));
    assert.equal(sae.label, 'mlsae ×16 k16');
    assert.deepEqual(sae.layers, [0, 1, 2, 3, 4, 5]);
    assert.equal(sae.tensors.has('encoder.weight'), true);
  });

  it('is called by kind, size and layer', async () => {
    const label = async (name: string): Promise<string> => (await openSae(random(name).folder, model)).label;
    assert.equal(await label('mlsae'), 'mlsae ×4 k3');
    assert.equal(await label('saelens jumprelu'), 'sae ×4 jumprelu L1');
    assert.equal(await label('sparsify'), 'sae ×4 k3 L1');
  });

  it('takes the folder or a file in it, of the -tfm also shards', async () => {
    for (const name of ['mlsae', 'saelens standard', 'sparsify']) {
      const made = random(name);
      for (const path of [made.folder, made.configFile, made.weightsFile])
        assert.equal((await openSae(path, model)).path, made.folder);
    }
    const made = random('tfm');
    const shard = join(made.folder, 'model-1.safetensors');
    renameSync(made.weightsFile, shard);
    const weightMap = Object.fromEntries(Object.keys(made.tensors).map((name) => [name, 'model-1.safetensors']));
    writeFile(join(made.folder, 'model.safetensors.index.json'), { weight_map: weightMap });
    const sae = await openSae(made.folder, model);
    assert.equal(sae.tensors.get(sae.encoder.weight.tensor)!.file, realpathSync(shard));
  });

  it('refuses a model without layers, in every format', async () => {
    const none = { name: 'none', description: { dModel: D_MODEL, nLayers: 0 } } as unknown as Checkpoint;
    for (const [name, layer] of [['mlsae'], ['tfm'], ['saelens topk'], ['saelens topk', 0]] as [string, number?][])
      await assert.rejects(openSae(random(name).folder, none, { layer }), (error: unknown) => {
        assert.ok(error instanceof InputError);
        assert.match(error.message, /^none has no layers, and so no residual stream after one; .*\.$/);
        return true;
      });
  });

  it('the layers that its config names are its layers', async () => {
    const layers = async (name: string, config: object, layer?: number): Promise<number[]> =>
      (await openSae(broken(name, { config }).folder, model, layer === undefined ? {} : { layer })).layers;
    assert.deepEqual(await layers('tfm', { layers: [2, 0] }), [0, 2]);
    const metadata = (hook_name: string): object => ({ metadata: { hook_name, model_name: 'random' } });
    assert.deepEqual(await layers('saelens topk', metadata('blocks.2.hook_resid_pre')), [1]);
    assert.deepEqual(await layers('saelens topk', metadata('gpt_neox.layers.2')), [2]);
    assert.deepEqual(await layers('saelens topk', { metadata: { hook_layer: 2 } }, 2), [2]);
    assert.deepEqual(await layers('saelens old topk', { hook_name: undefined, hook_point: 'blocks.0.hook_resid_post' }), [0]); // prettier-ignore
  });

  it('says what may not be meant', async () => {
    const named = broken('tfm', { config: { model_name: 'org/pythia-70m' } }).folder;
    const { notices } = await openSae(named, model);
    assert.deepEqual(notices, ['It says that it was trained on org/pythia-70m; it is opened beside random.']);
    for (const normalize_activations of ['expected_average_only_in', true]) {
      const sae = await openSae(broken('saelens old topk', { config: { normalize_activations } }).folder, model);
      assert.match(sae.notices.join(), /^[^\n]*cfg\.json: normalize_activations is expected_average_only_in, .*\.$/);
    }
  });

  it('the names of a tuned lens do not meet its own', async () => {
    const made = random('mlsae tuned lens');
    const collide = { ...made.tensors, '0.weight': { shape: [1], data: [0] } };
    writeTensors(made.weightsFile, collide);
    const sae = await openSae(made.folder, model, { tunedLens: dirname(made.tunedLens!) });
    assert.equal(sae.tensors.get(sae.tunedLens!.get(0)!.weight.tensor)!.file, realpathSync(made.tunedLens!));
  });
});

describe('an autoencoder that cannot be opened', () => {
  it('is not there, or is something else', async () => {
    await refused('/nowhere/sae', {}, '/nowhere/sae does not exist');
    await refused(tempFolder(), {}, 'is not a sparse autoencoder', 'sae_weights.safetensors', 'n_inputs and n_latents');
    const stories = join(SAMPLES, 'stories260K');
    await refused(stories, {}, `${stories} is a model, not a sparse autoencoder; open it with “Open Checkpoint…”`);
    await refused(
      dirname(random('sparsify').folder),
      {},
      'has sparse autoencoders in its folders; one of these, such as layers.1, was expected',
    );
  });

  it('is not taken for a model', async () => {
    for (const name of ['mlsae', 'tfm', 'saelens gated', 'sparsify']) {
      const { folder, configFile } = random(name);
      for (const path of [folder, configFile])
        await assert.rejects(openCheckpoint(path), {
          name: 'InputError',
          message: `${folder} is a sparse autoencoder, not a model; open it with “Open SAE…”.`,
        });
      assert.deepEqual(await findCheckpoints([folder]), []);
    }
    // beside a model in one folder, the path says nothing and the command does
    const both = random('saelens topk').folder;
    writeFile(join(both, 'config.json'), { model_type: 'mamba' });
    await assert.rejects(openCheckpoint(both), /model_type is "mamba"/);
    assert.equal((await openSae(both, model)).format, 'saelens');
  });

  it('is of another width than the model', async () => {
    for (const [name, where] of [
      ['mlsae', 'config.json: n_inputs is 8'],
      ['tfm', 'model.safetensors: autoencoder.encoder.weight is for a width of 8'],
      ['saelens jumprelu', 'cfg.json: d_in is 8'],
      ['sparsify', 'cfg.json: d_in is 8'],
    ] as const) {
      const wide = { ...model, description: { dModel: 16, nLayers: 3 } } as unknown as Checkpoint;
      await assert.rejects(openSae(random(name).folder, wide), (error: Error) => {
        assert.ok(error.message.endsWith(`${where}, 16 was expected: the width of random.`), error.message);
        return error instanceof InputError;
      });
    }
  });

  it('lacks a tensor, or has one of another shape or dtype', async () => {
    for (const name of ['mlsae', 'tfm', 'saelens gated', 'saelens jumprelu', 'sparsify']) {
      const made = random(name);
      const needed = Object.keys(made.tensors).filter((tensor) => !/last_nonzero|transformer/.test(tensor));
      for (const tensor of needed) {
        const stored = made.tensors[tensor]!;
        const refusedTensors = (to: TestTensor | undefined, ...expected: string[]): Promise<void> =>
          refused(broken(name, { tensors: { [tensor]: to } }).folder, {}, basename(made.weightsFile), ...expected);
        await refusedTensors(undefined, `has no tensor ${tensor}; one of shape [`);
        await refusedTensors({ ...stored, dtype: 'F64' }, `tensor ${tensor} has dtype F64, one of F32, F16, BF16`);
        if (tensor !== 'autoencoder.encoder.weight')
          await refusedTensors({ shape: [2, 2], data: [0, 0, 0, 0] }, `tensor ${tensor} has shape [2, 2], [`);
      }
    }
    const flat = { 'autoencoder.encoder.weight': { shape: [2], data: [0, 0] } };
    await refused(broken('tfm', { tensors: flat }).folder, {}, 'has shape [2], [n_latents, n_inputs] was expected');
  });

  it('has an activation, a size or a flag that is not supported', async () => {
    await refusedConfig('mlsae', { k: 33 }, 'config.json: k is 33, an integer from 1 to 32 was expected');
    await refusedConfig('mlsae', { k: undefined }, 'config.json: k is missing');
    await refusedConfig('mlsae', { lens: true }, 'config.json: lens is true, false');
    await refusedConfig('mlsae', { standardize: 'yes' }, 'standardize is "yes", true or false');
    await refusedConfig('tfm', { expansion_factor: 5 }, 'expansion_factor is 5, 4 (');
    await refusedConfig('saelens topk', { k: 33 }, 'cfg.json: k is 33, an integer from 1 to 32');
    await refusedConfig('saelens topk', { architecture: 'transcoder' }, 'architecture is "transcoder", one of standard, topk, jumprelu, gated'); // prettier-ignore
    await refusedConfig('saelens standard', { activation_fn: 'tanh-relu' }, 'activation_fn is "tanh-relu", "relu" or "topk"'); // prettier-ignore
    await refusedConfig('saelens old topk', { activation_fn_kwargs: {} }, 'activation_fn_kwargs.k is missing');
    await refusedConfig('saelens topk', { rescale_acts_by_decoder_norm: true }, 'rescale_acts_by_decoder_norm is true');
    await refusedConfig('saelens standard', { normalize_activations: 'constant_norm_rescale' }, 'normalize_activations is "constant_norm_rescale", none, layer_norm'); // prettier-ignore
    await refusedConfig('sparsify', { activation: 'groupmax' }, 'activation is "groupmax", "topk"');
    for (const flag of ['transcode', 'skip_connection', 'signed']) {
      await refusedConfig('sparsify', { [flag]: true }, `cfg.json: ${flag} is true, false (`);
    }
    await refusedConfig('sparsify', { num_latents: 40 }, 'has shape [32, 8], [40, 8] was expected from cfg.json');
  });

  it('is for a layer that the model lacks, for none that is known, or for none', async () => {
    const hook = (hook_name: string): object => ({ metadata: { hook_name } });
    await refusedConfig('saelens topk', hook('blocks.3.hook_resid_post'), 'cfg.json: metadata.hook_name says layer 3, but 0 to 2 are the layers of random'); // prettier-ignore
    await refusedConfig(
      'saelens topk',
      hook('blocks.0.hook_resid_pre'),
      'metadata.hook_name is blocks.0.hook_resid_pre (the embeddings); the residual stream after a block',
    );
    await refusedConfig('saelens topk', hook('blocks.1.hook_mlp_out'), 'metadata.hook_name is blocks.1.hook_mlp_out; the residual stream after a block'); // prettier-ignore
    await refusedConfig('saelens topk', { metadata: {} }, 'cfg.json does not say which layer', '--layer');
    await refusedConfig('tfm', { layers: [0, 3] }, 'config.json: layers says layer 3');
    await refusedConfig('tfm', { layers: [] }, 'layers is empty');
    await refusedConfig('tfm', { layers: ['a'] }, 'layers is ["a"], an array');
    const made = random('sparsify');
    const moved = (to: string): string => {
      const folder = join(dirname(made.folder), to);
      writeFile(join(folder, 'cfg.json'), made.config);
      writeTensors(join(folder, 'sae.safetensors'), made.tensors);
      return folder;
    };
    await refused(moved('layers.1.mlp'), {}, ' is layers.1.mlp; the residual stream after a block');
    await refused(moved('mine'), {}, 'cfg.json does not say which layer');
    assert.deepEqual((await openSae(moved('mine'), model, { layer: 2 })).layers, [2]);
    await refused(moved('mine'), { layer: 3 }, 'Layer 3 was asked for, but 0 to 2 are the layers of random');
    await refused(made.folder, { layer: 0 }, 'Layer 0 was asked for, but the autoencoder is for layer 1');
    await refused(random('mlsae').folder, { layer: 0 }, 'the autoencoder is for all layers');
  });

  it('has a tuned lens that does not fit', async () => {
    const made = random('mlsae tuned lens');
    const lens = made.tunedLens!;
    const { folder } = made;
    await refused(folder, { tunedLens: '/nowhere' }, '/nowhere does not exist; a tuned lens');
    const other = (tensors: Record<string, TestTensor>): string =>
      writeTensors(join(tempFolder(), 'lens.safetensors'), tensors);
    const stored = readTensors(lens);
    const { '2.bias': last, ...rest } = stored;
    assert.ok(last);
    await refused(folder, { tunedLens: other(rest) }, 'lens.safetensors has no tensor 2.bias; one of shape [8]');
    const wide = { ...stored, '1.weight': { shape: [4, 4], data: new Float64Array(16) } };
    await refused(folder, { tunedLens: other(wide) }, 'tensor 1.weight has shape [4, 4], [8, 8] was expected');
    const torch = tempFolder();
    writeFile(join(torch, 'params.pt'), 'x');
    await refused(folder, { tunedLens: torch }, 'has no .safetensors files, and params.pt is a pickle');
    await refusedConfig('tfm', { tuned_lens: true }, 'tuned_lens is true, but', 'lens.layer_translators.0.weight');
  });

  it('has a config or weights that cannot be read', async () => {
    for (const name of ['saelens topk', 'sparsify']) {
      const made = random(name);
      writeFile(made.configFile, '{');
      await refused(made.folder, {}, 'cfg.json is not valid JSON');
    }
    const made = random('sparsify');
    rmSync(made.weightsFile);
    mkdirSync(made.weightsFile);
    await refused(made.folder, {}, 'sae.safetensors is not a file');
    const cut = random('mlsae');
    writeFile(cut.weightsFile, new Uint8Array(4));
    await refused(cut.folder, {}, 'model.safetensors is not a safetensors file');
  });
});
