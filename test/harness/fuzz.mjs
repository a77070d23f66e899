// `npm run fuzz`: hostile files for as long as asked, `npm run fuzz -- --minutes 30 --seed 7`.
import path from 'node:path';
import { main, root, run } from './common.mjs';
import { ensureBuild, ensureDependencies } from './setup.mjs';

await main(async () => {
  ensureDependencies();
  ensureBuild('--tests');
  const script = path.join(root, 'out', 'fuzz', 'main.js');
  if (!run(process.execPath, [script, ...process.argv.slice(2)], { stdio: 'inherit' }).ok) process.exitCode = 1;
});
