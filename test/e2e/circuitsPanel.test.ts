// The circuits panel alone, in a browser, with a fake host and the reference's real composition and head scores.
import assert from 'node:assert/strict';
import type { CompositionKind } from '../../src/protocol/circuits';
import type { HeadPair } from '../../src/protocol/selection';
import type { ThemeKind } from '../../webview/shared/colour';
import { defaultThreshold } from '../../webview/circuits/excess';
import { diverging } from '../../webview/shared/diverging';
import {
  cellColour,
  cellPoint,
  composition,
  edgePoint,
  end,
  events,
  excessOf,
  fixture,
  host,
  node,
  open,
  pairs,
  panel,
  sent,
  useCircuits,
} from './panel/circuitsSuite';
import { eventually } from './support/wait';

/** The induction circuit of the sample: L0H4 → L1H5 by K. */
const INDUCTION: HeadPair = { kind: 'K', earlier: { layer: 0, head: 4 }, later: { layer: 1, head: 5 } };
const THEMES: ThemeKind[] = ['dark', 'light', 'high-contrast', 'high-contrast-light'];

/** Canvas pixels are kept multiplied by their alpha, so faint ones come back with rounded colours. */
function assertColour(actual: number[], share: number, theme: ThemeKind, where: string): void {
  const expected = diverging(share, theme);
  const flat = (colour: readonly number[]): number[] =>
    [0, 1, 2].map((channel) => (colour[channel]! * colour[3]!) / 255).concat(colour[3]!);
  const [a, e] = [flat(actual), flat(expected)];
  const off = Math.max(...a.map((channel, i) => Math.abs(channel - e[i]!)));
  assert.ok(off <= 1.5, `${where}: ${actual.join()} is drawn for ${share}, ${expected.join()} is its colour`);
}

const tip = (): Promise<string> => panel.page.locator('.pair-tip').innerText();
const edges = async (): Promise<number> => Number((await panel.data('.graph-canvas'))['edges']);
const setThreshold = async (value: number): Promise<void> => {
  await panel.page.locator('.histogram input').evaluate((input, next) => {
    const slider = input as unknown as { value: string; dispatchEvent(event: unknown): void };
    slider.value = String(next);
    slider.dispatchEvent(
      new (globalThis as unknown as { Event: new (...a: unknown[]) => unknown }).Event('input', { bubbles: true }),
    );
  }, value);
  await panel.settle();
};

