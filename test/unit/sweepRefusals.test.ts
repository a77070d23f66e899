/** Weights that are not finite, sweeps of the same autoencoder read otherwise, damaged records, corpora of nothing. */
import assert from 'node:assert/strict';
import { cpSync, openSync, readFileSync, writeSync, closeSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PromptTokenizer, StoredTensor } from '../../src/engine/checkpoint/checkpoint';
import { readSafetensors } from '../../src/engine/checkpoint/safetensors';
import { merge } from '../../src/engine/mlsae/corpus/merge';
import { openSweep } from '../../src/engine/mlsae/corpus/results';
import { sequences } from '../../src/engine/mlsae/corpus/sequences';
import { corpusTotals, sweep } from '../../src/engine/mlsae/corpus/sweep';
import { Totals } from '../../src/engine/mlsae/corpus/totals';
import type { EncodedText } from '../../src/engine/mlsae/encodePrompt';
import { encodePrompt } from '../../src/engine/mlsae/encodePrompt';
import { evaluate } from '../../src/engine/mlsae/evaluate';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import type { Sae } from '../../src/engine/mlsae/sae';
import type { OpenSae } from '../../src/engine/mlsae/types';
import { corpusOf, letters, lettersWithBos, refuses, withTokenizer } from './support/corpus';
import { MODELS, openRandomSae, saeVariant } from './support/effects';
import { tempFolder, writeFile } from './support/files';
import { noSteps } from './support/models';
import { PROVIDER } from './support/provider';

const TEXTS = ['thequickbrownfox', 'abababab'];

/** Opens an autoencoder with letters as tokens; closed after the test. */
async function opened(variant: string): Promise<OpenSae> {
  const { open, dispose } = await openRandomSae(MODELS[0]!, saeVariant(variant));
  disposals.push(dispose);
  return withTokenizer(open, letters);
}
const disposals: (() => Promise<void>)[] = [];
const newFolder = (): string => join(tempFolder(), 'sweep');

/** Overwrites all numbers of an F32 tensor before anybody has read them. */
function overwrite({ sae }: OpenSae, name: string, value: number): void {
  const { file, offset, length } = sae.tensors.get(name)!;
  const handle = openSync(file, 'r+');
  writeSync(handle, new Uint8Array(new Float32Array(length / 4).fill(value).buffer), 0, length, offset);
  closeSync(handle);
}

/** All bits set: NaN in every float format. */
function fillWithNaN({ file, offset, length }: StoredTensor): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, new Uint8Array(length).fill(255), 0, length, offset);
  closeSync(handle);
}

