import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, realpathSync, rmSync, statSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../src/engine/checkpoint/errors';
import { findCheckpoints, openCheckpoint, weightRefs } from '../../src/engine/checkpoint/open';
import { SAMPLES, randomTensor, safetensorsBytes, tempFolder, writeFile, writeTensors } from './support/files';
import type { TestTensor } from './support/files';

const TOY_CONFIG = {
  model_type: 'attn_only',
  n_layers: 1,
  d_model: 4,
  n_heads: 2,
  d_head: 2,
  n_ctx: 5,
  d_vocab: 6,
  normalization_type: null,
};

const toyTensors = (): Record<string, TestTensor> => ({
  'embed.W_E': randomTensor([6, 4], 1, 1, 'F16'),
  'pos_embed.W_pos': randomTensor([5, 4], 2),
  'blocks.0.attn.W_Q': randomTensor([2, 4, 2], 3, 1, 'F16'),
  'blocks.0.attn.W_K': randomTensor([2, 4, 2], 4, 1, 'F16'),
  'blocks.0.attn.W_V': randomTensor([2, 4, 2], 5, 1, 'BF16'),
  'blocks.0.attn.W_O': randomTensor([2, 2, 4], 6, 1, 'F16'),
  'unembed.W_U': randomTensor([4, 6], 7, 1, 'F16'),
});

/** A toy checkpoint; `tensors` undefined: no weights yet. */
function toy(tensors: Record<string, TestTensor> | undefined = toyTensors(), config: object = TOY_CONFIG): string {
  const folder = tempFolder();
  writeFile(join(folder, 'config.json'), config);
  writeTensors(join(folder, 'model.safetensors'), tensors);
  return folder;
}

/** Two shards and an index; `shards` replaces what the index says. */
function sharded(shards: Record<string, unknown> = {}): string {
  const folder = tempFolder();
  const all = Object.entries(toyTensors());
  writeFile(join(folder, 'config.json'), TOY_CONFIG);
  writeTensors(join(folder, 'model-1.safetensors'), Object.fromEntries(all.slice(0, 3)));
  writeTensors(join(folder, 'model-2.safetensors'), Object.fromEntries(all.slice(3)));
  const weight_map = Object.fromEntries(all.map(([name], i) => [name, `model-${i < 3 ? 1 : 2}.safetensors`]));
  writeFile(join(folder, 'model.safetensors.index.json'), { metadata: {}, weight_map: { ...weight_map, ...shards } });
  return folder;
}

const refuses = (path: string, ...expected: string[]): Promise<void> =>
  assert.rejects(openCheckpoint(path), (error: unknown) => {
    assert.ok(error instanceof InputError, String((error as Error).stack));
    for (const part of expected) assert.ok(error.message.includes(part), `${error.message}\nlacks ${part}`);
    return true;
  });

