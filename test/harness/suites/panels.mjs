// Every panel by itself in a real browser, with a fake host: no VS Code is needed.
import { ensureChromium } from '../chromium.mjs';
import { exitOnSignals, main } from '../common.mjs';
import { isPanelTest } from '../e2e.mjs';
import { bundledTests, mocha } from '../mocha.mjs';

exitOnSignals();
await main(async () => {
  const files = bundledTests('e2e').filter(isPanelTest);
  process.exitCode = await mocha(files, { timeout: 60_000, env: { CIRCUITSCOPE_CHROME: ensureChromium() }, jobs: 2 });
});
