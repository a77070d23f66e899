/** Attention in blocks of rows, of every architecture: the numbers of whole attention, and of float64; and who reads patterns in blocks. */
import assert from 'node:assert/strict';
import { Analyses } from '../../src/engine/analyses';
import { exportTensors } from '../../src/engine/circuits/export';
import { patternMatrix, sourcesByLayer, thumbnails, type Patterns } from '../../src/engine/circuits/pattern';
import { circuitsVis } from '../../src/engine/interop/circuitsVis';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { hookNames, layerHook } from '../../src/engine/graph/hooks';
import {
  BlockedPattern,
  headRow,
  heldSources,
  layerPattern,
  patternBytes,
  rowBounds,
  type PatternRows,
  type RowBlocks,
} from '../../src/engine/runtime/patternRows';
import { createRunner } from '../../src/engine/runtime/runner';
import type { ForwardRequest, ForwardResult, ModelRunner } from '../../src/engine/runtime/types';
import { assertClose } from './support/closeness';
import { gpt2, neox } from './support/families';
import { forward64 } from './support/naive64';
import { PROVIDER } from './support/provider';
import { writeRandomCheckpoint, type Variant } from './support/randomCheckpoint';
import { variants } from './support/variants';

const BLOCKS = 4;
/** Below, at and above the first length in blocks; lengths that blocks do not divide. */
const LENGTHS = [1, BLOCKS - 1, BLOCKS, BLOCKS + 1, 7, 11];
/**
 * Of the largest: blocks and whole attention differ in the order of sums alone. A score's rounding is the relative error of what
 * softmax makes of it, so that it is this for scores of up to 1, and grows with them (models without a scale have scores of 50).
 */
const SAME = 1e-6;

const create = (folder: string, limits: { rowBlocks: RowBlocks[] }): Promise<ModelRunner> =>
  openCheckpoint(folder).then((checkpoint) =>
    createRunner(checkpoint, { providers: [PROVIDER], log: () => undefined, limits }),
  );

const idsOf = (n: number, dVocab: number): number[] => Array.from({ length: n }, (_, i) => (i * i * 5 + 3) % dVocab);

/** Patterns of masked places must be nothing at all. */
function assertCausal(name: string, data: Float32Array, n: number): void {
  for (let at = 0; at < data.length; at++)
    if (at % n > Math.floor(at / n) % n) assert.equal(data[at], 0, `${name} at ${at}`);
}

async function both(
  runners: ModelRunner[],
  request: ForwardRequest,
  nLayers = 2,
): Promise<[ForwardResult, ForwardResult]> {
  const [blocked, whole] = [await runners[0]!.run(request), await runners[1]!.run(request)];
  const scores = Array.from({ length: nLayers }, (_, layer) => layerHook(layer, 'attnScores'));
  const { hooks } = await runners[1]!.run({ ...request, hooks: scores });
  const largest = Object.values(hooks).reduce(
    (most, { data }) =>
      data.reduce((max, score) => (Number.isFinite(score) ? Math.max(max, Math.abs(score)) : max), most),
    1,
  );
  assert.deepEqual(Object.keys(blocked.hooks), Object.keys(whole.hooks));
  for (const [name, hook] of Object.entries(whole.hooks)) {
    assertClose(name, blocked.hooks[name]!, hook, SAME * largest);
    if (name.endsWith('hook_pattern') && !request.interventions)
      assertCausal(name, blocked.hooks[name]!.data, request.ids.length);
  }
  return [blocked, whole];
}

const usable = (variant: Variant): boolean => variant.config.n_layers !== 0 && variant.nTokens !== 1;

