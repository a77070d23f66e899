/** The format of saved results. */
import assert from 'node:assert/strict';
import { checkResult, checkSummary, compareNumbers } from '../../src/protocol/resultCheck';
import { readResult } from '../../src/protocol/readResult';
import { resultPanels, writeResult, type ResultFile } from '../../src/protocol/resultFile';
import type { Measured } from '../../src/protocol/results';

const saved: ResultFile = {
  view: { panel: 'attention', head: 'L1H5', weighting: 'pattern', reduction: 'one', destination: 1 },
  tokens: ['a', ' “b”\n'],
  ids: [5, 70],
  text: 'a “b”\n',
  source: 'total.ts:4–9',
  circuitscope: '0.1.0',
  created: '2026-11-22T15:00:00.000Z',
  checkpoint: { path: '../models/two', name: 'two', weights: 'abcd', config: '0123' },
  numbers: { sources: { '1 → 0': 0.123456789, '1 → 1': -1e-9 }, loss: { mean: 12 } },
};
const text = writeResult(saved);
const fields = (): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const without = (key: string): string => JSON.stringify({ ...fields(), [key]: undefined });
const changed = (change: object): string => JSON.stringify({ ...fields(), ...change });
const errorOf = (of: string): string => {
  const read = readResult(of, 'x.circuitscope.json');
  assert.ok('error' in read, `was taken: ${of.slice(0, 200)}`);
  return read.error;
};

