/** heads, induction, lens, ablate and patch of the built command line, as processes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as cli from './support/cli';
import type { Output } from './support/cli';
import { REFERENCE, SAMPLES } from './support/files';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { variants } from './support/variants';

const CPU = ['--provider', 'cpu'];
const circuitscope = (...args: string[]): Promise<Output> => cli.circuitscope(...args, ...CPU);
const succeed = async (...args: string[]): Promise<string> => (await cli.succeed(...args, ...CPU)).stdout;
const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await succeed(...args, '--json')) as T;

async function refused(message: RegExp, ...args: string[]): Promise<void> {
  const { status, stdout, stderr } = await circuitscope(...args);
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, message);
}

const sample = join(SAMPLES, 'attn-only-2l');

describe('command line: heads, induction, lens, ablate, patch', function () {
  this.timeout(60_000);

  it('heads prints every score', async () => {
    const file = readFileSync(join(REFERENCE, 'attn-only-2l/reference.json'), 'utf8');
    const { repeated_random: repeated } = JSON.parse(file) as {
      repeated_random: { ids: number[]; head_scores: { induction: number[][] } };
    };
    const heads = await json<Record<string, number>[]>('heads', sample, '--ids', repeated.ids.join());
    assert.equal(heads.length, 16);
    assert.deepEqual(Object.keys(heads[13]!), [
      'layer',
      'head',
      'previousToken',
      'duplicateToken',
      'induction',
      'firstToken',
      'entropy',
      'ovCopying',
      'qkMatching',
    ]);
    assert.deepEqual([heads[13]!.layer, heads[13]!.head], [1, 5]);
    assert.ok(Math.abs(heads[13]!.induction! - repeated.head_scores.induction[1]![5]!) < 1e-3);

    const random = ['heads', sample, '--length', '20', '--batch', '2', '--seed'];
    const [one, again, other] = [await json(...random, '5'), await json(...random, '5'), await json(...random, '6')];
    assert.deepEqual(one, again);
    assert.notDeepEqual(one, other);
    const text = await succeed('heads', sample, '--length', '20', '--batch', '1');
    assert.match(text, /^head .*induction.*\nL0H0 .*\n/);
    assert.equal(text.split('\n').length, 18);
  });

  it('heads refuses what is no sequence', async () => {
    await refused(/ids: expected BOS \+ R \+ R/, 'heads', sample, '--ids', '0,1,2,3');
    await refused(/--length: expected a whole number, found “x”/, 'heads', sample, '--length', 'x');
    await refused(/length: found 999/, 'heads', sample, '--length', '999');
  });

  it('induction names the circuit and says why', async () => {
    const text = await succeed('induction', sample, '--top', '2');
    assert.match(text, /^L0H4 → L1H[57] +0\.8\d+\n +0\.\d+ +L0H4 attends to the previous token\n/);
    const { pairs } = await json<{ pairs: { previous: object; score: number }[] }>('induction', sample, '--top', '3');
    assert.equal(pairs.length, 3);
    assert.deepEqual(pairs[0]!.previous, { layer: 0, head: 4 });
  });

  it('lens prints layers by positions, also without a tokenizer', async () => {
    const { folder } = writeRandomCheckpoint(variants[0]!);
    interface LensJson {
      tokens: object[];
      layers: { hook: string; positions: { top: { id: number; p: number }[]; nextP: number | null }[] }[];
    }
    const { tokens, layers } = await json<LensJson>('lens', folder, '--ids', '1,2,3', '--top', '2');
    assert.deepEqual([tokens.length, layers.length], [3, 3]);
    for (const { positions } of layers) {
      assert.deepEqual(
        positions.map(({ top, nextP }) => [top.length, nextP === null]),
        [
          [2, false],
          [2, false],
          [2, true],
        ],
      );
    }
    assert.match(await succeed('lens', folder, '--ids', '1,2,3'), /^pos +token +L0 +L1 +out\n +0 +#1 /);
    await refused(/give exactly one of/, 'lens', folder);
  });

  it('ablate prints both losses', async () => {
    const ids = ['--ids', '0,55,660,1234,55,660,1234'];
    interface AblateJson {
      before: { loss: number; tokenLoss: (number | null)[]; predictions: object[][] };
      after: { loss: number; tokenLoss: (number | null)[] };
    }
    const { before, after } = await json<AblateJson>('ablate', sample, ...ids, '--heads', 'L0H4,L1H5');
    assert.ok(after.loss > before.loss);
    assert.deepEqual([before.tokenLoss[0], before.tokenLoss.length, after.tokenLoss.length], [null, 7, 7]);
    assert.equal(before.predictions.length, 7);
    assert.match(await succeed('ablate', sample, '--ids', '5', '--heads', 'L1H5'), /^pos .*\n +0 [^\n]*\n$/);
    const means = await json<AblateJson>('ablate', sample, ...ids, '--heads', 'L0H4,L1H5', '--mean');
    assert.notEqual(means.after.loss, after.loss);
    assert.match(await succeed('ablate', sample, ...ids, '--heads', 'l1h5'), /mean loss \d+\.\d+ → \d+\.\d+ nats\n$/);
    await refused(/there is no head L2H0 .* L0H0 to L1H7/, 'ablate', sample, ...ids, '--heads', 'L2H0');
    await refused(/expected heads such as L0H1,L1H4, found “4”/, 'ablate', sample, ...ids, '--heads', '4');
  });

  it('patch prints effects by layer', async () => {
    const texts = ['--clean', 'const map = new Set', '--corrupted', 'const map = new Map', '--answer', '('];
    interface PatchJson {
      resid: number[][];
      heads: number[][];
      wrong: object;
    }
    const { resid, heads, wrong } = await json<PatchJson>('patch', sample, ...texts, '--wrong', '<');
    assert.deepEqual([resid.length, heads.length, heads[0]!.length], [2, 2, 8]);
    assert.ok(Math.abs(resid[0]!.at(-1)! - 1) < 1e-3);
    const byId = await json<PatchJson>('patch', sample, ...texts, '--wrong', `#${(wrong as { id: number }).id}`);
    assert.deepEqual(byId, { ...byId, resid, heads, wrong });
    assert.match(await succeed('patch', sample, ...texts, '--wrong', '<'), /clean -?\d.*\n[^]*heads\n/);

    const { folder } = writeRandomCheckpoint(variants[0]!);
    const ids = ['patch', folder, '--clean-ids', '1,2,3', '--answer', '#4', '--wrong', '#5', '--corrupted-ids'];
    assert.equal((await json<PatchJson>(...ids, '1,7,3')).resid[1]!.length, 3);
    await refused(/has 3 tokens and the corrupted one 2/, ...ids, '1,7');
    // found out after a provider was chosen, and still alone on stderr
    const mistake = await cli.circuitscope('patch', folder, '--clean-ids', '1,2,3', ...ids.slice(4), '1,7');
    assert.deepEqual([mistake.status, mistake.stderr.split('\n').length], [2, 2], mistake.stderr);
    await refused(/give exactly one of --clean and --clean-ids/, 'patch', sample, '--answer', 'a', '--wrong', 'b');
  });
});
