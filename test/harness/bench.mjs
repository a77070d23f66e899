// `npm run bench`: builds and runs the measurements in test/bench, one process each; `npm run bench -- NAME` runs one.
import { readdirSync, existsSync } from 'node:fs';
import path from 'node:path';
import { main, root, run, SetupError } from './common.mjs';
import { ensureBuild, ensureDependencies } from './setup.mjs';

await main(async () => {
  ensureDependencies();
  ensureBuild('--tests');
  const folder = path.join(root, 'out', 'bench');
  const all = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.bench.js')) : [];
  const [wanted, ...rest] = process.argv.slice(2);
  const benches = all.filter((name) => wanted === undefined || name === `${wanted}.bench.js`);
  if (benches.length === 0)
    throw new SetupError(
      `there is no measurement ${wanted}; there are: ${all.map((n) => n.split('.')[0]).join(', ')}.`,
    );
  for (const name of benches.sort())
    if (!run(process.execPath, ['--expose-gc', path.join(folder, name), ...rest], { stdio: 'inherit' }).ok)
      throw new SetupError(`the measurement ${name} failed: see its message above.`);
});
