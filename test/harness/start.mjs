// `npm start`: opens VS Code with Circuitscope on the sample workspace. `--port N`, `--no-browser`.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { cachePath, exitOnSignals, main, root, run, say, SetupError } from './common.mjs';
import { which } from './chromium.mjs';
import { environment, linkExtension, startServer } from './server.mjs';
import { ensureBuild, ensureDependencies } from './setup.mjs';
import { ensureDesktop, vscodeKind } from './vscode.mjs';

const workspace = path.join(root, 'samples', 'workspace');
const firstFile = path.join(workspace, 'src', 'total.ts');
/** Stable, because VS Code in a browser keeps its layout by address. */
const PORT = 8137;
const FIRST_SETTINGS = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'telemetry.telemetryLevel': 'off',
  // the sample workspace lies in the clone
  'git.openRepositoryInParentFolders': 'never',
};

/** Opens a window of a desktop VS Code; false when that command fails. */
function openDesktop(code, ...more) {
  say(`opening the sample workspace with ${code}`);
  const flags = ['--new-window', `--extensionDevelopmentPath=${root}`, '--disable-workspace-trust', ...more];
  const args = [...flags, workspace, firstFile];
  // On Windows `code` is a script, which only a shell starts.
  if (process.platform !== 'win32') return run(code, args, { stdio: 'inherit' }).ok;
  const quoted = [code, ...args].map((word) => `"${word}"`);
  return run(quoted.join(' '), [], { stdio: 'inherit', shell: true }).ok;
}

/** Where there is a display and something that opens addresses. */
function openBrowser(url) {
  const opener = which('xdg-open');
  if (!opener || !(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)) return;
  spawn(opener, [url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

/** A code-server in the cache folder, whose settings and state stay from one start to the next. */
async function serve(port, withBrowser) {
  // One folder per clone: it links to this one.
  const home = cachePath('start', createHash('sha256').update(root).digest('hex').slice(0, 12));
  mkdirSync(home, { recursive: true });
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  linkExtension(path.join(home, 'extensions'), manifest);
  const settings = path.join(home, 'user', 'User', 'settings.json');
  if (!existsSync(settings)) {
    mkdirSync(path.dirname(settings), { recursive: true });
    writeFileSync(settings, JSON.stringify(FIRST_SETTINGS, null, 2));
  }
  const server = await startServer({ home, port, env: environment() });
  const authority = `127.0.0.1:${server.port}`;
  const payload = JSON.stringify([['openFile', `vscode-remote://${authority}${firstFile}`]]);
  const url = `${server.url}/?folder=${workspace.split('/').map(encodeURIComponent).join('/')}&payload=${encodeURIComponent(payload)}`;
  console.log(`Circuitscope runs in VS Code at ${url}  (Ctrl+C stops it)`);
  if (withBrowser) openBrowser(url);
  await new Promise((resolve) => server.child.on('exit', resolve));
  throw new SetupError('VS Code ended by itself; run `npm start` again.');
}

exitOnSignals();
await main(async () => {
  const { values } = parseArgs({ options: { port: { type: 'string' }, 'no-browser': { type: 'boolean' } } });
  const port = Number(values.port ?? PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new SetupError(`--port ${values.port} is not a port: give a number from 0 (any free one) to 65535.`);
  ensureDependencies();
  ensureBuild();
  const code = which('code');
  if (code && process.env.CIRCUITSCOPE_VSCODE !== 'server') {
    if (openDesktop(code)) return;
    say('that did not work');
  }
  if (vscodeKind() === 'server') await serve(port, !values['no-browser']);
  else if (!openDesktop(await ensureDesktop(), `--user-data-dir=${cachePath('start', 'desktop')}`))
    throw new SetupError('VS Code could not be opened: see its message above.');
});
