/** Attention patterns of other tools: read, written as results, and refused. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSafetensors } from '../../src/engine/checkpoint/safetensors';
import { circuitsVis } from '../../src/engine/interop/circuitsVis';
import { readCircuitsVis, readPatternFile } from '../../src/engine/interop/patternFile';
import { readResult } from '../../src/protocol/readResult';
import { writeResult, type ResultFile } from '../../src/protocol/resultFile';
import { patternRows, patternValues } from '../../src/protocol/savedPatterns';
import { circuitscope, succeed } from './support/cli';
import { SAMPLES, tempFolder } from './support/files';

const TOKENS = ['a', ' b', 'c'];
const HEAD = [
  [1, 0, 0],
  [0.25, 0.75, 0],
  [0.5, 0.125, 0.375],
];
const OTHER = [
  [1, 0, 0],
  [1, 0, 0],
  [0, 0, 1],
];
const json = (attention: unknown, more: object = {}): string => JSON.stringify({ tokens: TOKENS, attention, ...more });
const read = (attention: unknown, more?: object): ReturnType<typeof readCircuitsVis> =>
  readCircuitsVis(json(attention, more), 'p.json');
const named = ({ heads }: ReturnType<typeof readCircuitsVis>): [string, number[]][] =>
  heads.map(({ name, values }) => [name, [...values]]);

describe('pattern files of other tools', function () {
  this.timeout(20_000);
  const folder = tempFolder();
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  it('one head, heads, and heads by layer; destinations are rows', () => {
    assert.deepEqual(named(read(HEAD)), [['H0', HEAD.flat()]]);
    assert.deepEqual(named(read([HEAD, OTHER])), [
      ['H0', HEAD.flat()],
      ['H1', OTHER.flat()],
    ]);
    assert.deepEqual(named(read([[HEAD], [OTHER]])), [
      ['L0H0', HEAD.flat()],
      ['L1H0', OTHER.flat()],
    ]);
    assert.deepEqual(
      named(read([HEAD, OTHER], { attention_head_names: ['L1H5', 'mean'] })).map(([name]) => name),
      ['L1H5', 'mean'],
    );
    assert.deepEqual(read(HEAD).tokens, TOKENS);
    assert.deepEqual(read([HEAD], { attention_head_names: null }).notices, []);
  });

  it('what our own export writes comes back, bit by bit', () => {
    const n = 5;
    const random = (seed: number): Float32Array =>
      Float32Array.from({ length: 2 * n * n }, (_, i) => Math.abs(Math.sin(seed + 12.9898 * i)) / n);
    const patterns = [random(1), random(2), random(3)];
    const tokens = ['x', '\n', '“', '\\x9f', ''].map((text, id) => ({ id, text, start: 0, end: 0 }));
    const written = circuitsVis({ n, nHeads: 2, patterns, tokens });
    const back = readCircuitsVis(JSON.stringify(written), 'p.json');
    assert.deepEqual(back.tokens, written.tokens);
    assert.deepEqual(
      back.heads.map(({ name }) => name),
      ['L0H0', 'L0H1', 'L1H0', 'L1H1', 'L2H0', 'L2H1'],
    );
    assert.deepEqual(
      back.heads.flatMap(({ values }) => [...values]),
      patterns.flatMap((layer) => [...layer]),
    );
  });

  it('says how many rows do not add up to 1, and takes them', () => {
    const row = (sum: number): number[][] => [[sum, 0, 0], ...HEAD.slice(1)];
    assert.deepEqual(read(row(1.0009)).notices, []);
    assert.deepEqual(read([row(1.0011), row(0)]).notices, [
      '2 of 6 rows do not add up to 1; they are shown as they are.',
    ]);
    assert.equal(read(row(0.5)).heads[0]!.values[0], 0.5);
  });

  it('refuses in a sentence that says where', () => {
    const refused = (text: string, message: RegExp): void =>
      assert.throws(() => readCircuitsVis(text, 'p.json'), { name: 'InputError', message });
    refused('{', /^p\.json is not valid JSON: /);
    refused('[]', /^p\.json holds an array, a JSON object was expected\.$/);
    refused(JSON.stringify({ attention: HEAD }), /^p\.json: tokens: a list of texts was expected\.$/);
    refused(json(HEAD, { tokens: [] }), /tokens: a list of texts/);
    refused(json(HEAD, { tokens: ['a', 1, 'c'] }), /tokens: a list of texts/);
    for (const attention of [undefined, 3, [1, 2], [], [[[[[1]]]]], {}])
      refused(json(attention), /^p\.json: attention: lists \[head, destination, source\] of numbers were expected\.$/);
    refused(
      json(HEAD, { tokens: ['a', 'b'] }),
      /^p\.json: attention has 3 entries, 2 were expected, one for each token/,
    );
    refused(json([HEAD, HEAD.slice(1)]), /attention\[1\] has 2 entries, 3 were expected/);
    refused(json([[HEAD], [[HEAD[0], [1, 0], HEAD[2]]]]), /attention\[1\]\[0\]\[1\] has 2 entries, 3 were/);
    refused(json([HEAD, 7]), /attention\[1\]: a list was expected/);
    refused(json([[HEAD], 7]), /attention\[1\]: a list of heads was expected/);
    refused(json([[HEAD[0], [0, '1', 0], HEAD[2]]]), /attention\[0\]\[1\]\[1\] is "1", a number was expected/);
    refused(json([[HEAD[0], [0, null, 0], HEAD[2]]]), /is null, a number/);
    refused(json(HEAD).replace('0.75', '1e60'), /attention\[1\]\[1\] is 1e\+60, a number/);
    for (const names of [['a', 'b'], [3], 'a'])
      refused(json([HEAD], { attention_head_names: names }), /attention_head_names: a list of 1 texts was expected/);
    refused(`{"tokens":["a"],"attention":${'['.repeat(5000)}${']'.repeat(5000)}}`, /lists \[head, destination/);
  });

  it('refuses files that are too large, folders, and what is not there', async () => {
    const small = file('small.json', json(HEAD));
    assert.equal((await readPatternFile(small)).heads.length, 1);
    await assert.rejects(readPatternFile(small, 10), {
      name: 'InputError',
      message: /bytes, at most 10 were expected/,
    });
    await assert.rejects(readPatternFile(folder), {
      name: 'InputError',
      message: /is not a file; a file of attention/,
    });
    await assert.rejects(readPatternFile(join(folder, 'none.json')), { name: 'InputError', message: /cannot be read/ });
  });

  it('hook_pattern of activations, layer by layer, with tokens from the metadata', async () => {
    const at = join(folder, 'acts.safetensors');
    const hook = (matrix: number[][]) => ({ shape: [1, 3, 3], data: Float32Array.from(matrix.flat()) });
    const hooks = { 'blocks.10.attn.hook_pattern': hook(OTHER), 'blocks.2.attn.hook_pattern': hook(HEAD) };
    await writeSafetensors(at, hooks, { tokens: JSON.stringify(TOKENS) });
    const found = await readPatternFile(at);
    assert.deepEqual(named(found), [
      ['L2H0', HEAD.flat()],
      ['L10H0', OTHER.flat()],
    ]);
    assert.deepEqual(found.tokens, TOKENS);
    const batch = (n: number): object => {
      const data = Float32Array.from(Array(n).fill(HEAD).flat(2) as number[]);
      return { 'blocks.0.attn.hook_pattern': { shape: [n, 1, 3, 3], data } };
    };
    const upper = join(folder, 'BATCH.SAFETENSORS');
    await writeSafetensors(upper, batch(1) as typeof hooks, { tokens: JSON.stringify(TOKENS) });
    assert.deepEqual(named(await readPatternFile(upper)), [['L0H0', HEAD.flat()]]);
    const refused = async (metadata: Record<string, string>, tensors: typeof hooks | object, message: RegExp) => {
      await writeSafetensors(at, tensors as typeof hooks, metadata);
      await assert.rejects(readPatternFile(at), { name: 'InputError', message });
    };
    for (const metadata of [{}, { tokens: '{' }])
      await refused(metadata as { tokens: string }, hooks, /tokens: a list of texts was expected/);
    await refused(
      { tokens: '["a"]' },
      hooks,
      /blocks\.2\.attn\.hook_pattern is \[1, 3, 3\] of F32; floats \[heads, 1, 1\]/,
    );
    await refused({ tokens: JSON.stringify(TOKENS) }, { logits: hook(HEAD) }, /has no blocks\.N\.attn\.hook_pattern/);
    const pattern = (shape: number[], data: Float32Array | Int32Array): object => ({
      'blocks.0.attn.hook_pattern': { shape, data },
    });
    for (const [tensors, is] of [
      [batch(2), '\\[2, 1, 3, 3\\] of F32'],
      [pattern([1, 3, 2], new Float32Array(6)), '\\[1, 3, 2\\] of F32'],
      [pattern([1, 3, 3], new Int32Array(9)), '\\[1, 3, 3\\] of I32'],
    ] as const)
      await refused({ tokens: JSON.stringify(TOKENS) }, tensors, new RegExp(`hook_pattern is ${is}; floats \\[heads`));
    const none = pattern([0, 3, 3], new Float32Array());
    await refused({ tokens: JSON.stringify(TOKENS) }, none, /has no blocks\.N\.attn\.hook_pattern/);
    const bad = { 'blocks.0.attn.hook_pattern': hook([[NaN, 0, 0], ...HEAD.slice(1)]) };
    await refused({ tokens: JSON.stringify(TOKENS) }, bad, /hook_pattern\[0\] is NaN, a number was expected/);
  });

  it('a result has them to four decimals, and what is damaged is said', () => {
    const values = Float32Array.from([1, 0, 0, 0.123456, -0.5, 0, 0, 0, 0]);
    const rows = patternRows(values, 3, 4);
    assert.deepEqual(rows, ['1', '0.1235 -0.5', '']);
    assert.deepEqual(patternValues({ head: 'H0', rows }), Float32Array.from([1, 0, 0, 0.1235, -0.5, 0, 0, 0, 0]));
    const saved: ResultFile = {
      checkpoint: { name: 'p.json', path: 'p.json', weights: '' },
      ...{ circuitscope: '0.1.0', created: '2026-11-22T15:00:00.000Z', source: 'p.json' },
      ...{ ids: [], tokens: TOKENS, view: { panel: 'attention' }, numbers: {} },
      patterns: [{ head: 'H0', rows }],
    };
    const again = readResult(writeResult(saved), 'x');
    assert.deepEqual(again, { result: saved });
    const broken = (patterns: unknown, more: object = {}): string => {
      const result = readResult(JSON.stringify({ ...JSON.parse(writeResult(saved)), patterns, ...more }), 'x');
      return 'error' in result ? result.error : 'taken';
    };
    assert.match(broken([]), /^x: patterns is no list of heads\.$/);
    assert.match(broken([null]), /patterns\[0\]\.head is no short text/);
    assert.match(broken([{ head: 'H0', rows: ['1'] }]), /patterns\[0\]\.rows has not 3 entries/);
    assert.match(broken([{ head: 'x'.repeat(101), rows }]), /patterns\[0\]\.head is no short text/);
    assert.equal(broken([{ head: 'x'.repeat(100), rows }]), 'taken');
    for (const row of ['1 2 3 4', 'x', '1  2', 'Infinity', '1e60', `0.${'0'.repeat(119)}`, 3])
      assert.match(broken([{ head: 'H0', rows: ['1', '', row] }]), /rows\[2\] is not a text of at most 3 numbers/);
    assert.match(broken([{ head: 'H0', rows }], { tokens: [] }), /tokens has 0 entries, 1 to 2048 were expected/);
    const many = Array<string>(2049).fill('a');
    assert.match(broken([{ head: 'H0', rows: many }], { tokens: many }), /tokens has 2049 entries, 1 to 2048/);
    const most = many.slice(1).fill('');
    assert.equal(broken([{ head: 'H0', rows: most }], { tokens: most }), 'taken');
    assert.match(broken(undefined), /tokens has 3 entries, 0 were expected, as many as ids/);
  });

  it('import-patterns: both of our own exports become the same result, which cannot be run again', async () => {
    const [model, prompt] = [join(SAMPLES, 'attn-only-2l'), 'def add(a, b):'];
    const at = (name: string): string => join(folder, name);
    await succeed('patterns', model, '--prompt', prompt, '--out', at('own.json'));
    const hooks = ['--hooks', 'blocks.*.attn.hook_pattern', '--out', at('own.safetensors')];
    await succeed('run', model, '--prompt', prompt, ...hooks);
    const imported = async (from: string): Promise<ResultFile> => {
      const { stderr } = await succeed('import-patterns', at(from), '--out', at('r.circuitscope.json'));
      assert.match(stderr, /patterns of 16 heads on \d+ tokens written/);
      const result = readResult(readFileSync(at('r.circuitscope.json'), 'utf8'), 'r');
      assert.ok('result' in result);
      return result.result;
    };
    const [one, other] = [await imported('own.json'), await imported('own.safetensors')];
    assert.equal(one.checkpoint.path, 'own.json');
    assert.deepEqual([one.tokens, one.patterns], [other.tokens, other.patterns]);
    const { attention, tokens } = JSON.parse(readFileSync(at('own.json'), 'utf8')) as Record<string, number[][][]>;
    assert.deepEqual(one.tokens, tokens);
    attention!.forEach((head, h) =>
      patternValues(one.patterns![h]!).forEach((value, i) =>
        assert.ok(Math.abs(value - head[Math.floor(i / tokens!.length)]![i % tokens!.length]!) < 5.1e-5),
      ),
    );
    assert.match((await succeed('result', at('r.circuitscope.json'))).stdout, /read from[^]*patterns\s+16 heads/);
    const again = await circuitscope('result', at('r.circuitscope.json'), '--check');
    assert.deepEqual(
      [again.status, again.stderr],
      [2, 'circuitscope: these patterns were read from own.safetensors: there is no checkpoint to run them again\n'],
    );
    const names = ['x'.repeat(101), '😀'.repeat(60)];
    file('named.json', json([HEAD, OTHER], { attention_head_names: names }));
    await succeed('import-patterns', at('named.json'), '--out', at('n.circuitscope.json'));
    const named = readResult(readFileSync(at('n.circuitscope.json'), 'utf8'), 'n');
    assert.ok('result' in named, JSON.stringify(named));
    const cut = named.result.patterns!.map(({ head }) => head);
    assert.deepEqual(cut, [`${'x'.repeat(99)}…`, `${'😀'.repeat(49)}…`]);
    const refused = async (message: RegExp, ...args: string[]): Promise<void> => {
      const { status, stderr } = await circuitscope('import-patterns', ...args);
      assert.equal(status, 2);
      assert.match(stderr, message);
    };
    await refused(/a file that ends in \.circuitscope\.json was expected/, at('own.json'), '--out', at('r.json'));
    await refused(/would be written over itself/, at('r.circuitscope.json'), '--out', at('r.circuitscope.json'));
    await refused(/tokens: a list of texts/, file('bad.json', '{}'), '--out', at('bad.circuitscope.json'));
    const long = (n: number, weight: number): string =>
      JSON.stringify({ tokens: Array(n).fill('a'), attention: Array(n).fill(Array(n).fill(weight)) });
    await refused(
      /the patterns of 1 heads on 1600 tokens are too many/,
      file('long.json', long(1600, 0.1234)),
      '--out',
      at('l.circuitscope.json'),
    );
    await refused(
      /has 2049 tokens, at most 2048 can be shown/,
      file('many.json', long(2049, 0)),
      '--out',
      at('m.circuitscope.json'),
    );
  });
});
