/** Which checkpoints can be compared, through the engine's own requests; and the steps of a training in a folder. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../src/engine/checkpoint/errors';
import { trainingSteps } from '../../src/engine/checkpoint/steps';
import { engineParts } from '../../src/engine/parts';
import { createService } from '../../src/engine/service';
import { dialects, exportedCheckpoint, foreignOf } from './support/foreignModels';
import { attnOnly, gpt2, llama, LLAMA } from './support/families';
import { tempFolder, writeFile } from './support/files';
import { noSteps } from './support/models';
import { PROVIDER } from './support/provider';
import { writeRandomCheckpoint, type Variant } from './support/randomCheckpoint';
import { writeRandomSae } from './support/randomSae';

const context = { steps: noSteps };
const ids = [1, 2, 3, 1];
const engine = createService(engineParts(() => undefined));

async function open(path: string): Promise<string> {
  return (await engine.openCheckpoint({ path, providers: [PROVIDER] }, context)).id;
}

/** A folder with a tokenizer of words. */
function withWords(variant: Variant, words: string[]): string {
  const { folder } = writeRandomCheckpoint(variant);
  const vocab = Object.fromEntries(words.map((word, id) => [word, id]));
  const model = { type: 'WordLevel', vocab, unk_token: words[0] };
  writeFile(join(folder, 'tokenizer.json'), {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: null,
    decoder: null,
    model,
  });
  return folder;
}

const sentence =
  (why: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof InputError, String(error));
    assert.match(error.message, why);
    return true;
  };

const toy = attnOnly('LN', { normalization_type: 'LN' });
const words = ['a', 'b', 'c', 'd', 'e'];

describe('checkpoints that are compared', function () {
  this.timeout(30_000);

  const others: [string, Variant, RegExp][] = [
    ['layers', attnOnly('', { normalization_type: 'LN', n_layers: 1 }), /nLayers is 2 in the first and 1/],
    ['heads and their sizes swapped', attnOnly('', { normalization_type: 'LN', n_heads: 8, d_head: 3 }), /nHeads is 3 in the first and 8/],
    ['d_head', attnOnly('', { normalization_type: 'LN', d_head: 4 }), /dHead is 8 in the first and 4/],
    ['d_model', attnOnly('', { normalization_type: 'LN', d_model: 21 }), /dModel is 20 in the first and 21/],
    ['vocabulary', attnOnly('', { normalization_type: 'LN', d_vocab: 28 }), /dVocab is 27 in the first and 28/],
    ['positions', attnOnly('', { normalization_type: 'LN', positional_embedding_type: 'rotary', rotary_dim: 4 }), /positions is standard in the first and rotary/],
    ['norm', attnOnly('', {}), /norm is layer in the first and none/],
  ]; // prettier-ignore
  for (const [what, variant, why] of others)
    it(`have the same ${what}`, async () => {
      const [folder, other] = [toy, variant].map((each) => writeRandomCheckpoint(each).folder) as [string, string];
      const two = { a: await open(folder), b: await open(other) };
      await assert.rejects(
        async () => engine.comparePatterns({ ...two, ids }, context),
        (error) => sentence(why)(error) && sentence(new RegExp(join(other, 'config.json')))(error),
      );
      for (const id of Object.values(two)) await engine.closeCheckpoint({ checkpointId: id }, context);
    });

  it('have the same MLP and key/value heads', async () => {
    const cases: [Variant, Variant, RegExp][] = [
      [gpt2('', {}), gpt2('', { n_inner: 60 }), /dMlp is 120 in the first and 60/],
      [llama(LLAMA, '', {}), llama(LLAMA, '', { num_key_value_heads: 3 }), /nKeyValueHeads is 2 in the first and 3/],
    ];
    for (const [first, second, why] of cases) {
      const [a, b] = await Promise.all([first, second].map((each) => open(writeRandomCheckpoint(each).folder)));
      await assert.rejects(async () => engine.checkComparable({ a: a!, b: b! }, context), sentence(why));
    }
  });

  it('have the same vocabulary: text is read by the tokenizer of A, or of B', async () => {
    const a = await open(withWords(toy, words));
    const same = await open(withWords(toy, words));
    const swapped = await open(withWords(toy, ['a', 'b', 'd', 'c', 'e']));
    const without = await open(writeRandomCheckpoint(toy).folder);
    assert.deepEqual(await engine.checkComparable({ a, b: same }, context), { notices: [] });
    const request = engine.compareNextTokens.bind(engine, { a, b: swapped, text: 'a b' }, context);
    await assert.rejects(async () => request(), sentence(/token 2 is "c" in the first and "d" in the second/));
    for (const two of [
      { a, b: without },
      { a: without, b: a },
    ]) {
      const { tokens, notices } = await engine.comparePatterns({ ...two, text: 'b e a' }, context);
      assert.deepEqual(tokens.map(({ id }) => id), [1, 4, 0]); // prettier-ignore
      assert.equal(notices.filter((notice) => /has no tokenizer/.test(notice)).length, 1);
    }
  });

  it('may have other contexts: the shorter one holds', async () => {
    const longer = attnOnly('', { normalization_type: 'LN', n_ctx: 20 });
    const [a, b] = await Promise.all([toy, longer].map((each) => open(writeRandomCheckpoint(each).folder)));
    const prompt = Array.from({ length: 18 }, (_, i) => i);
    for (const two of [
      { a: a!, b: b! },
      { a: b!, b: a! },
    ]) {
      const { tokens, notices } = await engine.compareNextTokens({ ...two, ids: prompt }, context);
      assert.equal(tokens.length, 15);
      assert.match(notices.join(' '), /18 tokens.* 15 .*The context of/);
      const { a: scores, b: others } = await engine.compareHeadScores({ ...two, batch: 1 }, context);
      assert.deepEqual([scores.length, others.length], [7, 7]);
    }
  });

  it('may be a .onnx and what it was exported from, also where only its attention was found', async () => {
    for (const dialect of [dialects.plain, dialects.postNorm]) {
      const folder = exportedCheckpoint('gpt2');
      const two = { a: await open(folder), b: await open(await foreignOf(folder, dialect)) };
      const { maxDistance } = await engine.comparePatterns({ ...two, ids }, context);
      const most = Math.max(...maxDistance);
      assert.equal(most < 1e-4, dialect === dialects.plain, `${most}`);
    }
  });

  it('are open, and so are their autoencoders', async () => {
    const { folder } = writeRandomCheckpoint(toy);
    const [a, b] = [await open(folder), await open(folder)];
    const { id } = await engine.openSae(
      {
        checkpointId: b,
        path: writeRandomSae({ name: '', format: 'mlsae', activation: 'topk' }, { nInputs: 20 }).folder,
      },
      context,
    );
    const { changed, nLatents } = await engine.compareLatents({ a, b, saeId: id, ids }, context);
    assert.deepEqual([changed, nLatents], [0, 80]);
    const gone = (error: Error): boolean => error.name === 'GoneError';
    await assert.rejects(async () => engine.compareLatents({ a, b, saeId: 'sae-0', ids }, context), gone);
    await engine.closeCheckpoint({ checkpointId: b }, context);
    await assert.rejects(async () => engine.compareComposition({ a, b }, context), gone);
    const head = { layer: 2, head: 0 };
    await assert.rejects(async () => engine.comparePattern({ a, b: a, ids, head }, context), sentence(/no head L2H0/));
  });
});

