import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { corpusFiles } from '../../src/engine/mlsae/corpus/files';
import { isHeldOut, toyTokens, type ToyTokens } from '../../src/engine/train/toy/tokens';
import { trainingWindows } from '../../src/engine/train/toy/windows';

const CONTEXT = 64;
const SIZE = CONTEXT + 1;
/** Each token is its place. */
const row = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i);

/** Windows of a row of 10 000 tokens; those above are random ones. */
function drawn(
  options: Partial<Parameters<typeof trainingWindows>[2]> = {},
  sequences = 400,
  length = 10_000,
): number[][] {
  const all = { seed: 3, step: 1, repeatShare: 0, randomShare: 0.25, vocab: 1_000_000, ...options };
  const windows = trainingWindows(row(length), { sequences, length: CONTEXT }, all);
  assert.equal(windows.length, sequences * SIZE);
  return Array.from({ length: sequences }, (_, i) => Array.from(windows.subarray(i * SIZE, (i + 1) * SIZE)));
}

/** Where a window repeats what it had before: undefined for one that does not. */
function chunkOf(window: number[]): { from: number; to: number; length: number } | undefined {
  const to = window.findIndex((id, pos) => window.indexOf(id) < pos);
  if (to < 0) return undefined;
  const from = window.indexOf(window[to]!);
  let length = 0;
  while (to + length < SIZE && window[from + length] === window[to + length]) length++;
  return { from, to, length };
}

const isText = (window: number[]): boolean => window.every((id) => id < 10_000);

describe('training windows', () => {
  it('are pieces of the tokens from anywhere', () => {
    const windows = drawn();
    for (const window of windows)
      assert.deepEqual(
        window,
        Array.from(row(SIZE), (i) => window[0]! + i),
      );
    const starts = windows.map(([first]) => first!);
    assert.ok(Math.min(...starts) < 500 && Math.max(...starts) > 9400);
    assert.ok(new Set(starts).size > 380);
  });

  it('begin at the first token and end with the last one', () => {
    assert.deepEqual(new Set(drawn({}, 50, SIZE + 1).map(([first]) => first)), new Set([0, 1]));
    assert.deepEqual(drawn({}, 2, SIZE), [Array.from(row(SIZE)), Array.from(row(SIZE))]);
  });

  it('depend on seed and step alone', () => {
    const options = { repeatShare: 0.5 };
    assert.deepEqual(drawn(options), drawn(options));
    const others = [{ step: 2 }, { seed: 4 }, { seed: 1, step: 3 }, { seed: 0, step: 0 }, { seed: 2 ** 31, step: 1e6 }];
    const firsts = [{}, ...others].map((other) => drawn({ ...options, ...other }, 4).join());
    assert.equal(new Set(firsts).size, firsts.length);
  });

  it('are the same on every machine', () => {
    const starts = drawn({ repeatShare: 0 }, 3).map(([first]) => first);
    assert.deepEqual(starts, [7270, 2867, 3668]);
  });

  it('repeat a chunk of 16 tokens to half a window later, in as many of them as was said', () => {
    const windows = drawn({ repeatShare: 0.3 }, 2000);
    const repeated = windows.filter((window) => chunkOf(window));
    assert.ok(Math.abs(repeated.length / 2000 - 0.3) < 0.04, `${repeated.length}`);
    const random = repeated.filter((window) => !isText(window));
    assert.ok(Math.abs(random.length / repeated.length - 0.25) < 0.06, `${random.length}`);
    assert.ok(windows.every((window) => isText(window) || chunkOf(window)));
  });

  it('repeat a chunk wherever it fits', () => {
    const windows = drawn({ repeatShare: 1 }, 3000);
    const text = windows.filter(isText);
    const chunks = text.map((window) => chunkOf(window)!);
    chunks.forEach(({ from, to, length }, i) => {
      assert.ok(from + length <= to && to + length <= SIZE);
      // all else is the text
      const rest = text[i]!.map((id, pos) => (pos >= to && pos < to + length ? pos : id - text[i]![0]!));
      assert.deepEqual(rest, Array.from(row(SIZE)));
    });
    const lengths = new Set(chunks.map(({ length }) => length));
    assert.deepEqual([...lengths].sort((a, b) => a - b), Array.from({ length: 17 }, (_, i) => 16 + i)); // prettier-ignore
    assert.ok(chunks.some(({ from }) => from === 0) && chunks.some(({ from, length, to }) => from + length === to));
    assert.ok(chunks.some(({ from, to, length }) => to + length === SIZE && from + length < to));
  });

  it('have random tokens of all the vocabulary but the special one', () => {
    const windows = drawn({ repeatShare: 1, vocab: 4 }, 40, SIZE).filter(
      (window) => window.join() !== row(SIZE).join(),
    );
    const random = windows.filter((window) => Math.max(...window) < 4);
    assert.ok(random.length > 3);
    assert.deepEqual(new Set(random.flat()), new Set([1, 2, 3]));
  });

  it('repeat shorter chunks in windows that are shorter', () => {
    const windows = trainingWindows(
      row(100),
      { sequences: 50, length: 4 },
      { seed: 1, step: 1, repeatShare: 1, randomShare: 0.25, vocab: 9 },
    );
    for (let i = 0; i < 50; i++) {
      const window = Array.from(windows.subarray(5 * i, 5 * i + 5));
      const copies = [[0, 2], [0, 3], [1, 3]].filter(([from, to]) => window[from!] === window[to!] && window[from! + 1] === window[to! + 1]); // prettier-ignore
      assert.ok(copies.length > 0, window.join());
    }
  });
});

