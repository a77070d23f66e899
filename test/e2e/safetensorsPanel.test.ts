// The page of a .safetensors file alone, in a browser, with a fake host and what the real engine says of a file.
import assert from 'node:assert/strict';
import type { SafetensorsToHost } from '../../src/protocol/safetensorsEditor';
import { violations } from './panel/axe';
import { type Harness, startHarness } from './panel/harness';
import { pack } from './panel/packed';
import { Panel, type PanelOptions } from './panel/page';
import { readSafetensorsData } from './panel/safetensorsData';
import { heatmapKey, type SafetensorsData, type SafetensorsHost } from './panel/safetensorsTypes';
import { eventually } from './support/wait';

let data: SafetensorsData;
let harness: Harness;
let panel: Panel;

const open = async (options: PanelOptions = {}): Promise<void> => {
  panel = await Panel.open(harness, { width: 1100, height: 900, drawn: ['[role=treegrid]'], ...options });
};
const host = <T, E = undefined>(work: (host: SafetensorsHost, extra: E) => T, extra?: E): Promise<T> =>
  panel.onHost(work, extra);
const sent = async <K extends keyof SafetensorsToHost>(name: K): Promise<SafetensorsToHost[K][]> =>
  (await host(({ sent: all }) => all))
    .filter(({ method }) => method === name)
    .map((m) => m.params as SafetensorsToHost[K]);
/** The first cells of the rows that are in the page. */
const names = (): Promise<string[]> => panel.page.locator('.list-space .name').allInnerTexts();
const trimmed = async (): Promise<string[]> => (await names()).map((name) => name.trim());
const row = (name: string): ReturnType<Panel['page']['locator']> =>
  panel.page.locator(`.list-space .row:has([title="${name}"])`);
const search = (text: string): Promise<void> => panel.page.getByLabel('Filter by name').fill(text);
const choose = async (name: string): Promise<void> => {
  await row(name).click();
  await panel.page.locator(`[data-tensor="${name}"] canvas[data-grid-rows]`).waitFor();
  await panel.settle();
};
const fact = (name: string): Promise<string> =>
  panel.page
    .locator('.facts div', { has: panel.page.getByText(name, { exact: true }) })
    .locator('dd')
    .innerText();
/** Waits until it is so. */
const soon = (what: string, ask: () => Promise<boolean>): Promise<true> =>
  eventually(what, async () => (await ask()) || undefined);
/** Colour of a cell of the grid on the picture. */
const cell = async (rowAt: number, column: number): Promise<number[]> => {
  const { gridRows, gridColumns } = await panel.data('.heat-box canvas');
  const box = (await panel.page.locator('.heat-box canvas').boundingBox())!;
  const at = (index: number, count: string | undefined, size: number): number => ((index + 0.5) * size) / Number(count);
  return panel.pixel('.heat-box canvas', at(column, gridColumns, box.width), at(rowAt, gridRows, box.height));
};

