/** `npm run samples`: the corpus, half precision, and all of it small. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { readSafetensors, writeSafetensors } from '../../src/engine/checkpoint/safetensors';
import { headScores } from '../../src/engine/circuits/headScores';
import { createRunner } from '../../src/engine/runtime/runner';
import type { Output } from './support/cli';
import { ROOT, tempFolder, writeFile } from './support/files';

interface Piece {
  path: string;
  text: string;
}
interface CorpusModule {
  buildCorpus(options: { from: string; out: string; packages?: string[] }): {
    train: string;
    heldOut: string;
    characters: number;
    files: number;
  };
}
interface HalfModule {
  halve(from: string, to: string): void;
  halfBits(value: number): number;
}

/** The scripts are no part of the bundle. */
const script = async <T>(name: string): Promise<T> =>
  (await import(pathToFileURL(join(ROOT, 'test/samples', name)).href)) as T;

const samples = (...args: string[]): Promise<Output> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(ROOT, 'test/samples/samples.mjs'), '--no-build', ...args],
      (error, stdout, stderr) => resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

/** Lines that no other text has. */
const lines = (name: string, count = 20): string =>
  Array.from({ length: count }, (_, i) => `export const ${name}Number${i} = '${name} and ${i}';`).join('\n');

/** A node_modules folder. */
function modules(packages: Record<string, { license: unknown; files: Record<string, string> }>): string {
  const from = join(tempFolder(), 'node_modules');
  for (const [place, { license, files }] of Object.entries(packages)) {
    const name = place.replace(/^.*node_modules\//, '');
    writeFile(join(from, place, 'package.json'), { name, version: '1.0.0', license });
    for (const [file, text] of Object.entries(files)) writeFile(join(from, place, file), text);
  }
  return from;
}

const piecesIn = (file: string): Piece[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Piece);

describe('the corpus of the samples', () => {
  async function corpusOf(from: string): Promise<{ out: string; pieces: Piece[] }> {
    const { buildCorpus } = await script<CorpusModule>('corpus.mjs');
    const out = tempFolder();
    const { train, heldOut } = buildCorpus({ from, out });
    return { out, pieces: [...piecesIn(train), ...piecesIn(heldOut)] };
  }

  it('has sources of packages with a permissive licence, those within packages too', async () => {
    const from = modules({
      free: { license: 'MIT', files: { 'a.ts': lines('a'), 'b.md': lines('b'), 'c.json': lines('c') } },
      '@scope/either': { license: '(GPL-3.0 OR MIT)', files: { 'lib/d.js': lines('d') } },
      both: { license: '(MIT AND Apache-2.0)', files: { 'e.mjs': lines('e') } },
      'free/node_modules/inner': { license: 'ISC', files: { 'f.js': lines('f') } },
      closed: { license: 'GPL-3.0', files: { 'g.js': lines('g') } },
      half: { license: '(MIT AND GPL-3.0)', files: { 'h.js': lines('h') } },
      unknown: { license: undefined, files: { 'i.js': lines('i') } },
    });
    const { pieces } = await corpusOf(from);
    const names = ['@scope/either/lib/d.js', 'both/e.mjs', 'free/a.ts', 'free/b.md', 'inner/f.js'];
    assert.deepEqual(pieces.map(({ path }) => path).sort(), names);
    assert.equal(pieces.find(({ path }) => path === 'free/a.ts')!.text, lines('a'));
  });

  it('leaves out what a machine made, locales, licences, and copies', async () => {
    const source = lines('source');
    const from = modules({
      one: {
        license: 'MIT',
        files: {
          'good.js': source,
          'same.js': source,
          'nearly.js': `${source}\nexport const more = 'than there was before';`,
          'packed.js': `const x = '${'y'.repeat(2000)}';\n`.repeat(3),
          'lib.min.js': lines('min'),
          'locale/de.js': lines('de'),
          'LICENSE.md': lines('licence'),
          'short.js': 'let a;',
          'foreign.js': lines('foreign').replaceAll('and', 'ünd'),
        },
      },
    });
    const { pieces, out } = await corpusOf(from);
    assert.equal(pieces.length, 1);
    assert.ok(pieces[0]!.text.startsWith(source));
    assert.match(readFileSync(join(out, 'CORPUS.md'), 'utf8'), /^\| one \| 1\.0\.0 \| MIT \| 1 \| 2 \|/m);
  });

  it('cuts large files at line ends, holds files out whole, and is the same again', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`${i}.ts`, lines(`n${i}n`, i === 0 ? 900 : 20)]),
    );
    const from = modules({ one: { license: 'MIT', files } });
    const { buildCorpus } = await script<CorpusModule>('corpus.mjs');
    const [first, second] = [tempFolder(), tempFolder()].map((out) => buildCorpus({ from, out }));
    const [train, heldOut] = [piecesIn(first!.train), piecesIn(first!.heldOut)];
    const pathsOf = (pieces: Piece[]): Set<string> => new Set(pieces.map(({ path }) => path));
    assert.ok(heldOut.length > 0 && heldOut.length < 10);
    assert.ok([...pathsOf(heldOut)].every((path) => !pathsOf(train).has(path)));
    assert.equal(pathsOf(train).size + pathsOf(heldOut).size, 100);
    const large = [...train, ...heldOut].filter(({ path }) => path === 'one/0.ts').map(({ text }) => text);
    assert.ok(large.length > 1 && large.every((text) => text.length <= 16_001));
    assert.deepEqual(
      large.flatMap((text) => text.split('\n').filter(Boolean)).sort(),
      files['0.ts']!.split('\n').sort(),
    );
    for (const name of ['train', 'heldOut'] as const)
      assert.equal(readFileSync(first![name], 'utf8'), readFileSync(second![name], 'utf8'));
  });
});

