/** Batches of activations: every token of the corpus once a pass, the same from wherever it is gone on with. */
import assert from 'node:assert/strict';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import { corpusFiles } from '../../src/engine/mlsae/corpus/files';
import { Activations, type Place } from '../../src/engine/train/mlsae/activations';
import type { Corpus } from '../../src/protocol/latents/corpus';
import { corpusOf, lettersWithBos, refuses } from './support/corpus';
import { noSteps } from './support/models';

/** Rows of a layer are the token's id and the id before it in the sequence (−1 for none), plus 100 for each layer. */
function modelOf(runs: number[][] = []): OpenModel {
  const run = async ({ ids, hooks }: { ids: number[]; hooks: string[] }) => {
    runs.push(ids);
    const rows = (layer: number): number[] =>
      ids.flatMap((id, i) => [id, ids[i - 1] ?? -1].map((v) => v + 100 * layer));
    const of = (hook: string): { shape: number[]; data: Float32Array } => ({
      shape: [ids.length, 2],
      data: Float32Array.from(rows(Number(/\d+/.exec(hook)![0]))),
    });
    return { hooks: Object.fromEntries(hooks.map((hook) => [hook, of(hook)])), loadMs: 0, runMs: 0 };
  };
  const checkpoint = {
    name: 'letters',
    tokenizer: lettersWithBos,
    description: { dModel: 2, dVocab: 21, nCtx: 64, nLayers: 3 },
  };
  return { checkpoint, runner: { run, provider: 'cpu' } } as unknown as OpenModel;
}

const ALPHABET = 'abcdefghijklmnopqrst';
/** 2,200 sequences of 4 letters in the first file: more than are shuffled together. */
const LETTERS = 8800;
const corpus = corpusOf(
  [Array.from({ length: LETTERS }, (_, i) => ALPHABET[(i * i + i * 3) % 20]).join(''), 'abc', 'ttsrqponmlk'],
  5,
);
const TOKENS = LETTERS + 3 + 11;

async function streamOf(
  more: { corpus?: Corpus; tokens?: number; seed?: number; from?: Place } = {},
): Promise<Activations> {
  const { tokens = 7, seed = 1, from } = more;
  const of = more.corpus ?? corpus;
  const options = { corpus: of, files: await corpusFiles(of), layers: [0, 2], tokens, seed, notice: () => undefined };
  return new Activations(modelOf(), options, from);
}

describe('activations for training', () => {
  it('a pass has every token of the corpus once, without special ones, and layers one after another', async () => {
    const stream = await streamOf({ tokens: TOKENS });
    const seen: string[] = [];
    for (let pass = 0; pass < 2; pass++) {
      const data = (await stream.next(noSteps)).x.data as Float32Array;
      const rows = Array.from({ length: data.length / 2 }, (_, i) => [data[2 * i]!, data[2 * i + 1]!]);
      const [first, last] = [rows.slice(0, TOKENS), rows.slice(TOKENS)];
      assert.deepEqual(
        last,
        first.map((row) => row.map((v) => v + 200)),
        'layer 2',
      );
      const counts = new Array<number>(21).fill(0);
      first.forEach(([id]) => counts[id!]!++);
      const expected = new Array<number>(21).fill(0);
      for (let i = 0; i < LETTERS; i++) expected[(i * i + i * 3) % 20]!++;
      for (const c of 'abcttsrqponmlk') expected[ALPHABET.indexOf(c)]!++;
      assert.deepEqual(counts, expected);
      seen.push(first.join());
    }
    assert.notEqual(seen[0], seen[1], 'another order');
  });

  it('goes on from every place as it would have', async () => {
    const whole = await streamOf();
    const batches = [];
    // two passes
    for (let i = 0; i < (2 * TOKENS) / 7; i++) batches.push(await whole.next(noSteps));
    const at = (data: unknown): number[] => Array.from(data as Float32Array);
    for (let i = 1; i + 2 < batches.length; i += 181) {
      const place = JSON.parse(JSON.stringify(batches[i]!.place)) as Place;
      const rest = await streamOf({ from: place });
      for (const next of batches.slice(i + 1, i + 3)) {
        const own = await rest.next(noSteps);
        assert.deepEqual(at(own.x.data), at(next.x.data), `after batch ${i}`);
        assert.deepEqual(own.place, next.place);
      }
    }
    const places = batches.map(({ place }) => place);
    assert.ok(
      places.some(({ pass }) => pass === 1) && places.some(({ cursor }) => cursor !== null && cursor.start > 0),
    );
  });

  it('follows the seed', async () => {
    const first = async (seed: number): Promise<string> =>
      String((await (await streamOf({ seed })).next(noSteps)).x.data);
    assert.equal(await first(1), await first(1));
    assert.notEqual(await first(1), await first(2));
  });

  it('with a limit of tokens reads the same ones in every pass, in an order that follows from pass and seed', async () => {
    const limited = { ...corpus, maxTokens: 500 };
    // 4 of 5 tokens are no BOS
    const passes = async (seed: number): Promise<string[]> => {
      const stream = await streamOf({ corpus: limited, tokens: 400, seed });
      const batches = [await stream.next(noSteps), await stream.next(noSteps)];
      return batches.map(({ x }) => String(Array.from(x.data as Float32Array)));
    };
    const [first, second] = await passes(1);
    const [other] = await passes(2);
    const sorted = (rows: string | undefined): string => String(rows!.split(',').sort());
    assert.equal(sorted(first), sorted(second));
    assert.equal(sorted(first), sorted(other));
    assert.equal(new Set([first, second, other]).size, 3);
  });

  it('refuses a corpus of special tokens alone', async () => {
    const empty = corpusOf(['', 'a']);
    const model = modelOf();
    Object.assign(model.checkpoint, {
      tokenizer: { ...lettersWithBos, specialIds: new Set(Array.from({ length: 21 }, (_, i) => i)) },
    });
    const options = {
      corpus: empty,
      files: await corpusFiles(empty),
      layers: [0],
      tokens: 3,
      seed: 0,
      notice: () => undefined,
    };
    await refuses(new Activations(model, options).next(noSteps), /the texts have no tokens to train on\.$/);
  });
});
