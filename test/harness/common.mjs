// What every harness script needs: places, messages, child processes. Node built-ins only: this runs before `npm ci`.
import { spawn, spawnSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

const userCache = {
  darwin: () => path.join(homedir(), 'Library', 'Caches'),
  win32: () => process.env.LOCALAPPDATA ?? path.join(homedir(), 'AppData', 'Local'),
  linux: () => process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'),
};
/** A folder in the user's cache, where what is fetched for running and testing lies by version. */
export const cachePath = (...names) =>
  path.join((userCache[process.platform] ?? userCache.linux)(), 'circuitscope', ...names);

/** Says what is being done. */
export const say = (text) => console.log(`circuitscope: ${text}`);

/** Writes a text under another name first: who reads the file meanwhile has the former one whole. */
export function writeWhole(file, text) {
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
}

/** A set-up step that failed: its message is one sentence that says what to do. */
export class SetupError extends Error {}

/** Prints what went wrong and sets the exit code: a SetupError or a wrong flag in one sentence, else with the stack. */
export function explain(error) {
  const expected = error instanceof SetupError || String(error.code).startsWith('ERR_PARSE_ARGS');
  console.error(expected ? `circuitscope: ${error.message}` : error);
  process.exitCode = 1;
}

/** Runs a script's main function. */
export const main = (body) => Promise.resolve().then(body).catch(explain);

/** Runs a command and waits. Its output is shown only where it failed and `quiet` is not set. */
export function run(command, args, { cwd = root, env = process.env, quiet = false, ...options } = {}) {
  const done = spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  const output = [done.stdout, done.stderr, done.error?.message].filter(Boolean).join('\n');
  if (done.status !== 0 && !quiet && output) console.error(output);
  return { ok: done.status === 0, output };
}

/** The npm that started this script, or the one on the PATH. */
export function npm(args, options = {}) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('npm-cli.js')) return run(process.execPath, [cli, ...args], options);
  return run('npm', args, { ...options, shell: process.platform === 'win32' });
}

const INSTALL_FLAGS = [
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
  '--fetch-retry-mintimeout=1000',
];
/** npm's codes for a registry that it cannot reach. */
const UNREACHABLE =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|E50[234])\b/;

/**
 * `npm ci` or `npm install`, without the packages' install scripts.
 * @throws SetupError when it fails; npm's own words are shown unless it is the network
 */
export function npmInstall(what, args, options = {}) {
  const { ok, output } = npm([...args, ...INSTALL_FLAGS], { ...options, quiet: true });
  if (ok) return;
  const [code] = UNREACHABLE.exec(output) ?? [];
  if (code)
    throw new SetupError(
      `npm could not reach its registry for ${what} (${code}): check the network and npm's registry and proxy settings, and run again.`,
    );
  console.error(output);
  throw new SetupError(`npm could not install ${what}: mend what it names above and run again.`);
}

/** Signals a detached child and all that it started. */
export function killTree(child, signal) {
  try {
    if (process.platform === 'win32') spawnSync('taskkill', ['/pid', String(child.pid), '/T', '/F']);
    else process.kill(-child.pid, signal);
  } catch {
    // It is gone already.
  }
}

/** Starts a command in its own process group, with this terminal's output. */
export const startGroup = (command, args, options = {}) =>
  spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: process.platform !== 'win32',
    ...options,
  });

/** Interrupting this process runs its 'exit' handlers, which end what it started. */
export function exitOnSignals() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
}

/** Waits until `condition()` holds; false when it did not within `ms`. */
export async function until(condition, ms, step = 50) {
  for (const end = Date.now() + ms; Date.now() < end;) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, step));
  }
  return false;
}
