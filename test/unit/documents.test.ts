import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { documents, PART_CHARACTERS, partEnd } from '../../src/engine/mlsae/corpus/documents';
import type { TextPart } from '../../src/engine/mlsae/corpus/documents';
import { corpusFiles, resultsOf } from '../../src/engine/mlsae/corpus/files';
import { sequences } from '../../src/engine/mlsae/corpus/sequences';
import type { Sequence, SequenceOptions } from '../../src/engine/mlsae/corpus/sequences';
import type { Corpus } from '../../src/protocol/latents/corpus';
import { ROOT, SAMPLES, tempFolder, writeFile } from './support/files';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { variants } from './support/variants';

const FIXTURES = join(ROOT, 'test/fixtures/corpus');
const TEXTS = readFileSync(join(FIXTURES, 'lines.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => (JSON.parse(line) as { text: string }).text);

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function read(corpus: Corpus, notices: string[] = []): Promise<TextPart[]> {
  return all(documents(await corpusFiles(corpus), corpus, { notice: (message) => notices.push(message) }));
}

const inFolder = (files: Record<string, string | Uint8Array>): string => {
  const folder = tempFolder();
  for (const [name, content] of Object.entries(files)) writeFile(join(folder, name), content);
  return folder;
};

describe('documents of a corpus', () => {
  const fixtures = ['lines.jsonl', 'lines.jsonl.zst', 'frames.jsonl.zst'];
  const codecs = ['zstd', 'snappy', 'gzip', 'brotli', 'lz4'];
  for (const name of [...fixtures, ...codecs.map((codec) => `rows.${codec}.parquet`)]) {
    it(`reads ${name}`, async () => {
      const parts = await read({ folder: FIXTURES, globs: [name] });
      const isParquet = name.endsWith('.parquet');
      const expected = TEXTS.map((text, i) => ({ text, row: isParquet && i >= 20 ? i + 2 : i + 1 })).filter(
        (d) => d.text,
      );
      assert.deepEqual(
        parts.map(({ text, row }) => ({ text, row })),
        expected,
      );
      assert.deepEqual(
        parts.map(({ part }) => part),
        expected.map((_, i) => i),
      );
      assert.ok(parts.every(({ first, file }) => first && file === 0));
    });
  }

  it('reads another field, and pages of a Parquet file that another library wrote', async () => {
    const data = Array.from({ length: 1000 }, (_, i) => (i % 3 === 0 ? null : `value ${i % 7}`));
    const buffer = parquetWriteBuffer({ columnData: [{ name: 'body', data, type: 'STRING' }], rowGroupSize: 300 });
    const folder = inFolder({
      'a.parquet': new Uint8Array(buffer),
      'b.jsonl': '\uFEFF{"body": "b\\n"}\r\n\n{"body":"c"}',
    });
    const parts = await read({ folder, globs: ['*'], field: 'body' });
    const texts = parts.map(({ text }) => text);
    assert.deepEqual(texts, [...data.filter((text) => text !== null), 'b\n', 'c']);
    assert.equal(parts.at(-1)!.row, 3);
  });

  it('reads files in the order of their names, each once, without node_modules, .git and what is not text', async () => {
    const folder = inFolder({
      'b/z.ts': 'z',
      'b.ts': 'b',
      'B.md': 'B',
      'a/node_modules/x/index.ts': 'no',
      '.git/config': 'no',
      'a/data.bin': new Uint8Array([65, 0, 66]),
      'a/[id].ts': 'bracket',
      'a/empty.ts': '',
    });
    const notices: string[] = [];
    const globs = ['**/*.ts', 'b.ts', 'a/[id].ts', 'a', 'B.md'];
    const parts = await read({ folder, globs }, notices);
    assert.deepEqual(
      parts.map(({ text, first, row }) => [text, first, row]),
      [
        ['B', true, 0],
        ['bracket', true, 0],
        ['b', true, 0],
        ['z', true, 0],
      ],
    );
    assert.deepEqual(notices, ['a/data.bin is not text and is skipped.']);
    const absolute = await corpusFiles({ folder: '/', globs: [`${folder}/**/*.ts`, `${folder}/b`] });
    assert.equal(absolute.length, 4);
  });

  it('follows links to files but not those that lead in circles, and leaves out what a sweep writes', async () => {
    const folder = inFolder({ 'a/x.txt': 'x', 'out/sweep.json': '{}', 'job/shard-0/x': '', 'job/sweep.sbatch': '' });
    mkdirSync(join(folder, 'links'));
    symlinkSync(join(folder, 'a/x.txt'), join(folder, 'links/x.txt'));
    symlinkSync(folder, join(folder, 'a/circle'));
    const shard = join(folder, 'job/shard-1');
    const apart = [...resultsOf(join(folder, 'out'), false), ...resultsOf(shard, true)];
    const names = (await corpusFiles({ folder, globs: ['**/*'] }, apart)).map(({ name }) => name);
    assert.deepEqual(names, ['a/x.txt', 'links/x.txt']);
  });

  it('gives long texts in parts that end with a line, whole characters and nothing lost', async () => {
    const line = `${'𝒙'.repeat(30)} é\n`;
    const text = line.repeat(5000) + 'y'.repeat(100) + '𝒙'.repeat(PART_CHARACTERS);
    const folder = inFolder({ 'a.txt': text, 'b.jsonl': JSON.stringify({ text }) });
    const parts = await read({ folder, globs: ['*'] });
    const of = (file: number): TextPart[] => parts.filter((part) => part.file === file);
    assert.equal(
      of(0)
        .map((part) => part.text)
        .join(''),
      text,
    );
    assert.deepEqual(
      of(1).map((part) => part.text),
      of(0).map((part) => part.text),
      'a stretch of a file is cut where the text is cut',
    );
    assert.deepEqual(
      of(0).map(({ first }) => first),
      of(0).map((_, i) => i === 0),
    );
    for (const part of of(0)) {
      assert.ok(part.text.length <= PART_CHARACTERS);
      assert.equal(Buffer.from(part.text).toString(), part.text, 'no half of a character');
    }
    assert.ok(of(0)[0]!.text.endsWith('\n'));
    assert.equal(partEnd('ab', 1), 2);
  });

  it('says what is wrong in one sentence', async () => {
    const zst = readFileSync(join(FIXTURES, 'lines.jsonl.zst'));
    const parquet = readFileSync(join(FIXTURES, 'rows.zstd.parquet'));
    const cases: [name: string, content: string | Uint8Array, message: RegExp][] = [
      ['a.jsonl', '{"text":"a"}\n{"text":', /^a\.jsonl, line 2 is not JSON: [^\n]*\.$/],
      ['b.jsonl', '{"txt":"a"}\n', /^b\.jsonl, line 1: expected an object with a text in its field text\.$/],
      ['c.jsonl', '[1]', /line 1: expected an object/],
      ['d.jsonl', '{"text":5}', /line 1: expected an object/],
      ['e.jsonl.zst', 'no zstd at all, but a text', /^e\.jsonl\.zst is not Zstandard data, or damaged: .*\.$/],
      ['f.jsonl.zst', zst.subarray(0, 200), /f\.jsonl\.zst is not Zstandard data, or damaged/],
      ['g.parquet', 'PAR1 nothing PAR1', /^g\.parquet cannot be read as Parquet: .*\.$/],
      ['h.parquet', parquet.subarray(0, -9), /h\.parquet cannot be read as Parquet/],
      ['i.parquet', Buffer.concat([Buffer.alloc(600), parquet.subarray(600)]), /i\.parquet cannot be read as Parquet/],
    ];
    for (const [name, content, message] of cases)
      await assert.rejects(read({ folder: inFolder({ [name]: content }), globs: [name] }), {
        name: 'InputError',
        message,
      });
    const column = (field: string): Promise<unknown> => read({ folder: FIXTURES, globs: ['rows.zstd.parquet'], field });
    await assert.rejects(column('txt'), { name: 'InputError', message: /has no column txt: it has id, text, meta\.$/ });
    await assert.rejects(column('id'), { name: 'InputError', message: /column id holds no texts\.$/ });
    await assert.rejects(column('meta'), { name: 'InputError', message: /column meta holds no texts\.$/ });
    const none = read({ folder: FIXTURES, globs: ['*.jsonl', '*.nothing'] });
    await assert.rejects(none, { name: 'InputError', message: /^\*\.nothing matches no file in / });
    await assert.rejects(read({ folder: FIXTURES, globs: [] }), { name: 'InputError', message: /corpus is empty/ });
  });

  it('refuses a line that never ends', async () => {
    const folder = tempFolder();
    const file = openSync(join(folder, 'a.jsonl'), 'w');
    for (let i = 0; i < 70; i++) writeSync(file, Buffer.alloc(1 << 20, 'x'));
    closeSync(file);
    await assert.rejects(read({ folder, globs: ['*'] }), {
      name: 'InputError',
      message: /line 1 is longer than 67108864/,
    });
  });

  it('holds little of large files at any time', async function () {
    this.timeout(120_000);
    const folder = tempFolder();
    const file = openSync(join(folder, 'big.jsonl'), 'w');
    const plain = openSync(join(folder, 'big.txt'), 'w');
    const text = 'const a = 1;\n'.repeat(800);
    const line = `${JSON.stringify({ text })}\n`;
    for (let i = 0; i < 12_000; i++) {
      writeSync(file, line);
      writeSync(plain, text);
    }
    const script = join(tempFolder(), 'readCorpus.js');
    const entryPoints = [join(ROOT, 'test/support/readCorpus.ts')];
    await build({ entryPoints, outfile: script, bundle: true, platform: 'node', target: 'node20', format: 'cjs' });
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, folder]);
    const { parts, characters, most } = JSON.parse(stdout) as Record<string, number>;
    assert.equal(characters, 2 * 12_000 * text.length);
    assert.ok(parts! > 12_000);
    assert.ok(most! < 10e6, `${most! / 1e6} MB for ${characters! / 1e6} MB of text`);
  });
});

