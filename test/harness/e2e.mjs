// Runs a suite of browser tests (out/SUITE) against a VS Code that has the extension.
import path from 'node:path';
import { ensureChromium } from './chromium.mjs';
import { bundledTests, mocha } from './mocha.mjs';
import { privateFolder, startServer, testSettings } from './server.mjs';

/** Tests of one panel by itself, in a page of their own: the suite `panels`. */
export const isPanelTest = (file) => /panel[^/\\]*$/i.test(file);

/**
 * @param {string} suite folder of the bundled tests below out/
 * @param {(home: string) => void} addExtension puts the extension into the private VS Code in `home`
 * @param {Record<string, string>} more environment of the tests
 */
export async function runE2E(suite, addExtension, more = {}) {
  const env = { CIRCUITSCOPE_CHROME: ensureChromium(), ...more };
  const { home, workspace } = privateFolder();
  addExtension(home);
  const server = await startServer({ home, settings: testSettings });
  process.exitCode = await mocha(
    bundledTests(suite).filter((file) => !isPanelTest(file)),
    {
      timeout: 60_000,
      env: {
        ...env,
        CIRCUITSCOPE_URL: server.url,
        CIRCUITSCOPE_WORKSPACE: workspace,
        CIRCUITSCOPE_SETTINGS: path.join(server.user, 'User', 'settings.json'),
        CIRCUITSCOPE_EXTENSIONS: path.join(home, 'extensions'),
      },
    },
  );
  await server.stop();
}
