import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PromptTokenizer } from '../../src/engine/checkpoint/checkpoint';
import { createTokenizer, loadTokenizer } from '../../src/engine/checkpoint/tokenizer';
import { REFERENCE, SAMPLES, tempFolder, writeFile } from './support/files';

const SAMPLE_NAMES = ['attn-only-2l', 'neox-6l', 'stories260K'];

async function sample(name: string): Promise<PromptTokenizer> {
  const { tokenizer, notice } = await loadTokenizer(join(SAMPLES, name));
  assert.equal(notice, undefined);
  return tokenizer!;
}

/** `text@start-end`, a special token as `text@start*`. */
const told = (tokenizer: PromptTokenizer, prompt: string): string[] =>
  tokenizer.encode(prompt).map((t) => `${t.text}@${t.start}${t.special ? '*' : `-${t.end}`}`);

/** Ranges are monotone, within the prompt, and leave nothing out; the text is the slice or the token's own. */
function checkRanges(tokenizer: PromptTokenizer, prompt: string): void {
  let start = 0;
  let covered = 0;
  for (const token of tokenizer.encode(prompt)) {
    const where = `${JSON.stringify(prompt)}: ${JSON.stringify(token)}`;
    if (token.special) {
      assert.equal(token.start, token.end, where);
      continue;
    }
    assert.ok(token.start < token.end && token.end <= prompt.length, where);
    assert.ok(token.start >= start && token.start <= covered && token.end >= covered, `${where} after ${covered}`);
    assert.ok([prompt.slice(token.start, token.end), tokenizer.tokenText(token.id)].includes(token.text), where);
    start = token.start;
    covered = token.end;
  }
  assert.equal(covered, prompt.length, JSON.stringify(prompt));
}

const HARD = [
  'plain text',
  ' leading and trailing ',
  'a\tb\r\nc\r\n\r\n\t\td',
  'naïve café — “quoted” … €',
  'e\u0301 decomposed, \u00e9 composed, \u1112\u1161\u11ab jamo, q\u0307\u0323 reordered',
  '日本語のテキスト、中文',
  '👩‍👩‍👧‍👦 family, 🏳️‍🌈 flag, 👍🏽',
  '<s>typed</s> <|endoftext|> <unk> <0x0A> ▁▁ Ġ ##',
  'lone \ud83d surrogate \ude00',
  'نص عربي עברית हिन्दी ไทย',
  '\u0000\u0001\u200b\ufeff\u00a0\u3000',
  'ﬁ ﬂ Ⅳ ½ ℌ Å İ ẞ',
  'x'.repeat(300),
  ' '.repeat(70) + 'y',
];

describe('the samples’ tokenizers', () => {
  for (const name of SAMPLE_NAMES) {
    it(`${name}: ids are the reference’s`, async () => {
      const tokenizer = await sample(name);
      const { prompts } = JSON.parse(readFileSync(join(REFERENCE, name, 'reference.json'), 'utf8')) as {
        prompts: { text: string; ids: number[] }[];
      };
      assert.ok(prompts.length > 0);
      for (const { text, ids } of prompts) {
        const tokens = tokenizer.encode(text);
        assert.deepEqual(
          tokens.map(({ id }) => id),
          ids,
        );
        checkRanges(tokenizer, text);
        // these prompts are ASCII: every token is whole characters
        const joined = tokens.filter((t) => !t.special).map((t) => t.text);
        assert.equal(joined.join(''), text);
      }
    });

    it(`${name}: ranges cover hard prompts`, async () => {
      const tokenizer = await sample(name);
      for (const prompt of HARD) checkRanges(tokenizer, prompt);
    });
  }
});

