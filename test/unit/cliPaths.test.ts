/** `circuitscope paths` and `importance`, as processes. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { circuitscope, succeed } from './support/cli';
import { attnOnly } from './support/families';
import { SAMPLES } from './support/files';
import { writeRandomCheckpoint } from './support/randomCheckpoint';

interface PathsJson {
  position: number;
  token: { id: number; text: string };
  logit: number;
  terms: { name: string; kind: string; value: number }[];
}

const sample = join(SAMPLES, 'attn-only-2l');
const CPU = ['--provider', 'cpu'];

describe('command line: paths', function () {
  this.timeout(30_000);
  const json = async (...args: string[]): Promise<PathsJson> =>
    JSON.parse((await succeed('paths', ...args, '--json', ...CPU)).stdout) as PathsJson;
  const assertAddsUp = ({ terms, logit }: PathsJson): void => {
    const sum = terms.reduce((total, { value }) => total + value, 0);
    assert.ok(Math.abs(sum - logit) <= 1e-4, `${sum}, not ${logit}`);
  };

  it('gives the terms of the top prediction after the last position', async () => {
    const result = await json(sample, '--prompt', 'return a');
    assert.equal(result.position, 1);
    assert.equal(result.terms.length, 81);
    assert.deepEqual(Object.keys(result.terms[0]!), ['name', 'kind', 'value']);
    assertAddsUp(result);
  });

  it('takes a position and a token, by text or id', async () => {
    const byText = await json(sample, '--prompt', 'return a', '--position', '0', '--token', ' return');
    assert.deepEqual([byText.position, byText.token.text], [0, ' return']);
    const byId = await json(sample, '--prompt', 'return a', '--position', '0', '--token', `${byText.token.id}`);
    assert.deepEqual(byId, byText);
  });

  it('needs no tokenizer', async () => {
    const { folder } = writeRandomCheckpoint(attnOnly('biases', { normalization_type: 'LN' }, { biases: true }));
    const result = await json(folder, '--ids', '3,1,4', '--token', '2');
    assert.equal(result.token.text, '#2');
    assert.deepEqual(new Set(result.terms.map(({ kind }) => kind)), new Set(['embedding', 'position', 'head', 'bias']));
    assertAddsUp(result);
  });

  it('prints a table that ends with the sum', async () => {
    const { stdout } = await succeed('paths', sample, '--prompt', 'return a', ...CPU);
    assert.match(stdout, /^term +kind +value +most from\n/);
    assert.match(stdout, /56 more/);
    const [, logit, sum] = /: (-?\d+\.\d+); the terms add up to (-?\d+\.\d+)\n$/.exec(stdout)!;
    assert.ok(Math.abs(Number(logit) - Number(sum)) <= 2e-4);
  });

  for (const [what, args, message] of [
    ['a position outside the prompt', ['--ids', '1', '--position', '1'], /Position 1 is not in the prompt/],
    ['a position that is no number', ['--ids', '1', '--position', 'x'], /--position: expected a whole number/],
    ['a text of several tokens', ['--ids', '1', '--token', 'return foo'], /expected exactly one/],
    ['no prompt', [], /exactly one of --prompt/],
  ] as [string, string[], RegExp][])
    it(`refuses ${what} in one line`, async () => {
      const { status, stdout, stderr } = await circuitscope('paths', sample, ...args, ...CPU);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
});

describe('command line: importance', function () {
  this.timeout(30_000);

  it('gives the loss by order and the effect of every term', async () => {
    const { stdout } = await succeed('importance', sample, '--prompt', 'return a + b;', '--json', ...CPU);
    const result = JSON.parse(stdout) as { loss: number; orders: { n: number; loss: number }[]; terms: object[] };
    assert.deepEqual(
      result.orders.map(({ n }) => n),
      [0, 1, 2],
    );
    assert.ok(Math.abs(result.orders[2]!.loss - result.loss) <= 1e-4);
    assert.equal(result.terms.length, 80);
    assert.deepEqual(Object.keys(result.terms[0]!), ['name', 'kind', 'effect']);
  });

  it('says in one line why MLPs are refused', async () => {
    const { status, stderr } = await circuitscope('importance', join(SAMPLES, 'neox-6l'), '--ids', '1,2,3', ...CPU);
    assert.equal(status, 2);
    assert.match(stderr, /^circuitscope: Term importance needs an attention-only model: neox-6l has MLPs.*\n$/);
  });
});
