import type { Command } from 'commander';
import { basename, resolve } from 'node:path';
import type { MlsaePoint, ToyPoint, TrainingRecord } from '../../protocol/training';
import type { AnyPoint } from '../../protocol/trainingPanel';
import { historyCsv, historyJson, spread } from '../../protocol/trainingTable';
import { InputError } from '../checkpoint/errors';
import { duration } from '../mlsae/corpus/progress';
import { readTraining } from '../train/store';
import { note, printJson, table } from './print';

/** Rows for people. */
const ROWS = 20;

interface Options {
  json?: boolean;
  csv?: boolean;
}

/** `circuitscope training`: what the training panel shows of a folder. */
export const trainingCommand = (root: Command): void =>
  void root
    .command('training')
    .description(
      'how a training went or goes: its curves, from the folder that train-mlsae, train-toy or the panel writes',
    )
    .argument('<folder>', 'with training.json')
    .option('--csv', 'print every point as a row to stdout: step, tokens, loss, … all layers or heads')
    .option('--json', 'print JSON to stdout: {name, kind, step, totalSteps, tokens, complete, params, layers, history}')
    .action(run);

async function run(folder: string, { json, csv }: Options): Promise<void> {
  if (json && csv) throw new InputError('give --json or --csv, not both');
  const record = await readTraining({ dir: resolve(folder) });
  record.notices.forEach(note);
  if (json) return printJson({ name: basename(record.dir), ...historyJson(record) });
  process.stdout.write(csv ? historyCsv(record) : asText(record));
}

const number = (value: number | undefined, digits: number): string => value?.toFixed(digits) ?? '';
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const most = (values: readonly number[] | undefined): number | undefined => values && Math.max(...values);

/** Columns behind step, tokens, loss and tokens a second. */
const OF: Record<TrainingRecord['kind'], [name: string, cell: (point: AnyPoint) => string][]> = {
  mlsae: [
    ['mean FVU', (point) => number(mean((point as MlsaePoint).fvu), 4)],
    ['L0', (point) => number((point as MlsaePoint).l0, 1)],
    ['dead %', (point) => number(100 * (point as MlsaePoint).deadFraction, 2)],
  ],
  toy: [
    ['in-context', (point) => number((point as ToyPoint).inContext, 3)],
    ['previous token', (point) => number(most((point as ToyPoint).previousToken?.flat()), 3)],
    ['induction', (point) => number(most((point as ToyPoint).induction?.flat()), 3)],
    ['K-composition', (point) => number(most((point as ToyPoint).kComposition), 3)],
  ],
};

function asText({ dir, kind, step, totalSteps, tokens, seconds, complete, history }: TrainingRecord): string {
  const columns = OF[kind];
  const head = ['step', 'tokens', 'loss', 'tokens/s', ...columns.map(([name]) => name)];
  const measured = history.filter((point) => 'lossByPosition' in point);
  const rows = spread(measured.length > 0 ? measured : history, ROWS).map((point) => [
    ...[point.step, point.tokens].map(String),
    ...[number(point.loss, 4), number(point.tokensPerSecond, 0)],
    ...columns.map(([, cell]) => cell(point)),
  ]);
  const more = history.length > ROWS ? `; ${ROWS} of ${history.length} points, --csv prints all` : '';
  const all = head.map((_, column) => column);
  return [
    table([head, ...rows], all),
    `${dir}: step ${step} of ${totalSteps}${complete ? '' : ', not finished'}, ${tokens} tokens, ${duration(seconds)}${more}`,
    '',
  ].join('\n');
}
