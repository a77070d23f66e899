// The attention panel alone, in a browser, with a fake host and the reference's real patterns.
import assert from 'node:assert/strict';
import { ADD, assertColour, open, panel, PARENTHESIS, pattern, token, TOKENS, usePanel } from './panel/suite';
import { eventually } from './support/wait';

describe('attention panel', () => {
  usePanel();

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

  it('follows a selection that the editor made', async () => {
    await open();
    await panel.host((host, locked) => host.select({ ...host.selection, locked }), { destination: ADD });
    await panel.page.locator(`[data-token="${ADD}"].locked`).waitFor();
    const rows = panel.page.locator('.card section').first().locator('.bar-row');
    assert.equal(await rows.first().innerText(), '(\n3\n0.89');
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

  it('shows a model without layers', async () => {
    await open({ scenario: 'zero' });
    await token(3).click();
    assert.equal(await panel.page.locator('section h3').innerText(), 'next token\nsurprisal 3.47 bits');
    assert.equal(await panel.page.locator('.heat').count(), 0);
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

  it('keeps readout and legend clear of the map at every width', async () => {
    await open();
    await token(ADD).click();
    for (const width of [440, 484, 500, 560, 640, 700, 800, 900, 1000, 1300]) {
      await panel.page.setViewportSize({ width, height: 800 });
      await panel.settle();
      const at = `${width} px wide`;
      const toolbar = await panel.page.locator('.toolbar').boundingBox();
      if (width >= 480) assert.ok(toolbar!.height < 40, `the toolbar is one line, ${at}`);
      const hasCard = (await panel.page.locator('.card').count()) > 0;
      if (hasCard) assert.equal(await panel.paintedUnder('.card'), 0, `readout, ${at}`);
      assert.equal(await panel.paintedUnder('.legend'), 0, `legend, ${at}`);
      if ((await panel.page.locator('.next-line').count()) > 0) {
        assert.equal(await panel.paintedUnder('.next-line'), 0, `next tokens, ${at}`);
        assert.equal(await panel.page.locator('section').count(), 2, at);
      } else assert.equal(await panel.page.locator('section').count(), 3, at);
      const overflow = await panel.page.evaluate('document.querySelector(".panel").scrollWidth - innerWidth');
      assert.ok((overflow as number) <= 0, `nothing is cut off at the right, ${at}`);
    }
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
    await panel.host((host) => host.send('attention/requestPng', null));
    await eventually('picture that the host asked for', async () => {
      const sent = (await panel.sent()).filter(({ method }) => method === 'attention/export');
      return sent.length === 3 ? true : undefined;
    });
    assert.deepEqual(picture.first, { format: 'csv' });
    assert.deepEqual(picture.start, [137, 80, 78, 71, 13, 10, 26, 10]);
    assert.ok(picture.length > 5000);
  });

  it('names heads in the grid and over the readout', async () => {
    await open({ width: 728 });
    await panel.host((host) => {
      const headNames: { name: 'induction' | 'ovCopying'; score: number }[][] = Array.from({ length: 16 }, () => []);
      headNames[13] = [
        { name: 'induction', score: 0.88 },
        { name: 'ovCopying', score: 1 },
      ];
      host.setView({ headNames });
    });
    const pills = panel.page.locator('.thumb .pill');
    await pills.first().waitFor();
    assert.deepEqual(await pills.allInnerTexts(), ['induction']);
    const thumb = panel.page.locator('[data-head="L1H5"]');
    assert.equal(await thumb.getAttribute('aria-label'), 'L1H5, induction 0.88, copying 1.00');
    const heading = (await panel.page.locator('.card h2').innerText()).replaceAll(/\s+/g, ' ');
    assert.equal(heading, 'L1H5 induction 0.88 copying 1.00');
    await panel.shot('named');
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has its pictures taken, ${theme}`, async () => {
      await open({ theme });
      for (const [width, height] of [
        [700, 850],
        [1000, 850],
        [500, 700],
      ] as const) {
        await panel.page.setViewportSize({ width, height });
        await token(ADD).click();
        await token(PARENTHESIS).hover();
        await panel.page.locator('.tip').waitFor();
        await panel.shot(`${theme}-${width}`);
        await panel.page.keyboard.press('Escape');
      }
    });
  }

  it('outlines tinted tokens in high contrast', async () => {
    await open({ theme: 'high-contrast' });
    await token(ADD).click();
    await panel.page.mouse.move(600, 840);
    await panel.settle();
    const outline = `getComputedStyle(document.querySelector('[data-token="${PARENTHESIS}"]')).outline`;
    assert.equal(await panel.page.evaluate(outline), 'rgb(243, 133, 24) dashed 1px');
  });
});
