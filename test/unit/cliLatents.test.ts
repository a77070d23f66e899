/** latents and layers of the built command line, as processes. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors } from '../../src/engine/checkpoint/safetensors';
import * as cli from './support/cli';
import type { Output } from './support/cli';
import { readTensors, REFERENCE, SAMPLES, tempFolder, writeFile } from './support/files';
import { SAE_VARIANTS, writeRandomSae } from './support/randomSae';

const NAME = 'mlsae-neox-6l-x16-k16';
const MODEL = join(SAMPLES, 'neox-6l');
const SAE = ['--mlsae', join(SAMPLES, NAME)];
const circuitscope = (...args: string[]): Promise<Output> => cli.circuitscope(...args, '--provider', 'cpu');
const succeed = (...args: string[]): Promise<Output> => cli.succeed(...args, '--provider', 'cpu');
const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await succeed(...args, '--json')).stdout) as T;

async function refused(message: RegExp, ...args: string[]): Promise<void> {
  const { status, stdout, stderr } = await circuitscope(...args);
  assert.deepEqual([status, stdout], [2, ''], stderr);
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  assert.match(stderr, message);
}

interface Latents {
  tokens: { id: number }[];
  layers: number[];
  k: number;
  latents: { latent: number; value: number }[][][];
  perLayer: { layer: number; fvu: number; l0: number; histogram: number[] }[];
  active: { latent: number; max: number; byLayer: number[]; total: number }[];
  adjacent: { plain: number[]; centred: (number | null)[] };
  varianceRatios: { tokenOverLatent: number | null };
}
interface Layers {
  tokens: number;
  layers: number[];
  nLatents: number;
  perLayer: { fvu: number }[];
  latents: { latent: number; counts: number[]; totals: number[]; layerMean: number; layerStd: number }[];
}

describe('command line: latents, layers', function () {
  this.timeout(60_000);
  const folder = tempFolder();
  const { ids, fvu } = (
    JSON.parse(readFileSync(join(REFERENCE, NAME, 'reference.json'), 'utf8')) as {
      prompts: { ids: number[]; fvu: number[] }[];
    }
  ).prompts[1]!;
  const reference = readTensors(join(REFERENCE, NAME, 'reference.safetensors'));
  const wanted = (name: string): Float64Array => reference[`prompt.1.${name}`]!.data;
  const prompt = ['--ids', ids.join()];
  const largest = (values: ArrayLike<number>): number =>
    Array.from(values).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const near = (actual: ArrayLike<number>, expected: ArrayLike<number>): void => {
    assert.equal(actual.length, expected.length);
    const bar = 1e-4 * largest(expected);
    for (let i = 0; i < expected.length; i++) assert.ok(Math.abs(actual[i]! - expected[i]!) <= bar, `${i}`);
  };

  it('latents --json', async () => {
    const got = await json<Latents>('latents', MODEL, ...SAE, ...prompt, '--top', '3');
    assert.deepEqual([got.tokens.map(({ id }) => id), got.layers, got.k], [ids, [0, 1, 2, 3, 4, 5], 16]);
    assert.deepEqual([got.latents.length, got.latents[0]!.length, got.latents[5]![0]!.length], [6, 40, 3]);
    const top = Array.from({ length: 3 }, (_, i) => wanted('topk_values')[(5 * 40 + 7) * 16 + i]!);
    near(got.latents[5]![7]!.map(({ value }) => value), top); // prettier-ignore
    near(got.perLayer.map((layer) => layer.fvu), fvu); // prettier-ignore
    assert.deepEqual(new Set(got.active.map(({ latent }) => latent)), new Set(wanted('topk_indices')));
    const { total, byLayer } = got.active[0]!;
    assert.ok(Math.abs(total - byLayer.reduce((a, b) => a + b)) < 1e-9);
    assert.equal(got.perLayer[2]!.histogram.reduce((a, b) => a + b), 40 * 16); // prettier-ignore
  });

  it('latents --out', async () => {
    const out = join(folder, 'latents.safetensors');
    const { stderr } = await succeed('latents', MODEL, ...SAE, ...prompt, '--out', out);
    assert.match(stderr, /latents\.safetensors: indices, values and recons written/);
    const places = await readSafetensors(out);
    const shape = (name: string): unknown[] => [places.get(name)!.dtype, places.get(name)!.shape];
    assert.deepEqual([...places.keys()], ['indices', 'values', 'recons']);
    assert.deepEqual(shape('indices'), ['I64', [6, 40, 16]]);
    assert.deepEqual(shape('values'), ['F32', [6, 40, 16]]);
    assert.deepEqual(shape('recons'), ['F32', [6, 40, 192]]);
    const { offset } = places.get('indices')!;
    const bytes = readFileSync(out);
    const values = wanted('topk_values');
    const apart = (a: number, b: number): boolean =>
      Math.floor(a / 16) !== Math.floor(b / 16) || Math.abs(values[a]! - values[b]!) > 1e-5;
    wanted('topk_indices').forEach((latent, i) => {
      if (apart(i, i - 1) && apart(i, i + 1))
        assert.equal(bytes.readBigInt64LE(offset + 8 * i), BigInt(latent), `entry ${i}`);
    });
    const written = readTensors(out);
    near(written.values!.data, values);
    near(written.recons!.data, wanted('recons'));
  });

  it('latents as a table', async () => {
    const { stdout } = await succeed('latents', MODEL, ...SAE, '--prompt', 'a = b', '--top', '2');
    const [head, first, second, , , , , , ...rest] = stdout.split('\n');
    assert.match(head!, /^pos {2}token {2}latent +max {2}layers 0–5$/);
    assert.match(first!, /^ {2}0 {2}a +\d+ +\d+\.\d{3} {2}[▁▂▃▄▅▆▇█·]{6}$/);
    assert.match(second!, /^ +\d+ +\d+\.\d{3} {2}[▁▂▃▄▅▆▇█·]{6}$/);
    assert.match(rest.join('\n'), /layer +FVU +MSE +L0 +L1 +cos to next +centred\n +0 +0\.\d{4} /);
    assert.match(rest.join('\n'), /\d+ latents are active; E\[Var\(L \| j, token\)\]/);
  });

  it('layers --json and --out agree with the reference', async () => {
    const out = join(folder, 'layers.safetensors');
    const got = await json<Layers>('layers', MODEL, ...SAE, ...prompt, '--out', out);
    assert.deepEqual([got.tokens, got.nLatents], [40, 3072]);
    near(got.perLayer.map((layer) => layer.fvu), fvu); // prettier-ignore
    const counts = new Float64Array(6 * 3072);
    const totals = new Float64Array(6 * 3072);
    wanted('topk_indices').forEach((latent, i) => {
      const at = Math.floor(i / 16 / 40) * 3072 + latent;
      counts[at]! += wanted('topk_values')[i]! > 0 ? 1 : 0;
      totals[at]! += wanted('topk_values')[i]!;
    });
    const written = readTensors(out);
    assert.deepEqual(Object.keys(written), ['counts', 'totals']);
    assert.deepEqual([written.counts!.shape, written.totals!.shape], [[6, 3072], [6, 3072]]); // prettier-ignore
    assert.deepEqual([...written.counts!.data], [...counts]);
    near(written.totals!.data, totals);
    for (const { latent, counts: own, totals: sums, layerMean } of got.latents) {
      assert.deepEqual(own, got.layers.map((l) => counts[l * 3072 + latent])); // prettier-ignore
      const mean = sums.reduce((a, value, l) => a + l * value, 0) / sums.reduce((a, b) => a + b);
      assert.ok(Math.abs(mean - layerMean) < 1e-9);
    }
    assert.equal(got.latents.length, new Set(wanted('topk_indices')).size);
  });

  it('layers as a table, cut to --max-tokens', async () => {
    const { stdout, stderr } = await succeed('layers', MODEL, ...SAE, ...prompt, '--max-tokens', '7');
    assert.match(stdout, /^layer .* latents\n +0 /);
    assert.match(stdout, /\n7 tokens, \d+ of 3072 latents active, mean std over layers \d\.\d{3}\n/);
    assert.match(stderr, /The prompt has 40 tokens; the first 7 are shown/);
  });

  it('one token has no centred similarity', async () => {
    const got = await json<Latents>('latents', MODEL, ...SAE, '--ids', '5');
    assert.deepEqual(got.adjacent.centred, [null, null, null, null, null]);
    assert.ok(Math.abs(got.varianceRatios.tokenOverLatent! - 1) < 1e-9);
  });

  it('a single-layer autoencoder of another format', async () => {
    const variant = SAE_VARIANTS.find(({ name }) => name === 'saelens jumprelu')!;
    const random = writeRandomSae(variant, { nInputs: 192, nLatents: 40, nLayers: 6, layer: 4 });
    const got = await json<Latents>('latents', MODEL, '--mlsae', random.folder, '--ids', '5,6,7', '--top', '40');
    assert.deepEqual([got.layers, got.latents.length, got.perLayer[0]!.layer], [[4], 1, 4]);
    assert.equal(got.k, Math.max(...got.latents[0]!.map((row) => row.length)));
    assert.match((await succeed('latents', MODEL, '--mlsae', random.folder, '--ids', '5')).stdout, /max {2}layer 4\n/);
  });

  it('takes the layer that the files do not say', async () => {
    const variant = SAE_VARIANTS.find(({ name }) => name === 'sparsify')!;
    const random = writeRandomSae(variant, { nInputs: 192, nLatents: 40, nLayers: 6 });
    const other = join(folder, 'sae');
    for (const name of ['cfg.json', 'sae.safetensors'])
      writeFile(join(other, name), readFileSync(join(random.folder, name)));
    const args = ['latents', MODEL, '--mlsae', other, '--ids', '5'];
    await refused(/does not say which layer/, ...args);
    assert.deepEqual((await json<Latents>(...args, '--layer', '3')).layers, [3]);
    await refused(/--layer: expected a whole number, found “x”/, ...args, '--layer', 'x');
  });

  it('refuses mistakes in one line', async () => {
    await refused(/--mlsae/, 'latents', MODEL, ...prompt);
    await refused(/none does not exist/, 'latents', MODEL, '--mlsae', join(SAMPLES, 'none'), ...prompt);
    await refused(/is a model, not a sparse autoencoder/, 'layers', MODEL, '--mlsae', MODEL, ...prompt);
    await refused(/n_inputs is 192, 64 was expected/, 'latents', join(SAMPLES, 'stories260K'), ...SAE, '--ids', '1');
    await refused(/exactly one of --prompt, --prompt-file and --ids/, 'latents', MODEL, ...SAE);
    await refused(/give a prompt \(.*\) or texts \(--corpus\)/, 'layers', MODEL, ...SAE);
    await refused(/--dead-below needs --corpus/, 'layers', MODEL, ...SAE, ...prompt, '--dead-below', '0.1');
    await refused(/--top: expected a whole number, found “-1”/, 'latents', MODEL, ...SAE, ...prompt, '--top', '-1');
    await refused(/--top: expected 1 or more/, 'latents', MODEL, ...SAE, ...prompt, '--top', '0');
    await refused(/--max-tokens: expected 1 or more/, 'layers', MODEL, ...SAE, ...prompt, '--max-tokens', '0');
    await refused(/Token id 4096 is not in the vocabulary/, 'latents', MODEL, ...SAE, '--ids', '4096');
    const nowhere = join(folder, 'nowhere', 'x.safetensors');
    await refused(/--out: .* does not exist/, 'latents', MODEL, ...SAE, ...prompt, '--out', nowhere);
    const lens = writeFile(join(folder, 'lens.safetensors'), 'no lens');
    await refused(/lens\.safetensors/, 'latents', MODEL, ...SAE, ...prompt, '--tuned-lens', lens);
    const out = join(folder, 'never.safetensors');
    await refused(/does not exist/, 'latents', MODEL, '--mlsae', join(SAMPLES, 'none'), ...prompt, '--out', out);
    assert.ok(!existsSync(out));
  });
});
