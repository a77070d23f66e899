// `node test/e2e/panel/serve.mjs`, after `node esbuild.mjs`: the panel in any browser, without VS Code.
import { build } from 'esbuild';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const outfile = path.join(root, 'out/e2e/panel/harness.js');
await build({
  entryPoints: [path.join(root, 'test/e2e/panel/harness.ts')],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  external: ['esbuild'],
  outfile,
});
const harness = await createRequire(import.meta.url)(outfile).startHarness(root);
for (const scenario of ['reference', 'wide', 'long', 'hostile']) console.log(harness.url('vscode-dark', scenario));