describe('what a sweep refuses', function () {
  this.timeout(60_000);
  afterEach(async () => {
    for (const dispose of disposals.splice(0)) await dispose();
  });

  describe('weights that are not finite', () => {
    const ids = [1, 2, 3, 4];
    for (const [variant, tensor, value, layer] of [
      ['mlsae', 'decoder', NaN, 0],
      ['mlsae', 'decoder', Infinity, 0],
      ['mlsae', 'encoder', NaN, 0],
      ['mlsae tuned lens', 'decoder', NaN, 0],
      ['saelens standard', 'decoder', NaN, 1],
      ['saelens standard', 'encoder', Infinity, 1],
    ] as const)
      it(`${value} in the ${tensor} of ${variant}`, async () => {
        const open = await opened(variant);
        overwrite(open, open.sae[tensor].weight.tensor, value);
        const message = new RegExp(`^${open.sae.name} gives numbers that are not finite at layer ${layer}; `);
        const corpus = corpusOf(TEXTS);
        const out = newFolder();
        await refuses(sweep(open, { corpus, out }, noSteps), message);
        await refuses(corpusTotals(open, corpus, noSteps), message);
        await refuses(evaluate(open, { corpus }, noSteps), message);
        await refuses(encodePrompt(open, { ids }, noSteps), message);
        const { tokens, counts } = await openSweep(open, { dir: out }, noSteps);
        assert.deepEqual([tokens, Math.max(...counts)], [0, 0]);
        if (tensor === 'decoder')
          await refuses(
            open.saeRunner.decoderRows([3, 1]),
            /gives numbers that are not finite in the decoder's row of latent #3;/,
          );
      });

    it('names the layer of the first row that is wrong, or the model', async () => {
      const open = await opened('mlsae');
      const { nInputs, name } = open.sae;
      const request = (value: number): Promise<unknown> => {
        const rows = new Float32Array(4 * nInputs).fill(0.5);
        rows[2 * nInputs] = value;
        return open.saeRunner.encode({ rows, layer: 0, layers: [0, 1] });
      };
      await refuses(request(NaN), /^The model's residual stream is not finite after layer 1: /);
      // its square is beyond float32
      await refuses(request(3e38), new RegExp(`^${name} gives numbers that are not finite at layer 1; `));
      await request(0.5);
      const rows = new Float32Array(nInputs).fill(0.5);
      await open.saeRunner.encode({ rows, layer: 0, codesOnly: true });
    });

    // where there are neighbouring layers their means are read first
    for (const [variant, end] of [
      ['mlsae', '\\.$'],
      ['saelens standard', ': '],
    ] as const)
      it(`those of the model, below ${variant}`, async () => {
        const open = await opened(variant);
        const { sae, model } = open;
        for (const tensor of model.checkpoint.tensors.values()) fillWithNaN(tensor);
        const message = new RegExp(`^The model's residual stream is not finite after layer ${sae.layers[0]}${end}`);
        await refuses(sweep(open, { corpus: corpusOf(TEXTS), out: newFolder() }, noSteps), message);
      });

    it('those of a sweep', async () => {
      const open = await opened('mlsae');
      const corpus = corpusOf(TEXTS);
      const out = newFolder();
      await sweep(open, { corpus, out, shard: { index: 0, count: 1 } }, noSteps);
      fillWithNaN((await readSafetensors(join(out, 'sweep.safetensors'))).get('totals')!);
      const message = /sweep\.safetensors: tensor totals is not finite\.$/;
      await refuses(openSweep(open, { dir: out }, noSteps), message);
      await refuses(merge([out], newFolder()), message);
    });

    it('nothing of such a text is added', () => {
      const text = (squaredError: number, value: number): Parameters<Totals['add']> => {
        const values = Float32Array.of(1, value);
        const [indices, ones] = [Int32Array.of(0, 1), Float32Array.of(1, 1)];
        const error = Float32Array.of(1, squaredError);
        const encoded: EncodedText['encoded'] = {
          k: 1,
          indices,
          values,
          l0: ones,
          l1: ones,
          squaredError: error,
          scale: ones,
        };
        const resid = [Float32Array.of(1, 2), Float32Array.of(2, 1)];
        const codes = { nTokens: 1, layers: [2, 3], k: 1, indices, values };
        return [{ encoded, resid }, codes, [new Float64Array(2), new Float64Array(2)], true, 'sae'];
      };
      const totals = new Totals([2, 3], 2);
      totals.add(...text(1, 1));
      const before = [totals.counts.slice(), totals.totals, totals.storedScalars];
      const message = /^sae gives numbers that are not finite at layer 3; /;
      for (const [error, value] of [
        [NaN, 1],
        [1, Infinity],
      ] as const)
        assert.throws(() => totals.add(...text(error, value)), { name: 'InputError', message });
      assert.deepEqual([totals.counts, totals.totals, totals.storedScalars], before);
    });
  });

  it('a sweep of the same tensors that are read otherwise', async () => {
    const open = await opened('mlsae');
    const corpus = corpusOf(TEXTS);
    const out = newFolder();
    const { sae } = open;
    const other = (change: Partial<Sae>): OpenSae => {
      const changed = { ...sae, ...change };
      const saeRunner = createSaeRunner(changed, PROVIDER);
      disposals.push(() => saeRunner.dispose());
      return { ...open, sae: changed, saeRunner };
    };
    await sweep(open, { corpus, out }, noSteps);
    for (const [change, now] of [
      [{ layers: [1] }, 'layer 1; topk 3'],
      [{ activate: { kind: 'topk', k: 2 } }, 'layers 0 1; topk 2'],
      [{ activate: { kind: 'relu' } }, 'layers 0 1; relu'],
      [{ standardize: !sae.standardize }, ''],
      [{ bPre: undefined }, ''],
      [{ bDec: undefined }, ''],
    ] as [Partial<Sae>, string][]) {
      const message = new RegExp(
        `has a sweep of another reading of the autoencoder \\(layers 0 1; topk 3.*, not ${now}.*\\)`,
      );
      await refuses(sweep(other(change), { corpus, out }, noSteps), message);
      await refuses(openSweep(other(change), { dir: out }, noSteps), message);
    }
    const dirs = [newFolder(), newFolder()];
    await sweep(open, { corpus, out: dirs[0]!, shard: { index: 0, count: 2 } }, noSteps);
    const fewer = other({ activate: { kind: 'topk', k: 2 } });
    await sweep(fewer, { corpus, out: dirs[1]!, shard: { index: 1, count: 2 } }, noSteps);
    await refuses(
      merge(dirs, newFolder()),
      /of different sweeps: another reading of the autoencoder \(.*topk 3.*topk 2/,
    );
  });

  it('a damaged sweep.json', async () => {
    const open = await opened('mlsae');
    const corpus = corpusOf(TEXTS);
    const whole = newFolder();
    await sweep(open, { corpus, out: whole, shard: { index: 0, count: 1 } }, noSteps);
    type Json = Record<string, unknown>;
    const damages: [string, (record: Json & { identity: Json; scalars: string[] }) => unknown][] = [
      ['identity', (record) => delete (record as Json).identity],
      ['identity', (record) => ((record as Json).identity = null)],
      ['identity.context', ({ identity }) => (identity.context = '9')],
      ['identity.settings', ({ identity }) => delete identity.settings],
      ['shard', (record) => (record.shard = { index: 0 })],
      ['shard', (record) => delete record.shard],
      ['globs', (record) => (record.globs = 'x')],
      ['layers', (record) => (record.layers = [0, null])],
      ['nLatents', (record) => (record.nLatents = -1)],
      ['complete', (record) => (record.complete = 'no')],
      ['cursor', (record) => (record.cursor = { part: 1 })],
      ['scalars', ({ scalars }) => scalars.pop()],
      ['scalars', (record) => (record.scalars[2] = '1.5')],
      ['notices', (record) => delete record.notices],
      ['tensors', (record) => (record.tensors = 5)],
      ['writer', (record) => delete record.writer],
    ];
    for (const [field, damage] of damages) {
      const dir = tempFolder();
      cpSync(whole, dir, { recursive: true });
      const record = JSON.parse(readFileSync(join(dir, 'sweep.json'), 'utf8')) as Parameters<typeof damage>[0];
      damage(record);
      writeFile(join(dir, 'sweep.json'), record);
      const message = new RegExp(`sweep\\.json is not what a sweep writes: ${field} is missing or wrong\\.$`);
      await refuses(openSweep(open, { dir }, noSteps), message);
      await refuses(merge([dir], newFolder()), message);
      await refuses(sweep(open, { corpus, out: dir }, noSteps), message);
    }
    await merge([whole], newFolder());
  });

  it('a corpus of nothing, and leaves no folder', async () => {
    const open = await opened('saelens standard');
    for (const [one, corpus] of [
      [open, corpusOf(['', ''])],
      [withTokenizer(open, lettersWithBos), corpusOf([''])],
    ] as const) {
      const out = newFolder();
      const message = /^\*\.txt: the texts are empty\.$/;
      await refuses(sweep(one, { corpus, out }, noSteps), message);
      assert.ok(!existsSync(out));
      await refuses(corpusTotals(one, corpus, noSteps), message);
      await refuses(evaluate(one, { corpus }, noSteps), message);
    }
  });

  it('nothing of a tokenizer that has no token for `a`', async () => {
    const { model } = await opened('mlsae');
    const encode: PromptTokenizer['encode'] = (text) => letters.encode(text.replaceAll('a', ''));
    const bos = 20;
    const withBos: PromptTokenizer['encode'] = (text) => [
      ...lettersWithBos.encode('').filter(() => text === 'a'),
      ...encode(text),
    ];
    for (const tokenizer of [
      { ...letters, encode },
      { ...letters, encode: withBos, specialIds: new Set([bos]) },
    ]) {
      const seen: number[][] = [];
      for await (const { ids } of sequences(corpusOf(['abcdefg'], 4), { ...model.checkpoint, tokenizer }))
        seen.push(ids);
      assert.deepEqual(seen, [
        [1, 2, 3, 4],
        [5, 6],
      ]);
    }
  });
});