for (const variant of variants.filter(usable)) {
  describe(`attention in blocks of rows of ${variant.name}`, function () {
    this.timeout(20_000);
    let runners: ModelRunner[];
    let opened: ReturnType<typeof writeRandomCheckpoint>;
    let names: string[];
    let dVocab: number;
    let nLayers: number;

    before(async () => {
      opened = writeRandomCheckpoint(variant);
      const { description } = await openCheckpoint(opened.folder);
      ({ dVocab, nLayers } = description);
      // scores are whole or not there
      names = hookNames(description).filter((name) => !name.endsWith('attn_scores'));
      runners = [
        await create(opened.folder, { rowBlocks: [{ from: BLOCKS, blocks: BLOCKS }] }),
        await create(opened.folder, { rowBlocks: [] }),
      ];
    });
    after(async () => {
      for (const runner of runners ?? []) await runner.dispose();
    });

    it(`gives the numbers of whole attention at ${LENGTHS.join(', ')} tokens, and of float64`, async () => {
      for (const n of LENGTHS) {
        const ids = idsOf(n, dVocab);
        const [blocked] = await both(runners, { ids, hooks: names, glance: n === 7 }, nLayers);
        const inBlocks = blocked.hooks[layerHook(0, 'pattern')] instanceof BlockedPattern;
        assert.equal(inBlocks, PROVIDER === 'cpu' && n >= BLOCKS, `${n} tokens`);
        const expected = forward64(opened.config, opened.weights, ids);
        for (const name of names) assertClose(name, blocked.hooks[name]!, expected.get(name)!);
      }
    });

    it('is whole where scores are asked for, or a pattern is given; edits of heads reach it', async () => {
      const ids = idsOf(9, dVocab);
      const scores = layerHook(0, 'attnScores');
      const [asked] = await both(runners, { ids, hooks: [scores, layerHook(0, 'pattern')] }, nLayers);
      assert.ok(!(asked.hooks[layerHook(0, 'pattern')] instanceof BlockedPattern));

      const keep = {
        shape: [1, asked.hooks[scores]!.shape[0]!, 1],
        data: new Float32Array(asked.hooks[scores]!.shape[0]!),
      };
      const given = asked.hooks[layerHook(0, 'pattern')]!.data.toReversed();
      const changed = { z: new Map([[0, { keep }]]), patterns: new Map([[0, given]]) };
      const [edited, plain] = await both(runners, { ids, hooks: names, interventions: changed }, nLayers);
      assert.deepEqual(edited.hooks[layerHook(0, 'pattern')]!.data, given);
      assert.ok(plain.hooks[layerHook(0, 'z')]!.data.every((value) => value === 0));
    });
  });
}

describe('attention in blocks of rows of long prompts', function () {
  this.timeout(60_000);
  const long = [gpt2('long', { n_positions: 800 }), neox('long', {})];
  for (const variant of long)
    it(`${variant.name}: 511, 512, 577, 767 and 768 tokens, with the limits that people get`, async () => {
      const { folder } = writeRandomCheckpoint(variant);
      const { description } = await openCheckpoint(folder);
      const runners = [
        await createRunner(await openCheckpoint(folder), { providers: [PROVIDER], log: () => undefined }),
        await create(folder, { rowBlocks: [] }),
      ];
      const pattern = layerHook(1, 'pattern');
      for (const [n, blocks] of [
        [511, 1],
        [512, 4],
        [577, 4],
        [767, 4],
        [768, 8],
      ] as const) {
        const [blocked, whole] = await both(runners, {
          ids: idsOf(n, description.dVocab),
          hooks: [pattern, layerHook(1, 'residPost'), 'logits'],
        });
        const again = await runners[0]!.run({ ids: idsOf(n, description.dVocab), hooks: [pattern] });
        const held = patternBytes(layerPattern(again.hooks[pattern]!));
        const all = whole.hooks[pattern]!.data.byteLength;
        assert.equal(blocked.hooks[pattern]!.data.byteLength, all);
        if (PROVIDER !== 'cpu') continue;
        assert.equal(held, 4 * description.nHeads * heldSources(rowBounds(n, blocks)), `${n} tokens`);
        assert.ok(blocks === 1 || held <= 0.63 * all, `${held} of ${all} bytes are held`);
      }
      for (const runner of runners) await runner.dispose();
    });

  it('have blocks that begin at multiples of 64, follow each other, and end at the last row', () => {
    for (const blocks of [1, 2, 4, 8])
      for (let n = blocks; n < 2100; n++) {
        const bounds = rowBounds(n, blocks);
        assert.equal(bounds.length, blocks + 1);
        assert.equal(bounds[0], 0);
        assert.equal(bounds.at(-1), n);
        for (let b = 0; b < blocks; b++) assert.ok(bounds[b + 1]! > bounds[b]!, `${n} tokens: ${bounds.join()}`);
        if (n >= 64 * blocks) assert.ok(bounds.slice(0, -1).every((bound) => bound % 64 === 0));
      }
  });
});