describe('page of a .safetensors file', function () {
  before(async () => {
    data = await readSafetensorsData();
    harness = await startHarness(process.cwd(), {
      panel: 'safetensors',
      fakeHost: 'safetensorsFakeHost',
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

  it('lists the tensors by block, with the file in numbers', async () => {
    await open();
    const list = await trimmed();
    assert.deepEqual(list.slice(0, 5), ['wte.weight', 'h.0', 'attn.weight', 'ln.bias', 'experts']);
    const values = data.file.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
    const what = await panel.page.locator('.what').innerText();
    assert.ok(what.includes('40 tensors') && what.includes(`${values.toLocaleString('en-US')} values`), what);
    assert.equal(await panel.page.locator('.metadata').innerText(), 'format\tpt\nnote\twritten by <b>a test</b>');
    const cells = await row('h.0.experts').locator('[role=gridcell]').allInnerTexts();
    assert.deepEqual(cells, ['experts', 'F16', '4 × 24 × 40', '7.7 kB']);
  });

  it('filters, sorts and flattens', async () => {
    await open();
    await search('ATTN 1');
    await soon('count of what was found', async () => (await panel.page.locator('.found').innerText()) === '3 of 40');
    assert.deepEqual(await trimmed(), ['h.1', 'attn.weight', 'h.10', 'attn.weight', 'h.11', 'attn.weight']);
    await search('');
    await panel.page.getByRole('radio', { name: 'flat' }).click();
    const sortBy = (name: string): Promise<void> =>
      panel.page.getByRole('columnheader', { name }).locator('button').click();
    await sortBy('size');
    assert.deepEqual((await trimmed())[0], 'wte.weight');
    await sortBy('size');
    assert.deepEqual((await trimmed()).slice(0, 2), ['broken', 'position_ids']);
    await sortBy('size');
    assert.deepEqual((await trimmed())[1], 'h.0.attn.weight', 'the order of the file again');
    await sortBy('name');
    assert.deepEqual((await trimmed()).slice(0, 5), ['broken', 'h.0.attn.weight', 'h.0.experts', 'h.0.ln.bias', 'h.1.attn.weight']); // prettier-ignore
  });

  it('shows statistics, histogram and heatmap of a tensor, with the value under the pointer', async () => {
    await open();
    await choose('h.0.attn.weight');
    const { min, histogram } = data.summaries['h.0.attn.weight']!;
    assert.equal(await fact('min'), String(Number(min.toPrecision(6))).replace('-', '−'));
    assert.equal(await fact('zeros'), '0');
    assert.equal(await fact('values'), (64 * 192).toLocaleString('en-US'));
    assert.match((await panel.page.locator('.bars').getAttribute('aria-label'))!, new RegExp(`at most ${Math.max(...histogram.counts)} in a bin`)); // prettier-ignore
    const { values } = data.heatmaps[heatmapKey({ name: 'h.0.attn.weight', index: [], blocks: 'first' })]!;
    const box = (await panel.page.locator('.heat-box canvas').boundingBox())!;
    const point = { x: (5.5 * box.width) / 192, y: (3.5 * box.height) / 64 };
    await panel.page.locator('.heat-box canvas').hover({ position: point });
    const value = String(Number(values[3 * 192 + 5]!.toPrecision(6))).replace('-', '−');
    assert.equal(await panel.page.locator('.heat-readout > .mono').innerText(), '[3, 5]');
    assert.equal(await panel.page.locator('.heat-readout > b').innerText(), value);
    // blue above zero, rose below
    const [high, low] = [values.indexOf(Math.max(...values)), values.indexOf(Math.min(...values))];
    const sizes = values.map(Math.abs).sort();
    const end = sizes[Math.floor(0.99 * (sizes.length - 1))]!;
    const colours = [await cell(Math.floor(high / 192), high % 192), await cell(Math.floor(low / 192), low % 192)];
    const alpha = Math.round((255 * Math.abs(values[low]!)) / end);
    assert.deepEqual(colours[0], [112, 178, 240, 255]);
    assert.ok(
      Math.abs(colours[1]![3]! - alpha) <= 1 && colours[1]![0]! > colours[1]![2]!,
      `${colours[1]!.join()}, ${alpha}`,
    );
  });

  it('goes nearer, and back', async () => {
    await open();
    await choose('h.0.attn.weight');
    await panel.page.locator('.heat-box canvas').click({ position: { x: 1, y: 1 } });
    await panel.page.locator('canvas[data-rows="16"]').waitFor();
    assert.match(await panel.page.locator('.heat-legend').innerText(), /16 × 48 of 64 × 192, from \[0, 0\]/);
    await panel.page.getByRole('button', { name: 'Whole' }).click();
    await panel.page.locator('canvas[data-rows="64"]').waitFor();
  });

  it('is used by keyboard', async () => {
    await open();
    const list = panel.page.getByRole('treegrid');
    await list.focus();
    for (const key of ['ArrowDown', 'ArrowLeft', 'ArrowDown', 'ArrowDown']) await panel.page.keyboard.press(key);
    assert.deepEqual((await trimmed()).slice(0, 5), ['wte.weight', 'h.0', 'h.1', 'attn.weight', 'ln.bias']);
    for (const key of ['ArrowLeft', 'ArrowUp', 'ArrowRight', 'ArrowDown', 'Enter'])
      await panel.page.keyboard.press(key);
    await panel.page.locator('[data-tensor="h.0.attn.weight"] canvas[data-grid-rows]').waitFor();
    const heat = panel.page.getByRole('application', { name: /^Heatmap of 64 by 192/ });
    await heat.focus();
    for (const key of ['ArrowDown', 'PageUp', 'Home', 'ArrowRight']) await panel.page.keyboard.press(key);
    assert.equal(await panel.page.locator('.heat-readout > .mono').innerText(), '[0, 1]');
    await panel.page.keyboard.press('Enter');
    await panel.page.locator('canvas[data-rows="16"]').waitFor();
    await panel.page.keyboard.press('Escape');
    await panel.page.locator('canvas[data-rows="64"]').waitFor();
  });

  it('shows any matrix of a tensor of three dimensions, and a vector as a strip', async () => {
    await open();
    await choose('h.0.experts');
    await panel.page.getByLabel('Index of dimension 0, 0 to 3').fill('2');
    await panel.page.keyboard.press('Enter');
    await soon('question about index 2', async () => (await sent('safetensors/askHeatmap')).at(-1)?.index[0] === 2);
    const key = heatmapKey({ name: 'h.0.experts', index: [2], blocks: 'first' });
    await panel.settle();
    await panel.page.locator('.heat-box canvas').hover({ position: { x: 1, y: 1 } });
    assert.equal(await panel.page.locator('.heat-readout > .mono').innerText(), '[2, 0, 0]');
    const value = data.heatmaps[key]!.values[0]!;
    assert.equal(await panel.page.locator('.heat-readout > b').innerText(), String(Number(value.toPrecision(6))).replace('-', '−')); // prettier-ignore
    await choose('h.0.ln.bias');
    const { gridRows, gridColumns } = await panel.data('.heat-box canvas');
    assert.deepEqual([gridRows, gridColumns], ['1', '64']);
    await panel.shot('safetensors-strip');
  });

  it('shows blocks of a large matrix by their first values or means', async () => {
    await open();
    await choose('wte.weight');
    assert.match(await panel.page.locator('.heat-legend').innerText(), /a cell is 3 × 1 values/);
    await panel.page.getByRole('radio', { name: 'mean' }).click();
    await soon('question about means', async () => (await sent('safetensors/askHeatmap')).at(-1)?.blocks === 'mean');
    await panel.settle();
    await panel.page.locator('.heat-box canvas').hover({ position: { x: 0.4, y: 0.2 } });
    const mean = data.heatmaps[heatmapKey({ name: 'wte.weight', index: [], blocks: 'mean' })]!.values[0]!;
    const said = await panel.page.locator('.heat-readout').innerText();
    assert.ok(said.startsWith(`[0–2, 0] ${String(Number(mean.toPrecision(6))).replace('-', '−')} mean`), said);
  });

  it('draws what is not finite in grey', async () => {
    await open();
    await search('broken');
    await choose('broken');
    assert.deepEqual([await cell(1, 2), await cell(1, 3)], [[128, 128, 128, 255], [128, 128, 128, 255]]); // prettier-ignore
    assert.match(await panel.page.locator('.heat-legend').innerText(), /grey: NaN or infinite/);
    assert.deepEqual([await fact('NaN'), await fact('infinite')], ['1', '1']);
  });

  it('says of which share a sample is, and reads all of it with progress and cancel', async () => {
    await open({ scenario: 'wide' });
    await choose('h.0.attn.weight');
    assert.match(await panel.page.locator('.sampled').innerText(), /12,288 of 4,000,000,000 values \(0\.00031 %\)/);
    await panel.page.getByRole('button', { name: 'All of it' }).click();
    await soon(
      'progress',
      async () => (await panel.page.getByRole('progressbar').getAttribute('aria-valuenow')) === '25',
    );
    assert.equal(await fact('NaN'), '0', 'the sample stays');
    await panel.page.getByRole('button', { name: 'Cancel' }).click();
    await panel.page.getByText('Cancelled.').waitFor();
    assert.deepEqual(await sent('safetensors/cancel'), ['summary']);
    assert.deepEqual((await sent('safetensors/askSummary')).map(({ all }) => all), [false, true]); // prettier-ignore
  });

  it('says what is not known of a dtype', async () => {
    await open();
    await search('packed');
    await row('packed').click();
    const alert = await panel.page.getByRole('alert').innerText();
    assert.match(alert, /the values of tensor packed are not known: its dtype is F4/);
    assert.equal(await fact('dtype'), 'F4');
    assert.equal(await panel.page.getByText('Heatmap').count(), 0);
  });

  it('copies, opens other files and the checkpoint', async () => {
    await open();
    await choose('h.0.ln.bias');
    for (const item of ['Copy name', 'Copy as Python']) {
      await panel.page.getByRole('button', { name: 'Copy' }).click();
      await panel.page.getByRole('menuitem', { name: item }).click();
    }
    const [name, python] = await sent('safetensors/copy');
    assert.equal(name, 'h.0.ln.bias');
    assert.ok(python!.includes('with safe_open("/models/small/model-00001-of-00002.safetensors", framework="pt")'));
    await panel.page.getByRole('button', { name: 'model-00002-of-00002.safetensors' }).click();
    await panel.page.getByText('Open as Checkpoint').click();
    assert.deepEqual(await sent('safetensors/openShard'), ['model-00002-of-00002.safetensors']);
    assert.equal((await sent('safetensors/openCheckpoint')).length, 1);
  });

  it('follows the file', async () => {
    await open();
    await search('broken');
    await choose('broken');
    await host((h) => h.shorten());
    await panel.page.locator('[data-version="2"]').waitFor();
    assert.equal((await sent('safetensors/askSummary')).length, 2, 'its values may be others');
    assert.ok((await panel.page.locator('.what').innerText()).includes('39 tensors'));
  });

  it('keeps only what can be seen of ten thousand tensors in the page', async () => {
    await open({ scenario: 'long' });
    assert.equal((await trimmed())[0], 'model.layers.0');
    await panel.page.getByRole('treegrid').focus();
    await panel.page.keyboard.press('End');
    await soon('last group', async () => (await trimmed()).at(-1) === 'model.layers.399');
    await panel.page.keyboard.press('ArrowRight');
    await panel.page.keyboard.press('End');
    await soon('last tensor', async () => (await trimmed()).at(-1) === 'mlp.experts.24.down_proj.weight');
    assert.ok((await names()).length < 80);
    await panel.shot('safetensors-long');
  });

  it('says what is wrong with a damaged file, and shows an empty one', async () => {
    await open({ scenario: 'hostile', drawn: ['[data-state=error]'] });
    assert.match(await panel.page.getByRole('alert').innerText(), /is truncated: its header is 1024 bytes long/);
    await panel.shot('safetensors-damaged');
    await panel.close();
    await open({ scenario: 'zero', drawn: ['[data-state=ready]'] });
    await panel.page.getByText('The file has no tensors.').waitFor();
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`is looked at: ${theme}`, async () => {
      await open({ theme });
      await choose('h.0.attn.weight');
      await panel.page.locator('.heat-box canvas').hover({ position: { x: 100, y: 60 } });
      await panel.shot(`safetensors-${theme}`);
      assert.deepEqual(await violations(panel.page), [], 'axe-core finds nothing');
    });
  }

  it('fits 400 pixels', async () => {
    await open({ width: 400 });
    await choose('h.0.attn.weight');
    const wide = await panel.page.evaluate('document.querySelector(".panel").scrollWidth');
    assert.ok(Number(wide) <= 400, `${String(wide)} px`);
    await panel.shot('safetensors-400');
  });
});
