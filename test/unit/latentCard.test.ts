import assert from 'node:assert/strict';
import { InputError } from '../../src/engine/checkpoint/errors';
import { latentCard } from '../../src/engine/mlsae/latentCard';
import { headName } from '../../src/protocol/checkpoint';
import { MODELS, openRandomSae, openSampleSae, saeVariant } from './support/effects';
import { frobenius, heads64, turn, W_OV, W_QK, type Heads64 } from './support/heads64';
import { noSteps } from './support/models';
import type { Matrix, Vector } from './support/naive/math';
import type { Sae64 } from './support/randomSae';

const BAR = 1e-4;
const dot = (a: Vector, b: Vector): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const norm = (a: Vector): number => Math.sqrt(dot(a, a));
/** 0 where either has no direction. */
const cosine = (a: Vector, b: Vector): number => dot(a, b) / norm(a) / norm(b) || 0;
/** x W */
const times = (x: Vector, W: Matrix): Vector =>
  W[0]!.map((_, c) => x.reduce((sum, value, r) => sum + value * W[r]![c]!, 0));

interface Ranked {
  key: string;
  value: number;
}

/** As many entries as the engine gives, largest first: values equal within 1e-4 of the largest, keys where values are apart. */
function assertRanked(name: string, actual: Ranked[], all: Ranked[]): void {
  const expected = [...all].sort((a, b) => b.value - a.value).slice(0, actual.length + 1);
  const scale = Math.max(1, ...all.map(({ value }) => Math.abs(value)));
  const apart = (i: number, j: number): boolean =>
    !expected[i] || !expected[j] || Math.abs(expected[i].value - expected[j].value) > 1e-5 * scale;
  let compared = 0;
  actual.forEach(({ key, value }, i) => {
    assert.ok(Math.abs(value - expected[i]!.value) <= BAR * scale, `${name} ${i}: ${value}, ${expected[i]!.value}`);
    if (!apart(i, i - 1) || !apart(i, i + 1)) return;
    assert.equal(key, expected[i]!.key, `${name} ${i}`);
    compared++;
  });
  assert.ok(compared > actual.length / 2, `${name}: ${compared} of ${actual.length} entries are apart`);
}

/** d (I + W_Tᵀ)⁻¹: solved by elimination. */
function outOfLens({ lens }: Sae64, d: Vector, layer: number): Vector {
  if (!lens) return d;
  const { weight } = lens[layer]!;
  // (I + W_T) y = d
  const m = weight.map((row, i) => [...row.map((value, j) => value + (i === j ? 1 : 0)), d[i]!]);
  m.forEach((_, c) => {
    const pivot = m.slice(c).reduce((best, row, i) => (Math.abs(row[c]!) > Math.abs(m[best]![c]!) ? c + i : best), c);
    [m[c], m[pivot]] = [m[pivot]!, m[c]!];
    for (const [r, row] of m.entries())
      if (r !== c) m[r] = row.map((value, j) => value - (row[c]! / m[c]![c]!) * m[c]![j]!);
  });
  return m.map((row, i) => row.at(-1)! / row[i]!);
}

const CARD_SAES = ['mlsae', 'mlsae F16', 'mlsae tuned lens', 'saelens standard', 'sparsify'].map(saeVariant);