describe('opening a checkpoint', () => {
  it('reads the samples', async () => {
    const parameters = { 'attn-only-2l': 2_686_976, 'neox-6l': 4_242_432, stories260K: 260_032 };
    for (const [name, nParams] of Object.entries(parameters)) {
      const checkpoint = await openCheckpoint(join(SAMPLES, name));
      assert.equal(checkpoint.name, name);
      assert.equal(checkpoint.nParams, nParams);
      assert.equal(checkpoint.bytes, nParams * (name === 'stories260K' ? 4 : 2));
      assert.ok(checkpoint.tokenizer);
      assert.deepEqual(checkpoint.notices, []);
    }
  });

  it('tells parameters, bytes and dtypes of what is used, and where it lies', async () => {
    const unused: Record<string, TestTensor> = { 'blocks.0.attn.mask': { shape: [3], data: [1, 1, 1], dtype: 'I64' } };
    const folder = toy({ ...toyTensors(), ...unused });
    const checkpoint = await openCheckpoint(folder);
    assert.deepEqual(checkpoint.dtypes, ['F16', 'F32', 'BF16']);
    assert.equal(checkpoint.nParams, 24 + 20 + 4 * 16 + 24);
    assert.equal(checkpoint.bytes, 2 * (24 + 4 * 16 + 24) + 4 * 20);
    assert.equal(checkpoint.path, folder);
    assert.equal(checkpoint.tensors.get('embed.W_E')!.file, realpathSync(join(folder, 'model.safetensors')));
    assert.equal(checkpoint.tokenizer, undefined);
    assert.match(checkpoint.notices.join(), /No tokenizer\.json/);
  });

  it('says why a tokenizer does not work, and opens all the same', async () => {
    const folder = toy();
    writeFile(join(folder, 'tokenizer.json'), '{"model": 3');
    assert.match((await openCheckpoint(folder)).notices.join(), /tokenizer\.json does not work \(.*not valid JSON/);
  });

  it('takes the folder or a file in it', async () => {
    const folder = toy();
    for (const file of ['', 'config.json', 'model.safetensors']) {
      assert.equal((await openCheckpoint(join(folder, file))).path, folder);
    }
    const parts = sharded();
    for (const file of ['', 'config.json', 'model.safetensors.index.json', 'model-2.safetensors']) {
      const checkpoint = await openCheckpoint(join(parts, file));
      assert.equal(checkpoint.tensors.size, 7);
      assert.equal(checkpoint.tensors.get('unembed.W_U')!.file, realpathSync(join(parts, 'model-2.safetensors')));
    }
  });

  it('takes the only weights of another name, and the ones that were chosen among several', async () => {
    const folder = tempFolder();
    writeFile(join(folder, 'config.json'), TOY_CONFIG);
    writeTensors(join(folder, 'a.safetensors'), toyTensors());
    assert.equal((await openCheckpoint(folder)).tensors.size, 7);
    writeTensors(join(folder, 'b.safetensors'), toyTensors());
    await refuses(folder, folder, 'several .safetensors files; model.safetensors');
    const chosen = await openCheckpoint(join(folder, 'b.safetensors'));
    assert.equal(chosen.tensors.get('embed.W_E')!.file, realpathSync(join(folder, 'b.safetensors')));
  });

  it('follows the symlinks of Hugging Face’s cache and tells the model’s name', async () => {
    const snapshot = join(tempFolder(), 'models--org--tiny-model', 'snapshots', 'abc123');
    mkdirSync(snapshot, { recursive: true });
    const blobs = toy();
    for (const file of ['config.json', 'model.safetensors']) symlinkSync(join(blobs, file), join(snapshot, file));
    const checkpoint = await openCheckpoint(join(snapshot, 'model.safetensors'));
    assert.equal(checkpoint.name, 'org/tiny-model');
    assert.equal(checkpoint.path, snapshot);
    assert.equal(checkpoint.tensors.get('embed.W_E')!.file, realpathSync(join(blobs, 'model.safetensors')));
  });

  it('a tied matrix is counted once', async () => {
    const { description, nParams } = await openCheckpoint(join(SAMPLES, 'stories260K'));
    const refs = weightRefs(description).map(({ tensor }) => tensor);
    assert.equal(refs.filter((name) => name === 'model.embed_tokens.weight').length, 2);
    assert.equal(nParams, 260_032);
  });
});

describe('a checkpoint that cannot be opened', () => {
  it('is not there', () => refuses('/nowhere/model', '/nowhere/model does not exist'));
  it('has no config.json', () => refuses(tempFolder(), 'has no config.json'));
  it('has a config.json that is not JSON, not an object, of no or an unknown architecture', async () => {
    const folder = toy();
    const config = join(folder, 'config.json');
    for (const [content, message] of [
      ['{', 'is not valid JSON'],
      ['[]', 'holds an array'],
      ['{}', 'model_type is missing'],
      ['{"model_type":"mamba"}', 'model_type is "mamba", one of gpt2'],
    ] as const) {
      writeFile(config, content);
      await refuses(folder, config, message);
    }
  });
  it('has a folder, an endless device or a pipe for a file', async () => {
    const kinds: [string, (path: string) => void][] = [['folder', (path) => mkdirSync(path)]];
    if (process.platform !== 'win32') {
      kinds.push(['device', (path) => symlinkSync('/dev/zero', path)]);
      kinds.push(['pipe', (path) => void execFileSync('mkfifo', [path])]);
    }
    for (const [kind, make] of kinds) {
      const replaced = (name: string): string => {
        const folder = toy();
        rmSync(join(folder, name), { force: true });
        make(join(folder, name));
        return folder;
      };
      const found = await findCheckpoints([replaced('config.json'), replaced('model.safetensors')]);
      assert.deepEqual(found, [], kind);
      await refuses(replaced('config.json'), 'config.json is not a file; a JSON file was expected.');
      await refuses(replaced('model.safetensors'), 'is not a file; a .safetensors file was expected.');
      const { notices } = await openCheckpoint(replaced('tokenizer.json'));
      assert.match(notices.join(), /tokenizer\.json is not a file; a JSON file was expected\)/, kind);
    }
  });
  it('has a config.json that is too large to be one', async () => {
    const folder = toy();
    truncateSync(join(folder, 'config.json'), 1e9);
    await refuses(folder, 'config.json has 1000000000 bytes, at most');
  });
  it('has no weights', () => {
    const folder = tempFolder();
    writeFile(join(folder, 'config.json'), TOY_CONFIG);
    return refuses(folder, folder, 'has no .safetensors files');
  });
  it('lacks a tensor', async () => {
    const rest = toyTensors();
    delete rest['blocks.0.attn.W_V'];
    await refuses(toy(rest), 'model.safetensors has no tensor blocks.0.attn.W_V', '[2, 4, 2] was expected');
  });
  it('lacks the unembedding though it is not tied', async () => {
    const folder = tempFolder();
    const sample = join(SAMPLES, 'stories260K');
    copyFileSync(join(sample, 'model.safetensors'), join(folder, 'model.safetensors'));
    const { default: config } = await import('../../samples/stories260K/config.json');
    writeFile(join(folder, 'config.json'), { ...config, tie_word_embeddings: false });
    await refuses(folder, 'has no tensor lm_head.weight', '[512, 64]');
  });
  it('has a tensor of another shape', async () => {
    await refuses(
      toy({ ...toyTensors(), 'unembed.W_U': randomTensor([6, 4], 1) }),
      'tensor unembed.W_U has shape [6, 4], [4, 6] was expected',
    );
    await refuses(toy({ ...toyTensors(), 'unembed.W_U': randomTensor([4], 1) }), 'has shape [4], [4, 6]');
    await refuses(toy({ ...toyTensors(), 'unembed.W_U': randomTensor([24], 1) }), 'has shape [24], [4, 6]');
  });
  it('has a tensor of another dtype', () =>
    refuses(
      toy({ ...toyTensors(), 'embed.W_E': { ...randomTensor([6, 4], 1), dtype: 'F64' } }),
      'tensor embed.W_E has dtype F64, one of F32, F16, BF16 was expected',
    ));
  it('is truncated', async () => {
    const folder = toy();
    const file = join(folder, 'model.safetensors');
    truncateSync(file, statSync(file).size - 1);
    await refuses(folder, 'model.safetensors: tensor ', 'truncated');
  });
  it('lies about its header', async () => {
    const folder = toy();
    writeFile(join(folder, 'model.safetensors'), safetensorsBytes('{}').fill(255, 0, 8));
    await refuses(folder, 'model.safetensors', 'header length');
  });
});

