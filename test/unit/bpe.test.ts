import { ByteLevelPreTokenizer } from '@huggingface/tokenizers';
import assert from 'node:assert/strict';
import { characterOf } from '../../src/engine/checkpoint/tokenBytes';
import { createTokenizer } from '../../src/engine/checkpoint/tokenizer';
import { seededUniform } from '../../src/engine/circuits/random';
import { textEncoder, type BpeModel } from '../../src/engine/train/bpe/encode';
import { learnMerges } from '../../src/engine/train/bpe/merges';
import { trainBpe, type TokenizerFiles } from '../../src/engine/train/bpe/train';
import { WordCounts, WORDS } from '../../src/engine/train/bpe/words';

const steps = { step: async () => undefined };

/** The definition: counts all pairs anew for each merge. Tokens are their bytes, one character a byte. */
function naiveMerges(words: ReadonlyMap<string, number>, size: number): [string, string][] {
  const spelt = [...words].map(([word, count]) => ({ word: [...Buffer.from(word).toString('latin1')], count }));
  const merges: [string, string][] = [];
  while (merges.length < size) {
    const counts = new Map<string, number>();
    for (const { word, count } of spelt)
      for (let i = 0; i + 1 < word.length; i++) {
        const pair = JSON.stringify([word[i], word[i + 1]]);
        counts.set(pair, (counts.get(pair) ?? 0) + count);
      }
    const [best, count] = [...counts].reduce((a, b) => (isFirst(b, a) ? b : a), ['["",""]', 1]);
    if (count < 2) break;
    const [left, right] = JSON.parse(best) as [string, string];
    merges.push([left, right]);
    for (const each of spelt) each.word = merged(each.word, left, right);
  }
  return merges;
}

function isFirst([a, countA]: [string, number], [b, countB]: [string, number]): boolean {
  if (countA !== countB) return countA > countB;
  const [leftA, rightA] = JSON.parse(a) as [string, string];
  const [leftB, rightB] = JSON.parse(b) as [string, string];
  return leftA === leftB ? rightA < rightB : leftA < leftB;
}

function merged(word: string[], left: string, right: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < word.length; i++) {
    const isPair = word[i] === left && word[i + 1] === right;
    out.push(isPair ? left + right : word[i]!);
    if (isPair) i++;
  }
  return out;
}

async function fastMerges(words: ReadonlyMap<string, number>, size: number): Promise<[string, string][]> {
  const { tokens, pairs } = await learnMerges(words, size, steps);
  return pairs.map(([left, right]) => [tokens[left]!, tokens[right]!]);
}

const CODE = `const path = require('path');
export function resolve(folder: string, name: string): string {
  // naïve, but “right”: Größe 東京 東京都 😀😀 \t\u0000\u0007
  return path.join(folder, name) === '' ? './' : path.join(folder, name);
}
for (let i = 0; i < 10; i++) console.log(i, resolve('a/b', 'it''s'), 1234567890, "aaaa aaaaaaa aaa");
`;

const modelOf = ({ json }: TokenizerFiles): BpeModel => json['model'] as BpeModel;
const load = ({ json, config }: TokenizerFiles): ReturnType<typeof createTokenizer> => createTokenizer(json, config);

/** Words over few letters: pairs are often as frequent, runs are long. */
function randomWords(seed: number, letters: string): Map<string, number> {
  const uniform = seededUniform(seed);
  const draw = (count: number): number => Math.floor(uniform() * count);
  const word = (): string => Array.from({ length: 1 + draw(14) }, () => letters[draw(letters.length)]).join('');
  return new Map(Array.from({ length: 40 }, () => [word(), 1 + draw(4)]));
}

