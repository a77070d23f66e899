import assert from 'node:assert/strict';
import { join } from 'node:path';
import { centreOf } from '../../src/engine/mlsae/corpus/centre';
import { corpusFiles } from '../../src/engine/mlsae/corpus/files';
import { openSweep, latentExamples } from '../../src/engine/mlsae/corpus/results';
import { corpusTotals, sweep } from '../../src/engine/mlsae/corpus/sweep';
import type { OpenSae } from '../../src/engine/mlsae/types';
import type { CorpusSummary, LatentExample } from '../../src/protocol/latents/corpus';
import { corpusOf, encodeCorpus64, letters, lettersWithBos, withTokenizer, type Encoded64 } from './support/corpus';
import { assertAllNear, assertNear, MODELS, openRandomSae, saeVariant } from './support/effects';
import { tempFolder } from './support/files';
import { noSteps } from './support/models';

const TEXTS = ['thequickbrownfoxjumpsoverthelazydog', 'q', '', 'abababababab', 'thequickbrownfox'];
const CONTEXT = 11;

/** What is expected in `[layer, latent]` order, and in the order of the corpus. */
interface Expected {
  counts: number[];
  totals: number[];
  /** The strongest of each text, strongest first: value, text and token. */
  examples: { value: number; sequence: number; token: number }[][];
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const dot = (a: number[], b: number[]): number => sum(a.map((value, i) => value * b[i]!));
const cosine = (a: number[], b: number[]): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

function expected(texts: Encoded64[], nLayers: number, nLatents: number): Expected {
  const pairs = Array.from({ length: nLayers * nLatents }, (_, pair) => {
    const [l, latent] = [Math.floor(pair / nLatents), pair % nLatents];
    return texts.map(({ z }) => z[l]!.map((row) => row[latent]!));
  });
  return {
    counts: pairs.map((bySequence) => bySequence.flat().filter((value) => value > 0).length),
    totals: pairs.map((bySequence) => sum(bySequence.flat())),
    examples: pairs.map((bySequence) =>
      bySequence
        .map((values, sequence) => {
          const value = Math.max(...values);
          return { value, sequence, token: values.indexOf(value) };
        })
        .filter(({ value }) => value > 0)
        .sort((a, b) => b.value - a.value || a.sequence - b.sequence),
    ),
  };
}

/** Weighted by activations: mean and variance of the layer numbers. */
function moments(weights: number[], layers: number[]): { mean: number; variance: number } {
  const mean = dot(weights, layers) / sum(weights);
  return { mean, variance: sum(weights.map((w, l) => w * (layers[l]! - mean) ** 2)) / sum(weights) };
}

function ratios64(texts: Encoded64[], layers: number[], nLatents: number): [number, number] {
  const within = (groups: number[][]): number => {
    const active = groups.filter((weights) => sum(weights) > 0);
    return sum(active.map((weights) => sum(weights) * moments(weights, layers).variance)) / sum(active.map(sum));
  };
  const latents = Array.from({ length: nLatents }, (_, latent) => latent);
  const ofToken = texts.flatMap(({ ids, z }) =>
    ids.flatMap((_, token) => latents.map((latent) => z.map((rows) => rows[token]![latent]!))),
  );
  const ofLatent = latents.map((latent) =>
    layers.map((_, l) => sum(texts.flatMap(({ z }) => z[l]!.map((row) => row[latent]!)))),
  );
  const whole = moments(
    layers.map((_, l) => sum(ofLatent.map((weights) => weights[l]!))),
    layers,
  ).variance;
  return [within(ofToken) / within(ofLatent), within(ofLatent) / whole];
}

/** FVU, MSE, L0, L1 of each layer. */
function stats64(texts: Encoded64[], l: number): number[] {
  const rows = texts.flatMap(({ resid }) => resid[l]!);
  const recons = texts.flatMap(({ recons }) => recons[l]!);
  const z = texts.flatMap(({ z }) => z[l]!);
  const x = rows.flat();
  const mean = sum(x) / x.length;
  const variance = sum(x.map((value) => (value - mean) ** 2)) / (x.length - 1);
  const mse = sum(recons.flat().map((value, i) => (value - x[i]!) ** 2)) / x.length;
  const l0 = sum(z.map((row) => row.filter((value) => value > 0).length)) / z.length;
  return [mse / variance, mse, l0, sum(z.flat()) / z.length];
}

function adjacent64(texts: Encoded64[], nLayers: number): { plain: number[]; centred: number[] } {
  const rows = Array.from({ length: nLayers }, (_, l) => texts.flatMap(({ resid }) => resid[l]!));
  const means = rows.map((all) => all[0]!.map((_, i) => sum(all.map((row) => row[i]!)) / all.length));
  const centred = rows.map((all, l) => all.map((row) => row.map((value, i) => value - means[l]![i]!)));
  const similarity = (layers: number[][][]): number[] =>
    layers.slice(1).map((next, l) => sum(next.map((row, i) => cosine(layers[l]![i]!, row))) / next.length);
  return { plain: similarity(rows), centred: similarity(centred) };
}

/** Whether an example shows a place, with the tokens around it. */
function isAt(
  { tokens, values, at, value }: LatentExample,
  place: Expected['examples'][number][number],
  texts: Encoded64[],
  l: number,
  latent: number,
): boolean {
  const { ids, z } = texts[place.sequence]!;
  const [from, to] = [Math.max(0, place.token - 16), Math.min(ids.length, place.token + 9)];
  const window = ids.slice(from, to).map((id) => letters.tokenText(id));
  if (at !== place.token - from || tokens.join() !== window.join()) return false;
  if (Math.abs(value - place.value) > 1e-4 * Math.max(1, place.value)) return false;
  assert.equal(values[at], value);
  assertAllNear(
    'activations',
    values,
    z[l]!.slice(from, to).map((row) => row[latent]!),
  );
  return true;
}

describe('sweep over a corpus', function () {
  this.timeout(60_000);

  const cases = [
    [0, 'mlsae', letters],
    [0, 'mlsae raw', lettersWithBos],
    [1, 'mlsae tuned lens', letters],
    [2, 'mlsae', letters],
    [3, 'tfm', lettersWithBos],
    [0, 'saelens standard', letters],
    [3, 'saelens jumprelu', letters],
    [4, 'saelens gated', letters],
    [5, 'sparsify ReLU matters', letters],
  ] as const;
  for (const [model, variant, tokenizer] of cases) {
    describe(`${variant} on ${MODELS[model]!.name}${tokenizer === letters ? '' : ', with BOS'}`, () => {
      const PER = 3;
      let open: OpenSae;
      let out: string;
      let summary: CorpusSummary;
      let texts: Encoded64[];
      let want: Expected;
      let dispose: () => Promise<void>;

      before(async () => {
        const random = await openRandomSae(MODELS[model]!, saeVariant(variant));
        ({ dispose } = random);
        open = withTokenizer(random.open, tokenizer);
        const corpus = corpusOf(TEXTS, CONTEXT);
        out = join(tempFolder(), 'sweep');
        summary = await sweep(open, { corpus, out, examples: PER }, noSteps);
        const bos = tokenizer.encode('').map(({ id }) => id);
        const room = CONTEXT - bos.length;
        const sequences = TEXTS.flatMap((text) =>
          Array.from({ length: Math.ceil(text.length / room) }, (_, i) => {
            const piece = text.slice(i * room, (i + 1) * room);
            return [...bos, ...letters.encode(piece).map(({ id }) => id)];
          }),
        );
        texts = encodeCorpus64(random, sequences);
        want = expected(texts, open.sae.layers.length, open.sae.nLatents);
      });
      after(() => dispose());

      it('counts tokens, texts and activations', () => {
        assert.equal(summary.tokens, sum(texts.map(({ ids }) => ids.length)));
        assert.equal(summary.documents, 4, 'the empty text is none');
        assert.deepEqual([summary.layers, summary.nLatents], [open.sae.layers, open.sae.nLatents]);
        assert.deepEqual([...summary.counts], want.counts);
        assertAllNear('totals', summary.totals, want.totals);
        assert.deepEqual([summary.complete, summary.examples, summary.dir], [true, PER, out]);
      });

      it('has the layer distribution, the variance ratios and the dead latents', () => {
        const { layers, nLatents } = open.sae;
        for (let latent = 0; latent < nLatents; latent++) {
          const weights = layers.map((_, l) => want.totals[l * nLatents + latent]!);
          if (sum(weights) === 0) assert.ok(Number.isNaN(summary.layerMean[latent]));
          else {
            const { mean, variance } = moments(weights, layers);
            assertNear('mean', summary.layerMean[latent]!, mean);
            assertNear('variance', summary.layerVar[latent]!, variance);
          }
        }
        const never = Array.from({ length: nLatents }, (_, j) =>
          layers.every((_, l) => want.counts[l * nLatents + j] === 0),
        );
        assert.equal(summary.dead.count, never.filter(Boolean).length);
        const { tokenOverLatent, latentOverTotal } = summary.varianceRatios;
        if (layers.length === 1) assert.deepEqual([tokenOverLatent, latentOverTotal], [NaN, NaN]);
        else assertAllNear('ratios', [tokenOverLatent, latentOverTotal], ratios64(texts, layers, nLatents));
      });

      it('has what is reconstructed, and the similarity of neighbouring layers', () => {
        const { layers } = open.sae;
        for (const [l, { layer, fvu, mse, l0, l1 }] of summary.perLayer.entries()) {
          assert.equal(layer, layers[l]);
          assertAllNear(`layer ${layer}`, [fvu, mse, l0, l1], stats64(texts, l));
        }
        const { plain, centred } = adjacent64(texts, layers.length);
        assertAllNear('plain', summary.adjacent.plain, plain);
        assertAllNear('centred', summary.adjacent.centred, centred);
      });

      it('keeps the strongest example of each text, with the tokens around it', async () => {
        const { layers, nLatents } = open.sae;
        for (let latent = 0; latent < nLatents; latent += 5) {
          const { examples } = await latentExamples(open, { dir: out, latent }, noSteps);
          for (let i = 1; i < examples.length; i++) assert.ok(examples[i - 1]!.value >= examples[i]!.value);
          for (const [l, layer] of layers.entries()) {
            const own = examples.filter((example) => example.layer === layer);
            const wanted = want.examples[l * nLatents + latent]!;
            assert.equal(own.length, Math.min(PER, wanted.length));
            const seen = new Set<number>();
            for (const [i, example] of own.entries()) {
              assertNear('value', example.value, wanted[i]!.value);
              // texts that begin alike have nearly the same values
              const place = wanted.find((other) => !seen.has(other.sequence) && isAt(example, other, texts, l, latent));
              assert.ok(place, `${layer} #${latent}: ${example.tokens.join('')} ${example.at}`);
              seen.add(place.sequence);
            }
          }
        }
      });

      it('is read again from its folder', async () => {
        assert.deepEqual(await openSweep(open, { dir: out }, noSteps), summary);
        const failing = { ...open, saeRunner: undefined as unknown as OpenSae['saeRunner'] };
        const corpus = { ...corpusOf(TEXTS, CONTEXT) };
        const again = await sweep(failing, { corpus, out, examples: PER }, noSteps);
        assert.deepEqual(again, summary, 'a complete sweep is not run again');
        assert.deepEqual({ ...(await corpusTotals(open, corpus, noSteps)), dir: out, examples: PER }, summary);
      });
    });
  }

  it('runs the model once a text, though means of its beginning are taken first; a shard too', async () => {
    const random = await openRandomSae(MODELS[0]!, saeVariant('mlsae'));
    const { model, ...rest } = withTokenizer(random.open, letters);
    // of several texts at once each is one
    let runs = 0;
    const run: typeof model.runner.run = (...args) => ((runs += args[0].sequences ?? 1), model.runner.run(...args));
    const open = {
      ...rest,
      model: { ...model, runner: Object.create(model.runner, { run: { value: run } }) as never },
    };
    const texts = sum(TEXTS.map(({ length }) => Math.ceil(length / CONTEXT)));
    for (const shard of [undefined, { index: 1, count: 2 }]) {
      runs = 0;
      await sweep(open, { corpus: corpusOf(TEXTS, CONTEXT), out: join(tempFolder(), 'sweep'), shard }, noSteps);
      assert.equal(runs, texts);
    }
    await random.dispose();
  });

  it('takes means of the same first tokens, however many texts run at once', async () => {
    const random = await openRandomSae(MODELS[0]!, saeVariant('mlsae'));
    const { model, ...rest } = withTokenizer(random.open, letters);
    // 16,384 tokens are reached by the second of four contexts
    const corpus = corpusOf(['thequickbrownfoxjumps'.repeat(800)], CONTEXT);
    const files = await corpusFiles(corpus);
    const run = model.runner.run.bind(model.runner);
    const alone = Object.create(model.runner, { run: { value: run }, provider: { value: 'another' } }) as never;
    const [by, one] = [
      await centreOf({ ...rest, model }, corpus, files, noSteps),
      await centreOf({ ...rest, model: { ...model, runner: alone } }, corpus, files, noSteps),
    ];
    assert.deepEqual([...by.resid.keys()], [...one.resid.keys()]);
    assert.equal(by.resid.size, Math.ceil(2 ** 14 / CONTEXT));
    by.centre.forEach((mean, l) => assertAllNear(`layer ${l}`, [...mean], [...one.centre[l]!]));
    await random.dispose();
  });
});
