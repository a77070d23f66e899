// A Chromium for the tests: one that is there, else one installed into the cache folder, else the system's package.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { cachePath, root, run, say, SetupError } from './common.mjs';

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'microsoft-edge',
  'microsoft-edge-stable',
  'msedge',
];
const MAC = ['Google Chrome', 'Chromium', 'Microsoft Edge'].map(
  (app) => `/Applications/${app}.app/Contents/MacOS/${app}`,
);
const WINDOWS = [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA]
  .filter(Boolean)
  .flatMap((folder) =>
    ['Google/Chrome/Application/chrome.exe', 'Microsoft/Edge/Application/msedge.exe'].map((exe) =>
      path.join(folder, exe),
    ),
  );
const appPaths = { darwin: MAC, win32: WINDOWS };

/** The file that a command name means, or undefined. */
export function which(name) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : [''];
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter(Boolean)
    .flatMap((folder) => endings.map((ending) => path.join(folder, name + ending)))
    .find((file) => existsSync(file));
}

/** Whether it starts at all: libraries may be missing, and Ubuntu's `chromium-browser` is a note about snap. */
const starts = (file) => process.platform === 'win32' || run(file, ['--version'], { quiet: true }).ok;

const onMachine = () =>
  [...NAMES.map(which), ...(appPaths[process.platform] ?? [])].find((file) => file && existsSync(file) && starts(file));

const canUseApt = () => process.platform === 'linux' && process.getuid?.() === 0 && Boolean(which('apt-get'));

/** Path of a Chromium; CIRCUITSCOPE_CHROME overrides. Needs the dependencies installed. */
export function ensureChromium() {
  const wanted = process.env.CIRCUITSCOPE_CHROME;
  if (wanted && !existsSync(wanted)) throw new SetupError(`CIRCUITSCOPE_CHROME names ${wanted}, which is not there.`);
  return wanted || onMachine() || fromPlaywright() || fromApt() || nothing();
}

function fromPlaywright() {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve('playwright-core/package.json');
  const { version } = require(manifest);
  const home = cachePath(`playwright-${version}`);
  const env = { ...process.env, PLAYWRIGHT_BROWSERS_PATH: home, PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: '15000' };
  const node = (...args) => run(process.execPath, args, { env, quiet: true, timeout: 300_000 });
  const cli = path.join(path.dirname(manifest), 'cli.js');
  // Asked in a process of its own: the library reads the browsers' folder when it is loaded.
  const present = () => {
    const { ok, output } = node('-e', "process.stdout.write(require('playwright-core').chromium.executablePath())");
    return ok && existsSync(output) && starts(output) ? output : undefined;
  };
  const before = present();
  if (before) return before;
  say(`installing a Chromium (playwright-core ${version}) into ${home}…`);
  if (!node(cli, 'install', '--no-shell', 'chromium').ok) return undefined;
  if (canUseApt()) node(cli, 'install-deps', 'chromium');
  return present();
}

function fromApt() {
  if (!canUseApt()) return undefined;
  say('that download cannot be had; installing the system package chromium (apt-get)…');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update'], { env, quiet: true });
  run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { env, quiet: true });
  return onMachine();
}

function nothing() {
  throw new SetupError(
    'no Chromium was found and none could be downloaded: install Chromium, Chrome or Edge, or name one in CIRCUITSCOPE_CHROME, and run again.',
  );
}
