// `npm test`: does all set-up, runs the suites in order, ends with the line "N passed, N failed".
// `npm test -- unit integration` runs the named suites, `--grep TEXT` the tests whose title has the text.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { exitOnSignals, explain, killTree, root, say, SetupError, startGroup } from './common.mjs';
import { ensureBuild, ensureDependencies } from './setup.mjs';
import { vscodeKind } from './vscode.mjs';

/** Suites in the order in which they run, with the seconds after which one counts as hung (installing included). */
const LIMITS = { check: 300, unit: 600, fuzz: 400, integration: 300, panels: 600, e2e: 800, package: 300 };
/** Drives the whole workbench in a browser, which a desktop VS Code is not. */
const IN_BROWSER = 'e2e';

/** Needs one core and no quiet: it runs beside those before it, and what it prints is shown in its turn. */
const BESIDE = 'fuzz';

/** What a suite wrote. A suite that died, hung, or ran nothing counts as one failure. */
function readResult(file) {
  try {
    const result = JSON.parse(readFileSync(file, 'utf8'));
    if (result.finished && result.passed + result.failed + result.skipped > 0) return { ...result, died: false };
  } catch {
    // Nothing was written.
  }
  return { passed: 0, failed: 1, skipped: 0, failures: [], died: true };
}

async function runSuite(name, file, later = false) {
  const started = Date.now();
  const script = path.join(root, 'test', 'harness', 'suites', `${name}.mjs`);
  const env = { ...process.env, CIRCUITSCOPE_RESULT: file };
  const child = startGroup(process.execPath, [script], { env, ...(later && { stdio: ['ignore', 'pipe', 'pipe'] }) });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data));
  // SIGTERM first: the suite then ends the servers and browsers that it started.
  const end = () => killTree(child, 'SIGTERM');
  process.on('exit', end);
  let hung = false;
  const timers = [
    setTimeout(() => ((hung = true), end()), LIMITS[name] * 1000),
    setTimeout(() => killTree(child, 'SIGKILL'), LIMITS[name] * 1000 + 8000),
  ];
  const code = await new Promise((resolve) => child.on('close', resolve));
  timers.forEach(clearTimeout);
  process.off('exit', end);
  const result = readResult(file);
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  if (hung) say(`the suite ${name} hung and was ended after ${seconds} s`);
  else if (result.died) say(`the suite ${name} died (exit code ${code}) or ran no test`);
  // It may have reported success and gone wrong afterwards.
  const failed = hung || code !== 0 ? Math.max(1, result.failed) : result.failed;
  return { name, ...result, failed, seconds, output };
}

async function runAll(names) {
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-results-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const start = (name, later) => runSuite(name, path.join(folder, `${name}.json`), later);
  const beside = names.length > 1 && names.includes(BESIDE) ? start(BESIDE, true) : undefined;
  const results = [];
  for (const name of names) {
    say(`suite ${name}`);
    const result = await (name === BESIDE && beside ? beside : start(name, false));
    process.stdout.write(result.output);
    results.push(result);
  }
  return results;
}

function summary(results) {
  console.log();
  for (const { name, passed, failed, skipped, seconds } of results)
    console.log(
      `${name.padEnd(12)} ${String(passed).padStart(4)} passed ${String(failed).padStart(4)} failed ${String(skipped).padStart(4)} skipped  ${seconds} s`,
    );
  // once more at the end, where a shortened log still has them
  for (const { name, failures } of results) for (const title of failures) console.log(`  ✖ ${name}: ${title}`);
  const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
  if (total('failed') > 0) process.exitCode = 1;
  console.log(`${total('passed')} passed, ${total('failed')} failed`);
}

exitOnSignals();
try {
  const { values, positionals: named } = parseArgs({ allowPositionals: true, options: { grep: { type: 'string' } } });
  if (values.grep) process.env.CIRCUITSCOPE_GREP = values.grep;
  const unknown = named.filter((name) => !(name in LIMITS));
  if (unknown.length > 0)
    throw new SetupError(`there is no suite ${unknown.join(', ')}: name some of ${Object.keys(LIMITS).join(', ')}.`);
  ensureDependencies();
  ensureBuild('--tests');
  const wanted = Object.keys(LIMITS).filter((name) => named.length === 0 || named.includes(name));
  const runnable = wanted.filter((name) => vscodeKind() === 'server' || name !== IN_BROWSER);
  if (runnable.length < wanted.length) say(`${IN_BROWSER} needs code-server (Linux x64) and is left out.`);
  summary(await runAll(runnable));
} catch (error) {
  explain(error);
  console.log('0 passed, 1 failed');
}
