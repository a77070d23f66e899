import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Paths, PathsParams } from '../../src/protocol/circuits/paths';
import { paths } from '../../src/engine/circuits/paths';
import { attnOnly } from './support/families';
import { REFERENCE, SAMPLES } from './support/files';
import { allPaths, frozen64, product, type Frozen64 } from './support/frozen64';
import { forward64 } from './support/naive64';
import { noSteps, openModel, promptOf } from './support/models';
import type { Matrix } from './support/naive/math';
import { parts64 } from './support/parts64';
import { writeRandomCheckpoint, type Variant } from './support/randomCheckpoint';
import { variants } from './support/variants';

/** DESIGN: paths add up within 1e-4; beside 1 logit at least, as random models have large ones. */
const BAR = 1e-4;

async function run(folder: string, params: Omit<PathsParams, 'checkpointId'>): Promise<Paths> {
  const model = await openModel(folder);
  try {
    return await paths(model, params, noSteps);
  } finally {
    await model.runner.dispose();
  }
}

/** @param scale the largest thing that is added up */
const close = (name: string, actual: number, expected: number, scale = 1): void =>
  assert.ok(Math.abs(actual - expected) <= BAR * Math.max(1, scale), `${name}: ${actual}, not ${expected}`);

function assertAddsUp({ sum, logit, terms, position }: Paths): void {
  const scale = Math.max(...terms.map(({ value }) => Math.abs(value)));
  close('sum', sum, logit, scale);
  close(
    'values',
    terms.reduce((total, { value }) => total + value, 0),
    logit,
    scale,
  );
  for (const { name, kind, value, bySource } of terms) {
    const ofHead = kind === 'head' || kind === 'virtualHead';
    assert.equal(bySource !== undefined, ofHead, `sources of ${name}`);
    if (!bySource) continue;
    assert.equal(bySource.length, position + 1);
    close(
      `sources of ${name}`,
      bySource.reduce((a, b) => a + b, 0),
      value,
    );
  }
  const strengths = terms.map(({ value }) => Math.abs(value));
  assert.deepEqual(
    strengths,
    [...strengths].sort((a, b) => b - a),
  );
}

const idsOf = (variant: Variant): number[] =>
  promptOf(variant, (variant.config.vocab_size ?? variant.config.d_vocab) as number);

const isLinear = ({ config }: Variant): boolean =>
  config.model_type === 'attn_only' && config.normalization_type === null;

const more = [
  attnOnly('no norm, biases, standard', {}, { biases: true }),
  attnOnly('no norm, biases, rotary, 3 layers', { positional_embedding_type: 'rotary', n_layers: 3 }, { biases: true }),
  attnOnly('LN, biases, standard', { normalization_type: 'LN' }, { biases: true }),
];

describe('terms through the frozen final norm', function () {
  this.timeout(20_000);
  for (const variant of [...variants, ...more].filter((v) => !isLinear(v)))
    it(`are those of float64: ${variant.name}`, async () => {
      const { folder, config, weights } = writeRandomCheckpoint(variant);
      const ids = idsOf(variant);
      const result = await run(folder, { ids, token: { id: 7 } });
      assert.equal(result.form, 'frozen');
      const expected = parts64(config, weights, ids, 7);
      assert.deepEqual(result.terms.map(({ name }) => name).sort(), [...expected.keys()].sort());
      const scale = Math.max(...[...expected.values()].map(Math.abs));
      for (const { name, value } of result.terms) close(name, value, expected.get(name)!, scale);
      const logits = forward64(config, weights, ids).get('logits')!;
      close('logit', result.logit, logits.data[(ids.length - 1) * logits.shape[1]! + 7]!, scale);
      assertAddsUp(result);
    });
});

/** Values of paths at the last position, and by source position, from products of full matrices. */
function expansion64(
  m: Frozen64,
  position: number,
  token: number,
): { terms: Map<string, number>; sources: Map<string, number[]> } {
  const terms = new Map<string, number>();
  const logit = (resid: Matrix): number => m.logits([resid[position]!], false)[0]![token]!;
  const direct = m.hooks.get('hook_embed')!;
  const dModel = direct.shape[1]!;
  const embed = Array.from(direct.data.subarray(position * dModel, (position + 1) * dModel));
  const sources = new Map<string, number[]>();
  for (const { heads, written, from, layer } of allPaths(m)) {
    const path = heads.map((ref) => `L${ref.layer}H${ref.head}`).join('→');
    const name = from === 'b_O' ? `L${layer} b_O` : path || 'embedding and positions';
    terms.set(name, (terms.get(name) ?? 0) + logit(written));
    if (from !== 'embedding' || heads.length === 0) continue;
    const A = heads.map((ref) => m.A(ref.layer, ref.head)).reduce((earlier, later) => product(later, earlier));
    const W_OV = heads.map((ref) => m.W_OV(ref.layer, ref.head)).reduce(product);
    const [first, ...later] = heads;
    const bias = later
      .map((ref) => m.W_OV(ref.layer, ref.head))
      .reduce(product, [m.headBias(first!.layer, first!.head)]);
    const read = product(m.start, W_OV).map((row) => row.map((value, i) => value + bias[0]![i]!));
    sources.set(
      path,
      m.logits(read, false).map((row, s) => row[token]! * A[position]![s]!),
    );
  }
  const both = terms.get('embedding and positions')!;
  terms.delete('embedding and positions');
  terms.set('direct path', m.logits([embed], false)[0]![token]!);
  terms.set('positions', both - terms.get('direct path')!);
  return { terms, sources };
}

