/** What the engine saves is English, whatever the language; what it shows of that is in the person's. */
import * as l10n from '@vscode/l10n';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import { importance } from '../../src/engine/circuits/importance';
import { lens } from '../../src/engine/circuits/lens';
import { paths } from '../../src/engine/circuits/paths';
import { otherFolder } from '../../src/engine/mlsae/corpus/folder';
import { openSweep } from '../../src/engine/mlsae/corpus/results';
import { sweep } from '../../src/engine/mlsae/corpus/sweep';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import { wordOf } from '../../src/engine/train/identityWords';
import { trainMlsae } from '../../src/engine/train/mlsae/train';
import { readTraining } from '../../src/engine/train/store';
import { trainToy } from '../../src/engine/train/toy/train';
import { OTHER_FOLDER, type Corpus } from '../../src/protocol/latents/corpus';
import type { TrainToyParams } from '../../src/protocol/training';
import { termName } from '../../webview/paths/names';
import { ROOT, tempFolder, writeFile } from './support/files';
import { noSteps, openSample } from './support/models';

const CHINESE = readFileSync(join(ROOT, 'l10n/bundle.l10n.zh-cn.json'), 'utf8');
const HAN = /\p{Script=Han}/u;

async function inChinese<T>(work: () => T | Promise<T>): Promise<T> {
  l10n.config({ contents: CHINESE });
  try {
    return await work();
  } finally {
    l10n.config({ contents: {} });
  }
}

/** What is in a folder, but for how long it took and who wrote it. */
const left = (dir: string): Record<string, string> =>
  Object.fromEntries(
    (
      readdirSync(dir, { recursive: true, withFileTypes: true }) as {
        name: string;
        parentPath: string;
        isFile(): boolean;
      }[]
    )
      .filter((entry) => entry.isFile())
      .map(({ name, parentPath }) => join(parentPath, name))
      .sort()
      .map((file) => [
        file.slice(dir.length),
        readFileSync(file, file.endsWith('.safetensors') ? 'latin1' : 'utf8')
          .replace(/"(seconds|tokensPerSecond)": [\d.e+-]+/g, '"$1": 0')
          .replace(/"out": "[^"]*"/g, '"out": ""'),
      ]),
  );

const newFolder = (): string => join(tempFolder(), 'results');
type Stored = { identity: Record<string, unknown>; notices: string[] };
const stored = (dir: string, name: string): Stored => JSON.parse(readFileSync(join(dir, name), 'utf8')) as Stored;

/** Names that are the same in every language. */
const SAME = new Set(['k', 'auxk']);
const untranslated = (dir: string): Promise<string[]> =>
  inChinese(() =>
    Object.keys(stored(dir, 'training.json').identity).filter((name) => !SAME.has(name) && !HAN.test(wordOf(name))),
  );

