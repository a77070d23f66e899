// What is packed for each platform, without packing it four times; and this platform's .vsix, installed in a VS Code that has
// nothing else, does what the extension does (where code-server runs).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exitOnSignals, main } from '../common.mjs';
import { runE2E } from '../e2e.mjs';
import { bundledTests, mocha } from '../mocha.mjs';
import { makePackage, packageLists, productionBuild, PUBLISHED, thisTarget } from '../package.mjs';
import { installExtension } from '../server.mjs';
import { vscodeKind } from '../vscode.mjs';

/** Of the installed package: needs the workbench in a browser. */
const INSTALLED = 'vsix.test.js';

exitOnSignals();
await main(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-package-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  productionBuild();
  const lists = path.join(folder, 'lists.json');
  writeFileSync(lists, JSON.stringify(await packageLists(PUBLISHED)));
  const target = thisTarget();
  const env = { CIRCUITSCOPE_TARGET: target, CIRCUITSCOPE_PACKAGE_LISTS: lists };
  const vsix = await makePackage(target, folder);
  if (vscodeKind() === 'server') return runE2E('package', (home) => installExtension(home, vsix), env);
  const files = bundledTests('package').filter((file) => path.basename(file) !== INSTALLED);
  process.exitCode = await mocha(files, { timeout: 60_000, env });
});
