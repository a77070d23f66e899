/** Latents as Neuronpedia's features: from a sweep, and explanations back as names. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../src/engine/checkpoint/errors';
import { readExplanations, withExplanations } from '../../src/engine/interop/explanations';
import { neuronpediaFeatures, neuronpediaLines, type NeuronpediaFeature } from '../../src/protocol/neuronpedia';
import { circuitscope, succeed } from './support/cli';
import { readTensors, ROOT, SAMPLES, tempFolder, writeFile } from './support/files';

const CPU = ['--provider', 'cpu'];
const token = (text: string, value: number): { id: number; text: string; value: number } => ({ id: 0, text, value });
const card = { latent: 2, promoted: [token('a\n"', 2)], suppressed: [token('b', -1)] };
const example = {
  layer: 1,
  value: 3,
  source: 'f.ts',
  tokens: ['x', 'y', 'z'],
  values: Float32Array.of(0, 3, 0.5),
  at: 1,
};
const corpus = { tokens: 10, layers: [0, 1], nLatents: 3, counts: [0, 0, 0, 0, 0, 4] };

describe('Neuronpedia features', function () {
  this.timeout(60_000);

  it('are one for each layer on which the latent is active', () => {
    const name = { name: 'named', note: 'why' };
    const features = neuronpediaFeatures({ model: 'm', sae: 's', card, examples: [example], corpus, name });
    const of = { modelId: 'm', layer: '1-s', index: '2' };
    assert.deepEqual(features, [
      {
        ...of,
        hookName: 'blocks.1.hook_resid_post',
        ...{ pos_str: ['a\n"'], pos_values: [2], neg_str: ['b'], neg_values: [-1] },
        ...{ frac_nonzero: 0.4, maxActApprox: 3 },
        activations: [
          {
            tokens: ['x', 'y', 'z'],
            values: [0, 3, 0.5],
            ...{ maxValue: 3, maxValueTokenIndex: 1, minValue: 0, dataSource: 'f.ts' },
          },
        ],
        explanations: [{ ...of, description: 'named', notes: 'why' }],
      },
    ]);
    const lines = neuronpediaLines(features);
    assert.equal(lines.split('\n').length, 2);
    assert.deepEqual(JSON.parse(lines), features[0]);
    // and back
    assert.deepEqual(readExplanations(lines, 'f'), [{ latent: 2, source: '1-s', description: 'named' }]);
  });

  it('take over explanations where there is no name yet', () => {
    const lines =
      '{"index":"1","description":" one "}\n\n{"modelId":"m","layer":"3-x","index":2,"description":"two"}\n';
    const found = readExplanations(lines, 'f');
    const old = '{"1": {"name": "mine"}, "2": {"note": "n"}, "other": [1]}';
    const { text, added } = withExplanations(old, [...found, { latent: 2, description: 'later' }], {
      file: 'names',
      nLatents: 3,
    });
    assert.equal(added, 1);
    assert.deepEqual(JSON.parse(text), { 1: { name: 'mine' }, 2: { note: 'n', name: 'two' }, other: [1] });
    assert.deepEqual(JSON.parse(withExplanations(undefined, found, { file: '', nLatents: 3 }).text), {
      1: { name: 'one' },
      2: { name: 'two' },
    });
  });

  it('refuses what is none, in one sentence', () => {
    const refused = (text: string, message: RegExp): void =>
      assert.throws(
        () => withExplanations('{}', readExplanations(text, 'f.json'), { file: 'n', nLatents: 3 }),
        (error) => error instanceof InputError && message.test(error.message) && !error.message.includes('\n'),
      );
    refused('{"index": 1}\n{', /f\.json: line 2 is not JSON/);
    refused('[1]', /f\.json: entry 1 is no object/);
    refused('{"index":"1","description":5}', /description: a text was expected/);
    refused('{"index":"-1","description":"x"}', /index: the number of a latent/);
    refused('{"index":"1","explanations":{}}', /explanations: a list was expected/);
    refused('{"index":"7","description":"x"}', /There is no latent 7: this autoencoder has 3/);
    assert.throws(() => withExplanations('[]', [], { file: 'n', nLatents: 1 }), InputError);
  });

  it('are written from a sweep, with the numbers of its files, and named again', async () => {
    const folder = tempFolder();
    const sae = join(folder, 'sae');
    cpSync(join(SAMPLES, 'mlsae-neox-6l-x16-k16'), sae, { recursive: true });
    writeFile(join(folder, 'texts/a.ts'), readFileSync(join(ROOT, 'src/engine/serial.ts')));
    const model = [join(SAMPLES, 'neox-6l'), '--mlsae', sae, ...CPU];
    const dir = join(folder, 'sweep');
    const limits = ['--context', '64', '--max-tokens', '128'];
    const swept = await succeed(
      'sweep',
      ...model,
      '--corpus',
      join(folder, 'texts'),
      ...limits,
      '--out',
      dir,
      '--json',
    );
    const { tokens } = JSON.parse(swept.stdout) as { tokens: number };
    const counts = readTensors(join(dir, 'sweep.safetensors')).counts!.data;
    const nLatents = 3072;
    const latent = counts.findIndex((count) => count > 1);
    const out = join(folder, 'features.jsonl');
    await succeed('neuronpedia', ...model, '--sweep', dir, '--latents', `${latent}`, '--top', '3', '--out', out);
    const features = readFileSync(out, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as NeuronpediaFeature);
    const active = [0, 1, 2, 3, 4, 5].filter((layer) => counts[layer * nLatents + latent]! > 0);
    assert.deepEqual(
      features.map(({ hookName, frac_nonzero: fraction }) => [hookName, fraction]),
      active.map((l) => [`blocks.${l}.hook_resid_post`, counts[l * nLatents + latent]! / tokens]),
    );
    for (const { pos_values, neg_values, activations, index } of features) {
      assert.equal(index, String(latent));
      assert.deepEqual([pos_values.length, neg_values.length], [3, 3]);
      assert.ok(pos_values[0]! > neg_values[0]!);
      assert.ok(activations.length > 0);
      for (const { values, tokens, maxValue, maxValueTokenIndex } of activations) {
        assert.equal(values.length, tokens.length);
        assert.equal(values[maxValueTokenIndex], maxValue);
      }
    }
    const explained = writeFile(join(folder, 'e.json'), [{ index: latent, description: 'a name' }]);
    await succeed('neuronpedia', join(SAMPLES, 'neox-6l'), '--mlsae', sae, '--import', explained);
    assert.deepEqual(JSON.parse(readFileSync(join(sae, 'latent-names.json'), 'utf8')), {
      [latent]: { name: 'a name' },
    });
    const { status, stderr } = await circuitscope('neuronpedia', ...model);
    assert.equal(status, 2);
    assert.match(stderr, /--sweep is missing/);
  });
});
