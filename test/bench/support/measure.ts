/** What every measurement is made of: rows of a table, run in turn, told in lines and in one JSON line each. */
import { appendFileSync } from 'node:fs';

/** What a figure should be: at most or at least so much, of the ratio or of the value itself. */
export interface Goal {
  of: 'ratio' | 'value';
  most?: number;
  least?: number;
}

export interface Figure {
  value: number;
  besideValue?: number;
  /** Default: value ÷ besideValue. */
  ratio?: number;
  note?: string;
  /** The same beside something else, without a goal: a row each. */
  also?: (Figure & { beside: string })[];
  /** Of floating-point operations: what the machine must do at the least. */
  flop?: number;
}

export interface Measure<C> {
  name: string;
  unit: string;
  /** What it is measured in turn with. */
  beside?: string;
  goal?: Goal;
  run(context: C): Promise<Figure>;
}

/** One line of what a thing grows with. */
export interface Growth {
  name: string;
  unit: string;
  sizes: number[];
  values: number[];
}

/** A measurement that cannot be made here; the message says why. */
export class Skip extends Error {}

export const print = (line: string): void => void process.stdout.write(`${line}\n`);
export const short = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(value >= 1 ? 2 : 3);

/** To test/harness/bench.mjs, if it runs this. */
export function tell(record: Record<string, unknown>): void {
  const file = process.env['CIRCUITSCOPE_BENCH_RECORDS'];
  if (file) appendFileSync(file, `${JSON.stringify(record)}\n`);
}

export const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export interface Rounds<K extends string> {
  times: Record<K, number[]>;
  of(name: K): number;
  /** Median of the ratios by round: what makes the machine slow makes both slow. */
  ratio(name: K, beside: K): number;
}

/**
 * Runs what is compared in turn, so that a busy machine is busy for all. The first two rounds are not counted: one reads the
 * weights, the next packs them.
 * @param works each gives its time in ms, its own if it knows better
 * @param limits at most so many rounds; at least three, then as many as fit into the seconds; `warm`: rounds before;
 * `turns`: every other round backwards
 */
export async function inTurn<K extends string>(
  works: Record<K, () => Promise<number>>,
  { rounds = 9, seconds = 20, warm = 2, turns = false } = {},
): Promise<Rounds<K>> {
  const names = Object.keys(works) as K[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  const until = performance.now() + 1000 * seconds;
  for (let round = -warm; round < Math.min(3, rounds) || (round < rounds && performance.now() < until); round++)
    for (const name of turns && round % 2 !== 0 ? names.toReversed() : names) {
      const ms = await works[name]();
      globalThis.gc?.();
      if (round >= 0) times[name].push(ms);
    }
  return roundsOf(times);
}

function roundsOf<K extends string>(times: Record<K, number[]>): Rounds<K> {
  const of = (name: K): number => median(times[name]);
  return { times, of, ratio: (a, b) => median(times[a].map((value, i) => value / times[b][i]!)) };
}

/** The rounds of all, as if they were of one. */
export function joinedRounds<K extends string>(all: Rounds<K>[]): Rounds<K> {
  const names = Object.keys(all[0]!.times) as K[];
  const entries = names.map((name) => [name, all.flatMap(({ times }) => times[name])]);
  return roundsOf(Object.fromEntries(entries) as Record<K, number[]>);
}

const sign = ({ most, least }: Goal): string =>
  most === undefined ? `≥ ${least}` : `≤ ${Number(most.toPrecision(3))}`;

/** A measure as results.json has it. */
function record({ name, unit, beside, goal }: Omit<Measure<unknown>, 'run'>, figure: Figure): Record<string, unknown> {
  const { value, besideValue } = figure;
  const ratio = figure.ratio ?? (besideValue === undefined ? undefined : value / besideValue);
  const judged = goal?.of === 'ratio' ? ratio : value;
  const met = goal && judged !== undefined && judged <= (goal.most ?? Infinity) && judged >= (goal.least ?? -Infinity);
  return { ...figure, name, unit, beside, ratio, goal: goal && `${goal.of} ${sign(goal)}`, met };
}

/** Runs the measures of a file in order. One that fails or cannot be made does not keep the others from being made. */
export async function bench<C>(
  measures: Measure<C>[],
  open: () => Promise<C>,
  close?: (context: C) => unknown,
): Promise<void> {
  try {
    const context = await open();
    for (const measure of measures) {
      try {
        const { also = [], ...figure } = await measure.run(context);
        const { name, unit } = measure;
        const others = also.map(({ beside, ...more }) => record({ name, unit, beside }, more));
        for (const row of [record(measure, figure), ...others]) {
          tell({ kind: 'measure', ...row });
          print(line(row));
        }
      } catch (error) {
        const skipped = error instanceof Error ? error.message : String(error);
        if (!(error instanceof Skip)) process.exitCode = 1;
        const { name, unit, beside, goal } = measure;
        tell({ kind: 'measure', name, unit, beside, goal: goal && `${goal.of} ${sign(goal)}`, skipped });
        print(`  ${measure.name}: not measured: ${skipped}`);
        if (!(error instanceof Skip)) console.error(error);
      }
    }
    await close?.(context);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}

function line(row: Record<string, unknown>): string {
  const { name, value, unit, beside, besideValue, ratio, goal, met, note } = row as unknown as Figure & {
    name: string;
    unit: string;
    beside?: string;
    goal?: string;
    met?: boolean;
  };
  const other = besideValue === undefined ? '' : `; ${beside}: ${short(besideValue)} ${unit}`;
  const by = ratio === undefined ? '' : `; ratio ${ratio.toFixed(3)}`;
  const judged = goal ? ` (goal: ${goal}${met ? '' : ', MISSED'})` : '';
  return `  ${name}: ${short(value)} ${unit}${other}${by}${judged}${note ? `; ${note}` : ''}`;
}