describe('token ranges', () => {
  it('a character of several tokens gives all of them its range, and each shows its bytes', async () => {
    assert.deepEqual(told(await sample('attn-only-2l'), 'é😀!'), [
      '\\xc3@0-1',
      '\\xa9@0-1',
      '\\xf0@1-3',
      '\\x9f@1-3',
      '\\x98@1-3',
      '\\x80@1-3',
      '!@3-4',
    ]);
  });

  it('BOS and the space put in front of a prompt stand for nothing', async () => {
    const stories = await sample('stories260K');
    assert.deepEqual(told(stories, 'Once upon'), ['<s>@0*', 'Once@0-4', ' upon@4-9']);
    assert.deepEqual(told(stories, '\n'), ['<s>@0*', ' @0*', '\n@0-1']);
    assert.deepEqual(told(stories, ''), ['<s>@0*']);
    assert.deepEqual(stories.encode('a')[0], { id: 1, text: '<s>', start: 0, end: 0, special: true });
  });

  it('an empty prompt has no tokens where no BOS is added', async () => {
    assert.deepEqual((await sample('attn-only-2l')).encode(''), []);
  });

  it('white space of every kind is a token of its own place', async () => {
    assert.deepEqual(told(await sample('stories260K'), 'a\r\n\tb').slice(1), [
      'a@0-1',
      '\r@1-2',
      '\n@2-3',
      '\t@3-4',
      'b@4-5',
    ]);
  });

  it('special tokens in the prompt have their place', async () => {
    assert.deepEqual(told(await sample('attn-only-2l'), 'a<|endoftext|>b'), ['a@0-1', '<|endoftext|>@1-14', 'b@14-15']);
    assert.deepEqual(told(await sample('stories260K'), '<s> a</s>'), [
      '<s>@0*',
      '<s>@0-3',
      ' @3*',
      ' a@3-5',
      '</s>@5-9',
    ]);
  });
});

/** A tokenizer.json with the parts that a test is about. */
const tokenizerJson = (parts: object): Record<string, unknown> => ({
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  ...parts,
});

const vocabulary = (...tokens: string[]): Record<string, number> => Object.fromEntries(tokens.map((t, i) => [t, i]));

