/** What a training saved last, kept for the person while the training goes on. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeSafetensors } from '../../src/engine/checkpoint/safetensors';
import { trainingResult } from '../../src/engine/train/result';
import { TrainingFolder } from '../../src/engine/train/store';
import { readTensors, tempFolder } from './support/files';

const TOTAL = 9;
const record = (step: number): Parameters<TrainingFolder['begin']>[0] => ({
  ...{ kind: 'mlsae', identity: {}, params: { corpus: { globs: ['a'], folder: '/' }, out: '', steps: TOTAL } },
  ...{ step, totalSteps: TOTAL, tokens: step, seconds: 1, complete: step === TOTAL },
  ...{ notices: [], history: [], place: null },
});
const weights = (step: number): { w: { shape: number[]; data: Float32Array } } => ({
  w: { shape: [2], data: Float32Array.of(step, -step) },
});

describe('result of a training', () => {
  let dir: string;
  let folder: TrainingFolder;
  const save = (step: number): Promise<void> =>
    folder.save(
      record(step),
      {},
      {
        'config.json': { text: '{}' },
        'model.safetensors': { tensors: weights(step) },
      },
    );
  const valueIn = (at: string): number => readTensors(join(at, 'model.safetensors'))['w']!.data[0] as number;
  beforeEach(async () => {
    dir = join(tempFolder(), 'trained');
    folder = await TrainingFolder.open(dir, { kind: 'mlsae', identity: {}, results: [] });
    await folder.begin(record(0));
  });

  it('is refused before the first save, and where nothing is trained', async () => {
    await assert.rejects(
      trainingResult({ dir }),
      /trained has no result of a training yet: model\.safetensors was expected\.$/,
    );
    const nothing = { dir: join(dir, 'nothing') };
    await assert.rejects(trainingResult(nothing), /has no result of a training yet: training\.json was expected\.$/);
  });

  it('stays as it was when the training saves again', async () => {
    await save(3);
    const first = await trainingResult({ dir });
    assert.deepEqual(first, { folder: join(dir, 'step3'), step: 3 });
    assert.equal(statSync(join(dir, 'step3/model.safetensors')).nlink, 2, 'no second copy on the disk');
    assert.deepEqual(await trainingResult({ dir }), first, 'asked twice');
    await save(6);
    assert.deepEqual([valueIn(first.folder), valueIn(dir)], [3, 6]);
    assert.deepEqual(await trainingResult({ dir }), { folder: join(dir, 'step6'), step: 6 });
    assert.deepEqual(readdirSync(join(dir, 'step6')).sort(), ['config.json', 'model.safetensors']);
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });

  it('says the step of its weights, also between their save and that of the record', async () => {
    await save(3);
    // a save that is under way, or whose process was killed
    await writeSafetensors(join(dir, 'model.safetensors'), weights(6), { step: '6' });
    const { folder: kept, step } = await trainingResult({ dir });
    assert.deepEqual([step, valueIn(kept)], [6, 6]);
    // weights that do not say it are those of the record
    await writeSafetensors(join(dir, 'model.safetensors'), weights(3));
    assert.equal((await trainingResult({ dir })).step, 3);
  });

  it('of a complete training is its folder; asked at once by several it is one', async () => {
    await save(5);
    const all = await Promise.all(Array.from({ length: 8 }, () => trainingResult({ dir })));
    assert.deepEqual([...new Set(all.map((each) => each.folder))], [join(dir, 'step5')]);
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.endsWith('.tmp')),
      [],
    );
    await save(TOTAL);
    assert.deepEqual(await trainingResult({ dir }), { folder: dir, step: TOTAL });
    rmSync(join(dir, 'step5'), { recursive: true });
    assert.match(readFileSync(join(dir, 'model.safetensors'), 'latin1'), /"__metadata__":\{"format":"pt","step":"9"\}/);
  });
});
