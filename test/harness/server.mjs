// Starts and stops a code-server with its own folders, port and process group.
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { killTree, root, run, SetupError, until } from './common.mjs';
import { ensureServer } from './vscode.mjs';

/** Settings under which tests run: nothing moves, nothing asks, nothing calls out. */
export const testSettings = {
  'workbench.startupEditor': 'none',
  'workbench.reduceMotion': 'on',
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'window.autoDetectColorScheme': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'git.enabled': false,
  'files.autoSave': 'off',
};

/** The name under which VS Code finds a version of the extension in an extensions folder. */
export function linkExtension(extensionsFolder, manifest) {
  mkdirSync(extensionsFolder, { recursive: true });
  const link = path.join(extensionsFolder, `${manifest.publisher}.${manifest.name}-${manifest.version}`);
  rmSync(link, { recursive: true, force: true });
  symlinkSync(root, link, 'dir');
}

/** A private folder with a copy of samples/ in it, so that tests may write; the workspace is `workspace` in it. */
export function privateFolder() {
  // By its real name: tmpdir() is a link on macOS and a short name on Windows' hosted CI.
  const home = realpathSync.native(mkdtempSync(path.join(tmpdir(), 'circuitscope-')));
  process.on('exit', () => rmSync(home, { recursive: true, force: true }));
  cpSync(path.join(root, 'samples'), path.join(home, 'samples'), { recursive: true });
  return { home, workspace: path.join(home, 'samples', 'workspace') };
}

const isFree = (port) =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.on('error', () => resolve(0));
    probe.listen(port, '127.0.0.1', () => {
      const { port: found } = probe.address();
      probe.close(() => resolve(found));
    });
  });

/** The caller's environment, less what would point a code-server at another VS Code. */
export function environment(extra = {}) {
  const { PORT: _port, PASSWORD: _password, VSCODE_IPC_HOOK_CLI: _cli, ...rest } = process.env;
  return { ...rest, ...extra };
}

/** An environment in which a test's code-server finds nothing of the person's and asks no marketplace. */
export const privateEnvironment = (home, extra = {}) =>
  environment({ EXTENSIONS_GALLERY: '{"serviceUrl":""}', HOME: home, XDG_RUNTIME_DIR: home, ...extra });

const folders = (home) => ({
  config: path.join(home, 'config.yaml'),
  user: path.join(home, 'user'),
  extensions: path.join(home, 'extensions'),
});

/** Writes the settings of a private VS Code and returns its user data folder. */
export function writeSettings(home, settings) {
  const { user } = folders(home);
  mkdirSync(path.join(user, 'User'), { recursive: true });
  writeFileSync(path.join(user, 'User', 'settings.json'), JSON.stringify(settings, null, 2));
  return user;
}

const arguments_ = (home) => {
  const { config, user, extensions } = folders(home);
  return ['--config', config, '--user-data-dir', user, '--extensions-dir', extensions];
};

/** Installs a .vsix into the extensions folder of a private code-server. */
export function installExtension(home, vsix) {
  const { node, entry } = ensureServer();
  writeFileSync(folders(home).config, '');
  const done = run(node, [entry, ...arguments_(home), '--install-extension', vsix], { env: privateEnvironment(home) });
  if (!done.ok) throw new Error(`${vsix} was not installed`);
}

/**
 * Starts code-server on 127.0.0.1 in the folder `home` and waits until it answers. It ends with this process.
 * @param {{ home: string, port?: number, env?: NodeJS.ProcessEnv, settings?: object, flags?: string[] }} options
 */
export async function startServer({ home, port: wanted = 0, env = privateEnvironment(home), settings, flags = [] }) {
  const { node, entry } = ensureServer();
  const { config, user } = folders(home);
  mkdirSync(user, { recursive: true });
  writeFileSync(config, '');
  if (settings) writeSettings(home, settings);
  const port = (await isFree(wanted)) || (await isFree(0));
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    node,
    [
      entry,
      ...['--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, ...arguments_(home)],
      ...['--disable-telemetry', '--disable-update-check', '--disable-workspace-trust', '--disable-proxy'],
      ...['--disable-getting-started-override', '--ignore-last-opened', ...flags],
    ],
    { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (log = (log + data).slice(-100_000)));
  const kill = () => killTree(child, 'SIGKILL');
  process.on('exit', kill);
  const answers = async () => {
    if (child.exitCode !== null) throw new SetupError(`VS Code did not start: ${log.trim().split('\n').pop()}`);
    return fetch(`${url}/healthz`).then(
      (response) => response.ok,
      () => false,
    );
  };
  if (!(await until(answers, 60_000))) throw new SetupError(`VS Code did not answer at ${url} within a minute.`);
  const stop = async () => {
    killTree(child, 'SIGTERM');
    await until(() => child.exitCode !== null || child.signalCode !== null, 5000);
    kill();
    process.off('exit', kill);
  };
  return { url, port, user, child, stop, log: () => log };
}
