/** `npm run fuzz`: mutants for as long as asked. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../unit/support/files';
import { fuzz, showFinding } from './fuzz';
import { KINDS } from './kinds';

const USAGE = `npm run fuzz -- [--minutes N] [--seed N] [--kind ${Object.keys(KINDS).join('|')}] [--from N] [--only N] [--engine FILE] [--verbose]`;
/** Kinds take turns of so many seconds. */
const TURN = 20;

function options(): {
  minutes: number;
  seed: number;
  kinds: string[];
  from: number;
  only?: number;
  engine: string;
  verbose: boolean;
} {
  const string = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      ...{ minutes: string, seed: string, kind: string, from: string, only: string, engine: string },
      verbose: { type: 'boolean' },
    },
  });
  const number = (name: 'minutes' | 'seed' | 'from' | 'only', fallback: number): number => {
    const value = Number(values[name] ?? fallback);
    if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} ${values[name]} is not a number.\n${USAGE}`);
    return value;
  };
  const kinds = values.kind?.split(',') ?? Object.keys(KINDS);
  const unknown = kinds.find((kind) => !(kind in KINDS));
  if (unknown !== undefined) throw new Error(`There is no kind ${unknown}.\n${USAGE}`);
  return {
    minutes: number('minutes', 1),
    seed: number('seed', 1),
    kinds,
    from: number('from', 0),
    ...(values.only !== undefined && { only: number('only', 0) }),
    engine: values.engine ?? join(ROOT, 'dist', 'engine.js'),
    verbose: values.verbose ?? false,
  };
}

async function main(): Promise<number> {
  const { minutes, seed, kinds, from, only, engine, verbose } = options();
  const end = performance.now() + minutes * 60_000;
  const states = kinds.map((kind) => ({ kind, next: from, opened: 0, found: new Set<string>() }));
  const common = { seed, engine, ...(verbose && { onMutant: (line: string) => console.log(line) }) };
  do {
    for (const state of states) {
      const { kind, next } = state;
      const range = only === undefined ? { from: next } : { from: only, to: only };
      const until = only === undefined ? Math.min(end, performance.now() + TURN * 1000) : Infinity;
      if (performance.now() >= until) break;
      const result = await fuzz({ ...common, ...range, kind, until });
      state.next += result.mutants;
      state.opened += result.opened;
      for (const finding of result.findings) {
        if (!state.found.has(finding.signature)) console.log(showFinding(finding));
        state.found.add(finding.signature);
      }
      for (const line of result.notRepeated) console.log(`${kind}: not again when tried by itself: ${line}`);
    }
  } while (only === undefined && performance.now() < end);
  for (const { kind, next, opened, found } of states)
    console.log(
      `${kind}: ${next - from} mutants, ${opened} of them opened, ${found.size} kinds of findings (seed ${seed})`,
    );
  return states.reduce((sum, { found }) => sum + found.size, 0);
}

main().then(
  (found) => process.exit(found > 0 ? 1 : 0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  },
);
