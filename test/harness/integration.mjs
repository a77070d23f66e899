// Runs out/integration inside a real extension host: code-server and a headless browser, or a desktop VS Code.
import { existsSync, readFileSync } from 'node:fs';
import { format } from 'node:util';
import path from 'node:path';
import { root, SetupError, until } from './common.mjs';
import { ensureChromium } from './chromium.mjs';
import { privateEnvironment, privateFolder, startServer, testSettings, writeSettings } from './server.mjs';
import { ensureDesktop, vscodeKind } from './vscode.mjs';

const tests = path.join(root, 'out', 'integration', 'index.js');
/** Milliseconds for the tests themselves. */
const LIMIT = 180_000;
/** What mocha prints inside the extension host (test/support/reporter.ts). */
const report = `${process.env.CIRCUITSCOPE_RESULT}.txt`;

/** Runs the suite (or another entry point); its result is in the file CIRCUITSCOPE_RESULT, not in how this ends. */
export const runIntegration = (entry = tests) => (vscodeKind() === 'server' ? inServer(entry) : inDesktop(entry));

const ownEnvironment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('CIRCUITSCOPE_')));

async function inDesktop(entry) {
  const { runTests } = await import('@vscode/test-electron');
  const { home, workspace } = privateFolder();
  const user = writeSettings(home, testSettings);
  try {
    await runTests({
      vscodeExecutablePath: await ensureDesktop(),
      extensionDevelopmentPath: root,
      extensionTestsPath: entry,
      extensionTestsEnv: ownEnvironment(),
      launchArgs: [
        workspace,
        ...['--disable-extensions', '--disable-telemetry', '--disable-gpu'],
        `--user-data-dir=${user}`,
        `--extensions-dir=${path.join(home, 'extensions')}`,
      ],
    });
  } catch (error) {
    // VS Code ends with 1 when tests failed: mocha has said which.
    if (error instanceof SetupError) throw error;
    if (!existsSync(process.env.CIRCUITSCOPE_RESULT))
      throw new SetupError(`VS Code ended before its tests did (${error.message}): see what it says above.`);
    process.exitCode = 1;
  }
}

async function inServer(entry) {
  const executablePath = ensureChromium();
  const { chromium } = await import('playwright-core');
  const { home, workspace } = privateFolder();
  const server = await startServer({
    home,
    settings: testSettings,
    // Without this VS Code ignores the test payload of the address.
    flags: ['--vscode-option', 'enable-smoke-test-driver'],
    env: privateEnvironment(home, { CIRCUITSCOPE_REPORT: report }),
  });
  const browser = await chromium.launch({ executablePath, args: browserArguments });
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, reducedMotion: 'reduce' });
    let over = false;
    // What VS Code itself writes to its consoles is long and matters only where the suite dies.
    const log = [];
    await page.exposeFunction('codeAutomationLog', (type, args) => log.push(`[${type}] ${format(...args)}`));
    await page.exposeFunction('codeAutomationExit', () => (over = true));
    page.on('crash', () => (over = true));
    const remote = (file) => `vscode-remote://127.0.0.1:${server.port}${file}`;
    const payload = [
      ['extensionDevelopmentPath', remote(root)],
      ['extensionTestsPath', remote(entry)],
      ['skipWelcome', 'true'],
    ];
    const query = new URLSearchParams({ folder: workspace, payload: JSON.stringify(payload) });
    await page.goto(`${server.url}/?${query}`);
    const inTime = await until(() => over, LIMIT, 200);
    if (existsSync(report)) console.log(readFileSync(report, 'utf8'));
    if (inTime && existsSync(process.env.CIRCUITSCOPE_RESULT)) return;
    console.error(log.slice(-15).join('\n'));
    throw new SetupError('the extension host did not finish its tests: see the end of its console above.');
  } finally {
    await browser.close();
    await server.stop();
  }
}

/** Chromium in a container, without a sandbox of its own, that reaches this machine only. */
export const browserArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
];
