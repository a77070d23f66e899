// Dependencies and build, each done only where it is needed.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { npmInstall, root, run, say, SetupError } from './common.mjs';

/** Whether node_modules, by npm's own record in it, is what package-lock.json says. */
function installed() {
  const record = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const packages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
  const present = packages(record);
  return Object.entries(packages(path.join(root, 'package-lock.json'))).every(
    ([place, { version, optional }]) => place === '' || optional || present[place]?.version === version,
  );
}

/** `npm ci` where it is needed. */
export function ensureDependencies() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new SetupError(`Node ${process.versions.node} is too old: install Node 20.19 or newer from nodejs.org.`);
  if (installed()) return;
  say('installing dependencies (npm ci)…');
  npmInstall('the dependencies', ['ci']);
}

/** Bundles the extension (and the tests, with `--tests`) into dist and out. */
export function ensureBuild(...flags) {
  say(`building${flags.length ? ` (${flags.join(' ')})` : ''}…`);
  if (!run(process.execPath, ['esbuild.mjs', ...flags]).ok)
    throw new SetupError('the build failed: mend what esbuild names above and run again.');
}