describe('circuits panel', () => {
  useCircuits();

  describe('matrices', () => {
    const cells: [CompositionKind, number, number][] = [
      ['K', 4, 5],
      ['K', 4, 7],
      ['K', 0, 5],
      ['K', 7, 7],
      ['Q', 2, 3],
      ['Q', 0, 0],
      ['V', 4, 5],
      ['V', 7, 1],
    ];
    for (const theme of THEMES) {
      it(`are score − baseline on one diverging scale, ${theme}`, async () => {
        await open({ theme });
        for (const [kind, row, column] of cells)
          assertColour(
            await cellColour(kind, row, column),
            excessOf(kind, row, column) / end,
            theme,
            `${kind} ${row}, ${column}`,
          );
        await panel.page.locator('.graph-canvas').hover({ position: await edgePoint(INDUCTION) });
        await panel.shot(`circuits-${theme}`);
      });
    }

    it('zoom by whole pixels with ctrl and the wheel, the cell under the pointer in its place', async () => {
      await open({ scenario: 'wide' });
      const matrix = panel.page.locator('.matrix-K');
      const cell = async (): Promise<number> => Number((await panel.data('.matrix-K'))['cell']);
      const fitted = await cell();
      const at = await cellPoint('K', 6, 9);
      await matrix.hover({ position: at });
      const pointer = (await matrix.boundingBox())!.x + at.x;
      /** In columns. */
      const under = async (): Promise<number> => (pointer - (await matrix.boundingBox())!.x) / (await cell());
      const places: number[] = [];
      await panel.page.keyboard.down('Control');
      for (let i = 0; i < 5; i++) {
        await panel.page.mouse.wheel(0, -100);
        await panel.settle();
        places.push(await under());
      }
      await panel.page.keyboard.up('Control');
      const zoomed = await cell();
      assert.ok(zoomed >= 2 * fitted && Number.isInteger(zoomed), `${fitted}, then ${zoomed} pixels`);
      const scroll = await panel.page.evaluate<number[]>(
        `(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(document.querySelector('.matrix-scroll'))`,
      );
      assert.ok(scroll[0]! > scroll[1]!, 'it scrolls');
      // the first steps only fill the room
      const [last, before] = [places.at(-1)!, places.at(-2)!];
      assert.ok(Math.abs(last - before) * zoomed <= 2, `columns ${places.join(', ')} under the pointer`);
      await matrix.hover({ position: await cellPoint('K', 2, Math.floor(last)) });
      const event = (await events()).at(-1);
      assert.ok(event?.kind === 'hoverPair' && event.pair.later.head === Math.floor(last));
      await panel.shot('circuits-zoomed');
      await panel.page.locator('.matrices').focus();
      await panel.page.keyboard.press('+');
      await panel.settle();
      const more = await cell();
      assert.ok(more > zoomed);
      await panel.page.keyboard.press('-');
      await panel.settle();
      assert.ok((await cell()) < more);
      await panel.page.keyboard.press('0');
      await panel.settle();
      assert.equal(await cell(), fitted);
    });

    it('outline the pair of the graph in every kind', async () => {
      await open();
      await panel.page.locator('.graph-canvas').hover({ position: await edgePoint(INDUCTION) });
      const rings = panel.page.locator('.cell-ring.hover');
      await rings.first().waitFor();
      assert.equal(await rings.count(), 3);
      const [ring, canvas] = [await rings.nth(1).boundingBox(), await panel.page.locator('.matrix-K').boundingBox()];
      const { x, y } = await cellPoint('K', 4, 5);
      assert.equal(ring!.x + ring!.width / 2, canvas!.x + x);
      assert.equal(ring!.y + ring!.height / 2, canvas!.y + y);
    });

    it('lock a pair with a click and let it go with Escape', async () => {
      await open();
      await panel.page.locator('.matrix-K').click({ position: await cellPoint('K', 4, 7) });
      const pair = { ...INDUCTION, later: { layer: 1, head: 7 } };
      assert.deepEqual((await events()).at(-1), { kind: 'lockPair', pair });
      await panel.page.locator('.toolbar h1').hover();
      assert.equal(await panel.page.locator('.cell-ring.locked').count(), 3);
      assert.deepEqual(
        await panel.page.locator('[data-card]').evaluateAll((all) => all.map((card) => card.dataset['card'])),
        ['L0H4', 'L1H7'],
      );
      await panel.page.keyboard.press('Escape');
      await panel.settle();
      assert.equal(await panel.page.locator('.cell-ring.locked').count(), 0);
    });
  });

  describe('graph', () => {
    it('tells the three scores of the edge under the pointer', async () => {
      await open();
      await panel.page.locator('.graph-canvas').hover({ position: await edgePoint(INDUCTION) });
      const rows = (['Q', 'K', 'V'] as const).map((kind) => {
        const score = composition.scores[kind][4 * 16 + 13]!;
        const excess = score - composition.baseline[kind];
        const size = Math.abs(excess).toFixed(3);
        return [kind, score.toFixed(3), Number(size) === 0 ? size : `${excess < 0 ? '−' : '+'}${size}`].join(' ');
      });
      assert.equal((await tip()).replaceAll(/\s+/g, ' '), ['L0H4 → L1H5', ...rows].join(' '));
      assert.match(await tip(), /0\.170\s+\+0\.107/, 'as in the reference');
    });

    it('draws the edges above the threshold, and no others', async () => {
      await open();
      const above = (least: number): number => pairs.filter(({ excess }) => excess >= least).length;
      assert.equal(await edges(), above(0.02));
      await setThreshold(0.1);
      const least = Number(await panel.page.locator('.histogram input').inputValue());
      assert.equal(await edges(), above(least));
      assert.ok(above(least) > 0 && above(least) < 5);
      await panel.page.getByRole('button', { name: 'K', exact: true }).click();
      await panel.settle();
      assert.equal(await edges(), pairs.filter(({ kind, excess }) => kind !== 'K' && excess >= least).length);
    });

    it('paints nothing where a hidden edge was', async () => {
      await open();
      const { x, y } = await edgePoint(INDUCTION);
      assert.ok((await panel.pixel('.graph-canvas', x, y))[3]! > 100);
      for (const kind of ['Q', 'K', 'V']) await panel.page.getByRole('button', { name: kind, exact: true }).click();
      await panel.settle();
      assert.equal((await panel.pixel('.graph-canvas', x, y))[3], 0);
    });

    it('locks the edge that is clicked and chooses its later head', async () => {
      await open();
      await panel.page
        .locator('.graph-canvas')
        .click({ position: await edgePoint({ ...INDUCTION, later: { layer: 1, head: 7 } }) });
      await panel.page.locator('[data-node="L1H7"].chosen').waitFor();
      const selection = await host(({ selection: now }) => now);
      assert.deepEqual(selection.pair, { ...INDUCTION, later: { layer: 1, head: 7 } });
      assert.deepEqual(selection.head, { layer: 1, head: 7 });
    });

    it('chooses the head that is clicked', async () => {
      await open();
      await node('L0H4').click();
      assert.deepEqual((await events()).at(-1), { kind: 'chooseHead', head: { layer: 0, head: 4 } });
      await panel.page.locator('[data-card="L0H4"]').waitFor();
    });

    it('names heads by their scores', async () => {
      await open();
      const pills = panel.page.locator('.node .pill');
      assert.deepEqual((await pills.allInnerTexts()).sort(), ['induction', 'induction', 'prev token']);
      assert.equal(await node('L0H4').getAttribute('aria-label'), 'L0H4, prev token 0.99');
    });

    it('fills the nodes with the chosen score', async () => {
      await open();
      const { x, y, width } = (await node('L1H5').boundingBox())!;
      const graph = (await panel.page.locator('.graph-canvas').boundingBox())!;
      const middle = (): Promise<number[]> =>
        panel.pixel('.graph-canvas', x - graph.x + width / 2, y - graph.y + width / 2);
      const before = await middle();
      await panel.page.locator('.fill select').selectOption('previousToken');
      await panel.settle();
      const after = await middle();
      assert.ok(before[1]! > 150 && after[1]! < 60, `${before.join()} and ${after.join()}`);
    });

    it('steps through the edges of a head by keyboard, strongest first', async () => {
      await open();
      const { keyboard } = panel.page;
      const said = panel.page.locator('[data-live]');
      const own = pairs.filter(
        ({ excess, later, earlier }) =>
          excess >= defaultThreshold(pairs) &&
          ((later.layer === 1 && later.head === 5) || (earlier.layer === 1 && earlier.head === 5)),
      );
      const hovered = async (): Promise<HeadPair | undefined> => {
        const event = (await events()).at(-1);
        return event?.kind === 'hoverPair' ? event.pair : undefined;
      };
      await panel.page.locator('.graph').focus();
      await keyboard.press(']');
      assert.deepEqual(await hovered(), INDUCTION, 'the strongest edge of L1H5');
      await eventually('its three scores', async () =>
        /^L0H4 to L1H5, by K: Q 0\.063, K 0\.170, V 0\.027; baseline/.test(await said.innerText()) ? true : undefined,
      );
      await keyboard.press(']');
      const { kind, earlier, later } = own[1]!;
      assert.deepEqual(await hovered(), { kind, earlier, later }, 'the second');
      await panel.shot('circuits-edgeByKey');
      await keyboard.press('[');
      assert.deepEqual(await hovered(), INDUCTION);
      await keyboard.press('Enter');
      assert.deepEqual((await events()).at(-1), { kind: 'lockPair', pair: INDUCTION });
    });

    it('follows a head that another view chose', async () => {
      await open();
      await host((now, head) => now.select({ ...now.selection, head }), { layer: 0, head: 2 });
      await panel.page.locator('[data-node="L0H2"].chosen').waitFor();
      assert.equal(await panel.page.locator('[data-card="L0H2"]').count(), 1);
    });
  });

  it('says of both heads of a pair what they do', async () => {
    await open();
    await panel.page.locator('.graph-canvas').hover({ position: await edgePoint(INDUCTION) });
    const card = panel.page.locator('[data-card="L0H4"]');
    const text = (await card.innerText()).replaceAll(/\s+/g, ' ');
    assert.equal(
      text,
      'L0H4 prev token previous token 0.99 duplicate 0.00 induction 0.00 first token 0.01 OV copying −0.27',
    );
    const painted = await panel.pixel('[data-card="L0H4"] canvas', 0, 1);
    assert.ok(painted[3]! > 200, 'token 1 attends to token 0');
  });

  it('works by keyboard alone', async () => {
    await open();
    const { keyboard } = panel.page;
    const reach = (what: string): Promise<true> =>
      eventually(`focus on ${what}`, async () => {
        if ((await panel.focused()).split(' ').includes(what)) return true;
        await keyboard.press('Tab');
        return undefined;
      });
    await reach('graph');
    await keyboard.press('ArrowLeft');
    assert.deepEqual((await events()).at(-1), { kind: 'hoverHead', head: { layer: 1, head: 4 } });
    await keyboard.press('ArrowDown');
    await keyboard.press('Enter');
    assert.deepEqual((await events()).at(-1), { kind: 'chooseHead', head: { layer: 0, head: 4 } });
    const said = panel.page.locator('[data-live]');
    await eventually('word of the head', async () =>
      (await said.innerText()) === 'L0H4, prev token 0.99, chosen' ? true : undefined,
    );
    await reach('matrices');
    await keyboard.press('ArrowRight');
    await eventually('word of the pair', async () =>
      /^L0H\d to L1H\d, by [QKV]:/.test(await said.innerText()) ? true : undefined,
    );
    await panel.shot('circuits-keyboard');
    await keyboard.press('Enter');
    assert.equal((await events()).at(-1)?.kind, 'lockPair');
    await eventually('word of the lock', async () =>
      (await said.innerText()).endsWith(', locked') ? true : undefined,
    );
    await keyboard.press('Escape');
    assert.equal((await events()).at(-1)?.kind, 'unlock');
  });

  it('lists induction circuits with their reasons and locks the one that is clicked', async () => {
    await open();
    await host((now) => {
      const of = (earlier: number, later: number, score: number) => ({
        previous: { layer: 0, head: earlier },
        induction: { layer: 1, head: later },
        score,
        kComposition: 0.17,
        kBaseline: 0.063,
        qkMatching: 0.97,
        previousToken: 0.99,
        inductionScore: 0.88,
        ovCopying: 1,
        reasons: [{ text: 'L0H4 attends to the token before', value: 0.99 }],
      });
      now.send('circuits/induction', { pairs: [of(4, 5, 0.9), of(4, 7, 0.89), of(0, 1, 0.01)], notices: [] });
    });
    const rows = panel.page.locator('.circuit');
    await rows.first().waitFor();
    assert.equal(await rows.count(), 2, 'what is far below the best is left out');
    assert.match(
      (await rows.first().innerText()).replaceAll(/\s+/g, ' '),
      /^L0H4 → L1H5 previous token 0\.99 K − baseline \+0\.107/,
    );
    await rows.first().click();
    assert.deepEqual((await events()).at(-1), { kind: 'lockPair', pair: INDUCTION });
  });

  it('asks for the card of a head once and draws it', async () => {
    await open();
    await panel.page.getByText('Show what L1H5 does to tokens').click();
    await eventually('the question', async () =>
      (await sent()).some(({ method }) => method === 'circuits/wantHeadCard') ? true : undefined,
    );
    await host((now) => {
      const [a, b] = [
        { id: 1, text: ' add' },
        { id: 2, text: '<b>' },
      ];
      const circuit = {
        largest: [],
        smallest: [],
        eigenvalues: [
          [2, 0],
          [1, 1],
          [1, -1],
        ] as [number, number][],
      };
      now.send('circuits/headCard', {
        head: { layer: 1, head: 5 },
        card: {
          head: { layer: 1, head: 5 },
          qk: { ...circuit, largest: [{ destination: a, source: b, value: 3.5 }], matching: 0.5 },
          ov: { ...circuit, largest: [{ source: a, output: b, value: 1.25 }], copying: 1 },
          skipTrigrams: [{ source: a, destination: b, output: a, qk: 1, ov: 2, strength: 2 }],
          tokens: [],
          foldNorm: false,
          notices: [],
        },
      });
    });
    await panel.page.locator('[data-head-card="L1H5"]').waitFor();
    const skip = panel.page.getByRole('table', { name: 'Skip-trigrams' }).locator('tbody tr');
    assert.deepEqual(await skip.locator('td').allInnerTexts(), ['·add', '<b>', '·add', '+2.00']);
    const pattern = '.head-pattern canvas';
    const [cells, side] = await panel.page.evaluate<number[]>(
      `((c) => [c.width, c.getBoundingClientRect().width])(document.querySelector('${pattern}'))`,
    );
    assert.equal(side! % cells!, 0, 'cells of whole pixels');
    assert.ok(side! > 84, `${side} pixels`);
    assert.ok((await panel.pixel(pattern, 0, 0))[3]! > 200, 'token 0 attends to itself');
    await panel.page.getByText('Show Attention').click();
    assert.deepEqual((await events()).at(-1), { kind: 'chooseHead', head: { layer: 1, head: 5 } });
    assert.deepEqual((await sent()).at(-1)?.params, 'showAttention');
    await panel.page.getByRole('button', { name: 'Export head card' }).click();
    await panel.page.getByRole('menuitem', { name: 'Table (CSV)' }).click();
    const csv = await eventually('a table', () =>
      host(({ sent: all }) => {
        const found = all.find(({ method }) => method === 'circuits/save');
        return (found?.params as { content: string } | undefined)?.content;
      }),
    );
    assert.equal(csv.split('\n')[1], '"QK: attends most","<b>"," add","",3.5');
    await panel.settle();
    await panel.page.locator('.head-card').scrollIntoViewIfNeeded();
    await panel.shot('circuits-headCard');
    await node('L0H0').hover();
    await panel.settle();
    const asked = (await sent()).filter(({ method }) => method === 'circuits/wantHeadCard');
    assert.equal(asked.length, 1);
  });

  it('exports a picture that is not empty, from a menu that is whole in a narrow panel', async () => {
    await open({ width: 400 });
    await panel.page.getByRole('button', { name: 'Export' }).click();
    const { x, width } = (await panel.page.getByRole('menu').boundingBox())!;
    assert.ok(x >= 0 && x + width <= 400, `${x} + ${width}`);
    await panel.page.getByRole('menuitem', { name: 'Picture (PNG)' }).click();
    const size = await eventually('a picture', () =>
      host(({ sent: all }) => {
        const found = all.find(({ method }) => method === 'circuits/export');
        const { png } = (found?.params ?? {}) as { png?: Uint8Array };
        return png?.length;
      }),
    );
    assert.ok(size > 20_000, `${size} bytes`);
  });

  it('shows a deep model: the strongest edges, and the layers that are chosen', async () => {
    await open({ scenario: 'wide', height: 1100 });
    assert.ok((await edges()) <= 300);
    await setThreshold(-0.01);
    assert.equal(await edges(), 300);
    assert.match(await panel.page.locator('.width-key .cut').innerText(), /^the 300 strongest of/);
    await panel.page.locator('.layer-select select').nth(1).selectOption('11');
    await panel.page.locator('.layer-select select').nth(0).selectOption('7');
    await panel.page.locator('.matrix-K[data-earlier="7"][data-later="11"]').waitFor();
    await panel.shot('circuits-deep');
  });

  it('says that a model without layers has no heads', async () => {
    await open({ scenario: 'zero' });
    assert.match(await panel.page.locator('.no-heads').innerText(), /no attention layers/);
    assert.equal(fixture.composition.nHeads, 8);
  });

  it('fits a narrow panel', async () => {
    await open({ width: 480 });
    const width: number = await panel.page.evaluate('document.documentElement.scrollWidth');
    assert.ok(width <= 480, `${width}`);
    await panel.shot('circuits-narrow');
  });

  for (const theme of ['dark', 'light'] as const) {
    it(`fits the side bar, the graph first, ${theme}`, async () => {
      await open({ width: 300, theme });
      const width: number = await panel.page.evaluate('document.documentElement.scrollWidth');
      assert.ok(width <= 300, `${width}`);
      const boxes = await Promise.all(
        ['.toolbar', '.graph-band', '.matrices', '.cards'].map(
          async (part) => (await panel.page.locator(part).boundingBox())!,
        ),
      );
      boxes.slice(1).forEach((box, i) => assert.ok(box.y >= boxes[i]!.y + boxes[i]!.height, 'no overlap'));
      for (const control of await panel.page.locator('.toolbar > *').all()) {
        const box = (await control.boundingBox())!;
        assert.ok(box.x >= 0 && box.x + box.width <= 300, 'the toolbar wraps');
      }
      await panel.shot(`circuits-side-${theme}`);
    });
  }
});
