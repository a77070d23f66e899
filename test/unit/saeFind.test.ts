import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findSaes } from '../../src/engine/mlsae/open';
import { SAMPLES, writeFile } from './support/files';
import { SAE_VARIANTS, writeRandomSae, type RandomSae } from './support/randomSae';

const random = (name: string): RandomSae =>
  writeRandomSae(
    SAE_VARIANTS.find((variant) => variant.name === name)!,
    { nInputs: 8, nLayers: 3 },
  );

describe('finding autoencoders', () => {
  it('finds the sample, and every format', async () => {
    const sample = (await findSaes([SAMPLES])).map(({ name, format, nInputs }) => [name, format, nInputs]);
    assert.deepEqual(sample, [['mlsae-neox-6l-x16-k16', 'mlsae', 192]]);
    const made = ['mlsae', 'tfm', 'saelens topk', 'saelens old topk', 'sparsify'].map(random);
    const found = await findSaes(made.map(({ folder }) => folder));
    assert.deepEqual(
      found.map(({ format, transformer, nInputs }) => [format, transformer, nInputs]),
      [
        ['mlsae', undefined, 8],
        ['mlsae-tfm', 'org/random', undefined],
        ['saelens', 'random', 8],
        ['saelens', 'random', 8],
        ['sparsify', undefined, 8],
      ],
    );
    assert.ok(found.every(({ bytes }) => bytes > 2000));
  });

  it('finds what it cannot open too, and leaves models alone', async () => {
    const made = random('saelens topk');
    writeFile(made.configFile, '{');
    assert.deepEqual((await findSaes([made.folder]))[0]!.format, 'saelens');
    const unknown = random('mlsae');
    writeFile(unknown.configFile, '{');
    const transformer = random('mlsae');
    writeFile(transformer.configFile, { ...transformer.config, model_type: 'gpt2' });
    const empty = random('sparsify');
    rmSync(empty.weightsFile);
    mkdirSync(empty.weightsFile);
    const none = [unknown, transformer, empty].map(({ folder }) => folder);
    assert.deepEqual(await findSaes([...none, join(SAMPLES, 'neox-6l'), '/nowhere']), []);
  });
});