describe('sequences of a corpus', () => {
  const neox = join(SAMPLES, 'neox-6l');
  const read = async (corpus: Corpus, options?: SequenceOptions, checkpoint = neox): Promise<Sequence[]> =>
    all(sequences(corpus, await openCheckpoint(checkpoint), options));
  const ids = (found: Sequence[]): number[][] => found.map((sequence) => sequence.ids);
  const folder = inFolder({
    'a.txt': 'export function add(a: number, b: number): number {\n  return a + b;\n}\n',
    'b.jsonl': ['one two three four five six seven', '', 'x'].map((text) => JSON.stringify({ text })).join('\n'),
    'c.txt': 'the quick brown fox jumps over the lazy dog '.repeat(20),
  });
  const corpus: Corpus = { folder, globs: ['*'], context: 8 };

  it('tokenizes every text and cuts it to the context', async () => {
    const { tokenizer } = await openCheckpoint(neox);
    const encode = (text: string): number[] => tokenizer!.encode(text).map(({ id }) => id);
    const found = await read(corpus);
    const parts = await all(documents(await corpusFiles(corpus), corpus));
    for (const { part, text, file, row } of parts) {
      const own = found.filter((sequence) => sequence.part === part);
      assert.deepEqual(
        own.flatMap((sequence) => sequence.ids),
        encode(text),
      );
      assert.ok(own.slice(0, -1).every((sequence) => sequence.ids.length === 8));
      assert.ok(own.every((sequence) => sequence.file === file && sequence.row === row));
      assert.deepEqual(
        own.map(({ first }) => first),
        own.map((_, i) => i === 0),
      );
      assert.deepEqual(
        own.map(({ start }) => start),
        own.map((_, i) => 8 * i),
      );
    }
    assert.equal(new Set(found.map(({ part }) => part)).size, 4);
    const whole = await read({ folder, globs: ['c.txt'] });
    assert.deepEqual(ids(whole), [encode('the quick brown fox jumps over the lazy dog '.repeat(20))]);
  });

  it('begins every piece with the tokenizer’s BOS', async () => {
    const llama = join(SAMPLES, 'stories260K');
    const { tokenizer } = await openCheckpoint(llama);
    const text = 'Once upon a time there was a little girl.';
    const [bos, ...rest] = tokenizer!.encode(text).map(({ id }) => id);
    assert.ok(tokenizer!.specialIds!.has(bos!), 'the sample’s tokenizer adds BOS');
    const found = await read({ folder: inFolder({ 'a.txt': text }), globs: ['*'], context: 6 }, {}, llama);
    assert.ok(found.length > 2);
    assert.ok(found.every((sequence) => sequence.ids[0] === bos && sequence.ids.length <= 6));
    assert.deepEqual(
      found.flatMap((sequence) => sequence.ids.slice(1)),
      rest,
    );
  });

  it('cuts the corpus at maxTokens, wherever that is', async () => {
    const every = (await read(corpus)).flatMap((sequence) => sequence.ids);
    for (const maxTokens of [1, 7, 8, 9, 40, every.length, every.length + 1]) {
      const found = (await read({ ...corpus, maxTokens })).flatMap((sequence) => sequence.ids);
      assert.deepEqual(found, every.slice(0, maxTokens));
    }
  });

  it('is the same when it goes on from any place, and when it is shared out', async () => {
    for (const limited of [corpus, { ...corpus, maxTokens: 150 }]) {
      const whole = await read(limited);
      for (const [i, { next }] of whole.entries()) {
        const rest = await read(limited, { from: next });
        assert.deepEqual(rest, whole.slice(i + 1));
      }
      const shards = await Promise.all([0, 1, 2].map((n) => read(limited, { wants: (part) => part % 3 === n })));
      const order = (a: Sequence, b: Sequence): number => a.part - b.part || a.start - b.start;
      assert.deepEqual(ids(shards.flat().sort(order)), ids(whole));
      for (const [n, shard] of shards.entries()) {
        const rest = await read(limited, { from: shard[0]!.next, wants: (part) => part % 3 === n });
        assert.deepEqual(ids(rest), ids(shard.slice(1)));
      }
    }
  });

  it('refuses a context that the model has not, and a model without a tokenizer', async () => {
    await assert.rejects(read({ ...corpus, context: 513 }), {
      name: 'InputError',
      message: /context: found 513; .* 2 to 512/,
    });
    await assert.rejects(read({ ...corpus, context: 1 }), { name: 'InputError' });
    const { folder: bare } = writeRandomCheckpoint(variants[0]!);
    await assert.rejects(read({ folder, globs: ['*'] }, {}, bare), { name: 'InputError', message: /has no tokenizer/ });
  });
});