describe('an index that cannot be used', () => {
  const index = 'model.safetensors.index.json';
  it('names a shard that is not there', () =>
    refuses(
      sharded({ 'embed.W_E': 'model-9.safetensors' }),
      index,
      'tensor embed.W_E in model-9.safetensors',
      'not there',
    ));
  it('places a tensor in a shard that does not have it', () =>
    refuses(
      sharded({ 'embed.W_E': 'model-2.safetensors' }),
      index,
      'tensor embed.W_E in model-2.safetensors, which does not',
    ));
  it('leaves the folder', async () => {
    for (const shard of [
      '../x.safetensors',
      'a/../../x.safetensors',
      '..\\x.safetensors',
      '/etc/x.safetensors',
      'C:\\x.safetensors',
      'C:x.safetensors',
      '\\\\host\\x.safetensors',
      'a\0.safetensors',
      'passwd',
      7,
    ]) {
      await refuses(sharded({ 'embed.W_E': shard }), index, 'tensor embed.W_E', 'in the same folder was expected');
    }
  });
  it('has no weight_map', async () => {
    const folder = sharded();
    writeFile(join(folder, index), { weight_map: [] });
    await refuses(folder, index, 'has no weight_map');
    writeFile(join(folder, index), 'nope');
    await refuses(folder, index, 'not valid JSON');
  });
});

describe('finding checkpoints', () => {
  it('finds the samples', async () => {
    const found = await findCheckpoints([SAMPLES]);
    assert.deepEqual(found.map(({ name, modelType }) => [name, modelType]).sort(), [
      ['attn-only-0l', 'attn_only'],
      ['attn-only-1l', 'attn_only'],
      ['attn-only-2l', 'attn_only'],
      ['neox-6l', 'gpt_neox'],
      ['stories260K', 'llama'],
    ]);
    assert.equal(found.find(({ name }) => name === 'stories260K')!.bytes, 1_044_992);
  });

  it('skips what is no checkpoint, what is too deep, node_modules and .git, and survives cycles', async () => {
    const root = tempFolder();
    const put = (path: string, config: string | object = TOY_CONFIG): void => {
      writeFile(join(root, path, 'config.json'), config);
      writeFile(join(root, path, 'model.safetensors'), safetensorsBytes('{}'));
    };
    put('1/2/3/4/5/6');
    put('1/2/3/4/5/b/7');
    put('node_modules/x');
    put('a/.git/x');
    put('broken', '{');
    put('mamba', { model_type: 'mamba' });
    writeFile(join(root, 'bare', 'config.json'), TOY_CONFIG);
    put('.cache/hub');
    symlinkSync(root, join(root, 'a', 'loop'));
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
    const closed = join(root, 'closed');
    mkdirSync(closed);
    chmodSync(closed, 0);
    const found = await findCheckpoints([root, '/nowhere/at/all', root]);
    chmodSync(closed, 0o700);
    assert.deepEqual(found.map(({ path }) => path.slice(root.length + 1)).sort(), ['.cache/hub', '1/2/3/4/5/6']);
  });
});
