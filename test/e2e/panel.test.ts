// The attention panel alone, in a browser, with a fake host and the reference's real patterns.
import assert from 'node:assert/strict';
import type { SelectionEvent } from '../../src/protocol/selection';
import { ramp, type ThemeKind } from '../../webview/shared/colour';
import { type Harness, startHarness } from './panel/harness';
import { Panel, type PanelOptions } from './panel/page';
import { eventually } from './support/wait';

/** The second ` add` of the reference's prompt and the `(` after the first one. */
const ADD = 27;
const PARENTHESIS = 3;
const TOKENS = 42;
const HEAD = { layer: 1, head: 5 };

let harness: Harness;
let panel: Panel;

const open = async (options: PanelOptions = {}): Promise<Panel> => (panel = await Panel.open(harness, options));
const token = (index: number) => panel.page.locator(`[data-token="${index}"]`);
const events = async (): Promise<SelectionEvent[]> =>
  (await panel.sent()).flatMap(({ method, params }) =>
    method === 'attention/select' ? [(params as { event: SelectionEvent }).event] : [],
  );
const pattern = (): Promise<number[]> => panel.host((host, { layer, head }) => host.pattern(layer, head), HEAD);

/** Canvas pixels are kept multiplied by their alpha, so faint ones come back with rounded colours. */
function assertColour(actual: number[], value: number, theme: ThemeKind, where: string): void {
  const expected = ramp(value, theme);
  const flat = (colour: readonly number[]): number[] =>
    [0, 1, 2].map((channel) => ((colour[channel] ?? 0) * (colour[3] ?? 0)) / 255).concat(colour[3] ?? 0);
  const [a, e] = [flat(actual), flat(expected)];
  const off = Math.max(...a.map((channel, i) => Math.abs(channel - e[i]!)));
  assert.ok(off <= 1.5, `${where}: ${actual.join()} is drawn for ${value}, ${expected.join()} is its colour`);
}

