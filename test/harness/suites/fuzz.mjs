// A minute of hostile files (test/fuzz); `npm run fuzz` goes on for longer.
import { main } from '../common.mjs';
import { bundledTests, mocha } from '../mocha.mjs';

await main(async () => {
  process.exitCode = await mocha(bundledTests('fuzz'), { timeout: 120_000 });
});
