// Runs bundled test files with mocha in a process of its own; its reporter writes CIRCUITSCOPE_RESULT.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root, startGroup } from './common.mjs';

const bin = path.join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
const reporter = path.join(root, 'out', 'support', 'reporter.js');

/** The bundled tests of a suite, `out/SUITE/*.test.js`. */
export function bundledTests(suite) {
  const folder = path.join(root, 'out', suite);
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.test.js')) : [];
  return files.sort().map((name) => path.join(folder, name));
}

/** Resolves with mocha's exit code. `jobs`: test files that run at the same time. */
export function mocha(files, { timeout, env = {}, jobs = 1 }) {
  const grep = process.env.CIRCUITSCOPE_GREP;
  const only = grep ? ['--fgrep', grep] : [];
  const parallel = jobs > 1 ? ['--parallel', '--jobs', String(jobs)] : [];
  const args = [bin, '--reporter', reporter, '--timeout', String(timeout), '--exit', ...parallel, ...only, ...files];
  // mocha ends its parallel workers without letting them tidy up
  const temporary = mkdtempSync(path.join(tmpdir(), 'circuitscope-'));
  process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));
  const child = startGroup(process.execPath, args, {
    detached: false,
    env: { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary, ...env },
  });
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
}
