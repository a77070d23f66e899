// `npm run bench`: builds and runs all measurements, one process each, and writes test/bench/results.json and the tables in
// docs/performance.md; `npm run bench -- NAME` runs one and writes nothing.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exitOnSignals, main, root, run, say, SetupError } from './common.mjs';
import { record, sizesIn, writeResults } from './benchReport.mjs';
import { ensureBuild, ensureDependencies } from './setup.mjs';

/** In this order: the machine's own figures first; the package last, as it builds again. */
const NAMES = [
  'machine',
  'attention',
  'engine',
  'encode',
  'sweep',
  'train',
  'redraw',
  'growth',
  'composition',
  'package',
  'host',
];
const SPECIAL = { package: measurePackage, host: measureHost };

const scratch = mkdtempSync(path.join(tmpdir(), 'circuitscope-bench-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const records = path.join(scratch, 'records.jsonl');
Object.assign(process.env, { CIRCUITSCOPE_BENCH_MODELS: scratch, CIRCUITSCOPE_BENCH_RECORDS: records });

/** A Chromium, for what needs one; what does says so itself where there is none. */
async function findChromium() {
  const { ensureChromium } = await import('./chromium.mjs');
  try {
    process.env.CIRCUITSCOPE_CHROME = ensureChromium();
  } catch (error) {
    say(error.message);
  }
}

async function measureFile(name, args) {
  if (name === 'redraw') await findChromium();
  const file = path.join(root, 'out', 'bench', `${name}.bench.js`);
  return run(process.execPath, ['--expose-gc', file, ...args], { stdio: 'inherit' }).ok;
}

/** Size of the package, and what is in it. */
async function measurePackage() {
  const { makePackage, thisTarget } = await import('./package.mjs');
  const target = thisTarget();
  const vsix = await makePackage(target, scratch);
  const parts = sizesIn(readFileSync(vsix)).map(({ name, packed, size }) => `${name} ${packed} MB (${size} unpacked)`);
  const value = statSync(vsix).size / 1e6;
  record(records, { kind: 'measure', name: `size of the .vsix, ${target}`, value, unit: 'MB', note: parts.join('; ') });
  console.log(`  ${parts.join('\n  ')}`);
  return true;
}

/** Activation and lag in a real extension host, of the code as it is packed. */
async function measureHost() {
  ensureBuild('--production');
  const result = path.join(scratch, 'host.json');
  process.env.CIRCUITSCOPE_RESULT = result;
  const { runIntegration } = await import('./integration.mjs');
  const before = existsSync(records) ? statSync(records).size : 0;
  await runIntegration(path.join(root, 'out', 'bench', 'extensionHost.js'));
  for (const line of readFileSync(records).subarray(before).toString('utf8').split('\n').filter(Boolean)) {
    const { name, value, unit, goal, met, skipped, note = '' } = JSON.parse(line);
    console.log(
      `  ${name}: ${skipped ?? `${value?.toFixed(1)} ${unit}`}${goal ? ` (goal: ${goal}${met ? '' : ', MISSED'})` : ''} ${note}`,
    );
  }
  return true;
}

async function measure(name, args) {
  const start = Date.now();
  say(`measuring ${name}`);
  try {
    if (!(await (SPECIAL[name] ?? measureFile)(name, args))) return false;
  } catch (error) {
    console.error(error instanceof SetupError ? `circuitscope: ${error.message}` : error);
    record(records, { kind: 'measure', name, skipped: error.message });
    return false;
  }
  say(`${name} took ${((Date.now() - start) / 1000).toFixed(0)} s`);
  return true;
}

exitOnSignals();
await main(async () => {
  const [wanted, ...rest] = process.argv.slice(2);
  if (wanted !== undefined && !NAMES.includes(wanted))
    throw new SetupError(`there is no measurement ${wanted}; there are: ${NAMES.join(', ')}.`);
  ensureDependencies();
  ensureBuild('--tests');
  const failed = [];
  for (const name of wanted ? [wanted] : NAMES) if (!(await measure(name, rest))) failed.push(name);
  if (wanted === undefined) await writeResults(readFileSync(records, 'utf8'));
  if (failed.length > 0) throw new SetupError(`of the measurement ${failed.join(', ')} something failed: see above.`);
});
