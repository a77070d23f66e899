import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { InputError } from '../../src/engine/checkpoint/errors';
import { headScores } from '../../src/engine/circuits/headScores';
import { repeatedSequences } from '../../src/engine/circuits/repeated';
import type { HeadScore } from '../../src/protocol/circuits';
import { REFERENCE } from './support/files';
import { noSteps, openRandom, openSample } from './support/models';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { variants } from './support/variants';

/** DESIGN, “How good”: circuit scores. */
const BAR = 1e-3;

interface Reference {
  repeated_random: { ids: number[]; half_length: number; head_scores: Record<string, number[][]> };
  ov_copying?: { values: number[][] };
}

const scoreNames: Record<string, keyof HeadScore> = {
  previous_token: 'previousToken',
  duplicate_token: 'duplicateToken',
  induction: 'induction',
  first_token: 'firstToken',
};

const near = (actual: number, expected: number, what: string): void =>
  assert.ok(Math.abs(actual - expected) <= BAR, `${what} is ${actual}, expected ${expected}`);

describe('head scores', function () {
  this.timeout(60_000);

  for (const name of ['attn-only-0l', 'attn-only-1l', 'attn-only-2l', 'neox-6l', 'stories260K']) {
    it(`of ${name} are the reference's`, async () => {
      const file = join(REFERENCE, name, 'reference.json');
      const { repeated_random: repeated, ov_copying } = JSON.parse(readFileSync(file, 'utf8')) as Reference;
      const model = await openSample(name);
      const { nLayers, nHeads } = model.checkpoint.description;
      const { heads, length, batch } = await headScores(model, { ids: repeated.ids }, noSteps);
      await model.runner.dispose();
      assert.deepEqual([length, batch], [repeated.half_length, 1]);
      assert.equal(heads.length, nLayers * nHeads);
      for (const score of heads) {
        const { layer, head } = score;
        for (const [key, values] of Object.entries(repeated.head_scores))
          near(score[scoreNames[key]!], values[layer]![head]!, `${key} of L${layer}H${head}`);
        if (ov_copying) near(score.ovCopying, ov_copying.values[layer]![head]!, `OV copying of L${layer}H${head}`);
      }
      if (nLayers > 0) assert.equal(Object.keys(repeated.head_scores).length, 4);
    });
  }

  for (const variant of variants.filter(({ nTokens }) => nTokens !== 1)) {
    it(`of ${variant.name} are those of float64 patterns`, async () => {
      const { model, forward } = await openRandom(variant);
      const params = { length: 4, batch: 3, seed: 7 };
      const { sequences, start } = repeatedSequences(model.checkpoint, params);
      const { heads, batch, seed, notices } = await headScores(model, params, noSteps);
      await model.runner.dispose();
      assert.deepEqual([batch, seed, start], [3, 7, 0]); // their configs name no BOS
      assert.ok(notices.some((notice) => /no BOS token/.test(notice)));
      for (const { layer, head, ...score } of heads) {
        const sums = { previousToken: 0, duplicateToken: 0, induction: 0, firstToken: 0, entropy: 0 };
        for (const ids of sequences) {
          const { data } = forward(ids).get(`blocks.${layer}.attn.hook_pattern`)!;
          const at = (d: number, s: number): number => data[(head * 8 + d) * 8 + s]!;
          for (let d = 1; d < 8; d++) {
            sums.previousToken += at(d, d - 1) / 7 / 3;
            sums.firstToken += at(d, 0) / 7 / 3;
            for (let s = 0; s < 8; s++) sums.entropy += at(d, s) > 0 ? (-at(d, s) * Math.log2(at(d, s))) / 7 / 3 : 0;
          }
          for (let d = 4; d < 8; d++) {
            sums.duplicateToken += at(d, d - 4) / 4 / 3;
            sums.induction += at(d, d - 3) / 4 / 3;
          }
        }
        for (const name of Object.keys(sums) as (keyof typeof sums)[])
          near(score[name], sums[name], `${name} of L${layer}H${head}`);
      }
    });
  }
});

describe('repeated sequences', () => {
  let model: OpenModel;
  before(async () => {
    model = await openSample('stories260K');
  });
  after(() => model.runner.dispose());

  it('are BOS + R + R without special tokens, the same for the same seed', () => {
    const make = (seed: number): number[][] =>
      repeatedSequences(model.checkpoint, { length: 200, batch: 5, seed }).sequences;
    const sequences = make(3);
    assert.deepEqual(make(3), sequences);
    assert.notDeepEqual(make(4), sequences);
    assert.equal(new Set(sequences.map(String)).size, 5);
    for (const [bos, ...rest] of sequences) {
      assert.equal(bos, 1);
      assert.deepEqual(rest.slice(0, 200), rest.slice(200));
      assert.ok(rest.every((id) => Number.isInteger(id) && id > 2 && id < 512)); // 0–2 are <unk>, <s>, </s>
    }
    // all of the vocabulary is drawn from
    assert.ok(new Set(sequences.flat()).size > 300);
  });

  it('begin with the BOS of config.json, if that is a token of the vocabulary', async () => {
    const cases: [unknown, number | undefined][] = [
      [3, 3],
      [[4, 5], 4],
      [0, 0],
      [10_000, undefined],
      [-1, undefined],
      ['x', undefined],
      [null, undefined],
    ];
    for (const [given, expected] of cases) {
      const variant = variants[0]!;
      const { folder } = writeRandomCheckpoint({ ...variant, config: { ...variant.config, bos_token_id: given } });
      const checkpoint = await openCheckpoint(folder);
      assert.equal(checkpoint.bosId, expected);
      const { start, notices, sequences } = repeatedSequences(checkpoint, { length: 5 });
      assert.deepEqual([start, notices.length], expected === undefined ? [0, 1] : [1, 0]);
      if (expected !== undefined)
        assert.ok(sequences.every(([first, ...rest]) => first === expected && !rest.includes(expected)));
    }
  });

  it('fit the context', () => {
    const { length, sequences } = repeatedSequences(model.checkpoint, { length: 255, batch: 1 });
    assert.deepEqual([length, sequences[0]!.length], [255, 511]);
    assert.throws(() => repeatedSequences(model.checkpoint, { length: 256 }), /length: found 256, .* 1 to 255/);
  });

  it('that are given must repeat', () => {
    const given = (ids: number[]): { length: number; start: number } => repeatedSequences(model.checkpoint, { ids });
    const shape = ({ length, start }: { length: number; start: number }): number[] => [length, start];
    assert.deepEqual(shape(given([1, 8, 9, 8, 9])), [2, 1]);
    assert.deepEqual(shape(given([8, 9, 8, 9])), [2, 0]);
    for (const ids of [[1, 8, 9, 8, 8], [8, 9, 9, 8], [1], []]) assert.throws(() => given(ids), InputError);
    assert.throws(() => given([1, 600, 600]), /Token id 600/);
    assert.throws(() => given(new Array<number>(513).fill(5)), /513 tokens .* at most 512/);
  });

  it('have sound parameters', () => {
    for (const params of [{ length: 0 }, { batch: 0 }, { batch: 1.5 }, { length: NaN }])
      assert.throws(() => repeatedSequences(model.checkpoint, params), InputError);
  });
});