describe('patterns in blocks of rows', () => {
  const [nLayers, nHeads, n] = [3, 2, 11];
  const value = (layer: number, head: number, dst: number, src: number): number =>
    src > dst ? 0 : ((layer * 7 + head * 5 + dst * 3 + src * 11) % 17) / 17;
  const rows = (layer: number, from: number, to: number, width: number): PatternRows => {
    const each = width * (to - from);
    const at = (i: number): number =>
      value(layer, Math.floor(i / each), from + Math.floor((i % each) / width), i % width);
    return { from, to, width, data: Float32Array.from({ length: nHeads * each }, (_, i) => at(i)) };
  };
  const bounds = rowBounds(n, 4);
  const blocksOf = (layer: number): PatternRows[] => bounds.slice(1).map((to, b) => rows(layer, bounds[b]!, to, to));
  const valueNorms = Array.from({ length: nLayers }, (_, layer) =>
    Float32Array.from({ length: nHeads * n }, (_, i) => 1 + ((i * 13 + layer) % 7)),
  );
  const layers = [...Array(nLayers).keys()];
  const whole: Patterns = { n, nHeads, valueNorms, patterns: layers.map((l) => rows(l, 0, n, n).data) };
  const blocked: Patterns = { n, nHeads, valueNorms, patterns: layers.map(blocksOf) };

  it('give the pictures, sources and files that whole ones give', () => {
    const tokens = Array.from({ length: n }, (_, id) => ({ id, text: `${id}`, start: 0, end: 0 }));
    for (const weighting of ['pattern', 'value-weighted'] as const) {
      const head = { layer: 2, head: 1 };
      for (const reduction of ['one', 'mean', 'max'] as const)
        assert.deepEqual(
          patternMatrix(blocked, { reduction, weighting, head }),
          patternMatrix(whole, { reduction, weighting, head }),
        );
      for (const size of [4, 32])
        assert.deepEqual(thumbnails(blocked, weighting, size), thumbnails(whole, weighting, size));
      assert.deepEqual(exportTensors(blocked, { weighting }), exportTensors(whole, { weighting }));
    }
    for (let dst = 0; dst < n; dst++) assert.deepEqual(sourcesByLayer(blocked, dst, 4), sourcesByLayer(whole, dst, 4));
    assert.deepEqual(circuitsVis({ ...blocked, tokens }), circuitsVis({ ...whole, tokens }));
  });

  it('are freed with their analysis, and counted until then', () => {
    const held = (): Patterns => ({
      n,
      nHeads,
      valueNorms,
      patterns: [...layers.map(blocksOf), whole.patterns[0]!.slice()],
    });
    const bytes = held().patterns.reduce((sum, pattern) => sum + patternBytes(pattern), 0);
    const norms = valueNorms.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const analyses = new Analyses(2 * (bytes + norms));
    const sets = Array.from({ length: 4 }, held);
    sets.forEach((set, i) => analyses.add(`${i}`, { ...set, checkpointId: 'c', tokens: [] }));
    const left = (): number[] =>
      sets.map(({ patterns }) => patterns.reduce((sum, each) => sum + patternBytes(each), 0));
    assert.deepEqual(left(), [0, 0, bytes, bytes]);
    assert.throws(() => analyses.get('1'));
    analyses.delete('3');
    analyses.delete('3');
    assert.deepEqual(left(), [0, 0, bytes, 0]);
    analyses.deleteOf('c');
    assert.deepEqual(left(), [0, 0, 0, 0]);
  });

  it('are put together once, when somebody reads them whole', () => {
    const hook = new BlockedPattern(blocksOf(1));
    assert.deepEqual(hook.shape, [nHeads, n, n]);
    assert.equal(patternBytes(hook.pattern), 4 * blocksOf(1).reduce((sum, { data }) => sum + data.length, 0));
    assert.deepEqual(
      [...headRow(hook.pattern, n, 1, 4)].slice(0, 5),
      [0, 1, 2, 3, 4].map((s) => Math.fround(value(1, 1, 4, s))),
    );
    assert.deepEqual(hook.data, whole.patterns[1]);
    assert.equal(hook.data, hook.data);
    assert.equal(layerPattern(hook), hook.data);
  });
});
