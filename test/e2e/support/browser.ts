import { chromium, type Browser } from 'playwright-core';

let running: Promise<Browser> | undefined;

/**
 * The headless browser of a test file, started when it is first asked for and closed after the last test. Its
 * executable is the one that the harness found, CIRCUITSCOPE_CHROME; it reaches 127.0.0.1 only.
 */
export function browser(): Promise<Browser> {
  running ??= chromium.launch({
    executablePath: process.env['CIRCUITSCOPE_CHROME'],
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
    ],
  });
  return running;
}

after(async () => {
  await (await running)?.close();
});
