import { appendFileSync, writeFileSync } from 'node:fs';
import { format } from 'node:util';
import Mocha from 'mocha';

/** What a suite hands to `npm test`, in the file that CIRCUITSCOPE_RESULT names. Without `finished` the suite died. */
export interface SuiteResult {
  finished: boolean;
  passed: number;
  failed: number;
  skipped: number;
  /** Full titles of what failed. */
  failures: string[];
}

/**
 * Mocha's spec reporter that also writes a {@link SuiteResult}. The file is what counts: a suite whose process or
 * extension host dies may well exit with code 0. In an extension host, whose console is full of VS Code's own lines, the
 * report goes to the file CIRCUITSCOPE_REPORT.
 */
export default class ResultReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    const report = process.env['CIRCUITSCOPE_REPORT'];
    if (report)
      Mocha.reporters.Base.consoleLog = (...args: unknown[]) => appendFileSync(report, `${format(...args)}\n`);
    super(runner, options);
    const titles: string[] = [];
    runner.on(Mocha.Runner.constants.EVENT_TEST_FAIL, (test) => titles.push(test.titlePath().join(' › ')));
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const file = process.env['CIRCUITSCOPE_RESULT'];
      const { passes, failures, pending } = this.stats;
      const result: SuiteResult = {
        finished: true,
        passed: passes,
        failed: failures,
        skipped: pending,
        failures: titles,
      };
      if (file) writeFileSync(file, JSON.stringify(result));
    });
  }
}