describe('path expansion', function () {
  this.timeout(30_000);
  for (const variant of [...variants, ...more].filter(isLinear))
    it(`is that of full float64 matrices: ${variant.name}`, async () => {
      const { folder, config, weights } = writeRandomCheckpoint(variant);
      const ids = idsOf(variant);
      const position = ids.length - 3;
      const m = frozen64(config, weights, ids);
      const result = await run(folder, { ids, position, token: { id: 7 } });
      const { terms, sources } = expansion64(m, position, 7);
      const b_U = weights.get('unembed.b_U');
      if (b_U) terms.set('b_U', b_U.data[7]!);
      assert.equal(result.form, 'paths');
      const scale = Math.max(...[...terms.values()].map(Math.abs));
      for (const { name, value, bySource } of result.terms) {
        close(name, value, terms.get(name)!, scale);
        bySource?.forEach((own, s) => close(`${name} from ${s}`, own, sources.get(name)![s]!, scale));
      }
      // what is not named is nothing: no biases, no positions in the residual stream
      const named = new Set(result.terms.map(({ name }) => name));
      for (const [name, value] of terms) if (!named.has(name)) close(name, value, 0);
      assertAddsUp(result);
      assert.equal(result.tokens.length, ids.length);
    });

  it('puts paths that are too many into one term', async () => {
    const variant = attnOnly('9 heads', { n_layers: 4, n_heads: 9, d_head: 2, d_model: 12 }, { biases: true });
    const { folder, config, weights } = writeRandomCheckpoint(variant);
    const ids = [3, 1, 4, 1, 5];
    const result = await run(folder, { ids, token: { id: 2 } });
    const m = frozen64(config, weights, ids);
    let long = 0;
    for (const { heads, written, from } of allPaths(m))
      if (heads.length > 2 && from !== 'b_O') long += m.logits([written.at(-1)!], false)[0]![2]!;
    const rest = result.terms.find(({ kind }) => kind === 'rest')!;
    assert.equal(rest.name, 'paths of more than 2 heads');
    close('rest', rest.value, long, Math.max(...result.terms.map(({ value }) => Math.abs(value))));
    assert.equal(result.terms.filter(({ kind }) => kind === 'virtualHead').length, 6 * 9 * 9);
    assert.match(result.notices.join(), /more than 2 heads are too many/);
    assertAddsUp(result);
  });
});

describe('paths of the samples', function () {
  this.timeout(30_000);
  const text = 'function area(width, height) { return width * height; }\nfunction area(width,';
  const samples = ['attn-only-0l', 'attn-only-1l', 'attn-only-2l', 'neox-6l', 'stories260K'];
  for (const name of samples)
    it(`add up within ${BAR}: ${name}`, async () => {
      for (const position of [undefined, 0, 5]) {
        const result = await run(join(SAMPLES, name), { text, position });
        assert.ok(Math.abs(result.sum - result.logit) <= BAR, `${result.sum}, not ${result.logit}`);
        assertAddsUp(result);
      }
    });

  it('are every path of attn-only-2l', async () => {
    const { terms } = await run(join(SAMPLES, 'attn-only-2l'), { text });
    const count = (kind: string): number => terms.filter((term) => term.kind === kind).length;
    assert.deepEqual([count('direct'), count('head'), count('virtualHead'), terms.length], [1, 16, 64, 81]);
  });

  it('show the induction heads of attn-only-2l at work', async () => {
    const file = join(REFERENCE, 'attn-only-2l/reference.json');
    const { repeated_random } = JSON.parse(readFileSync(file, 'utf8')) as { repeated_random: { ids: number[] } };
    // BOS + R + R, R of 50 tokens: what follows token 90 followed token 40 before
    const ids = repeated_random.ids.slice(0, 91);
    const { terms } = await run(join(SAMPLES, 'attn-only-2l'), { ids, token: { id: ids[41]! } });
    assert.deepEqual(
      terms.slice(0, 2).map(({ name }) => name),
      ['L1H5', 'L1H7'],
    );
    for (const { value, bySource } of terms.slice(0, 2)) {
      assert.ok(value > 1);
      assert.equal(bySource!.indexOf(Math.max(...bySource!)), 41);
    }
  });
});

describe('paths', function () {
  this.timeout(20_000);
  const folder = join(SAMPLES, 'attn-only-2l');

  it('take the last position and the top prediction unless told otherwise', async () => {
    const { position, token, tokens, logit } = await run(folder, { text: 'return a' });
    assert.equal(position, tokens.length - 1);
    const others = await Promise.all([1, 2, 3].map((id) => run(folder, { text: 'return a', token: { id } })));
    for (const other of others) assert.ok(other.logit < logit, `${other.token.text} before ${token.text}`);
  });

  it('take a token by its text', async () => {
    const { token } = await run(folder, { text: 'return a', token: { text: ' return' } });
    assert.equal(token.text, ' return');
    const byId = await run(folder, { text: 'return a', token: { id: token.id } });
    assert.deepEqual(byId.token, token);
  });

  const mistakes: [string, Omit<PathsParams, 'checkpointId'>, RegExp][] = [
    ['a position outside the prompt', { ids: [1, 2], position: 2 }, /Position 2 is not in the prompt: expected 0–1/],
    ['a token outside the vocabulary', { ids: [1], token: { id: 4096 } }, /4096 is not in the vocabulary/],
    [
      'a text that is several tokens',
      { ids: [1], token: { text: 'return return' } },
      /is \d+ tokens .* expected exactly one/,
    ],
    ['a text that is no token', { ids: [1], token: { text: '' } }, /expected exactly one/],
    ['no token at all', { ids: [1], token: {} }, /either its text or its id/],
  ];
  for (const [what, params, message] of mistakes)
    it(`refuse ${what}`, () => assert.rejects(run(folder, params), { name: 'InputError', message }));
});
