// `npm run bench`: builds and runs the measurements in test/bench, one process each.
import { readdirSync, existsSync } from 'node:fs';
import path from 'node:path';
import { main, root, run, say, SetupError } from './common.mjs';
import { ensureBuild, ensureDependencies } from './setup.mjs';

await main(async () => {
  ensureDependencies();
  ensureBuild('--tests');
  const folder = path.join(root, 'out', 'bench');
  const benches = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.bench.js')) : [];
  if (benches.length === 0) say('there are no measurements in test/bench yet.');
  for (const name of benches.sort())
    if (
      !run(process.execPath, ['--expose-gc', path.join(folder, name), ...process.argv.slice(2)], { stdio: 'inherit' })
        .ok
    )
      throw new SetupError(`the measurement ${name} failed: see its message above.`);
});
