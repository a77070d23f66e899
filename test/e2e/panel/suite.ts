/** What the suites of the panel share: one page a test, closed after it, and what they ask of it. */
import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import type { SelectionEvent } from '../../../src/protocol/selection';
import { ramp, type ThemeKind } from '../../../webview/shared/colour';
import { type Harness, startHarness } from './harness';
import { Panel, type PanelOptions } from './page';

/** The second ` add` of the reference's prompt and the `(` after the first one. */
export const ADD = 27;
export const PARENTHESIS = 3;
export const TOKENS = 42;
export const HEAD = { layer: 1, head: 5 };

let harness: Harness;
/** Of the test that runs. */
export let panel: Panel;

export const open = async (options: PanelOptions = {}): Promise<Panel> => (panel = await Panel.open(harness, options));
export const token = (index: number): Locator => panel.page.locator(`[data-token="${index}"]`);
export const events = async (): Promise<SelectionEvent[]> =>
  (await panel.sent()).flatMap(({ method, params }) =>
    method === 'attention/select' ? [(params as { event: SelectionEvent }).event] : [],
  );
/** The reference's `HEAD`, `[dst, src]`. */
export const pattern = (): Promise<number[]> => panel.host((host, { layer, head }) => host.pattern(layer, head), HEAD);

/** Canvas pixels are kept multiplied by their alpha, so faint ones come back with rounded colours. */
export function assertColour(actual: number[], value: number, theme: ThemeKind, where: string): void {
  const expected = ramp(value, theme);
  const flat = (colour: readonly number[]): number[] =>
    [0, 1, 2].map((channel) => ((colour[channel] ?? 0) * (colour[3] ?? 0)) / 255).concat(colour[3] ?? 0);
  const [a, e] = [flat(actual), flat(expected)];
  const off = Math.max(...a.map((channel, i) => Math.abs(channel - e[i]!)));
  assert.ok(off <= 1.5, `${where}: ${actual.join()} is drawn for ${value}, ${expected.join()} is its colour`);
}

/** Hooks of a suite. */
export function usePanel(): void {
  before(async () => {
    harness = await startHarness(process.cwd());
  });
  after(() => harness.close());
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await panel.shot(`failed ${this.currentTest.title.replaceAll(/\W+/g, ' ')}`);
    const { errors } = panel;
    await panel.close();
    assert.deepEqual(errors, [], 'scripts ran without an error and within the content security policy');
  });
}
