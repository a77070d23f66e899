// The layers panel alone, in a browser, with a fake host and what the real engine says about the samples.
import assert from 'node:assert/strict';
import type { LayersToHost } from '../../src/protocol/layersPanel';
import { initialSelection, type SelectionEvent } from '../../src/protocol/selection';
import { fixed, signed } from '../../webview/shared/numbers';
import { type Harness, startHarness } from './panel/harness';
import type { LayersHost } from './panel/layersTypes';
import { pack } from './panel/packed';
import { keepPicture, Panel, type PanelOptions } from './panel/page';
import { LATENT, readSaeData, type SaeData } from './panel/saeData';
import { eventually } from './support/wait';

let data: SaeData;
let harness: Harness;
let panel: Panel;

const TABLE = '.table[aria-label=Layers]';
const open = async (options: PanelOptions = {}): Promise<void> => {
  const drawn = options.scenario === 'zero' ? ['.full'] : ['canvas[data-bars=fvu]', TABLE];
  panel = await Panel.open(harness, { width: 900, height: 1200, drawn, ...options });
};
const host = <T, E = undefined>(work: (host: LayersHost, extra: E) => T, extra?: E): Promise<T> =>
  panel.onHost(work, extra);
const sent = async <K extends keyof LayersToHost>(name: K): Promise<LayersToHost[K][]> =>
  (await host(({ sent: all }) => all)).filter(({ method }) => method === name).map((m) => m.params as LayersToHost[K]);
const column = async (name: string): Promise<string[]> => {
  const heads = await panel.page.locator(`${TABLE} th`).allInnerTexts();
  const at = heads.findIndex((head) => head.trim() === name);
  assert.ok(at >= 0, `${name} in ${heads.join()}`);
  return panel.page.locator(`${TABLE} tbody td:nth-child(${at + 1})`).allInnerTexts();
};
const small = (value: number): string => fixed(value, Math.abs(value) < 0.1 ? 3 : 2);
const label = (chart: string): Promise<string | null> =>
  panel.page.locator(`[data-chart=${chart}] .bars`).getAttribute('aria-label');
/** Top of the bar of each layer, as a part of the highest: read off the pixels of the chart. */
const heights = (chart: string, bars: number): Promise<number[]> =>
  panel.page.evaluate(`(() => {
    const canvas = document.querySelector('canvas[data-bars=${chart}]');
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    const probe = document.createElement('span');
    probe.style.color = 'var(--bar)';
    document.body.append(probe);
    const one = document.createElement('canvas').getContext('2d');
    one.fillStyle = getComputedStyle(probe).color;
    one.fillRect(0, 0, 1, 1);
    const bar = one.getImageData(0, 0, 1, 1).data;
    probe.remove();
    const is = (x, y) => [0, 1, 2].every((c) => Math.abs(data[(y * width + x) * 4 + c] - bar[c]) <= 1);
    return Array.from({ length: ${bars} }, (_, i) => {
      const x = Math.floor(((i + 0.5) / ${bars}) * width);
      let count = 0;
      for (let y = 0; y < height; y++) if (is(x, y)) count++;
      return count;
    });
  })()`);

