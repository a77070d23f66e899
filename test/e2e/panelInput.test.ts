// Pointer and keyboard on the attention panel, in a browser, with a fake host.
import assert from 'node:assert/strict';
import { ADD, assertColour, events, open, panel, PARENTHESIS, token, TOKENS, usePanel } from './panel/suite';
import { eventually } from './support/wait';

describe('input of the attention panel', () => {
  usePanel();

  describe('pointer', () => {
    it('names destination, source and weight of a cell', async () => {
      await open();
      await panel.hoverCell(ADD, PARENTHESIS);
      assert.equal(await panel.page.locator('.tip').innerText(), '·add → (0.89');
      assert.deepEqual((await events()).at(-1), { kind: 'hoverCell', destination: ADD, source: PARENTHESIS });
      assert.match((await token(ADD).getAttribute('class')) ?? '', /hover/);
      await eventually('spoken crosshair', async () =>
        (await panel.page.locator('[data-live]').textContent()) === 'add attends to ( 0.89' ? true : undefined,
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
        /function attends to function \d\.\d\d, locked/.test(
          (await panel.page.locator('[data-live]').textContent()) ?? '',
        )
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
      const first = `${place.row}, ${place.column}`;
      assert.ok(
        place.row <= 512 && place.row > 490 && place.column <= 256 && place.column > 240,
        `512, 256 is in view, not at ${first}`,
      );
      const values = await panel.host((host) => host.pattern(0, 0).slice(512 * 1024, 513 * 1024));
      for (const source of [256, 257, 258, 259]) {
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
});
