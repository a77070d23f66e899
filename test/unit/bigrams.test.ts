/** The direct path against full float64 matrices, and against what a zero-layer model predicts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Bigrams } from '../../src/protocol/circuits/bigrams';
import { bigrams } from '../../src/engine/circuits/bigrams';
import { assertLogProbs, logProbs64 } from './support/closeness';
import { ROOT, SAMPLES } from './support/files';
import { attnOnly } from './support/families';
import { product } from './support/frozen64';
import { heads64, turn } from './support/heads64';
import { noSteps, openModel, openSample } from './support/models';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { variants } from './support/variants';

/** More tokens than one piece of either side holds. */
const wide = attnOnly('wide vocabulary', { d_vocab: 8500, d_model: 8, n_layers: 0, normalization_type: 'LN' });

describe('bigrams', function () {
  this.timeout(60_000);

  for (const variant of variants)
    it(`of ${variant.name} are those of full matrices`, async () => {
      const { folder, config, weights } = writeRandomCheckpoint(variant);
      const model = await openModel(folder);
      for (const foldNorm of [true, false]) {
        const { W_E, W_U } = heads64(config, weights, foldNorm);
        const logits = product(W_E, W_U);
        const logProbs = logProbs64({ shape: [logits.length, logits.length], data: logits.flat() });
        const sorted = logProbs.flat().sort((a, b) => b - a);
        const all = await bigrams(model, { top: 30, foldNorm }, noSteps);
        const one = await bigrams(model, { token: '#7', top: 500, foldNorm }, noSteps);
        assertLogProbs('of all', values(all), sorted.slice(0, 30));
        assertLogProbs(
          'of one',
          values(one),
          [...logProbs[7]!].sort((a, b) => b - a),
        );
        for (const { source, output, logit, logProb } of [...all.bigrams, ...one.bigrams]) {
          assertLogProbs('log-probability', [logProb], [logProbs[source.id]![output.id]!]);
          assertLogProbs('logit', [logit], [logits[source.id]![output.id]!]);
        }
        assert.deepEqual(one.token, { id: 7, text: '#7' });
        assert.ok(one.bigrams.every(({ source }) => source.id === 7));
        assert.equal(all.token, undefined);
        assert.equal(all.foldNorm, foldNorm && model.checkpoint.description.norm.kind !== 'none');
      }
    });

  it('are found in a vocabulary of several pieces', async () => {
    const { folder, config, weights } = writeRandomCheckpoint(wide);
    const { W_E, W_U } = heads64(config, weights, true);
    const model = await openModel(folder);
    const columns = turn(W_U);
    const best = W_E.map((row) => {
      const logits = columns.map((column) => {
        let sum = 0;
        for (let i = 0; i < row.length; i++) sum += row[i]! * column[i]!;
        return sum;
      });
      const top = logits.reduce((a, b) => Math.max(a, b));
      return -Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0));
    });
    const { bigrams: found } = await bigrams(model, { top: 1 }, noSteps);
    const strongest = best.reduce((a, b) => Math.max(a, b));
    assertLogProbs('strongest', [found[0]!.logProb], [strongest]);
    assert.equal(best[found[0]!.source.id], strongest);
    for (const token of [0, 8499]) {
      const one = await bigrams(model, { token, top: 500 }, noSteps);
      assertLogProbs('of one', [one.bigrams[0]!.logProb], [best[token]!]);
      const logits = product([W_E[token]!], W_U)[0]!;
      const chosen = one.bigrams.map(({ output }) => output.id);
      assert.ok(chosen.some((id) => id < 8192) && chosen.some((id) => id >= 8192));
      assertLogProbs(
        'logits',
        one.bigrams.map(({ logit }) => logit),
        chosen.map((id) => logits[id]!),
      );
    }
  });

  it('of attn-only-0l are its predictions', async () => {
    const model = await openSample('attn-only-0l');
    const tokens = [' function', '#0', '(', '#4095'];
    for (const token of tokens) {
      const table = await bigrams(model, { token, top: 50 }, noSteps);
      // whatever came before: a model without layers sees one token
      for (const before of [[], [0, 514, 9]]) {
        const { next } = await model.runner.run({ ids: [...before, table.token!.id], hooks: [], topK: 50 });
        assert.deepEqual(
          table.bigrams.map(({ output }) => output.id),
          [...next!.ids].slice(-50),
        );
        assertLogProbs(token, values(table), [...next!.logProbs].slice(-50));
      }
    }
    const { bigrams: strongest, notices } = await bigrams(model, {}, noSteps);
    assert.equal(strongest.length, 20);
    assert.deepEqual(notices, []);
    for (const { source, output, logProb } of strongest) {
      const { next } = await model.runner.run({ ids: [source.id], hooks: [], topK: 1 });
      assert.equal(next!.ids[0], output.id);
      assertLogProbs(source.text, [logProb], [next!.logProbs[0]!]);
    }
  });

  it('mistakes are refused in one sentence', async () => {
    const model = await openSample('attn-only-0l');
    const run = (params: object): Promise<Bigrams> => bigrams(model, params, noSteps);
    await assert.rejects(run({ token: 'two words' }), /“two words” is \d tokens of attn-only-0l/);
    await assert.rejects(run({ token: 4096 }), /4096 is not in the vocabulary/);
    await assert.rejects(run({ top: 501 }), /Between 1 and 500/);
    const nameless = await openModel(writeRandomCheckpoint(wide).folder);
    await assert.rejects(bigrams(nameless, { token: ' a' }, noSteps), /has no tokenizer/);
    assert.equal((await bigrams(nameless, { token: '12' }, noSteps)).token!.id, 12);
    const stop = { step: (): Promise<void> => Promise.reject(new Error('cancelled')) };
    await assert.rejects(bigrams(model, {}, stop), /cancelled/);
  });

  it('command line, without a tokenizer too', () => {
    const cli = (...args: string[]): string =>
      execFileSync(process.execPath, [join(ROOT, 'dist/cli.js'), 'bigrams', ...args, '--provider', 'cpu'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    const sample = join(SAMPLES, 'attn-only-0l');
    assert.match(
      cli(sample, '--token', ' function', '--top', '2'),
      /^token +next[^\n]+\n·function +·\( +6\.057 +-1\.9444\n/,
    );
    const { bigrams: rows } = JSON.parse(cli(sample, '--top', '4', '--json')) as Bigrams;
    assert.equal(rows.length, 4);
    assert.equal(rows[0]!.output.text, 'PURE');
    const { folder } = writeRandomCheckpoint(wide);
    assert.match(cli(folder, '--token', '#12', '--top', '1'), /\n#12 +#\d+ /);
  });
});

const values = ({ bigrams: rows }: Bigrams): number[] => rows.map(({ logProb }) => logProb);
