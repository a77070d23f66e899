/** What the tests of the latents panel share. */
import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import type { Encoding } from '../../../src/protocol/latents/encoding';
import type { SelectionEvent } from '../../../src/protocol/selection';
import { type Harness, startHarness } from './harness';
import { encodingOf } from './latentsEncoding';
import { latentsFixture } from './latentsFixture';
import type { LatentsHost, LatentsMessage } from './latentsTypes';
import { Panel, type PanelOptions } from './page';

let harness: Harness;
/** Of the test that runs. */
export let panel: Panel;
export const fixture = latentsFixture(process.cwd());
export const encoding: Encoding = encodingOf(fixture);
/** The second ` add` of the prompt. */
export const ADD = 27;
export const MAP = '[data-picture="latent"]';

export async function open(options: PanelOptions = {}): Promise<Panel> {
  const drawn =
    options.scenario === 'zero' ? ['.full'] : ['.picture-canvas[data-x0]', '.latent-row[aria-posinset="1"]'];
  panel = await Panel.open(harness, { width: 728, height: 826, drawn, ...options });
  return panel;
}

/** Runs `work` in the page with the fake host. It may use nothing from around it but `extra`. */
export const host = <T, E = undefined>(work: (host: LatentsHost, extra: E) => T, extra?: E): Promise<T> =>
  panel.onHost(work, extra);

export const sent = async <T>(name: string): Promise<T[]> =>
  (await host(({ sent: all }): LatentsMessage[] => all))
    .filter(({ method }) => method === (name as LatentsMessage['method']))
    .map(({ params }) => params as T);
export const events = async (): Promise<SelectionEvent[]> =>
  (await sent<{ event: SelectionEvent }>('latents/select')).map(({ event }) => event);

export const token = (index: number): Locator => panel.page.locator(`[data-token="${index}"]`);
export const row = (latent: number): Locator => panel.page.locator(`.latent-row[data-latent="${latent}"]`);
/** Latents of the rows in the page, from the top. */
export const listed = (): Promise<number[]> =>
  panel.page.evaluate(`[...document.querySelectorAll('.latent-row')].map((row) => Number(row.dataset.latent))`);

/** Lets latent 604 and the second ` add` be locked, as in the drawing. */
export async function lock604(): Promise<void> {
  await host((h, at) => h.select({ ...h.selection, latent: 604, locked: { destination: at } }), ADD);
  await panel.page.locator(`${MAP} canvas[data-latent="604"]`).waitFor();
  await panel.settle();
}

interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A cell of the layer × token map, relative to it. */
export async function cell(layer: number, at: number): Promise<Place> {
  const data = await panel.data(`${MAP} canvas`);
  const [x0, y0, width, height] = ['x0', 'y0', 'width', 'height'].map((key) => Number(data[key])) as [
    number,
    number,
    number,
    number,
  ];
  return { x: x0 + at * width, y: y0 + (encoding.layers.length - 1 - layer) * height, width, height };
}

/** Colour of the middle of a cell. */
export async function cellColour(layer: number, at: number): Promise<number[]> {
  const { x, y, width, height } = await cell(layer, at);
  return panel.pixel(`${MAP} canvas`, x + width / 2, y + height / 2);
}

export async function middle(layer: number, at: number): Promise<{ x: number; y: number }> {
  const { x, y, width, height } = await cell(layer, at);
  return { x: x + width / 2, y: y + height / 2 };
}

/** Activation by the reference. */
export function activation(latent: number, layer: number, at: number): number {
  const { k, nTokens, indices, values } = encoding;
  const from = (layer * nTokens + at) * k;
  for (let i = from; i < from + k; i++) if (indices[i] === latent) return values[i]!;
  return 0;
}

/** Largest activation of a latent on a token. */
export const onToken = (latent: number, at: number): number =>
  Math.max(...encoding.layers.map((layer) => activation(latent, layer, at)));
/** Strongest first. */
export function latentsOn(at: number): number[] {
  const { layers, nTokens, k } = encoding;
  const all = new Set(layers.flatMap((l) => [...encoding.indices.subarray((l * nTokens + at) * k).subarray(0, k)]));
  const found = [...all].filter((latent) => onToken(latent, at) > 0);
  return found.sort((a, b) => onToken(b, at) - onToken(a, at) || a - b);
}
/** Among the active latents. */
export const place = (latent: number): number => encoding.active.latent.indexOf(latent);

/** Hooks of a suite. */
export function useLatents(): void {
  before(async () => {
    const bundle = { panel: 'latents', fakeHost: 'latentsFakeHost', fixture: latentsFixture };
    harness = await startHarness(process.cwd(), bundle);
  });
  after(() => harness.close());
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await panel.shot(`failed ${this.currentTest.title.replaceAll(/\W+/g, ' ')}`);
    const { errors } = panel;
    await panel.close();
    assert.deepEqual(errors, [], 'scripts ran without an error and within the content security policy');
  });
}