describe('steps of a training', () => {
  const checkpoint = writeRandomCheckpoint(toy).folder;
  const put = (folder: string, name: string): void => cpSync(checkpoint, join(folder, name), { recursive: true });

  it('are found by name and sorted by number', async () => {
    const cases = [
      ['step1000', 'step200', 'step10000'],
      ['checkpoint-1000', 'checkpoint-500'],
      ['step_2', 'step_1', 'step_10'],
      ['global_step20', 'global_step3'],
      ['pythia-70m-step512', 'pythia-70m-step64'],
      ['epoch=0-step=100', 'epoch=1-step=90'],
    ];
    for (const names of cases) {
      const folder = tempFolder();
      ['step', 'final', 'runs1', 'step5b', ...names].forEach((name) => put(folder, name));
      const { steps, folder: found, current, notices } = await trainingSteps({ folder });
      const numbers = names.map((name) => Number(/\d+$/.exec(name)![0])).sort((x, y) => x - y);
      assert.deepEqual(steps.map(({ step }) => step), numbers); // prettier-ignore
      for (const { step, name, path } of steps)
        assert.deepEqual([path, name.endsWith(`${step}`)], [join(folder, name), true]);
      assert.deepEqual([found, current, notices], [folder, undefined, []]);
    }
  });

  it('are the neighbours of one that is given', async () => {
    const folder = tempFolder();
    ['step2000', 'step1000', 'step30'].forEach((name) => put(folder, name));
    for (const given of [
      join(folder, 'step1000'),
      `${join(folder, 'step1000')}/`,
      join(folder, 'step1000/config.json'),
    ]) {
      const { folder: found, current, steps } = await trainingSteps({ folder: given });
      assert.deepEqual([found, current, steps.length], [folder, 1, 3]);
    }
    // a folder that is named like a step, and holds steps
    put(join(folder, 'step7'), 'step1');
    assert.deepEqual((await trainingSteps({ folder: join(folder, 'step7') })).steps.map(({ step }) => step), [1]); // prettier-ignore
  });

  it('are checkpoints: what is none is left out and said', async () => {
    const folder = tempFolder();
    put(folder, 'step1');
    put(folder, 'step_1');
    mkdirSync(join(folder, 'step2'));
    writeFile(join(folder, 'step3'), 'a file');
    writeFile(join(folder, 'step4/config.json'), { model_type: 'bert' });
    const { steps, notices } = await trainingSteps({ folder });
    assert.deepEqual(steps.map(({ name }) => name), ['step1']); // prettier-ignore
    assert.deepEqual(notices.map((notice) => notice.split(' ')[0]), ['step2', 'step4', 'step_1']); // prettier-ignore
    assert.match(notices[2]!, /step1 is the same step/);
    const empty = tempFolder();
    await assert.rejects(trainingSteps({ folder: empty }), sentence(/step1000 or checkpoint-1000 were expected/));
    await assert.rejects(trainingSteps({ folder: join(empty, 'x') }), sentence(/does not exist/));
    for (let i = 0; i < 9; i++) mkdirSync(join(folder, `step9${i}`));
    assert.equal((await trainingSteps({ folder })).notices.length, 6);
  });
});