describe('saved results', () => {
  it('go through the file and back, numbers rounded', () => {
    const read = readResult(text, 'x');
    assert.ok('result' in read);
    assert.deepEqual(read.result, {
      ...saved,
      numbers: { sources: { '1 → 0': 0.1235, '1 → 1': 0 }, loss: { mean: 12 } },
    });
    assert.equal(writeResult(read.result), text);
  });

  it('have the same bytes whatever the order of what they are made of, keys sorted, one value a line', () => {
    const turned = Object.fromEntries(Object.entries(saved).reverse()) as unknown as ResultFile;
    assert.equal(writeResult({ ...turned, view: { ...saved.view, latent: undefined as unknown as number } }), text);
    const lines = text.split('\n');
    assert.ok(text.endsWith('}\n'));
    assert.deepEqual(
      lines.filter((line) => (line.match(/": |^ +[\d"][^:]*,?$/g) ?? []).length > 1),
      [],
      'one value a line',
    );
    const keys = lines.flatMap((line) => /^ {2}"(\w+)"/.exec(line)?.[1] ?? []);
    assert.deepEqual(keys, [...keys].sort());
    assert.ok(keys.length >= 11);
    assert.equal(lines.filter((line) => line.includes('0.1235')).length, 1);
  });

  it('leave out what is not finite', () => {
    const read = readResult(writeResult({ ...saved, numbers: { loss: { mean: NaN, other: 1 } } }), 'x');
    assert.ok('result' in read);
    assert.deepEqual(read.result.numbers, { loss: { other: 1 } });
  });

  it('drop what nobody knows', () => {
    const read = readResult(changed({ evil: { deep: 1 }, view: { ...saved.view, evil: 1 } }), 'x');
    assert.ok('result' in read);
    assert.deepEqual(Object.keys(read.result.view).sort(), Object.keys(saved.view).sort());
    assert.equal('evil' in read.result, false);
  });

  const damage: [string, string, RegExp][] = [
    ['not JSON', text.slice(0, 100), /not valid JSON/],
    ['another JSON', '[1]', /no result of Circuitscope/],
    ['null', 'null', /no result of Circuitscope/],
    ['a newer format', changed({ formatVersion: 2 }), /formatVersion is 2, 1 \(a newer Circuitscope/],
    ['fewer tokens than ids', changed({ tokens: ['a'] }), /tokens has 1 entries, 2 were expected/],
    ['no ids', changed({ ids: [], tokens: [] }), /ids is \[…\], a list of token ids/],
    ['negative ids', changed({ ids: [1, -1] }), /ids is/],
    ['a huge id', changed({ ids: [1, 1e300] }), /ids is/],
    ['a position beyond the text', changed({ view: { ...saved.view, destination: 2 } }), /view\.destination is 2/],
    ['a panel that is none', changed({ view: { panel: 'toString' } }), /view\.panel is toString, one of attention/],
    ['a head that is none', changed({ view: { ...saved.view, head: 'L1' } }), /view\.head is L1, a head such as/],
    ['a number that is a text', changed({ numbers: { loss: { mean: '1' } } }), /numbers\.loss\.mean is 1, a number/],
    ['a section that is a number', changed({ numbers: { loss: 1 } }), /numbers\.loss is 1, an object/],
    ['numbers that are a list', changed({ numbers: [1] }), /numbers is \[…\], an object/],
    [
      'a path to another machine',
      changed({ checkpoint: { ...saved.checkpoint, path: '//host/x' } }),
      /checkpoint\.path/,
    ],
    [
      'the same with backslashes',
      changed({ checkpoint: { ...saved.checkpoint, path: '\\\\host\\x' } }),
      /checkpoint\.path/,
    ],
    ['no text for what needs one', changed({ view: { panel: 'lens' }, ids: [], tokens: [] }), /ids is \[…\], a list/],
    ['a comparison with nothing', changed({ view: { panel: 'compare', section: 'scores' } }), /other is missing/],
    [
      'a comparison of nothing',
      changed({ view: { panel: 'compare' }, other: saved.checkpoint }),
      /view\.section is missing/,
    ],
    [
      'a section that is none',
      changed({ view: { panel: 'compare', section: 'constructor' } }),
      /view\.section is constr/,
    ],
    [
      'a second checkpoint on another machine',
      changed({ view: { panel: 'bigrams' }, other: { ...saved.checkpoint, path: '//host/x' } }),
      /other\.path is/,
    ],
    [
      'a second autoencoder that reads nothing',
      changed({ view: { panel: 'compare', section: 'scores' }, other: saved.checkpoint, otherSae: saved.checkpoint }),
      /otherSae is \{…\}, nothing \(only compared latents have a second autoencoder\) was expected/,
    ],
    [
      'a second autoencoder on another machine',
      changed({
        ...{ view: { panel: 'compare', section: 'latents' }, other: saved.checkpoint, sae: saved.checkpoint },
        otherSae: { ...saved.checkpoint, path: '//host/x' },
      }),
      /otherSae\.path is/,
    ],
    ['layers without an autoencoder', changed({ view: { panel: 'layers' } }), /sae is missing/],
    ['patching from nothing', changed({ view: { panel: 'patch', answer: 1, wrong: 2 } }), /view\.corrupted is missing/],
    [
      'prompts of two lengths',
      changed({ view: { panel: 'patch', corrupted: [1], answer: 1, wrong: 2 } }),
      /view\.corrupted has 1 entries, 2 were expected/,
    ],
    ['a date that is none', changed({ created: 'yesterday' }), /created is yesterday, a date/],
    ['latents without an autoencoder', changed({ view: { panel: 'latents' } }), /sae is missing/],
    ['an ablation of nothing', changed({ view: { panel: 'ablate', heads: [] } }), /view\.heads/],
    ...['checkpoint', 'view', 'numbers', 'ids', 'tokens', 'created', 'source', 'circuitscope'].map(
      (key): [string, string, RegExp] => [`${key} missing`, without(key), new RegExp(`${key} is missing`)],
    ),
  ];
  for (const [what, broken, expected] of damage)
    it(`${what}: one sentence`, () => {
      const error = errorOf(broken);
      assert.match(error, expected);
      assert.match(error, /^x\.circuitscope\.json(:| is not valid JSON:) [^\n]*\.$/);
      assert.ok(error.length < 400, error);
    });

  it('know every panel', () => {
    for (const panel of resultPanels) {
      const view = {
        panel,
        ...(panel === 'ablate' && { heads: ['L0H0'] }),
        ...(panel === 'patch' && { corrupted: [5, 71], answer: 1, wrong: 2 }),
        ...(panel === 'compare' && { section: 'tokens' }),
      };
      const read = readResult(changed({ view, sae: saved.checkpoint, other: saved.checkpoint }), 'x');
      assert.ok('result' in read, panel);
      assert.deepEqual([read.result.view, read.result.other], [view, saved.checkpoint]);
    }
  });

  it('of weights alone need no text', () => {
    for (const view of [{ panel: 'bigrams' }, { panel: 'circuits' }, { panel: 'compare', section: 'scores' }])
      assert.ok('result' in readResult(changed({ view, ids: [], tokens: [], other: saved.checkpoint }), 'x'));
  });

  const now: Measured = {
    checkpoint: { name: 'two', weights: 'abcd', config: '0123' },
    tokens: saved.tokens.map((each, i) => ({ id: saved.ids[i]!, text: each, start: 0, end: 0 })),
    otherTokens: false,
    numbers: { sources: { '1 → 0': 0.1235, '1 → 1': 0, '1 → 2': 9 }, loss: { mean: 12.005 } },
    notices: [],
  };

  it('are compared number by number, in the scale of their section', () => {
    const check = checkResult(saved, now);
    assert.deepEqual([check.same, check.changes, check.rows.length], [true, [], 3]);
    assert.equal(checkSummary(check), 'All 3 numbers are the same.');
    const rows = compareNumbers(
      { a: { x: 0.5, y: 0.2 }, b: { z: 100 } },
      { a: { x: 0.5005, y: 0.2012 }, b: { z: 100.09 } },
    );
    assert.deepEqual(
      rows.map(({ name, differs }) => [name, differs]),
      [
        ['x', false],
        ['y', true],
        ['z', false],
      ],
    );
    assert.equal(compareNumbers({ b: { z: 100 } }, { b: { z: 100.2 } })[0]!.differs, true);
    assert.equal(compareNumbers({ b: { z: 1 } }, { b: { z: NaN } })[0]!.differs, true);
    assert.equal(compareNumbers({ b: { toString: 1 } }, { b: {} })[0]!.now, undefined);
  });

  it('say what is gone, and that tokens and files are others', () => {
    const other = { ...now, checkpoint: { ...now.checkpoint, weights: 'ffff' }, otherTokens: true, numbers: {} };
    const check = checkResult(saved, other);
    assert.equal(check.same, false);
    assert.equal(checkSummary(check), '3 of 3 numbers differ.');
    assert.match(check.changes.join('\n'), /weights of the checkpoint two[^]*other tokens/);
    assert.equal(checkResult(saved, { ...now, tokens: [] }).same, false);
    assert.equal(checkResult(saved, { ...now, otherTokens: true }).same, false);
    assert.equal(checkResult(saved, { ...now, checkpoint: { ...now.checkpoint, weights: 'f' } }).same, true);
  });
});
