import { availableParallelism } from 'node:os';
import { main } from '../common.mjs';
import { bundledTests, mocha } from '../mocha.mjs';

await main(async () => {
  process.exitCode = await mocha(bundledTests('unit'), {
    timeout: 20_000,
    jobs: Math.max(2, availableParallelism() - 1),
  });
});
