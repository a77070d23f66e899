import { readdirSync } from 'node:fs';
import * as path from 'node:path';
import Mocha from 'mocha';
import ResultReporter from '../support/reporter';

/** Entry point that VS Code calls inside its extension host: runs every bundled *.test.js beside it. */
export async function run(): Promise<void> {
  const mocha = new Mocha({ color: false, timeout: 30_000, reporter: ResultReporter });
  const only = process.env['CIRCUITSCOPE_GREP'];
  if (only) mocha.fgrep(only);
  for (const file of readdirSync(__dirname).sort())
    if (file.endsWith('.test.js')) mocha.addFile(path.join(__dirname, file));
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} tests failed.`);
}
