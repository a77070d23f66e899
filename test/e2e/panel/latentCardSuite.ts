/** What the tests of the card of a latent share. */
import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import type { LatentsToHost } from '../../../src/protocol/latentsPanel';
import type { SelectionEvent } from '../../../src/protocol/selection';
import { type Harness, startHarness } from './harness';
import type { LatentCardHost } from './latentCardTypes';
import { pack } from './packed';
import { Panel, type PanelOptions } from './page';
import { readSaeData, type SaeData } from './saeData';

let harness: Harness;
/** Of the test that runs. */
export let panel: Panel;
export let data: SaeData;

/** The second ` add`. */
export const ADD = 27;

export const open = async (options: PanelOptions = {}): Promise<void> => {
  const drawn = ['.latent-card canvas[data-bars=distribution]', options.scenario === 'wide' ? '.card-error' : '.chips'];
  panel = await Panel.open(harness, { width: 728, height: 1500, drawn, ...options });
};
export const host = <T, E = undefined>(work: (host: LatentCardHost, extra: E) => T, extra?: E): Promise<T> =>
  panel.onHost(work, extra);
export const sent = async <K extends keyof LatentsToHost>(name: K): Promise<LatentsToHost[K][]> =>
  (await host(({ sent: all }) => all))
    .filter(({ method }) => method === name)
    .map(({ params }) => params as LatentsToHost[K]);
export const events = async (): Promise<SelectionEvent[]> => (await sent('latents/select')).map(({ event }) => event);
export const card = (selector: string): Locator => panel.page.locator(`.latent-card ${selector}`);
export const words = async (all: Locator): Promise<string[]> =>
  (await all.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim());
/** Width of a bar as a part of its box. */
export const filled = (bar: Locator): Promise<number> =>
  bar.evaluate((box) => {
    const width = (element: unknown): number =>
      (element as { getBoundingClientRect(): { width: number } }).getBoundingClientRect().width;
    return width((box as unknown as { firstElementChild: unknown }).firstElementChild) / width(box);
  });

/** Hooks of a suite. */
export function useLatentCard(): void {
  before(async () => {
    data = await readSaeData(process.cwd());
    harness = await startHarness(process.cwd(), {
      panel: 'latents',
      fakeHost: 'latentCardFakeHost',
      fixture: () => pack(data),
    });
  });
  after(() => harness.close());
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await panel.shot(`failed ${this.currentTest.title.replaceAll(/\W+/g, ' ')}`);
    const { errors } = panel;
    await panel.close();
    assert.deepEqual(errors, [], 'scripts ran without an error and within the content security policy');
  });
}
