// The .vsix, installed in a VS Code that has nothing else, does what the extension does.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exitOnSignals, main } from '../common.mjs';
import { runE2E } from '../e2e.mjs';
import { makePackage, thisTarget } from '../package.mjs';
import { installExtension } from '../server.mjs';

exitOnSignals();
await main(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-package-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const target = thisTarget();
  const vsix = await makePackage(target, folder);
  await runE2E('package', (home) => installExtension(home, vsix), { CIRCUITSCOPE_TARGET: target });
});