describe('ranges behind normalisers', () => {
  /** Byte fallback, so that every normalised text can be told. */
  const nfc = (type: string): PromptTokenizer =>
    createTokenizer(
      tokenizerJson({
        normalizer: { type },
        model: {
          type: 'BPE',
          byte_fallback: true,
          unk_token: '<unk>',
          vocab: vocabulary(
            '<unk>',
            ...Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`),
            ...'abcdefghijklmnopqrstuvwxyz é한fi',
          ),
          merges: [],
        },
      }),
      {},
    );

  it('NFC: two characters that become one token have both', () => {
    assert.deepEqual(told(nfc('NFC'), 'ae\u0301b'), ['a@0-1', 'e\u0301@1-3', 'b@3-4']);
    assert.deepEqual(told(nfc('NFC'), '\u1112\u1161\u11abx'), ['\u1112\u1161\u11ab@0-3', 'x@3-4']);
  });

  it('NFD: one character that becomes several tokens is in all of them', () => {
    assert.deepEqual(told(nfc('NFD'), 'aéb'), ['a@0-1', 'e@1-2', '\\xcc@1-2', '\\x81@1-2', 'b@2-3']);
  });

  it('NFKC: a ligature is both of its letters', () => {
    assert.deepEqual(told(nfc('NFKC'), 'aﬁb'), ['a@0-1', 'f@1-2', 'i@1-2', 'b@2-3']);
  });

  it('covers hard prompts', () => {
    for (const type of ['NFC', 'NFD', 'NFKC', 'NFKD']) for (const prompt of HARD) checkRanges(nfc(type), prompt);
  });

  const wordPiece = createTokenizer(
    tokenizerJson({
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: null,
        lowercase: true,
      },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      post_processor: {
        type: 'TemplateProcessing',
        single: [
          { SpecialToken: { id: '[CLS]', type_id: 0 } },
          { Sequence: { id: 'A', type_id: 0 } },
          { SpecialToken: { id: '[SEP]', type_id: 0 } },
        ],
        pair: [],
        special_tokens: {
          '[CLS]': { id: '[CLS]', ids: [1], tokens: ['[CLS]'] },
          '[SEP]': { id: '[SEP]', ids: [2], tokens: ['[SEP]'] },
        },
      },
      model: {
        type: 'WordPiece',
        unk_token: '[UNK]',
        continuing_subword_prefix: '##',
        max_input_chars_per_word: 100,
        vocab: vocabulary('[UNK]', '[CLS]', '[SEP]', 'cafe', '##s', 'the', 'play', '##ing', '!', '中'),
      },
    }),
    {},
  );

  it('WordPiece: lower case, accents and white space', () => {
    assert.deepEqual(told(wordPiece, 'The  Cafés playing中!'), [
      '[CLS]@0*',
      'The@0-3',
      '  Café@3-9',
      's@9-10',
      ' play@10-15',
      'ing@15-18',
      '中@18-19',
      '!@19-20',
      '[SEP]@20*',
    ]);
  });

  it('an unknown word has the place between its neighbours', () => {
    assert.deepEqual(told(wordPiece, 'the Zürich cafe'), [
      '[CLS]@0*',
      'the@0-3',
      ' Zürich@3-10',
      ' cafe@10-15',
      '[SEP]@15*',
    ]);
    assert.deepEqual(told(wordPiece, 'the xyz'), ['[CLS]@0*', 'the@0-3', ' xyz@3-7', '[SEP]@7*']);
  });

  it('what is dropped at the end goes with the last token', () => {
    assert.deepEqual(told(wordPiece, 'the \n'), ['[CLS]@0*', 'the \n@0-5', '[SEP]@5*']);
  });

  it('an unknown token’s name in the prompt is text like any other', () => {
    // Ж, [, UNK and ] are unknown, one by one
    const ranges = wordPiece.encode('Ж [UNK] the').map(({ start, end }) => `${start}-${end}`);
    assert.deepEqual(ranges, ['0-0', '0-2', '2-4', '4-5', '5-7', '7-11', '11-11']);
  });

  it('Unigram with Metaspace', () => {
    const unigram = createTokenizer(
      tokenizerJson({
        pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', add_prefix_space: true },
        decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', add_prefix_space: true },
        model: {
          type: 'Unigram',
          unk_id: 0,
          vocab: [
            ['<unk>', 0],
            ['▁the', -1],
            ['▁', -3],
            ['cat', -2],
            ['s', -4],
          ],
        },
      }),
      {},
    );
    assert.deepEqual(told(unigram, 'the cats'), ['the@0-3', ' @3-4', 'cat@4-7', 's@7-8']);
    assert.deepEqual(told(unigram, 'theЖcat'), ['the@0-3', 'Ж@3-4', 'cat@4-7']);
  });
});

describe('token texts', () => {
  it('spell bytes, spaces and names', async () => {
    const neox = await sample('neox-6l');
    const stories = await sample('stories260K');
    const id = (tokenizer: PromptTokenizer, prompt: string): number => tokenizer.encode(prompt).at(-1)!.id;
    assert.equal(neox.tokenText(id(neox, ' number')), ' number');
    assert.equal(neox.tokenText(id(neox, '\n')), '\n');
    assert.equal(neox.tokenText(id(neox, 'é')), '\\xa9');
    assert.equal(neox.tokenText(0), '<|endoftext|>');
    assert.equal(stories.tokenText(1), '<s>');
    assert.equal(stories.tokenText(403), ' once'.replace('o', 'O'));
    assert.equal(stories.tokenText(13), '\n');
    assert.equal(stories.tokenText(3 + 0xf0), '\\xf0');
    assert.equal(stories.tokenText(99_999), '<99999>');
  });

  it('mix whole characters and stray bytes', () => {
    const json = tokenizerJson({
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
      model: { type: 'BPE', vocab: vocabulary('Ġâ', 'Ã©Ã', 'íł', '<img'), merges: [] },
    });
    const texts = [0, 1, 2, 3].map((id) => createTokenizer(json, {}).tokenText(id));
    assert.deepEqual(texts, [' \\xe2', 'é\\xc3', '\\xed\\xa0', '<img']);
  });
});

describe('a folder without a working tokenizer', () => {
  const notice = async (content?: string | object): Promise<string | undefined> => {
    const folder = tempFolder();
    if (content !== undefined) writeFile(join(folder, 'tokenizer.json'), content);
    const { tokenizer, notice } = await loadTokenizer(folder);
    assert.equal(tokenizer, undefined);
    return notice;
  };
  it('none there', async () => assert.match((await notice())!, /No tokenizer\.json: .* token ids/));
  it('not JSON', async () =>
    assert.match((await notice('{'))!, /tokenizer\.json does not work .*not valid JSON.* token ids/));
  it('parts missing', async () => assert.match((await notice({}))!, /does not work \(.*model/));
  it('a folder', async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'tokenizer.json'));
    const { notice } = await loadTokenizer(folder);
    assert.match(notice!, /does not work \(.*tokenizer\.json is not a file; a JSON file was expected\): .* token ids/);
  });
  it('an unknown part', async () =>
    assert.match((await notice(tokenizerJson({ model: { type: 'Magic' } })))!, /does not work \(.*Magic/));
});