describe('tokens of a corpus', () => {
  let folder: string;
  const steps = { step: async () => undefined };
  const encode = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));
  const BOS = 0;
  const names = Array.from({ length: 120 }, (_, i) => `file${i}.txt`);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'toy-tokens-'));
    for (const [i, name] of names.entries()) await writeFile(join(folder, name), `${i}:abc`);
    const rows = Array.from({ length: 300 }, (_, i) => JSON.stringify({ text: `row ${i}` }));
    await writeFile(join(folder, 'rows.jsonl'), rows.join('\n'));
  });
  after(() => rm(folder, { recursive: true }));

  async function read(glob: string, maxTokens?: number, length = 4): Promise<ToyTokens> {
    const corpus = { globs: [glob], folder, ...(maxTokens !== undefined && { maxTokens }) };
    return toyTokens(corpus, await corpusFiles(corpus), { encode, bosId: BOS, length }, steps);
  }

  const documentsOf = (tokens: Int32Array): string[] =>
    String.fromCharCode(...tokens)
      .split('\0')
      .slice(1);

  it('has BOS before each document, and holds out some by their names', async () => {
    const { train, heldOut } = await read('*.txt');
    const sorted = [...names].sort();
    const text = (name: string): string => `${names.indexOf(name)}:abc`;
    assert.deepEqual(documentsOf(train), sorted.filter((name) => !isHeldOut(name, 0)).map(text));
    assert.deepEqual(documentsOf(heldOut), sorted.filter((name) => isHeldOut(name, 0)).map(text));
    assert.equal(train[0], BOS);
  });

  it('holds out the same documents in a larger corpus', async () => {
    const all = documentsOf((await read('*')).heldOut);
    const files = documentsOf((await read('*.txt')).heldOut);
    assert.ok(files.length > 0);
    assert.deepEqual(files.filter((text) => !all.includes(text)), []); // prettier-ignore
  });

  it('holds out rows of one file', async () => {
    const { train, heldOut } = await read('rows.jsonl');
    const rows = Array.from({ length: 300 }, (_, i) => i);
    assert.deepEqual(documentsOf(heldOut), rows.filter((i) => isHeldOut('rows.jsonl', i + 1)).map((i) => `row ${i}`)); // prettier-ignore
    assert.equal(documentsOf(train).length + documentsOf(heldOut).length, 300);
    assert.ok(documentsOf(heldOut).length > 0);
  });

  it('holds out two of a hundred', () => {
    const held = Array.from({ length: 10_000 }, (_, i) => isHeldOut(`src/${i}.ts`, 0)).filter(Boolean);
    assert.ok(Math.abs(held.length - 200) < 50, `${held.length}`);
  });

  it('reads as many tokens as was said', async () => {
    const { train, heldOut } = await read('*.txt', 100);
    assert.equal(train.length + heldOut.length, 100);
  });

  it('holds out the end where no document is, and refuses too little', async () => {
    await writeFile(join(folder, 'one.md'), 'x'.repeat(500));
    assert.ok(!isHeldOut('one.md', 0));
    const { train, heldOut } = await read('one.md');
    assert.deepEqual([train.length, heldOut.length], [491, 10]);
    await assert.rejects(read('one.md', 500, 300), /^InputError: one.md: 500 tokens were read, at least 602/);
  });
});