describe('what is saved in another language', function () {
  this.timeout(60_000);
  let corpus: Corpus;
  let neox: OpenModel;
  let toy: TrainToyParams;

  before(async () => {
    const folder = tempFolder();
    writeFile(join(folder, 'text.ts'), readFileSync(join(ROOT, 'src/engine/memory.ts'), 'utf8').slice(0, 900));
    writeFile(join(folder, 'picture.bin'), '\0'.repeat(40));
    corpus = { folder, globs: ['*'], context: 48 };
    neox = await openSample('neox-6l');
    const texts = tempFolder();
    const line = (_: unknown, i: number): string => `the quick fox ${i % 7}`;
    writeFile(join(texts, 'a.txt'), Array.from({ length: 90 }, line).join('\n'));
    writeFile(join(texts, 'b.txt'), Array.from({ length: 90 }, line).join('\n'));
    const sizes = { dModel: 8, nHeads: 2, vocab: 2000, context: 12, batch: 2, steps: 2 };
    toy = { ...sizes, layers: 0, corpus: { globs: ['*.txt'], folder: texts }, out: '' };
  });
  after(() => neox.runner.dispose());

  it('a toy training’s folder is the same, its notice is told in Chinese', async () => {
    const [english, chinese] = [newFolder(), newFolder()];
    const summary = await trainToy({ ...toy, out: english }, noSteps);
    const told = await inChinese(() => trainToy({ ...toy, out: chinese }, noSteps));
    assert.deepEqual(left(chinese), left(english));
    assert.match(stored(english, 'training.json').notices.join(), /^The corpus gives a vocabulary of \d+ tokens/);
    assert.deepEqual(summary.notices, stored(english, 'training.json').notices);
    assert.match(told.notices.join(), /^由语料库得到的词表有 \d+ 个词元，而不是 2000 个。$/);
    const { notices } = await inChinese(() => readTraining({ dir: english }));
    assert.deepEqual(notices, told.notices);
    assert.deepEqual(await untranslated(english), []);
  });

  it('a toy training of stages has settings with names in Chinese', async () => {
    const out = newFolder();
    const stages = [
      { until: 0.5, repeatShare: 0 },
      { until: 1, repeatShare: 0.5 },
    ];
    await trainToy({ ...toy, out, stages }, noSteps);
    assert.ok('stages' in stored(out, 'training.json').identity);
    assert.deepEqual(await untranslated(out), []);
    const other = newFolder();
    await trainToy({ ...toy, out: other, randomShare: 0.5 }, noSteps);
    assert.ok('share of random tokens' in stored(other, 'training.json').identity);
    assert.deepEqual(await untranslated(other), []);
  });

  it('an MLSAE’s training and a sweep with it are the same; a folder with another says so, as the host looks for it', async () => {
    const params = { corpus, expansionFactor: 1, k: 4, batchTokens: 32, steps: 2 };
    const [english, chinese] = [newFolder(), newFolder()];
    await trainMlsae(neox, { ...params, out: english }, noSteps);
    const told = await inChinese(() => trainMlsae(neox, { ...params, out: chinese }, noSteps));
    assert.deepEqual(left(chinese), left(english));
    assert.deepEqual(stored(english, 'training.json').notices, ['picture.bin is not text and is skipped.']);
    assert.deepEqual(told.notices, ['picture.bin 不是文本，已跳过。']);
    assert.deepEqual(await untranslated(english), []);

    const again = (): Promise<unknown> => trainMlsae(neox, { ...params, out: english, batchTokens: 16 }, noSteps);
    await assert.rejects(again, ({ message }: Error) => message.endsWith(OTHER_FOLDER));
    await inChinese(() =>
      assert.rejects(again, ({ message }: Error) => {
        assert.match(message, /批大小不同（32，而非 16）/);
        assert.notEqual(otherFolder(), OTHER_FOLDER);
        return message.endsWith(otherFolder());
      }),
    );

    const sae = await openSae(english, neox.checkpoint);
    const open = { sae, saeRunner: createSaeRunner(sae, 'cpu'), model: neox };
    const [swept, sweptChinese] = [newFolder(), newFolder()];
    await sweep(open, { corpus, out: swept }, noSteps);
    const summary = await inChinese(() => sweep(open, { corpus, out: sweptChinese }, noSteps));
    assert.deepEqual(left(sweptChinese), left(swept));
    assert.deepEqual(summary.notices, ['picture.bin 不是文本，已跳过。']);
    assert.deepEqual((await openSweep(open, { dir: sweptChinese }, noSteps)).notices, [
      'picture.bin is not text and is skipped.',
    ]);
    await inChinese(() =>
      assert.rejects(
        () => sweep(open, { corpus, out: swept, examples: 2 }, noSteps),
        ({ message }: Error) => /示例数不同（4，而非 2）/.test(message) && message.endsWith(otherFolder()),
      ),
    );
    await open.saeRunner.dispose();
  });

  it('names in results are the same; a panel says them in Chinese', async () => {
    const named = async (model: OpenModel): Promise<string[]> => {
      const { terms } = await paths(model, { text: 'def f(x):' }, noSteps);
      const { stages } = await lens(model, { text: 'def f(x):' }, noSteps);
      return [...terms.map(({ name }) => name).sort(), ...stages.map(({ label }) => label)];
    };
    const neoxNames = await named(neox);
    assert.deepEqual(await inChinese(() => named(neox)), neoxNames);
    const attnOnly = await openSample('attn-only-2l');
    try {
      const names = await named(attnOnly);
      assert.deepEqual(await inChinese(() => named(attnOnly)), names);
      assert.ok(names.includes('direct path'));
      const effects = async (): Promise<string[]> =>
        (await importance(attnOnly, { text: 'def f(x):' }, noSteps)).terms.map(({ name }) => name);
      assert.deepEqual(await inChinese(effects), await effects());
    } finally {
      await attnOnly.runner.dispose();
    }
    const terms = [
      ['direct path', 'direct'],
      ['embedding', 'embedding'],
      ['positions', 'position'],
      ['paths of more than 2 heads', 'rest'],
      ['final norm bias', 'bias'],
    ] as const;
    const said = (): string[] => terms.map(([name, kind]) => termName({ name, kind }));
    assert.deepEqual(
      said(),
      terms.map(([name]) => name),
    );
    const chinese = await inChinese(said);
    assert.ok(
      chinese.every((name) => HAN.test(name)),
      chinese.join(),
    );
    assert.match(chinese[3]!, /2/);
    const same = [termName({ name: 'L0H4→L1H5', kind: 'virtualHead' }), termName({ name: 'b_U', kind: 'bias' })];
    assert.deepEqual(same, ['L0H4→L1H5', 'b_U']);
  });
});
