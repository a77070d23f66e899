/** What the fuzz test (test/fuzz) found, one by one. */
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Config } from '../../src/engine/checkpoint/config';
import { InputError } from '../../src/engine/checkpoint/errors';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { readSafetensors } from '../../src/engine/checkpoint/safetensors';
import { TimeLimitError, withTimeLimit } from '../../src/engine/checkpoint/timeLimit';
import { createTokenizer, loadTokenizer } from '../../src/engine/checkpoint/tokenizer';
import { readWeights } from '../../src/engine/checkpoint/weightFiles';
import { describeCheckpoint } from '../../src/engine/describe';
import { readPrompt } from '../../src/engine/prompt';
import { safetensorsBytes, SAMPLES, tempFolder, writeFile } from './support/files';

const sentence = (expected: RegExp) => (error: unknown) => {
  assert.ok(error instanceof InputError, String((error as Error).stack));
  assert.match(error.message, expected);
  assert.match(error.message, /^[^\n\u2028\u0000\u202e]{1,900}\.$/);
  return true;
};
/** Nested more deeply than a stack goes. */
const DEEP = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
const inFile = (name: string, content: string | Uint8Array): string => writeFile(join(tempFolder(), name), content);

describe('a sentence about a hostile file', () => {
  it('is one line, whatever its fields are called', () => {
    const config = Config.parse('/m/config.json', JSON.stringify({ a: 'x\u2028y\u0000\u202ez\ud800' }));
    assert.throws(() => config.int('a'), sentence(/a is "x\\u2028y\\u0000\\u202ez\\ud800", an integer/));
  });
  it('is not longer than one reads', async () => {
    const header = { ['n'.repeat(100_000)]: { dtype: 'F32', shape: [1], data_offsets: [0, 3] } };
    const file = inFile('model.safetensors', safetensorsBytes(header, new Uint8Array(4)));
    await assert.rejects(
      readSafetensors(file),
      sentence(/model\.safetensors: tensor nnn.*…nnn.* were expected for F32/),
    );
  });
  it('shows a value that is nested too deeply to be written', async () => {
    const config = Config.parse('/m/config.json', `{"n_layer": ${DEEP}}`);
    assert.throws(() => config.int('n_layer'), sentence(/n_layer is \[…\], an integer from/));
    const header = `{"w": {"dtype": ${DEEP}, "shape": [1], "data_offsets": [0, 4]}}`;
    const file = inFile('model.safetensors', safetensorsBytes(header, new Uint8Array(4)));
    await assert.rejects(readSafetensors(file), sentence(/tensor w has dtype \[…\], one of/));
    const index = inFile('model.safetensors.index.json', `{"weight_map": {"w": ${DEEP}}}`);
    await assert.rejects(readWeights(index), sentence(/places tensor w in \[…\]; the name of/));
  });
  it('gives the system’s reason without its code', async () => {
    const folder = tempFolder();
    symlinkSync('config.json', join(folder, 'config.json'));
    await assert.rejects(Config.read(join(folder, 'config.json')), sentence(/cannot be read: too many symbolic links/));
  });
});

describe('notices of hostile files', () => {
  it('are one line', async () => {
    const checkpoint = await openCheckpoint(join(SAMPLES, 'attn-only-1l'));
    const { notices } = describeCheckpoint({ ...checkpoint, notices: ['It says\nmuch: ' + 'x'.repeat(5000)] });
    assert.match(notices[0]!, /^It says\\u000amuch: x+…x+$/);
    assert.ok(notices[0]!.length < 900);
  });
});

describe('a hostile tokenizer', () => {
  const json = (more: object = {}): Record<string, unknown> => ({
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    model: { type: 'BPE', vocab: { a: 0, b: 1 }, merges: [] },
    ...more,
  });
  const model = (vocab: object): object => ({ model: { type: 'BPE', vocab, merges: [] } });

  it('a pattern that backtracks for ever ends with a sentence', function () {
    this.timeout(15_000);
    const pattern = { Regex: '(a+)+$' };
    const split = { pre_tokenizer: { type: 'Split', pattern, behavior: 'Isolated', invert: false } };
    const tokenizer = createTokenizer(json(split), {}, 'x/tokenizer.json');
    assert.deepEqual(
      tokenizer.encode('aa').map(({ id }) => id),
      [0, 0],
    );
    const expected = sentence(/^x\/tokenizer\.json does not work on this text \(it takes more than 2 s\)\.$/);
    assert.throws(() => tokenizer.encode(`${'a'.repeat(60)}!`), expected);
    assert.deepEqual(
      tokenizer.encode('ab').map(({ id }) => id),
      [0, 1],
    );
  });

  for (const id of [undefined, null, 1.5, -1, 'x', {}])
    it(`a token whose id is ${JSON.stringify(id)}`, async () => {
      const { tokenizer } = await loadTokenizer(join(SAMPLES, 'attn-only-2l'));
      const checkpoint = await openCheckpoint(join(SAMPLES, 'attn-only-2l'));
      const broken = { ...tokenizer!, encode: () => [{ id: id as number, text: 'a', start: 0, end: 1 }] };
      const read = (): unknown => readPrompt({ ...checkpoint, tokenizer: broken }, { text: 'a' });
      assert.throws(read, sentence(/Token id .* is not in the vocabulary of attn-only-2l/));
    });

  it('pieces without a length, which would have no end', () => {
    for (const length of [-1, 0, 0.5, null, '3', undefined]) {
      const split = { pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'FixedLength', length }] } };
      const expected = sentence(/length of a FixedLength pre-tokenizer is .*, a positive/);
      assert.throws(() => createTokenizer(json(split), {}), expected);
    }
    createTokenizer(json({ pre_tokenizer: { type: 'FixedLength', length: 3 } }), {});
  });

  it('ids that are none are refused where they are made', () => {
    assert.throws(() => createTokenizer(json(model({ a: 0.5 })), {}), sentence(/the id of a token is 0\.5, a non-neg/));
    const tokenizer = createTokenizer(json(model({ a: 0, b: -1 })), {});
    assert.throws(() => tokenizer.encode('b'), sentence(/the id of a token is -1/));
  });

  it('the notice has no words of the library about its own code', async () => {
    const notice = async (more: object): Promise<string> => {
      const file = inFile('tokenizer.json', JSON.stringify(json(more)));
      return (await loadTokenizer(join(file, '..'))).notice!;
    };
    assert.match(await notice({ normalizer: 3 }), /does not work \(a Normalizer without a type\): this/);
    assert.match(await notice({ decoder: { type: {} } }), /does not work \(a Decoder without a type\): this/);
    assert.match(
      await notice({ model: { type: 'BPE', vocab: 7, merges: 3 } }),
      /\(its parts do not fit together\): this/,
    );
    assert.match(await notice({ normalizer: { type: 'Magic' } }), /\(Unknown Normalizer type: Magic\): this/);
  });
});

describe('a time limit', () => {
  it('gives the result, and the task’s own errors', () => {
    assert.equal(
      withTimeLimit(1000, () => withTimeLimit(1000, () => 5) + 1),
      6,
    );
    const fails = (): never => withTimeLimit(1000, () => assert.fail('own'));
    assert.throws(fails, assert.AssertionError);
  });
  it('ends what does not end', () => {
    const forEver = (): unknown =>
      withTimeLimit(50, () => {
        for (;;);
      });
    assert.throws(forEver, TimeLimitError);
    assert.throws(() => withTimeLimit(50, () => /^(a+)+$/.test(`${'a'.repeat(60)}!`)), TimeLimitError);
  });
});
