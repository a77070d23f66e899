/** What the suites of the panels with one answer share. */
import assert from 'node:assert/strict';
import type { ReportMethod } from '../../../src/protocol/reportPanel';
import type { SelectionEvent } from '../../../src/protocol/selection';
import { referenceFixture } from './fixture';
import { type Harness, startHarness } from './harness';
import { Panel, type PanelOptions } from './page';
import type { ReportHost } from './reportTypes';

export interface ReportSuite {
  open(options?: PanelOptions): Promise<Panel>;
  /** Runs `work` in the page with the fake host. It may use nothing from around it but `extra`. */
  host<T, E = undefined>(work: (host: ReportHost, extra: E) => T, extra?: E): Promise<T>;
  /** Parameters of every message of that name, oldest first. */
  sent<T>(name: string): Promise<T[]>;
  events(): Promise<SelectionEvent[]>;
}

/** Hooks of a suite: one page a test, closed after it. `drawn`: what is there once the panel is drawn. */
export function useReport(method: ReportMethod, drawn: string): ReportSuite {
  let harness: Harness;
  let panel: Panel;
  before(async () => {
    const fixture = (root: string): unknown => ({ ...referenceFixture(root), method });
    harness = await startHarness(process.cwd(), { panel: method, fakeHost: 'reportFakeHost', fixture });
  });
  after(() => harness.close());
  afterEach(async function () {
    const { errors } = panel;
    if (this.currentTest?.isFailed()) await panel.shot(`failed ${this.currentTest.title.replaceAll(/\W+/g, ' ')}`);
    await panel.close();
    assert.deepEqual(errors, [], 'scripts ran without an error and within the content security policy');
  });
  const suite: ReportSuite = {
    open: async (options = {}) => (panel = await Panel.open(harness, { ...options, drawn: [drawn] })),
    host: (work, extra) => panel.onHost(work, extra),
    sent: async <T>(name: string) =>
      (await suite.host((host) => host.sent)).filter((m) => m.method === name).map(({ params }) => params as T),
    events: async () => (await suite.sent<{ event: SelectionEvent }>('report/select')).map(({ event }) => event),
  };
  return suite;
}
