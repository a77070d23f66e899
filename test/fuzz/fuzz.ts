/** Makes mutants of one kind, tries each, and keeps what went wrong so that it can be repeated. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Problem, WatchedEngine } from './engine';
import { writeFiles } from './files';
import { KINDS } from './kinds';
import type { Mutant } from './mutant';
import { Random } from './random';
import { tryMutant } from './trial';

export interface FuzzOptions {
  kind: string;
  seed: number;
  /** The engine's bundle. */
  engine: string;
  /** The first mutant, and where to stop: after the last one or when the time is over. */
  from?: number;
  to?: number;
  /** Of `performance.now()` */
  until?: number;
  /** Told of every mutant that was tried. */
  onMutant?: (line: string) => void;
}

export interface Finding {
  kind: string;
  seed: number;
  index: number;
  mutations: string[];
  /** e.g. `analyze: internal error: …` */
  problem: string;
  /** Problems of one cause have one signature, nearly always. */
  signature: string;
  /** Where its files lie. */
  folder: string;
  /** What repeats it. */
  command: string;
}

export interface FuzzResult {
  mutants: number;
  /** The engine opened them, and answered. */
  opened: number;
  /** One for each signature. */
  findings: Finding[];
  /** Those with a signature that was there already. */
  more: number;
  /** What a busy machine did, not the engine. */
  notRepeated: string[];
}

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { kind, seed, from = 0, to = Infinity, until = Infinity } = options;
  const result: FuzzResult = { mutants: 0, opened: 0, findings: [], more: 0, notRepeated: [] };
  const engine = new WatchedEngine(options.engine);
  const work = mkdtempSync(join(tmpdir(), 'circuitscope-mutants-'));
  try {
    for (let index = from; index <= to && performance.now() < until; index++) {
      const trial = { kind, seed, index, work };
      const start = performance.now();
      const opened = result.opened;
      const problem = await attempt(engine, trial, result);
      const outcome = problem?.kind ?? (result.opened > opened ? 'opened' : 'refused');
      const { method, ms } = engine.slowest;
      const total = (performance.now() - start).toFixed(0);
      options.onMutant?.(`${kind} ${index}: ${outcome}, ${total} ms (${method} ${ms.toFixed(0)}) ${engine.refusal}`);
      if (!problem) continue;
      const again = await confirm(engine, trial, problem);
      if (!again) result.notRepeated.push(`mutant ${index}: ${describe(problem)}`);
      else await keep(result, trial, again);
    }
  } finally {
    engine.end();
    rmSync(work, { recursive: true, force: true });
  }
  return result;
}

interface Trial {
  kind: string;
  seed: number;
  index: number;
  /** Where mutants are written. */
  work: string;
}

async function makeMutant({ kind, seed, index }: Trial): Promise<{ mutant: Mutant; random: Random }> {
  const random = Random.of(seed, kind, index);
  const make = KINDS[kind];
  if (!make) throw new Error(`there is no kind ${kind}; there are ${Object.keys(KINDS).join(', ')}`);
  return { mutant: await make(random), random };
}

async function attempt(
  engine: WatchedEngine,
  trial: Trial,
  count?: FuzzResult,
  fresh = false,
): Promise<Problem | undefined> {
  const { mutant, random } = await makeMutant(trial);
  // no two mutants in one folder: a process may have the files of the last one still open
  const folder = mkdtempSync(join(trial.work, `${trial.index}-`));
  writeFiles(folder, mutant.files);
  try {
    await engine.ready(fresh);
    const outcome = await tryMutant(engine, mutant.target(folder), random);
    if (count) count.opened += outcome === 'opened' ? 1 : 0;
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  } finally {
    if (count) count.mutants++;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A busy machine can make an answer late, and many mutants a process large: tried again by itself it has to be so again. */
async function confirm(engine: WatchedEngine, trial: Trial, problem: Problem): Promise<Problem | undefined> {
  const again = await attempt(engine, trial, undefined, true);
  if (again || problem.kind === 'hung') return again;
  problem.message += ' (only after other mutants in the same process)';
  return problem;
}

const describe = ({ method, kind, message }: Problem): string => `${method}: ${kind}: ${message}`;

/** Without what differs from mutant to mutant. */
const signatureOf = ({ method, kind, message }: Problem): string => {
  const [first = '', ...rest] = message.split('\n');
  const place = rest.find((line) => /^\s+at /.test(line))?.replace(/\(.*/, '') ?? '';
  const general = first.replace(/\S*[/\\]\S*/g, '').replace(/"[^"]*"|'[^']*'|\d+/g, '#');
  return `${kind === 'internal error' ? '' : method} ${kind} ${general.slice(0, 80)} ${place.trim()}`;
};

async function keep(result: FuzzResult, trial: Trial, problem: Problem): Promise<void> {
  const signature = signatureOf(problem);
  if (result.findings.some((each) => each.signature === signature)) {
    result.more++;
    return;
  }
  const { kind, seed, index } = trial;
  const { mutant } = await makeMutant(trial);
  const folder = join(tmpdir(), 'circuitscope-fuzz', `${kind}-${seed}-${index}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFiles(join(folder, 'mutant'), mutant.files);
  const command = `npm run fuzz -- --kind ${kind} --seed ${seed} --only ${index}`;
  const { mutations } = mutant;
  const finding = { kind, seed, index, mutations, problem: describe(problem), signature, folder, command };
  writeFileSync(join(folder, 'finding.json'), JSON.stringify(finding, null, 2));
  result.findings.push(finding);
}

export const showFinding = ({ kind, index, problem, mutations, folder, command }: Finding): string =>
  [
    `${kind}, mutant ${index}: ${problem}`,
    ...mutations.map((each) => `  ${each}`),
    `  files: ${folder}`,
    `  again: ${command}`,
  ].join('\n');
