import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { PromptTokenizer } from '../../src/engine/checkpoint/checkpoint';
import { InputError } from '../../src/engine/checkpoint/errors';
import { corpusTotals } from '../../src/engine/mlsae/corpus/sweep';
import { deadLatents } from '../../src/engine/mlsae/deadLatents';
import { evaluate } from '../../src/engine/mlsae/evaluate';
import { mmcs } from '../../src/engine/mlsae/mmcs';
import type { OpenSae } from '../../src/engine/mlsae/types';
import {
  argmax,
  assertAllNear,
  assertNear,
  kl64,
  mean,
  MODELS,
  next64,
  openRandomSae,
  openSampleSae,
  residual64,
  saeVariant,
} from './support/effects';
import { SAMPLES, tempFolder, writeFile } from './support/files';
import { noSteps } from './support/models';
import type { Matrix } from './support/naive/math';
import { encode64, type Sae64 } from './support/randomSae';

/** A letter is a token. */
const letters: PromptTokenizer = {
  encode: (text) => [...text].map((c, start) => ({ id: c.charCodeAt(0) - 97, text: c, start, end: start + 1 })),
  tokenText: (id) => String.fromCharCode(97 + id),
};

const withLetters = (open: OpenSae): OpenSae => ({
  ...open,
  model: { ...open.model, checkpoint: { ...open.model.checkpoint, tokenizer: letters } },
});

/** One long enough to be cut, one of a single token, one that repeats. */
const TEXTS = ['thequickbrownforjumpsover', 'q', 'abababab'];
const CONTEXT = 11;
const pieces = TEXTS.flatMap((text) =>
  Array.from({ length: Math.ceil(text.length / CONTEXT) }, (_, i) => text.slice(i * CONTEXT, (i + 1) * CONTEXT)),
);
const SEQUENCES = pieces.map((text) => letters.encode(text).map(({ id }) => id));

