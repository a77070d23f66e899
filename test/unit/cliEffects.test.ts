/** `circuitscope steer`, `latent` and `evaluate`, as processes. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Prediction } from '../../src/protocol/analysis';
import type { LatentCard } from '../../src/protocol/latents/card';
import type { Evaluation } from '../../src/protocol/latents/corpus';
import { circuitscope, succeed } from './support/cli';
import { neox } from './support/families';
import { SAMPLES, tempFolder, writeFile } from './support/files';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { saeVariant } from './support/effects';
import { writeRandomSae } from './support/randomSae';

const MODEL = join(SAMPLES, 'neox-6l');
const SAE = ['--mlsae', join(SAMPLES, 'mlsae-neox-6l-x16-k16')];
const CPU = ['--provider', 'cpu'];

interface SteerJson {
  tokens: { text: string }[];
  edit: object;
  lossBefore: number;
  lossAfter: number | null;
  kl: number[];
  before: Prediction[][];
  after: Prediction[][];
}

const json = async <T>(...args: string[]): Promise<T> =>
  JSON.parse((await succeed(...args, '--json', ...CPU)).stdout) as T;

async function assertRefused(args: string[], message: RegExp): Promise<void> {
  const { status, stdout, stderr } = await circuitscope(...args, ...CPU);
  assert.deepEqual([status, stdout], [2, ''], stderr);
  assert.match(stderr, message);
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
}

describe('command line: steer', function () {
  this.timeout(60_000);
  const steer = ['steer', MODEL, ...SAE, '--latent', '604', '--layer', '3'];
  const prompt = ['--prompt', 'const total = add(1, 2);'];

  it('gives both sides, with a factor of either sign', async () => {
    const plus = await json<SteerJson>(...steer, ...prompt, '--factor', '8');
    const minus = await json<SteerJson>(...steer, ...prompt, '--factor', '-8');
    assert.deepEqual(Object.keys(plus), [
      ...['tokens', 'latent', 'layer', 'edit', 'lossBefore', 'lossAfter', 'kl', 'before', 'after'],
    ]);
    assert.deepEqual(minus.edit, { kind: 'add', factor: -8 });
    assert.deepEqual(plus.before, minus.before);
    assert.notDeepEqual(plus.after, minus.after);
    assert.equal(plus.kl.length, plus.tokens.length);
    assert.ok(plus.kl.every((kl) => kl > 0));
    assert.equal(plus.before[0]!.length, 5);
  });

  it('ablates where the latent is active, and nowhere before', async () => {
    const { tokens, edit, kl } = await json<SteerJson>(...steer, ...prompt, '--ablate');
    assert.deepEqual(edit, { kind: 'ablate' });
    assert.deepEqual(
      tokens.slice(0, 2).map(({ text }) => text),
      ['const', ' total'],
    );
    assert.equal(kl[0], 0);
    const most = kl.indexOf(Math.max(...kl));
    assert.equal(tokens[most]!.text, ' add');
  });

  it('prints a table that ends with the loss', async () => {
    const { stdout } = await succeed(...steer, ...prompt, '--factor', '4', ...CPU);
    assert.match(stdout, /^pos +token +KL +next +p +changed +p\n/);
    assert.match(stdout, /mean loss \d\.\d{3} → \d\.\d{3} nats\n$/);
    const one = await succeed(...steer, '--ids', '5', '--factor', '4', ...CPU);
    assert.doesNotMatch(one.stdout, /loss/);
  });

  it('takes --layer for a single-layer autoencoder that does not say its own', async () => {
    const { folder } = writeRandomCheckpoint(neox('beside', {}));
    const sae = writeRandomSae(saeVariant('saelens standard'), { nInputs: 40 });
    const given = ['steer', folder, '--mlsae', sae.folder, '--latent', '3', '--factor', '2', '--ids', '1,2,3'];
    const { lossAfter } = await json<SteerJson>(...given, '--layer', '1');
    assert.ok(lossAfter! > 0);
    await assertRefused([...given, '--layer', '0'], /does not read layer 0: expected 1\./);
  });

  for (const [what, args, message] of [
    ['neither factor nor ablation', prompt, /exactly one of --factor and --ablate/],
    ['both', [...prompt, '--factor', '1', '--ablate'], /exactly one of --factor and --ablate/],
    ['a factor that is no number', [...prompt, '--factor', 'much'], /--factor: expected a number, found “much”/],
    ['no prompt', ['--factor', '1'], /exactly one of --prompt/],
    ['a latent that is not there', [...prompt, '--ablate', '--latent', '3072'], /no latent #3072.*0–3071/],
    ['a layer that is not there', [...prompt, '--ablate', '--layer', '6'], /does not read layer 6: expected 0–5/],
    ['a layer that is no number', [...prompt, '--ablate', '--layer', 'x'], /--layer: expected a whole number/],
  ] as [string, string[], RegExp][])
    it(`refuses ${what} in one line`, () => assertRefused([...steer, ...args], message));
});

describe('command line: latent', function () {
  this.timeout(60_000);

  it('gives the card, as JSON and as a table', async () => {
    const card = await json<LatentCard>('latent', MODEL, ...SAE, '--latent', '604', '--top', '3');
    assert.equal(card.promoted.length, 3);
    assert.equal(card.promoted[0]!.text, 'PURE');
    assert.equal(card.readers.length, 3);
    const { stdout, stderr } = await succeed('latent', MODEL, ...SAE, '--latent', '604', ...CPU);
    assert.match(stdout, /^promotes +logit +suppresses +logit/);
    assert.match(stdout, /L3H0 +0\.260 +L4H0 K +0\.138\n/);
    assert.match(stdout, /random direction 0\.072\n$/);
    assert.match(stderr, /relative position 0/);
  });

  it('refuses mistakes in one line', async () => {
    await assertRefused(['latent', MODEL, ...SAE, '--latent', '3072'], /no latent #3072/);
    await assertRefused(['latent', MODEL, ...SAE], /--latent/);
    await assertRefused(['latent', MODEL, '--latent', '1'], /--mlsae/);
    await assertRefused(['latent', MODEL, ...SAE, '--latent', '1', '--top', '0'], /Between 1 and 500/);
  });
});

describe('command line: evaluate', function () {
  this.timeout(60_000);

  it('reads a corpus up to a number of tokens', async () => {
    const folder = tempFolder();
    writeFile(join(folder, 'a.jsonl'), '{"text": "const a = 1;"}\n{"text": "return a + b;"}\n');
    writeFile(join(folder, 'b.ts'), 'export const total = add(1, 2);\n'.repeat(20));
    const args = ['evaluate', MODEL, ...SAE, '--corpus', join(folder, '*')];
    const all = await json<Evaluation>(...args);
    const some = await json<Evaluation>(...args, '--max-tokens', '50');
    assert.ok(all.tokens > 100);
    assert.equal(some.tokens, 50);
    assert.deepEqual(
      all.layers.map(({ layer }) => layer),
      [0, 1, 2, 3, 4, 5],
    );
    assert.deepEqual(Object.keys(all.layers[0]!), ['layer', 'fvu', 'mse', 'l0', 'l1', 'lossDelta', 'kl', 'changed']);
    assert.equal(all.adjacent.plain.length, 5);
    const { stdout } = await succeed(...args, ...CPU);
    assert.match(stdout, /^layer +FVU .* loss \+ +KL +changed\n/);
    assert.match(stdout, /\nMMCS 0\.4074; /);
    writeFile(join(folder, 'c.bin'), Buffer.from([0x61, 0x00, 0xff]));
    const { stdout: skipped, stderr } = await succeed(...args, ...CPU, '--dead-below', '0.5', '--json');
    assert.match(stderr, /c\.bin/);
    const { notices, dead } = JSON.parse(skipped) as Evaluation;
    assert.match(notices.join(), /c\.bin/);
    assert.equal(dead.threshold, 0.5);
    assert.ok(dead.count > all.dead.count);
  });

  it('refuses mistakes in one line', async () => {
    await assertRefused(['evaluate', MODEL, ...SAE], /--corpus is missing/);
    await assertRefused(['evaluate', MODEL, ...SAE, '--corpus', join(tempFolder(), '*.txt')], /\*\.txt/);
  });
});