describe('half precision', () => {
  it('is the nearest number, of two the even one', async () => {
    const { halfBits } = await script<HalfModule>('half.mjs');
    const known: [number, number][] = [
      [0, 0],
      [-0, 0x8000],
      [1, 0x3c00],
      [-2, 0xc000],
      [65504, 0x7bff],
      [65520, 0x7c00],
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [1 - 2 ** -13, 0x3c00],
      [2 ** -24, 1],
      [2 ** -25, 0],
      [3 * 2 ** -25, 2],
      [2 ** -14 - 2 ** -25, 0x400],
    ];
    for (const [value, bits] of known) assert.equal(halfBits(value), bits, `${value}`);
  });

  it('of a checkpoint is read as what was written', async () => {
    const { halve } = await script<HalfModule>('half.mjs');
    const folder = tempFolder();
    const [from, to] = ['from', 'to'].map((name) => join(folder, `${name}.safetensors`)) as [string, string];
    const data = Float32Array.from({ length: 300 }, (_, i) => Math.sin(i) * 10 ** ((i % 9) - 4));
    await writeSafetensors(from, { 'a.b': { shape: [20, 15], data }, c: { shape: [1], data: Float32Array.of(0.5) } });
    halve(from, to);
    const tensors = await readSafetensors(to);
    assert.deepEqual([...tensors.keys()].sort(), ['a.b', 'c']);
    const { dtype, shape, offset } = tensors.get('a.b')!;
    assert.deepEqual([dtype, shape], ['F16', [20, 15]]);
    const bytes = readFileSync(to);
    data.forEach((value, i) => {
      const bits = bytes.readUInt16LE(offset + 2 * i);
      const size = 2 ** Math.max(-14, ((bits >> 10) & 31) - 15);
      const read = (bits & 0x8000 ? -1 : 1) * size * (((bits >> 10) & 31 ? 1 : 0) + (bits & 1023) / 1024);
      assert.ok(Math.abs(read - value) <= Math.max(2 ** -25, Math.abs(value) * 2 ** -11), `${value} is ${read}`);
    });
  });
});

describe('npm run samples', function () {
  this.timeout(120_000);

  it('trains, measures and says so; what is trained is not trained again', async () => {
    const out = join(tempFolder(), 'samples');
    const args = ['--quick', '--only', 'attn-only-2l', '--out', out];
    const first = await samples(...args);
    assert.equal(first.status, 0, first.stderr);
    const folder = join(out, 'attn-only-2l');
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    assert.match(readme, /4 steps, 512 tokens/);
    assert.match(readme, /stages \[\{"until":0\.\d+,/);
    // four steps have taught it next to nothing
    const loss = Number(/: loss (\d\.\d{3}) nats/.exec(readme)![1]);
    assert.ok(Math.abs(loss - Math.log(300)) < 0.2, `${loss}`);

    // the table is of the weights that are there
    const checkpoint = await openCheckpoint(folder);
    const runner = await createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
    const noSteps = { step: async (): Promise<void> => undefined };
    const { heads } = await headScores({ checkpoint, runner }, { length: 31, batch: 32 }, noSteps);
    await runner.dispose();
    for (const { layer, head, previousToken, induction } of heads)
      assert.ok(readme.includes(`| L${layer}H${head} | ${previousToken.toFixed(3)} | ${induction.toFixed(3)} |`));
    assert.equal(checkpoint.tensors.get('unembed.W_U')!.dtype, 'F16');

    const state = join(out, 'training/attn-only-2l/training.4.safetensors');
    const written = statSync(state).mtimeMs;
    rmSync(folder, { recursive: true });
    const again = await samples(...args);
    assert.equal(again.status, 0, again.stderr);
    assert.equal(readFileSync(join(folder, 'README.md'), 'utf8'), readme);
    assert.equal(statSync(state).mtimeMs, written);
  });

  it('trains an autoencoder on a sample', async () => {
    const out = join(tempFolder(), 'samples');
    const { status, stderr } = await samples(
      '--quick',
      '--only',
      'mlsae-neox-6l-x16-k16',
      '--steps',
      '2',
      '--out',
      out,
    );
    assert.equal(status, 0, stderr);
    const readme = readFileSync(join(out, 'mlsae-neox-6l-x16-k16/README.md'), 'utf8');
    assert.match(readme, /2 steps, 128 tokens/);
    assert.equal(readme.match(/^\| \d \| \d\.\d{4} \| \d\.\d\d \| \d+\.\d{4} \|$/gm)!.length, 6);
    assert.ok(existsSync(join(out, 'mlsae-neox-6l-x16-k16/model.safetensors')));
  });

  it('refuses what it has no recipe for', async () => {
    const { status, stderr } = await samples('--only', 'gpt2');
    assert.equal(status, 1);
    assert.match(stderr, /there is no recipe for gpt2; there are: attn-only-0l, /);
    assert.match((await samples('--threads', '0')).stderr, /--threads: found 0, a whole number from 1 was expected/);
  });
});
