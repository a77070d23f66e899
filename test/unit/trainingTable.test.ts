/** The history of a training as a table: the file that the panel exports, and `circuitscope training`. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { MlsaePoint, ToyPoint, TrainingRecord } from '../../src/protocol/training';
import { historyCsv, historyJson, spread, trainedLayers } from '../../src/protocol/trainingTable';
import { mlsaePoints, toyPoints } from '../e2e/panel/trainingData';
import { circuitscope, succeed } from './support/cli';
import { tempFolder, writeFile } from './support/files';

const corpus = { globs: ['**'], folder: '/' };
const common = { dir: '/t', totalSteps: 1000, seconds: 40, complete: false, notices: ['One file was empty.'] };
const mlsae = (history: MlsaePoint[], layers?: number[]): TrainingRecord => ({
  ...{ ...common, kind: 'mlsae', step: 600, tokens: 7, history, last: history.at(-1)! },
  params: { corpus, out: '/t', steps: 1000, ...(layers && { layers }) },
});
const toy = (history: ToyPoint[]): TrainingRecord => ({
  ...{ ...common, kind: 'toy', step: 800, tokens: 7, history, last: history.at(-1)! },
  params: { corpus, out: '/t', steps: 1000, layers: 2 },
});
/** Cells by the name of their column, a row each. */
const parsed = (csv: string): Record<string, string>[] => {
  const [head, ...rows] = csv
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  return rows.map((cells) => {
    assert.equal(cells.length, head!.length);
    return Object.fromEntries(head!.map((name, i) => [name, cells[i]!]));
  });
};

describe('history of a training as a table', () => {
  it('has every point of an MLSAE, its layers by their names', () => {
    const points = mlsaePoints(600);
    const rows = parsed(historyCsv(mlsae(points, [9, 1, 2, 3, 4, 5])));
    assert.equal(rows.length, points.length);
    points.forEach((point, i) => {
      const { fvu, ...numbers } = point;
      const expected = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
      // trained in the order of the layers, however they were given
      [1, 2, 3, 4, 5, 9].forEach((layer, at) => (expected[`fvu L${layer}`] = String(fvu[at])));
      assert.deepEqual(rows[i], expected);
    });
    assert.ok('fvu L5' in parsed(historyCsv(mlsae(points)))[0]!);
  });

  it('has every score of every head of a toy, empty where nothing was measured', () => {
    const points = toyPoints(800);
    const rows = parsed(historyCsv(toy(points)));
    assert.equal(rows.length, points.length);
    points.forEach((point, i) => {
      const row = rows[i]!;
      assert.equal(row['loss'], String(point.loss));
      assert.equal(row['inContext'], String(point.inContext ?? ''));
      for (let position = 0; position < 16; position++)
        assert.equal(row[`loss ${position + 1}/16`], String(point.lossByPosition?.[position] ?? ''));
      for (const [layer, head] of [
        [0, 0],
        [0, 4],
        [1, 5],
        [1, 7],
      ] as const) {
        assert.equal(row[`induction L${layer}H${head}`], String(point.induction?.[layer]?.[head] ?? ''));
        assert.equal(row[`previousToken L${layer}H${head}`], String(point.previousToken?.[layer]?.[head] ?? ''));
      }
      assert.equal(row['kComposition L1H5'], String(point.kComposition?.[5] ?? ''));
    });
    assert.ok(!('kComposition L0H5' in rows[0]!));
  });

  it('is JSON with what the training was given', () => {
    const points = mlsaePoints(20);
    assert.deepEqual(JSON.parse(JSON.stringify(historyJson(mlsae(points, [4, 2])))), {
      ...{ kind: 'mlsae', step: 600, totalSteps: 1000, tokens: 7, complete: false },
      params: { corpus, out: '/t', steps: 1000, layers: [4, 2] },
      layers: [2, 4],
      history: points,
    });
    assert.equal(trainedLayers(toy(toyPoints(10)).params), undefined, 'a number of layers is not a list of them');
  });

  it('thins out with its ends in place', () => {
    assert.deepEqual(spread([1, 2, 3, 4, 5, 6, 7, 8, 9], 3), [1, 5, 9]);
    assert.deepEqual(spread([1, 2], 3), [1, 2]);
  });
});

describe('command line: training', function () {
  this.timeout(30_000);
  const dir = tempFolder();
  const stored = (record: TrainingRecord): void => {
    const more = { version: 1, identity: {}, place: null, state: null, writer: null };
    writeFile(join(dir, 'training.json'), JSON.stringify({ ...record, ...more }));
  };

  it('prints what is in a folder: a table, every point as CSV, all as JSON', async () => {
    const record = mlsae(mlsaePoints(600));
    stored(record);
    const { stdout, stderr } = await succeed('training', dir);
    const lines = stdout.trimEnd().split('\n');
    assert.match(lines[0]!, /^ *step +tokens +loss +tokens\/s +mean FVU +L0 +dead %$/);
    assert.match(lines[1]!, /^ +10 +20480 +0\.\d{4} +3210 /);
    assert.match(lines.at(-2)!, /^ +600 /);
    assert.match(lines.at(-1)!, /: step 600 of 1000, not finished, 7 tokens, 40 s; 20 of 60 points, --csv prints all$/);
    assert.equal(lines.length, 22);
    assert.equal(stderr, 'One file was empty.\n');
    assert.equal((await succeed('training', dir, '--csv')).stdout, historyCsv(record));
    const json = JSON.parse((await succeed('training', dir, '--json')).stdout) as TrainingRecord;
    assert.deepEqual([json.history.length, json.step, json.kind], [60, 600, 'mlsae']);
  });

  it('prints the measured points of a toy, with its strongest heads', async () => {
    stored(toy(toyPoints(800)));
    const lines = (await succeed('training', dir)).stdout.trimEnd().split('\n');
    assert.match(lines[0]!, /in-context +previous token +induction +K-composition$/);
    const last = toyPoints(800).at(-1)!;
    const [, , loss, , inContext, previous, induction, k] = lines.at(-2)!.trim().split(/ +/).map(Number);
    assert.deepEqual(
      [loss, inContext, previous, induction, k],
      [
        ...[last.loss.toFixed(4), last.inContext!.toFixed(3), last.previousToken![0]![4]!.toFixed(3)],
        ...[last.induction![1]![5]!.toFixed(3), last.kComposition![5]!.toFixed(3)],
      ].map(Number),
    );
    assert.equal(lines.length, 18, '16 of 80 points were measured');
  });

  it('refuses a folder without a training, and two formats at once', async () => {
    for (const [args, message] of [
      [[join(dir, 'nothing')], /has no training: training\.json was expected\.\n$/],
      [[dir, '--json', '--csv'], /give --json or --csv, not both\n$/],
    ] as const) {
      const { status, stdout, stderr } = await circuitscope('training', ...args);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, message);
    }
  });
});