describe('latent card', function () {
  this.timeout(60_000);

  for (const model of MODELS)
    for (const variant of model === MODELS[0] ? CARD_SAES : [saeVariant('mlsae')]) {
      it(`of ${variant.name} on ${model.name} is float64's`, async () => {
        const { open, sae, config, weights, dispose } = await openRandomSae(model, variant);
        const folded = heads64(config, weights, true);
        const { dModel, nLayers } = open.model.checkpoint.description;
        const nearestLayer = (layer: number): number =>
          open.sae.layers.reduce((best, each) => (Math.abs(each - layer) < Math.abs(best - layer) ? each : best));
        for (const latent of [0, 37]) {
          const card = await latentCard(open, { latent, top: 9 }, noSteps);
          const d = sae.decoder[latent]!;
          const at = (layer: number): Vector => outOfLens(sae, d, nearestLayer(layer));
          const last = at(nLayers - 1);
          const effects = times(last, folded.W_U).map((value, id) => ({ key: `#${id}`, value }));
          const key = ({ text, value }: { text: string; value: number }): Ranked => ({ key: text, value });
          assertRanked('promoted', card.promoted.map(key), effects);
          const negated = ({ key: k, value }: Ranked): Ranked => ({ key: k, value: -value });
          assertRanked('suppressed', card.suppressed.map(key).map(negated), effects.map(negated));
          const near = (columns: Matrix, own: Vector): Ranked[] =>
            columns.map((column, id) => ({ key: `#${id}`, value: cosine(column, own) }));
          assertRanked('nearestInput', card.nearestInput.map(key), near(folded.W_E, at(0)));
          assertRanked('nearestOutput', card.nearestOutput.map(key), near(turn(folded.W_U), last));
          assertRanked(
            'nearestLatents',
            card.nearestLatents.map(({ latent: other, cosine: value }) => ({ key: `#${other}`, value })),
            near(sae.decoder, d).filter((_, j) => j !== latent),
          );
          assertHeads(card, folded, at);
          assert.ok(Math.abs(card.chance - 1 / Math.sqrt(dModel)) < 1e-12);
          assert.equal(card.latent, latent);
        }
        await dispose();
      });
    }

  function assertHeads(
    card: Awaited<ReturnType<typeof latentCard>>,
    { heads }: Heads64,
    at: (layer: number) => Vector,
  ): void {
    const unit = (v: Vector): Vector => v.map((value) => value / norm(v));
    const links = heads.flatMap((ofLayer, layer) =>
      ofLayer.flatMap((head, h) => {
        const [written, read] = [unit(at(layer)), unit(at(layer - 1))];
        const [OV, QK] = [W_OV(head), W_QK(head)];
        const score = (kind: string, x: Vector, W: Matrix): Ranked => ({
          key: `L${layer}H${h} ${kind}`,
          value: norm(times(x, W)) / frobenius(W),
        });
        return [
          score('write', written, turn(OV)),
          score('Q', read, QK),
          score('K', read, turn(QK)),
          score('V', read, OV),
        ];
      }),
    );
    const isWrite = ({ key }: Ranked): boolean => key.endsWith('write');
    const ranked = (kind: string, { layer, head, score }: { layer: number; head: number; score: number }): Ranked => ({
      key: `L${layer}H${head} ${kind}`,
      value: score,
    });
    assertRanked(
      'writers',
      card.writers.map((link) => ranked('write', link)),
      links.filter(isWrite),
    );
    assertRanked(
      'readers',
      card.readers.map((link) => ranked(link.kind, link)),
      links.filter((link) => !isWrite(link)),
    );
  }

  it('says what the numbers leave out', async () => {
    const notices = async (model: (typeof MODELS)[number], sae = 'mlsae'): Promise<string> => {
      const { open, dispose } = await openRandomSae(model, saeVariant(sae));
      const card = await latentCard(open, { latent: 0, top: 1 }, noSteps);
      await dispose();
      return card.notices.join(' ');
    };
    assert.match(await notices(MODELS[0]!), /gain and centring are folded.*relative position 0/);
    assert.match(await notices(MODELS[2]!), /gain is folded.*relative position 0/);
    assert.doesNotMatch(await notices(MODELS[3]!), /relative position|tuned lens/);
    assert.equal(await notices(MODELS.at(-1)!), '');
    assert.match(await notices(MODELS[0]!, 'mlsae tuned lens'), /inverse of the tuned lens/);
  });

  it('refuses what is not there in one sentence', async () => {
    const { open, dispose } = await openRandomSae(MODELS[0]!, saeVariant('mlsae'));
    for (const [params, message] of [
      [{ latent: 160, top: 5 }, /There is no latent #160 in .*: expected 0–159\.$/],
      [{ latent: -1, top: 5 }, /no latent #-1/],
      [{ latent: 1, top: 0 }, /Between 1 and 500/],
    ] as [{ latent: number; top: number }, RegExp][])
      await assert.rejects(latentCard(open, params, noSteps), (error: Error) => {
        assert.ok(error instanceof InputError, error.stack);
        assert.match(error.message, message);
        return true;
      });
    await dispose();
  });

  it('of the sample’s latent 604 is what the picture shows', async () => {
    const open = await openSampleSae();
    const card = await latentCard(open, { latent: 604, top: 10 }, noSteps);
    assert.deepEqual(
      [card.promoted, card.suppressed].map((tokens) => tokens.slice(0, 3).map(({ text }) => text)),
      [
        ['PURE', '._', '("./'],
        ['":', '">', '>}'],
      ],
    );
    const names = [...card.writers.slice(0, 3), ...card.readers.slice(0, 1)].map(headName);
    assert.deepEqual(names, ['L3H0', 'L4H2', 'L3H3', 'L4H0']);
    assert.equal(card.readers[0]!.kind, 'K');
    assert.equal(card.nearestLatents[0]!.latent, 1759);
    // well above what a random direction has
    assert.ok(card.writers[0]!.score > 3 * card.chance);
    await open.saeRunner.dispose();
    await open.model.runner.dispose();
  });
});