function corpusOf(texts: string[]): { folder: string; globs: string[]; context: number } {
  const folder = tempFolder();
  texts.forEach((text, i) => writeFile(join(folder, `${i}.txt`), text));
  return { folder, globs: ['*.txt'], context: CONTEXT };
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const dot = (a: number[], b: number[]): number => sum(a.map((value, i) => value * b[i]!));
const cosine = (a: number[], b: number[]): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const centred = (rows: Matrix): Matrix => {
  const means = rows[0]!.map((_, i) => mean(rows.map((row) => row[i]!)));
  return rows.map((row) => row.map((value, i) => value - means[i]!));
};
/** Over what each of (position, value) weighs. */
const moments = (weights: number[]): { mean: number; variance: number } => {
  const total = sum(weights);
  const first = sum(weights.map((w, l) => w * l)) / total;
  return { mean: first, variance: sum(weights.map((w, l) => w * (l - first) ** 2)) / total };
};

/** The two ratios from activations `[layer][row][latent]`, each expectation weighted by activation. */
function ratios64(z: Matrix[]): { tokenOverLatent: number; latentOverTotal: number } {
  const nRows = z[0]!.length;
  const latents = [...z[0]![0]!.keys()];
  const weigh = (groups: number[][]): number => {
    const active = groups.filter((weights) => sum(weights) > 0);
    return sum(active.map((weights) => sum(weights) * moments(weights).variance)) / sum(active.map(sum));
  };
  const byToken = latents.flatMap((j) => Array.from({ length: nRows }, (_, row) => z.map((rows) => rows[row]![j]!)));
  const byLatent = latents.map((j) => z.map((rows) => sum(rows.map((row) => row[j]!))));
  const total = moments(z.map((rows) => sum(rows.flat()))).variance;
  return { tokenOverLatent: weigh(byToken) / weigh(byLatent), latentOverTotal: weigh(byLatent) / total };
}

describe('evaluation', function () {
  this.timeout(60_000);

  for (const [model, variant] of [
    [MODELS[0]!, 'mlsae'],
    [MODELS[2]!, 'mlsae tuned lens'],
    [MODELS[3]!, 'saelens standard'],
  ] as const)
    it(`of ${variant} on ${model.name} is float64's`, async () => {
      const { open, sae, forward, dispose } = await openRandomSae(model, saeVariant(variant));
      const result = await evaluate(withLetters(open), { corpus: corpusOf(TEXTS) }, noSteps);
      const runs = SEQUENCES.map((ids) => ({ ids, hooks: forward(ids), clean: next64(forward(ids), ids) }));
      const tokens = sum(SEQUENCES.map(({ length }) => length));
      const predicted = tokens - SEQUENCES.length;
      const losses = (ids: number[], loss: number): number => (ids.length > 1 ? loss * (ids.length - 1) : 0);
      assert.equal(result.tokens, tokens);
      const loss = sum(runs.map(({ ids, clean }) => losses(ids, clean.loss))) / predicted;
      assertNear('loss', result.loss, loss);
      const { layers } = open.sae;
      const rows = (layer: number): Matrix => runs.flatMap(({ hooks }) => residual64(hooks, layer));
      const encoded = layers.map((layer) => encode64(sae, rows(layer), layer));

      layers.forEach((layer, l) => {
        const own = result.layers[l]!;
        assert.equal(own.layer, layer);
        const x = rows(layer).flat();
        const mse = mean(x.map((value, i) => (value - encoded[l]!.recons.flat()[i]!) ** 2));
        const variance = (mean(x.map((value) => (value - mean(x)) ** 2)) * x.length) / (x.length - 1);
        assertNear('mse', own.mse, mse);
        assertNear('fvu', own.fvu, mse / variance);
        assertNear('l0', own.l0, mean(encoded[l]!.z.map((row) => row.filter((value) => value > 0).length)));
        assertNear('l1', own.l1, mean(encoded[l]!.z.map(sum)));
        assertSpliced(own, layer, runs, { sae, loss, tokens, predicted, forward });
      });
      assertAdjacent(result.adjacent, layers, rows);
      if (layers.length > 1) {
        const { tokenOverLatent, latentOverTotal } = ratios64(encoded.map(({ z }) => z));
        assertNear('tokenOverLatent', result.varianceRatios.tokenOverLatent, tokenOverLatent);
        assertNear('latentOverTotal', result.varianceRatios.latentOverTotal, latentOverTotal);
      }
      const dead = sae.decoder.filter((_, j) => encoded.every(({ z }) => z.every((row) => row[j] === 0))).length;
      assert.deepEqual(result.dead, { count: dead, fraction: dead / sae.nLatents, threshold: 1e-7 });
      assert.equal(result.mmcs, (await mmcs(open, {}, noSteps)).mmcs);
      await dispose();
    });

  type Runs = {
    ids: number[];
    hooks: ReturnType<Awaited<ReturnType<typeof openRandomSae>>['forward']>;
    clean: ReturnType<typeof next64>;
  }[];

  function assertSpliced(
    own: { lossDelta: number; kl: number; changed: number },
    layer: number,
    runs: Runs,
    {
      sae,
      loss,
      tokens,
      predicted,
      forward,
    }: {
      sae: Sae64;
      loss: number;
      tokens: number;
      predicted: number;
      forward: Awaited<ReturnType<typeof openRandomSae>>['forward'];
    },
  ): void {
    let [lossSum, kl, changed] = [0, 0, 0];
    for (const { ids, hooks, clean } of runs) {
      const { recons } = encode64(sae, residual64(hooks, layer), layer);
      const spliced = next64(forward(ids, { [layer]: () => recons }), ids);
      lossSum += ids.length > 1 ? spliced.loss * (ids.length - 1) : 0;
      kl += sum(kl64(clean, spliced));
      changed += ids.filter((_, pos) => argmax(clean.logProbs[pos]!) !== argmax(spliced.logProbs[pos]!)).length;
    }
    assertNear('lossDelta', own.lossDelta, lossSum / predicted - loss);
    assertNear('kl', own.kl, kl / tokens);
    assert.equal(own.changed, changed / tokens);
  }

  function assertAdjacent(
    { plain, centred: withoutMean }: { plain: Float64Array; centred: Float64Array },
    layers: number[],
    rows: (layer: number) => Matrix,
  ): void {
    const similarity = (change: (rows: Matrix) => Matrix): number[] =>
      layers.slice(1).map((layer, l) => {
        const [x, y] = [change(rows(layers[l]!)), change(rows(layer))];
        return mean(x.map((row, i) => cosine(row, y[i]!)));
      });
    assertAllNear(
      'plain',
      plain,
      similarity((all) => all),
    );
    assertAllNear('centred', withoutMean, similarity(centred));
  }

  it('counts a latent as dead that is active on too few tokens, over all layers together', () => {
    // [layer, latent]
    const counts = Float64Array.of(0, 1, 0, 2, 0, 0, 9, 2);
    const sums = { layers: [0, 1], nLatents: 4, counts };
    assert.deepEqual(deadLatents(sums, 100), { count: 1, fraction: 0.25, threshold: 1e-7 });
    assert.deepEqual(deadLatents(sums, 100, 0.02), { count: 2, fraction: 0.5, threshold: 0.02 });
    // the last one: 2 at either layer
    assert.deepEqual(deadLatents(sums, 100, 0.03), { count: 2, fraction: 0.5, threshold: 0.03 });
    assert.deepEqual(deadLatents(sums, 100, 0.05), { count: 3, fraction: 0.75, threshold: 0.05 });
    assert.throws(() => deadLatents(sums, 100, NaN), /deadBelow: found NaN, a fraction of the tokens from 0 to 1/);
  });

  it('takes another threshold of dead latents, and passes on what was skipped', async () => {
    const { open, dispose } = await openRandomSae(MODELS[0]!, saeVariant('mlsae'));
    const corpus = corpusOf(TEXTS);
    writeFile(join(corpus.folder, 'binary.txt'), Buffer.from([0x61, 0x00, 0x62, 0xff]));
    const { tokens, counts, nLatents, layers } = await corpusTotals(withLetters(open), corpus, noSteps);
    const active = Array.from({ length: nLatents }, (_, j) => sum(layers.map((_, l) => counts[l * nLatents + j]!)));
    const most = Math.max(...active);
    const deadBelow = (most - 0.5) / tokens;
    const result = await evaluate(withLetters(open), { corpus, deadBelow }, noSteps);
    const dead = active.filter((count) => count < most).length;
    assert.deepEqual(result.dead, { count: dead, fraction: dead / nLatents, threshold: deadBelow });
    assert.equal(result.notices.length, 1);
    assert.match(result.notices[0]!, /binary\.txt/);
    await assert.rejects(evaluate(open, { corpus, deadBelow: 2 }, noSteps), /deadBelow: found 2/);
    await dispose();
  });

  it('of the sample agrees with what its README says, roughly', async () => {
    const open = await openSampleSae();
    const corpus = { folder: join(SAMPLES, 'workspace'), globs: ['src/*.ts', '*.txt', '*.md'] };
    const seen: string[] = [];
    const steps = { step: async (message: string): Promise<void> => void seen.push(message) };
    const result = await evaluate(open, { corpus }, steps);
    assert.ok(result.tokens > 100 && result.loss > 0.5 && result.loss < 5, `${result.tokens}, ${result.loss}`);
    assert.equal(result.layers.length, 6);
    for (const { l0, fvu, lossDelta, kl } of result.layers) {
      assert.equal(l0, 16);
      assert.ok(fvu > 0.03 && fvu < 0.4, `${fvu}`);
      assert.ok(lossDelta > 0 && lossDelta < 1.5 && kl > 0 && kl < 1.5, `${lossDelta}, ${kl}`);
    }
    assert.ok(seen.some((message) => /^\d+ tokens, \d+ a second/.test(message)));
    const few = await evaluate(open, { corpus: { ...corpus, maxTokens: 20 } }, noSteps);
    assert.equal(few.tokens, 20);
    await open.saeRunner.dispose();
    await open.model.runner.dispose();
  });

  it('refuses a corpus of nothing, and a model without a tokenizer', async () => {
    const { open, dispose } = await openRandomSae(MODELS[0]!, saeVariant('mlsae'));
    const refused = async (of: OpenSae, texts: string[], message: RegExp): Promise<void> =>
      assert.rejects(evaluate(of, { corpus: corpusOf(texts) }, noSteps), (error: Error) => {
        assert.ok(error instanceof InputError, error.stack);
        assert.match(error.message, message);
        return true;
      });
    await refused(withLetters(open), [''], /\*\.txt: the texts are empty/);
    await refused(withLetters(open), ['a', 'b'], /^\*\.txt: no text has more than one token, and so .* no next token/);
    await refused(open, ['abc'], /no tokenizer/);
    await dispose();
  });
});
