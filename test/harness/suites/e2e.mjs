// A real browser on a real VS Code: one server for the suite, with the extension linked into it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { exitOnSignals, main, root } from '../common.mjs';
import { runE2E } from '../e2e.mjs';
import { linkExtension } from '../server.mjs';

exitOnSignals();
await main(() => {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return runE2E('e2e', (home) => linkExtension(path.join(home, 'extensions'), manifest));
});