describe('BPE training', () => {
  it('learns the merges of the definition', async () => {
    const words = new WordCounts();
    words.add(CODE + CODE);
    const merges = await fastMerges(words.counts, 120);
    assert.deepEqual(merges, naiveMerges(words.counts, 120));
    assert.equal(merges.length, 120);
  });

  it('learns the merges of the definition where pairs overlap and are as frequent', async () => {
    for (let seed = 0; seed < 120; seed++) {
      const words = randomWords(seed, ['a', 'ab', 'abc', 'é東a'][seed % 4]!);
      const merges = await fastMerges(words, 150);
      assert.deepEqual(merges, naiveMerges(words, 150), `seed ${seed}`);
      assert.ok(merges.length > 3);
    }
  });

  it('orders pairs that are as frequent by their bytes', async () => {
    const merges = await fastMerges(new Map(['zy', 'ab', 'aa', 'é'].map((word) => [word, 2])), 4);
    assert.deepEqual(merges, [['a', 'a'], ['a', 'b'], ['z', 'y'], ['\u00c3', '\u00a9']]); // prettier-ignore
  });

  it('does not merge what occurs once', async () => {
    assert.deepEqual(await fastMerges(new Map([['ab', 1], ['cd', 2]]), 9), [['c', 'd']]); // prettier-ignore
  });

  it('has the entries that were asked for: <|endoftext|>, the bytes, the merges', async () => {
    const files = await trainBpe([CODE, CODE], 300, steps);
    const { vocab } = modelOf(files);
    const ids = Object.values(vocab).sort((a, b) => a - b);
    assert.deepEqual(
      ids,
      Array.from({ length: 300 }, (_, id) => id),
    );
    assert.equal(files.entries, 300);
    assert.equal(vocab['<|endoftext|>'], 0);
    // the bytes' ids are those of every tokenizer that begins with GPT-2's alphabet in order
    assert.deepEqual([vocab['!'], vocab['0'], vocab['ä'], vocab['Ġ']], [1, 16, 161, 221]);
    assert.equal(load(files).tokenText(0), '<|endoftext|>');
    assert.deepEqual([...load(files).specialIds!], [0]);
  });

  it('has fewer entries where the texts are too short, and no merge for no text', async () => {
    assert.equal((await trainBpe(['ab ab'], 4096, steps)).entries, 258);
    assert.equal((await trainBpe([], 4096, steps)).entries, 257);
    await assert.rejects(trainBpe([CODE], 256, steps), /^InputError: vocab is 256, a whole number from 257/);
  });

  it('does not depend on how the corpus comes in', async () => {
    async function* streamed(): AsyncGenerator<string> {
      yield* [CODE, CODE.toUpperCase()];
    }
    const all = await trainBpe([CODE, CODE.toUpperCase()], 350, steps);
    assert.deepEqual(await trainBpe(streamed(), 350, steps), all);
    assert.deepEqual(await trainBpe([CODE.toUpperCase(), CODE], 350, steps), all);
  });

  it('forgets rare words rather than to grow without end', () => {
    const words = new WordCounts(40);
    words.add('often often often twice twice ' + 'abcdefgh');
    words.add(' often twiceeee' + ' xyzxyzxyz');
    assert.deepEqual([...words.counts], [[' often', 3], [' twice', 2]]); // prettier-ignore
  });
});

describe('BPE encoding', () => {
  const texts = [
    CODE,
    '日本語 ½ ²³ 👩‍👩‍👧 \u0000\u0007\u001f\u007f\u0085\u00ad\ufeff',
    "  it's  a\n\n\n test\u00a0  \r\n\t\tdon't DON'T 'll",
    '__proto__ constructor hasOwnProperty toString',
    'x'.repeat(700) + ' '.repeat(300) + '東'.repeat(200),
    randomText(1),
    randomText(2),
  ];
  let files: TokenizerFiles;
  before(async () => {
    files = await trainBpe([CODE, CODE, ...texts], 500, steps);
  });

  it('gives every text back', () => {
    const tokenizer = load(files);
    for (const text of texts) {
      const bytes = tokenizer.encode(text).map(({ id }) => bytesOf(files, id));
      assert.equal(Buffer.concat(bytes).toString(), text);
    }
  });

  it('is the same as the library’s', () => {
    const tokenizer = load(files);
    let slow = 0;
    const encode = textEncoder(modelOf(files), (word) => (slow++, tokenizer.encode(word).map(({ id }) => id)));
    for (const text of texts) {
      const ids = tokenizer.encode(text).map(({ id }) => id);
      assert.deepEqual(encode(text), ids);
      assert.deepEqual(encode(text), ids, 'words that are known');
    }
    assert.equal(slow, 3, 'the long words');
  });

  it('reads the name of the special token as text', () => {
    const encode = textEncoder(modelOf(files), () => []);
    assert.ok(!encode('a<|endoftext|>b').includes(0));
  });

  it('cuts words as the library does', () => {
    const library = new ByteLevelPreTokenizer({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true });
    for (const text of texts) {
      const words = (text.match(WORDS) ?? []).map((word) => Array.from(Buffer.from(word), characterOf).join(''));
      assert.deepEqual(words, library.pre_tokenize_text(text));
    }
  });
});

/** Any characters but halves of them. */
function randomText(seed: number): string {
  const uniform = seededUniform(seed);
  const ranges = [0x80, 0x800, 0xd800, 0x11_0000];
  const point = (): number => {
    const from = ranges[Math.floor(uniform() * 4)]!;
    const code = Math.floor(uniform() * from);
    return code >= 0xd800 && code < 0xe000 ? 0x20 : code;
  };
  return String.fromCodePoint(...Array.from({ length: 600 }, point));
}

/** Bytes of a token by the vocabulary's spelling, written anew. */
function bytesOf(files: TokenizerFiles, id: number): Buffer {
  const token = Object.entries(modelOf(files).vocab).find(([, each]) => each === id)![0];
  const isPrintable = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  const others = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !isPrintable(byte));
  return Buffer.from(
    [...token].map((character) => {
      const code = character.codePointAt(0)!;
      return code < 256 ? code : others[code - 256]!;
    }),
  );
}
