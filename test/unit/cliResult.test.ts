/** Saved results of the samples: their numbers against float64 ones, and the command line that runs them again. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { engineParts } from '../../src/engine/parts';
import { createService } from '../../src/engine/service';
import { compareSections } from '../../src/protocol/comparePanel';
import { checkResult } from '../../src/protocol/resultCheck';
import { readResult } from '../../src/protocol/readResult';
import {
  needsSae,
  writeResult,
  type ResultFile,
  type ResultNumbers,
  type ResultView,
} from '../../src/protocol/resultFile';
import { latentMap } from '../../src/protocol/latents/encoding';
import type { Measured } from '../../src/protocol/results';
import { circuitscope, succeed } from './support/cli';
import { readTensors, REFERENCE, ROOT, SAMPLES, tempFolder } from './support/files';

const context = { steps: { step: async () => undefined } };
const MODEL = 'attn-only-2l';
const SAE = 'mlsae-neox-6l-x16-k16';
const HEAD = { layer: 1, head: 5 };
/** The second ` add` of prompt 0. */
const ADD = 27;

interface Reference {
  prompts: { text: string; ids: number[]; next_token_top5: [number, number][] }[];
}

/** A copy of a sample in which every number is a little smaller: the highest bit of each half's mantissa is cleared. */
function trainedOn(copy: string, sample = MODEL): void {
  cpSync(join(SAMPLES, sample), copy, { recursive: true });
  const weights = join(copy, 'model.safetensors');
  const bytes = readFileSync(weights);
  const header = Number(bytes.readBigUInt64LE(0)) + 8;
  for (let at = header + 1; at < bytes.length; at += 2) bytes[at] = bytes[at]! & ~2;
  writeFileSync(weights, bytes);
}