describe('layers panel', function () {
  before(async () => {
    data = await readSaeData(process.cwd());
    harness = await startHarness(process.cwd(), {
      panel: 'layers',
      fakeHost: 'layersFakeHost',
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

  it('shows what the reference says of every layer', async () => {
    await open();
    const { perLayer, adjacent } = data.encoding;
    assert.deepEqual(
      await column('fvu'),
      ['0.063', '0.077', '0.10', '0.14', '0.17', '0.22'],
      'float64 reference, rounded',
    );
    assert.deepEqual(await column('l0'), Array<string>(6).fill('16.0'));
    assert.deepEqual(
      await column('mse'),
      perLayer.map(({ mse }) => small(mse)),
    );
    assert.deepEqual(
      await column('l1'),
      perLayer.map(({ l1 }) => fixed(l1, 1)),
    );
    assert.deepEqual(await column('similarity'), [...Array.from(adjacent.plain, (v) => fixed(v)), '–']);
    assert.deepEqual(await column('centred'), [...Array.from(adjacent.centred, (v) => fixed(v)), '–']);
    assert.deepEqual(await column('lossDelta'), Array<string>(6).fill('–'), 'not measured yet');
    assert.equal(await label('fvu'), 'FVU by layer: L0 0.063, L1 0.077, L2 0.10, L3 0.14, L4 0.17, L5 0.22');
  });

  it('draws bars as high as their values', async () => {
    await open();
    const drawn = await heights('fvu', 6);
    const fvu = data.encoding.perLayer.map((layer) => layer.fvu);
    drawn.forEach((height, layer) => {
      const expected = fvu[layer]! / fvu[5]!;
      assert.ok(
        Math.abs(height / drawn[5]! - expected) < 0.03,
        `layer ${layer}: ${height} of ${drawn[5]}, ${expected}`,
      );
    });
  });

  it('measures the loss when it is asked to, with progress and cancel', async () => {
    await open();
    await panel.page.getByText('Measure Loss').click();
    await panel.page.locator('[data-splice=busy]').waitFor();
    assert.equal((await sent('layers/runSplice')).length, 1);
    assert.equal(await panel.page.getByRole('progressbar').getAttribute('aria-valuenow'), '50');
    await panel.page.getByText('Cancel').click();
    await panel.page.locator('[data-splice=none]').waitFor();
    assert.deepEqual(await sent('layers/command'), ['cancel']);
    await panel.page.getByText('Measure Loss').click();
    await panel.page.locator('[data-splice=busy]').waitFor();
    await host((h) => h.spliced());
    await panel.page.locator('[data-chart=kl]').waitFor();
    const { layers } = data.splice;
    assert.deepEqual(
      await column('lossDelta'),
      layers.map(({ lossDelta }) => signed(lossDelta, 3)),
    );
    assert.deepEqual(
      await column('kl'),
      layers.map(({ kl }) => fixed(kl, 3)),
    );
    assert.deepEqual(
      await column('changed'),
      layers.map(({ changed }) => small(changed)),
    );
    const kl = await heights('kl', 6);
    const most = Math.max(...layers.map((layer) => layer.kl));
    kl.forEach((height, i) =>
      assert.ok(Math.abs(height / Math.max(...kl) - layers[i]!.kl / most) < 0.03, `${kl.join()} for layer ${i}`),
    );
    await panel.shot('layers-measured');
  });

  it('says why the loss could not be measured, and tries again', async () => {
    await open();
    await host((h) => h.send('layers/splice', { kind: 'error', message: 'The engine ran out of memory.' }));
    await panel.page.getByRole('alert').getByText('ran out of memory').waitFor();
    await panel.page.getByText('Try Again').click();
    assert.equal((await sent('layers/runSplice')).length, 1);
  });

  it('sorts, copies and exports the table', async () => {
    await open();
    const header = panel.page.locator(`${TABLE} th button`, { hasText: 'fvu' });
    await header.click();
    assert.deepEqual(await column('layer'), ['L5', 'L4', 'L3', 'L2', 'L1', 'L0'], 'largest first');
    const exportAs = async (item: string): Promise<void> => {
      await panel.page.getByRole('button', { name: 'Export' }).click();
      await panel.page.getByRole('menuitem', { name: item }).click();
    };
    for (const item of ['Copy table', 'Table (CSV)', 'Table (JSON)', 'Picture (PNG)']) await exportAs(item);
    const [copied] = await sent('layers/copy');
    assert.equal(copied!.split('\n').length, 7);
    const files = await eventually('three files', async () => {
      const all = await sent('layers/save');
      return all.length === 3 ? all : undefined;
    });
    const [csv, json, png] = files;
    const fvu = data.encoding.perLayer.map((layer) => layer.fvu);
    assert.equal(csv!.name, 'mlsae-neox-6l-x16-k16-layers');
    assert.equal(Number((csv!.content as string).split('\n')[4]!.split(',')[1]), fvu[3]);
    const rows = JSON.parse(json!.content as string) as { layer: number; fvu: number; lossDelta: null }[];
    assert.deepEqual(
      rows.map((row) => row.fvu),
      fvu,
    );
    assert.equal(rows[0]!.lossDelta, null);
    const bytes = Uint8Array.from(Object.values(png!.content as unknown as Record<string, number>));
    assert.deepEqual([...bytes.slice(0, 4)], [137, 80, 78, 71]);
    keepPicture('layers-export.png', bytes);
  });

  it('shows the histogram of every layer on one scale', async () => {
    await open();
    const { perLayer } = data.encoding;
    const totals = perLayer.map(({ histogram }) => histogram.reduce((a, b) => a + b, 0));
    assert.deepEqual(totals, Array<number>(6).fill(16 * data.encoding.nTokens), 'k latents on every token');
    const highest = (values: ArrayLike<number>): number => Math.max(...Array.from(values));
    const drawn = await Promise.all(perLayer.map(async (_, i) => highest(await heights(`histogram-${i}`, 400))));
    const most = highest(perLayer.flatMap(({ histogram }) => [...histogram]));
    perLayer.forEach(({ histogram }, i) => {
      const expected = highest(histogram) / most;
      assert.ok(Math.abs(drawn[i]! / highest(drawn) - expected) < 0.03, `${drawn.join()}, layer ${i}: ${expected}`);
    });
  });

  it('puts the variance ratios beside the paper’s', async () => {
    await open({ scenario: 'long' });
    const cells = await panel.page.locator('.ratios tbody td').allInnerTexts();
    const { encoding, corpus } = data;
    const both = (name: 'tokenOverLatent' | 'latentOverTotal', plain: boolean): string[] =>
      [encoding, corpus].map(({ varianceRatios: r }) => fixed((plain ? r.plain : r)[name], 3));
    assert.deepEqual(cells, [
      ...[...both('tokenOverLatent', true), 'about 1/100', ...both('latentOverTotal', true), '–'],
      ...[...both('tokenOverLatent', false), '', ...both('latentOverTotal', false), ''],
    ]);
    const link = panel.page.locator('.ratios ~ p, .block h2 a:not(.concept)').first();
    assert.equal(
      await panel.page.locator('.block h2 a:not(.concept)').getAttribute('href'),
      'https://arxiv.org/abs/2409.04185',
    );
    assert.ok(await link.isVisible());
  });

  it('shows the corpus when a sweep is open', async () => {
    await open({ scenario: 'long' });
    await panel.page.getByRole('radio', { name: 'corpus' }).click();
    await panel.page.locator('[data-of=corpus]').waitFor();
    assert.match(await panel.page.locator('.what').innerText(), /corpus · 3 texts · [\d,]+ tokens/);
    assert.equal(await panel.page.locator('canvas[data-bars^=histogram]').count(), 0, 'a sweep keeps none');
    assert.match(await panel.page.locator('.block.none').innerText(), /Dead: [\d,]+ latents/);
    await panel.shot('layers-corpus');
  });

  it('has no corpus to choose without a sweep, and leads to one', async () => {
    await open();
    assert.equal(await panel.page.getByRole('radio', { name: 'corpus' }).getAttribute('aria-disabled'), 'true');
    await panel.page.getByText('Sweep a corpus…').click();
    assert.deepEqual(await sent('layers/command'), ['sweepCorpus']);
  });

  it('chooses the locked latent at the layer of a row, by the keyboard too', async () => {
    await open();
    await panel.page.locator(`${TABLE} tbody tr`).nth(2).click();
    assert.deepEqual(await sent('layers/select'), [], 'nothing is locked');
    await host((h, selection) => h.select(selection), { ...initialSelection(), latent: LATENT });
    await panel.page.locator('tr.choosable').first().focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'Enter']) await panel.page.keyboard.press(key);
    const events = async (): Promise<SelectionEvent[]> => (await sent('layers/select')).map(({ event }) => event);
    assert.deepEqual(await events(), [{ kind: 'chooseLatent', latent: LATENT, layer: 3 }]);
    await panel.settle();
    assert.equal(await panel.page.locator('tr.chosen td').first().innerText(), 'L3');
    await panel.page.keyboard.press('Escape');
    assert.deepEqual((await events()).at(-1), { kind: 'unlock' });
  });

  it('begins with what is still to be done', async () => {
    await open({ scenario: 'zero' });
    await panel.page.getByText('Open SAE…').click();
    assert.deepEqual(await sent('layers/command'), ['openSae']);
    await panel.shot('layers-empty');
  });

  it('fits models of many layers', async () => {
    await open({ scenario: 'wide' });
    assert.equal((await column('layer')).length, 24);
    await panel.shot('layers-deep');
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has its picture taken, ${theme}`, async () => {
      await open({ theme });
      await panel.shot(`layers-${theme}`);
    });
  }

  it('fits 400 pixels', async () => {
    await open({ width: 400 });
    const wide = await panel.page.evaluate<number[]>(
      `[document.querySelector('main').scrollWidth, document.querySelector('main').clientWidth]`,
    );
    assert.ok(wide[0]! <= wide[1]!, `the page scrolls sideways: ${wide.join()}`);
    await panel.shot('layers-400');
  });
});