describe('attention panel', () => {
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

  describe('pixels', () => {
    const cells = [
      [0, 0],
      [4, 3],
      [ADD, PARENTHESIS],
      [ADD, 23],
      [ADD, ADD],
      [30, 14],
      [41, 0],
      [41, 41],
    ] as const;
    for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
      it(`are the pattern, ${theme}`, async () => {
        await open({ theme });
        const values = await pattern();
        for (const [destination, source] of cells) {
          const { x, y } = await panel.cellPoint(destination, source);
          const value = values[destination * TOKENS + source]!;
          assertColour(await panel.pixel('.heat-base', x, y), value, theme, `cell ${destination}, ${source}`);
        }
      });
    }

    it('fill whole cells', async () => {
      await open();
      const value = (await pattern())[ADD * TOKENS + PARENTHESIS]!;
      const { cell } = await panel.heat();
      const { x, y } = await panel.cellPoint(ADD, PARENTHESIS);
      assert.equal(cell, Math.round(cell));
      for (const dx of [-cell / 2, cell / 2 - 0.5]) {
        for (const dy of [-cell / 2, cell / 2 - 0.5]) {
          assertColour(await panel.pixel('.heat-base', x + dx, y + dy), value, 'dark', `corner ${dx}, ${dy}`);
        }
      }
    });

    it('follow a change of the theme', async () => {
      await open({ theme: 'dark' });
      await panel.page.evaluate(`document.body.className = 'vscode-light'`);
      await panel.settle();
      const value = (await pattern())[ADD * TOKENS + PARENTHESIS]!;
      const { x, y } = await panel.cellPoint(ADD, PARENTHESIS);
      assertColour(await panel.pixel('.heat-base', x, y), value, 'light', 'after the change');
    });

    it('of the thumbnails are the patterns', async () => {
      await open({ width: 728 });
      const values = await panel.host((host) => host.pattern(0, 4));
      const box = (await panel.page.locator('[data-head="L0H4"]').boundingBox())!;
      const grid = (await panel.page.locator('.grid').boundingBox())!;
      assert.equal(box.width, 2 * TOKENS);
      for (const [destination, source] of [
        [1, 0],
        [20, 19],
        [41, 41],
      ] as const) {
        const at = [box.x - grid.x + 2 * source + 1, box.y - grid.y + 2 * destination + 1] as const;
        const value = Math.round(values[destination * TOKENS + source]! * 255) / 255;
        assertColour(await panel.pixel('.grid-canvas', ...at), value, 'dark', `L0H4 ${destination}, ${source}`);
      }
    });
  });

  describe('pointer', () => {
    it('names destination, source and weight of a cell', async () => {
      await open();
      await panel.hoverCell(ADD, PARENTHESIS);
      assert.equal(await panel.page.locator('.tip').innerText(), '·add → (0.89');
      assert.deepEqual((await events()).at(-1), { kind: 'hoverCell', destination: ADD, source: PARENTHESIS });
      assert.match((await token(ADD).getAttribute('class')) ?? '', /hover/);
      await eventually('spoken crosshair', async () =>
        (await panel.page.locator('[data-live]').innerText()) === 'add attends to ( 0.89' ? true : undefined,
      );
    });

    it('finds nothing above the diagonal', async () => {
      await open();
      await panel.hoverCell(ADD, PARENTHESIS);
      await panel.hoverCell(3, 10);
      assert.deepEqual((await events()).at(-1), { kind: 'leave' });
      assert.equal(await panel.page.locator('.tip').count(), 0);
    });

    it('locks a token and a cell by a click, Escape unlocks', async () => {
      await open();
      await token(ADD).click();
      assert.deepEqual((await events()).at(-1), { kind: 'lockToken', token: ADD });
      assert.match((await token(ADD).getAttribute('class')) ?? '', /locked/);
      assert.match((await token(2).getAttribute('class')) ?? '', /same/);
      assert.match((await token(PARENTHESIS).getAttribute('class')) ?? '', /tinted/);
      await panel.clickCell(4, 3);
      assert.deepEqual((await events()).at(-1), { kind: 'lockCell', destination: 4, source: 3 });
      assert.match((await token(4).getAttribute('class')) ?? '', /locked/);
      await panel.page.keyboard.press('Escape');
      assert.deepEqual((await events()).at(-1), { kind: 'unlock' });
      assert.equal(await panel.page.locator('.token.locked').count(), 0);
    });

    it('previews a head and chooses it', async () => {
      await open();
      await panel.page.locator('[data-head="L0H4"]').hover();
      await panel.page.locator('.heat-base[data-name="L0H4"]').waitFor();
      await panel.page.mouse.move(300, 700);
      await panel.page.locator('.heat-base[data-name="L1H5"]').waitFor();
      await panel.page.locator('[data-head="L0H4"]').click();
      await panel.page.locator('[data-head="L0H4"].chosen').waitFor();
      assert.deepEqual((await events()).at(-1), { kind: 'chooseHead', head: { layer: 0, head: 4 } });
    });

    it('over the surprisal is over the token', async () => {
      await open();
      const box = (await panel.page.locator('.surprisal-chart').boundingBox())!;
      await panel.page.mouse.move(box.x + (box.width * (ADD + 0.5)) / TOKENS, box.y + 10);
      assert.deepEqual((await events()).at(-1), { kind: 'hoverToken', token: ADD });
      assert.match(await panel.page.locator('.surprisal-value').innerText(), /9\.37 bits/);
    });

    it('is not set back by late echoes of its own older events', async () => {
      await open();
      await panel.host((host) => void (host.delay = 150));
      for (const index of [5, 9, 12]) await token(index).hover();
      for (let i = 0; i < 15; i++) {
        assert.deepEqual(await panel.page.locator('.token.hover').evaluateAll((all) => all.map((e) => e.id)), [
          'token-12',
        ]);
        await panel.page.waitForTimeout(20);
      }
    });
  });

  it('follows a selection that the editor made', async () => {
    await open();
    await panel.host((host, locked) => host.select({ ...host.selection, locked }), { destination: ADD });
    await panel.page.locator(`[data-token="${ADD}"].locked`).waitFor();
    const rows = panel.page.locator('.card section').first().locator('.bar-row');
    assert.equal(await rows.first().innerText(), '(\n3\n0.89');
  });

  describe('keyboard alone', () => {
    const press = async (...keys: string[]): Promise<void> => {
      for (const key of keys) await panel.page.keyboard.press(key);
    };

    it('goes through strip, grid and heatmap by Tab', async () => {
      await open();
      const stops: string[] = [];
      for (let i = 0; i < 12; i++) {
        await press('Tab');
        stops.push(await panel.focused());
      }
      const order = ['strip', 'grid', 'heat-overlay'].map((name) => stops.indexOf(name));
      assert.ok(
        order.every((at, i) => at >= 0 && at > (order[i - 1] ?? -1)),
        `the stops are ${stops.join(', ')}`,
      );
      for (const name of ['strip', 'grid', 'heat-overlay']) assert.equal(stops.filter((s) => s === name).length, 1);
    });

    it('moves and locks a token', async () => {
      await open();
      await panel.page.locator('.strip').focus();
      await press('ArrowRight', 'ArrowRight', 'ArrowLeft', 'ArrowRight', 'Enter');
      assert.deepEqual((await events()).at(-1), { kind: 'lockToken', token: 2 });
      await press('ArrowDown');
      const last = (await events()).at(-1);
      assert.ok(last?.kind === 'hoverToken' && last.token > 22, 'the line below is another token');
      await press('Escape');
      assert.equal(await panel.page.locator('.token.locked').count(), 0);
    });

    it('chooses a head', async () => {
      await open();
      await panel.page.locator('.grid').focus();
      await press('ArrowLeft', 'ArrowUp', 'Enter');
      assert.deepEqual((await events()).at(-1), { kind: 'chooseHead', head: { layer: 0, head: 4 } });
      await panel.page.locator('.heat-base[data-name="L0H4"]').waitFor();
      assert.equal(await panel.page.locator('.grid').getAttribute('aria-activedescendant'), 'head-L0H4');
    });

    it('moves the cell below the diagonal only, locks it and says it', async () => {
      await open();
      await panel.page.locator('.heat-overlay').focus();
      await press('ArrowUp', 'PageUp', 'ArrowRight');
      assert.deepEqual((await events()).at(-1), { kind: 'hoverCell', destination: 0, source: 0 });
      await press('ArrowDown', 'End', 'Enter');
      assert.deepEqual((await events()).at(-1), { kind: 'lockCell', destination: 1, source: 1 });
      await eventually('spoken lock', async () =>
        /function attends to function \d\.\d\d, locked/.test(await panel.page.locator('[data-live]').innerText())
          ? true
          : undefined,
      );
    });

    it('switches side, weights and heads', async () => {
      await open();
      await panel.page.getByRole('radio', { name: 'destination' }).focus();
      await press('ArrowRight', 'Tab', 'ArrowRight', 'Tab', 'ArrowLeft');
      assert.deepEqual(await events(), [
        { kind: 'side', side: 'source' },
        { kind: 'weighting', weighting: 'value-weighted' },
        { kind: 'reduction', reduction: 'max' },
      ]);
    });
  });

  it('names the head of every maximum', async () => {
    await open();
    await panel.page.getByRole('radio', { name: 'max' }).click();
    await token(ADD).click();
    await panel.page.locator('.heat-base[data-reduction="max"]').waitFor();
    await panel.settle();
    assert.equal(await panel.page.locator('.card h2').innerText(), 'Max of 16 heads');
    const first = panel.page.locator('.card section').first().locator('.bar-row').first();
    assert.equal(await first.innerText(), '·=\n26\n1.00\nL0H4');
    await panel.hoverCell(ADD, PARENTHESIS);
    assert.equal(await panel.page.locator('.tip').innerText(), '·add → (0.89L1H5');
  });

  it('shows the next token with its surprisal', async () => {
    await open();
    await token(ADD).click();
    const section = panel.page.locator('section', { hasText: 'next token' });
    assert.equal(await section.locator('h3').innerText(), 'next token\nsurprisal 1.95 bits');
    assert.equal(await section.locator('.bar-row.strong').innerText(), '(\n✓\n0.26');
    assert.equal(await section.locator('.bar-row').count(), 5);
  });

  it('treats token text as text', async () => {
    await open({ scenario: 'hostile' });
    await token(0).hover();
    assert.equal(await token(0).innerText(), '<img·src=x·onerror="window.hacked=1">');
    assert.equal(await token(2).innerText(), '&amp;');
    assert.equal(await token(3).innerText(), '→');
    assert.equal(await panel.page.locator('img').count(), 0);
    assert.equal(await panel.page.evaluate('window.hacked'), undefined);
  });

  for (const width of [440, 500, 560, 640, 700, 800, 900, 1000, 1300]) {
    it(`keeps readout and legend clear of the map, ${width} px`, async () => {
      await open({ width, height: 800 });
      await token(ADD).click();
      await panel.settle();
      if ((await panel.page.locator('.card').count()) > 0) assert.equal(await panel.paintedUnder('.card'), 0, 'card');
      assert.equal(await panel.paintedUnder('.legend'), 0, 'legend');
      assert.equal(await panel.page.locator('section').count(), 3);
      const overflow = await panel.page.evaluate('document.querySelector(".panel").scrollWidth - innerWidth');
      assert.ok((overflow as number) <= 0, 'nothing is cut off at the right');
    });
  }

  describe('1024 tokens', () => {
    it('hover without redrawing the map', async () => {
      await open({ scenario: 'long' });
      const { draws, pool } = await panel.heat();
      assert.ok(pool > 1, 'a reduced image is drawn');
      const before = Number((await panel.data('.heat-overlay')).draws);
      for (let i = 0; i < 20; i++) await panel.hoverCell(400 + i * 20, 100 + i * 15);
      assert.equal((await panel.heat()).draws, draws);
      assert.ok(Number((await panel.data('.heat-overlay')).draws) >= before + 20);
      const spent = Number((await panel.data('body')).lastHoverMs);
      assert.ok(spent > 0 && spent < 100, `the last hover took ${spent} ms`);
    });

    it('zoom to exact cells, pan, and fit again', async () => {
      await open({ scenario: 'long' });
      await panel.hoverCell(512, 256);
      await panel.page.keyboard.down('Control');
      for (let i = 0; i < 9; i++) await panel.page.mouse.wheel(0, -100);
      await panel.page.keyboard.up('Control');
      await panel.settle();
      const place = await panel.heat();
      assert.equal(place.pool, 1);
      assert.ok(place.cell >= 12);
      assert.ok(place.row < 512 && place.column < 256 && place.column > 0, 'the cell under the pointer stays in view');
      const values = await panel.host((host) => host.pattern(0, 0).slice(512 * 1024, 513 * 1024));
      for (const source of [254, 255, 256, 257]) {
        const { x, y } = await panel.cellPoint(512, source);
        assertColour(await panel.pixel('.heat-base', x, y), values[source]!, 'dark', `cell 512, ${source}`);
      }
      const box = (await panel.page.locator('.heat-overlay').boundingBox())!;
      await panel.page.mouse.move(box.x + 200, box.y + 200);
      await panel.page.mouse.down();
      await panel.page.mouse.move(box.x + 200 + 3 * place.cell, box.y + 200, { steps: 3 });
      await panel.page.mouse.up();
      await panel.settle();
      assert.equal((await panel.heat()).column, place.column - 3);
      assert.ok(
        (await events()).every(({ kind }) => kind !== 'lockCell'),
        'a drag is no click',
      );
      await panel.page.locator('.heat-overlay').focus();
      await panel.page.keyboard.press('0');
      await panel.settle();
      assert.ok((await panel.heat()).pool > 1);
    });
  });

  it('draws 144 heads at 128 tokens once', async () => {
    await open({ scenario: 'wide' });
    assert.equal(await panel.page.getByRole('gridcell').count(), 144);
    const draws = (await panel.data('.grid-canvas')).draws;
    const base = (await panel.heat()).draws;
    for (let i = 0; i < 10; i++) await panel.hoverCell(100 + i, 20 + i);
    assert.equal((await panel.data('.grid-canvas')).draws, draws);
    assert.equal((await panel.heat()).draws, base);
    await panel.page.locator('[data-head="L0H11"]').click();
    await panel.page.locator('.heat-base[data-name="L0H11"]').waitFor();
  });

  describe('states', () => {
    const commands = async (): Promise<unknown[]> =>
      (await panel.sent()).filter(({ method }) => method === 'attention/command').map(({ params }) => params);

    it('empty offers to begin', async () => {
      await open();
      await panel.host((host) => host.send('attention/status', { kind: 'empty', message: 'Nothing yet.' }));
      await panel.page.getByText('Nothing yet.').waitFor();
      await panel.page.getByText('Analyze Selection').click();
      await panel.page.getByText('Open Sample').click();
      assert.deepEqual(await commands(), ['analyzeSelection', 'openSample']);
      await panel.shot('empty');
    });

    it('busy can be cancelled, an error shows the log', async () => {
      await open();
      await panel.host((host) => host.send('attention/status', { kind: 'busy', message: 'Running…', fraction: 0.4 }));
      await panel.page.getByRole('button', { name: 'Cancel' }).click();
      assert.equal(await panel.page.getByRole('progressbar').getAttribute('aria-valuenow'), '40');
      await panel.host((host) => host.send('attention/status', { kind: 'error', message: 'It <b>broke</b>.' }));
      assert.match(await panel.page.getByRole('alert').innerText(), /It <b>broke<\/b>\./);
      await panel.page.getByRole('button', { name: 'Show Log' }).click();
      assert.deepEqual(await commands(), ['cancel', 'showLog']);
    });

    it('stale offers to run again', async () => {
      await open();
      await panel.host((host) => host.setView({ stale: true }));
      await panel.page.getByRole('button', { name: 'Run again' }).click();
      assert.deepEqual(await commands(), ['rerun']);
      await panel.shot('stale');
    });
  });

  it('saves what restores it', async () => {
    await open();
    await token(ADD).click();
    const saved = await eventually('saved state', () =>
      panel.host((host) => {
        const state = host.state as { selection: { locked: unknown } } | undefined;
        return state && 'destination' in (state.selection.locked as object) ? state : undefined;
      }),
    );
    const { text, sourceName, checkpointPath, selection } = saved as unknown as Record<string, unknown>;
    assert.ok(String(text).startsWith('export function add('));
    assert.deepEqual([sourceName, checkpointPath], ['total.ts:4–9', '/samples/attn-only-2l']);
    assert.deepEqual(selection, {
      preview: {},
      locked: { destination: ADD },
      head: HEAD,
      side: 'destination',
      reduction: 'one',
      weighting: 'pattern',
    });
  });

  it('exports', async () => {
    await open();
    for (const name of ['Table (CSV)', 'Picture (PNG)']) {
      await panel.page.getByRole('button', { name: 'Export' }).click();
      await panel.page.getByRole('menuitem', { name }).click();
    }
    const picture = await eventually('picture', () =>
      panel.host((host) => {
        const sent = host.sent.filter(({ method }) => method === 'attention/export');
        const bytes = (sent[1]?.params as { png?: Uint8Array } | undefined)?.png;
        return bytes && { first: sent[0]!.params, start: [...bytes.slice(0, 8)], length: bytes.length };
      }),
    );
    assert.deepEqual(picture.first, { format: 'csv' });
    assert.deepEqual(picture.start, [137, 80, 78, 71, 13, 10, 26, 10]);
    assert.ok(picture.length > 5000);
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    for (const [width, height] of [
      [700, 850],
      [1000, 850],
      [500, 700],
    ] as const) {
      it(`has its picture taken, ${theme} ${width}`, async () => {
        await open({ theme, width, height });
        await token(ADD).click();
        await token(PARENTHESIS).hover();
        await panel.shot(`${theme}-${width}`);
        if (theme.startsWith('high')) {
          const style = await token(PARENTHESIS).evaluate((element) => String(element.className));
          assert.match(style, /tinted/);
        }
      });
    }
  }
});