describe('saved results of the samples', function () {
  this.timeout(30_000);
  const folder = tempFolder();
  const { text, ids } = (JSON.parse(readFileSync(join(REFERENCE, MODEL, 'reference.json'), 'utf8')) as Reference)
    .prompts[0]!;
  const service = createService(engineParts(() => undefined));
  let checkpointId: string;
  let saeId: string;
  let neoxId: string;
  let otherId: string;
  const other = join(folder, 'other');

  before(async () => {
    const open = async (name: string): Promise<string> =>
      (await service.openCheckpoint({ path: join(SAMPLES, name), providers: ['cpu'] }, context)).id;
    checkpointId = await open(MODEL);
    neoxId = await open('neox-6l');
    const path = join(SAMPLES, 'mlsae-neox-6l-x16-k16');
    ({ id: saeId } = await service.openSae({ checkpointId: neoxId, path }, context));
    trainedOn(other);
    ({ id: otherId } = await service.openCheckpoint({ path: other, providers: ['cpu'] }, context));
  });

  const write = async (
    name: string,
    view: ResultView,
  ): Promise<{ file: string; result: ResultFile; again: () => Promise<Measured> }> => {
    const file = join(folder, `${name}.circuitscope.json`);
    const latents = needsSae(view);
    const compares = view.panel === 'compare';
    const params = {
      ...{ checkpointId: latents ? neoxId : checkpointId, ids, text, view, scores: !latents },
      ...(latents && { saeId }),
      ...(compares && { otherId: latents ? neoxId : otherId }),
    };
    const measured = await service.measureResult(params, context);
    const again = async (): Promise<Measured> => service.measureResult({ ...params, wide: true }, context);
    assert.deepEqual(measured.otherTokens, false);
    const at = (sample: string): string => relative(dirname(file), join(SAMPLES, sample)).replaceAll('\\', '/');
    const result: ResultFile = {
      checkpoint: { ...measured.checkpoint, path: at(latents ? 'neox-6l' : MODEL) },
      ...(measured.sae && { sae: { ...measured.sae, path: at('mlsae-neox-6l-x16-k16') } }),
      ...(measured.other && { other: { ...measured.other, path: latents ? at('neox-6l') : relative(folder, other) } }),
      ...{ circuitscope: '0.1.0', created: '2026-11-22T15:00:00.000Z', source: 'prompt', text, ids, view },
      tokens: measured.tokens.map((token) => token.text),
      numbers: measured.numbers,
    };
    writeFileSync(file, writeResult(result));
    const read = readResult(readFileSync(file, 'utf8'), file);
    assert.ok('result' in read, JSON.stringify(read));
    return { file, result: read.result, again };
  };
  const attention: ResultView = { panel: 'attention', head: 'L1H5', destination: ADD, source: 0 };

  it('of attention: sources, next tokens and scores are the reference’s', async () => {
    const { result } = await write('attention', attention);
    const { shape, data } = readTensors(join(REFERENCE, MODEL, 'reference.safetensors'))[
      `prompt.0.blocks.${HEAD.layer}.attn.hook_pattern`
    ]!;
    const n = shape[1]!;
    const row = [...data.subarray((HEAD.head * n + ADD) * n, (HEAD.head * n + ADD) * n + ADD + 1)];
    const { sources, nextTokens, headScores, loss } = result.numbers as Required<ResultNumbers>;
    const strongest = row.map((weight, source) => ({ weight, source })).sort((a, b) => b.weight - a.weight);
    assert.equal(Object.keys(sources!).length, strongest.slice(0, 8).some(({ source }) => source === 0) ? 8 : 9);
    for (const { weight, source } of [...strongest.slice(0, 5), { weight: row[0]!, source: 0 }])
      assert.ok(Math.abs(sources![`${ADD} → ${source}`]! - weight) < 2e-4, `${source}`);
    const logits = readTensors(join(REFERENCE, MODEL, 'reference.safetensors'))['prompt.0.logits']!;
    const [, vocabulary] = logits.shape as [number, number];
    const probabilities = (at: number): Float64Array => {
      const of = logits.data.slice(at * vocabulary, (at + 1) * vocabulary);
      const most = of.reduce((a, b) => Math.max(a, b));
      const sum = of.reduce((total, logit) => total + Math.exp(logit - most), 0);
      return of.map((logit) => Math.exp(logit - most) / sum);
    };
    assert.equal(Object.keys(nextTokens!).length, 16);
    for (const [name, p] of Object.entries(nextTokens!)) {
      const [, at, id] = /^after (\d+): [^]*\(#(\d+)\)$/.exec(name)!;
      assert.ok([ADD, n - 1].includes(Number(at)));
      assert.ok(Math.abs(probabilities(Number(at))[Number(id)]! - p) < 2e-4, name);
    }
    const bits = ids.slice(1).map((id, i) => -Math.log2(probabilities(i)[id]!));
    const mean = bits.reduce((a, b) => a + b) / bits.length;
    assert.ok(Math.abs(loss!['mean']! - mean) < 1e-3, `${loss!['mean']} ${mean}`);
    assert.ok(headScores!['L1H5 induction']! > 0.5);
    assert.equal(Object.keys(headScores!).length, 6);
  });

  const views: ResultView[] = [
    attention,
    { panel: 'attention', reduction: 'mean', weighting: 'value-weighted' },
    { panel: 'circuits', earlier: 'L0H4', later: 'L1H5', kind: 'K', head: 'L1H5' },
    { panel: 'paths', destination: ADD },
    { panel: 'lens' },
    { panel: 'importance' },
    { panel: 'ablate', heads: ['L1H5', 'L1H7'] },
    { panel: 'bigrams' },
    { panel: 'bigrams', token: 12 },
    { panel: 'patch', corrupted: [...ids].reverse(), answer: 5, wrong: 6 },
    { panel: 'layers', spliced: true },
    ...compareSections.map((section): ResultView => ({ panel: 'compare', section, head: 'L1H5' })),
    { panel: 'latents', latent: 604 },
  ];
  for (const [i, view] of views.entries())
    it(`of ${view.panel} ${view.section ?? i} are the same again`, async () => {
      const { file, result, again } = await write(`same-${i}`, view);
      const count = Object.values(result.numbers).flatMap((values) => Object.values(values)).length;
      assert.ok(count >= 2, `${view.panel}: ${count} numbers`);
      const check = checkResult(result, await again());
      assert.ok(check.same, JSON.stringify(check.rows.filter(({ differs }) => differs)));
      if (i > 0 && view.panel !== 'latents') return;
      const second = await write(`same-${i}`, view);
      assert.equal(writeResult(second.result), writeResult(result), 'the same bytes');
      const { stdout, stderr } = await succeed('result', file, '--check', '--provider', 'cpu');
      assert.equal(stdout, `All ${count} numbers are the same.\n`);
      assert.doesNotMatch(stderr, /others|another/);
    });

  it('of a comparison are the differences of what each of the two gives alone', async () => {
    const { result } = await write('tokens-of-two', { panel: 'compare', section: 'tokens' });
    const { losses, tokenChanges } = result.numbers;
    const surprisal = async (of: string): Promise<number[]> => {
      const info = await service.analyze({ checkpointId: of, ids, topK: 1 }, context);
      await service.closeAnalysis({ analysisId: info.id }, context);
      return [...info.surprisal].map((bits) => bits * Math.LN2);
    };
    const [a, b] = [await surprisal(checkpointId), await surprisal(otherId)];
    const mean = (of: number[]): number => of.slice(1).reduce((x, y) => x + y) / (of.length - 1);
    assert.ok(Math.abs(losses!['A']! - mean(a)) < 1e-3 && Math.abs(losses!['B']! - mean(b)) < 1e-3);
    assert.ok(Math.abs(losses!['A']! - losses!['B']!) > 1e-3, 'the two differ');
    assert.equal(Object.keys(tokenChanges!).length, 8);
    for (const [name, change] of Object.entries(tokenChanges!)) {
      const at = Number(/^\d+/.exec(name)![0]);
      assert.ok(Math.abs(a[at]! - b[at]! - change) < 1e-3, name);
    }
    const { result: heads } = await write('scores-of-two', { panel: 'compare', section: 'scores', head: 'L1H5' });
    const score = async (of: string): Promise<number> =>
      (await service.headScores({ checkpointId: of }, context)).heads.find(
        ({ layer, head }) => layer * 8 + head === 13,
      )!.induction;
    const change = (await score(otherId)) - (await score(checkpointId));
    assert.ok(Math.abs(heads.numbers['scoreChanges']!['L1H5 induction']! - change) < 2e-4);
  });

  it('of latents, each checkpoint with its own autoencoder, are what each of the two gives alone', async () => {
    const [path, otherPath] = [join(folder, 'sae', 'step10'), join(folder, 'sae', 'step200')];
    cpSync(join(SAMPLES, SAE), path, { recursive: true });
    trainedOn(otherPath, SAE);
    const neox = join(folder, 'neox');
    trainedOn(neox, 'neox-6l');
    const { id: second } = await service.openCheckpoint({ path: neox, providers: ['cpu'] }, context);
    const open = async (id: string, at: string): Promise<string> =>
      (await service.openSae({ checkpointId: id, path: at }, context)).id;
    const [ownA, ownB] = [await open(neoxId, path), await open(second, otherPath)];
    const view: ResultView = { panel: 'compare', section: 'latents' };
    const params = { checkpointId: neoxId, otherId: second, saeId: ownA, otherSaeId: ownB, ids, text, view };
    const measured = await service.measureResult({ ...params, scores: false }, context);
    const encode = (saeId: string): ReturnType<typeof service.encode> => service.encode({ saeId, ids }, context);
    const [a, b] = [await encode(ownA), await encode(ownB)];
    const { fvuChanges, latentChanges } = measured.numbers;
    assert.equal(Object.keys(fvuChanges!).length, 6);
    for (const [i, { layer, fvu }] of a.perLayer.entries())
      assert.ok(Math.abs(fvuChanges![`L${layer}`]! - (b.perLayer[i]!.fvu - fvu)) < 1e-4, `FVU of L${layer}`);
    assert.equal(Object.keys(latentChanges!).length, 8);
    for (const [name, difference] of Object.entries(latentChanges!)) {
      const [ofA, ofB] = [a, b].map((encoding) => latentMap(encoding, Number(name.slice(1))));
      const sum = ofA!.reduce((total, value, i) => total + Math.abs(ofB![i]! - value), 0);
      assert.ok(Math.abs(sum - difference) < 1e-3, name);
    }
    const one = await service.measureResult({ ...params, otherSaeId: undefined as never, scores: false }, context);
    assert.notDeepEqual(one.numbers, measured.numbers, 'one for both gives others');
    assert.equal(one.otherSae, undefined);
    const at = (to: string): string => relative(folder, to).replaceAll('\\', '/');
    const file = join(folder, 'own.circuitscope.json');
    const result: ResultFile = {
      checkpoint: { ...measured.checkpoint, path: at(join(SAMPLES, 'neox-6l')) },
      sae: { ...measured.sae!, path: at(path) },
      other: { ...measured.other!, path: at(neox) },
      otherSae: { ...measured.otherSae!, path: at(otherPath) },
      ...{ circuitscope: '0.1.0', created: '2026-11-22T15:00:00.000Z', source: 'prompt', text, ids, view },
      tokens: measured.tokens.map((token) => token.text),
      numbers: measured.numbers,
    };
    writeFileSync(file, writeResult(result));
    assert.match((await succeed('result', file)).stdout, /its autoencoder +step200 \(sae\/step200\)/);
    const check = ['result', file, '--check', '--provider', 'cpu'];
    const { stdout, stderr } = await succeed(...check);
    assert.equal(stdout, 'All 14 numbers are the same.\n');
    assert.doesNotMatch(stderr, /others|another/);
    const turned = await circuitscope(...check, '--other-mlsae', path);
    assert.equal(turned.status, 1);
    assert.match(turned.stderr, /weights of the autoencoder step10 are others/);
    assert.match(turned.stdout, /of 14 numbers differ/);
    await service.closeCheckpoint({ checkpointId: second }, context);
  });

  it('of a comparison say which checkpoint has changed', async () => {
    const { file, result } = await write('swapped', { panel: 'compare', section: 'scores' });
    const { status, stderr } = await circuitscope(
      ...['result', file, '--check', '--provider', 'cpu', '--other', join(SAMPLES, MODEL)],
    );
    assert.equal(status, 1);
    assert.match(stderr, /weights of the checkpoint attn-only-2l are others/);
    assert.equal(result.other!.path, 'other');
  });

  it('have the composition of the locked pair, whatever its rank', async () => {
    const { result } = await write('pair', { panel: 'circuits', earlier: 'L0H0', later: 'L1H0', kind: 'V' });
    const { scores } = await service.composition({ checkpointId }, context);
    const n = Math.sqrt(scores.V.length);
    const of = (name: string): number => {
      const [, a, b, c, d, kind] = /^L(\d)H(\d) → L(\d)H(\d) ([QKV])$/.exec(name)!.map((x) => x) as string[];
      const heads = n / 2;
      return scores[kind as 'Q'][(Number(a) * heads + Number(b)) * n + Number(c) * heads + Number(d)]!;
    };
    const { composition } = result.numbers;
    assert.ok('L0H0 → L1H0 V' in composition!);
    for (const [name, score] of Object.entries(composition!)) assert.ok(Math.abs(of(name) - score) < 1e-4, name);
    assert.ok('L0H4 → L1H5 K' in composition!);
  });

  it('that lie: what differs is said, the status is 1', async () => {
    const { file, result } = await write('lie', attention);
    const sources = { ...result.numbers.sources, [`${ADD} → 1`]: 0.77 };
    writeFileSync(file, writeResult({ ...result, numbers: { ...result.numbers, sources } }));
    const { status, stdout } = await circuitscope('result', file, '--check', '--provider', 'cpu');
    assert.equal(status, 1);
    assert.match(stdout, /27·→·1 +0\.77 +\S+\n1 of \d+ numbers differ/);
    const { status: json, stdout: answer } = await circuitscope(
      'result',
      file,
      '--check',
      '--json',
      '--provider',
      'cpu',
    );
    assert.equal(json, 1);
    assert.equal((JSON.parse(answer) as { same: boolean }).same, false);
  });

  it('of tokens that the text does not have: said, the status is 1', async () => {
    const { file, result } = await write('tokens', attention);
    const longer = { checkpointId, ids, text: `${text} more`, view: attention, scores: false };
    assert.equal((await service.measureResult(longer, context)).otherTokens, false, 'a text that was cut');
    writeFileSync(file, writeResult({ ...result, text: `x${text}` }));
    const { status, stdout, stderr } = await circuitscope('result', file, '--check', '--provider', 'cpu');
    assert.deepEqual([status, stdout], [1, 'The tokens are others.\n']);
    assert.match(stderr, /other tokens for the text/);
  });

  it('of a checkpoint that was trained on: weights are others, and it can be named', async () => {
    const { file } = await write('moved', attention);
    const { status, stderr } = await circuitscope(
      'result',
      file,
      '--check',
      '--checkpoint',
      other,
      '--provider',
      'cpu',
    );
    assert.equal(status, 1);
    assert.match(stderr, /weights of the checkpoint other are others/);
    assert.doesNotMatch(stderr, /configuration/);
  });

  it('are shown; mistakes are one line', async () => {
    const { file } = await write('shown', attention);
    const { stdout } = await succeed('result', file);
    assert.match(stdout, /checkpoint +attn-only-2l/);
    assert.match(stdout, /\nSources, attention weight\n/);
    const bad = async (args: string[], expected: RegExp): Promise<void> => {
      const { status, stderr } = await circuitscope('result', ...args);
      assert.deepEqual([status, stderr.trim().split('\n').length], [2, 1], stderr);
      assert.match(stderr, expected);
    };
    await bad([join(ROOT, 'package.json')], /package\.json: it is no result of Circuitscope/);
    await bad([join(folder, 'none.circuitscope.json')], /none\.circuitscope\.json cannot be read/);
    await bad([folder], /is not a file/);
    await bad([file, '--tolerance', 'much'], /--tolerance/);
    await bad([file, '--check', '--checkpoint', join(folder, 'none')], /none does not exist/);
  });
});
