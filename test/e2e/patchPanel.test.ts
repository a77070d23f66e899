// The patching panel alone, in a browser, with a fake host and made-up effects.
import assert from 'node:assert/strict';
import { diverging } from '../../webview/shared/diverging';
import { CellMapPage } from './panel/cellMapPage';
import type { Panel } from './panel/page';
import { answers } from './panel/reportAnswers';
import { useReport } from './panel/reportSuite';
import { eventually } from './support/wait';

const POSITIONS = 20;
const tokens = Array.from({ length: POSITIONS }, (_, id) => ({ id, text: 'x', start: 0, end: 0 }));
const made = answers.patch(tokens, {
  clean: {},
  corrupted: {},
  answer: {},
  wrong: {},
  position: 0,
});
/** The highest layer is at the top. */
const effect = (values: Float32Array, columns: number, row: number, column: number): number =>
  values[(3 - row) * columns + column]!;

describe('patching panel', () => {
  const { open, sent } = useReport('patch', '[data-map="heads"] canvas[data-rows]');
  let panel: Panel;
  const start = async (options = {}): Promise<{ resid: CellMapPage; heads: CellMapPage }> => {
    panel = await open(options);
    return { resid: new CellMapPage(panel, 'resid'), heads: new CellMapPage(panel, 'heads') };
  };

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has cells of the colour of their effect, ${theme}`, async () => {
      const { resid, heads } = await start({ theme });
      const check = (actual: number[], value: number, where: string): void => {
        const expected = diverging(value, theme);
        const flat = ([r, g, b, a]: readonly number[]): number[] => [r!, g!, b!].map((c) => (c * a!) / 255).concat(a!);
        const [drawn, right] = [flat(actual), flat(expected)];
        const off = Math.max(...drawn.map((channel, i) => Math.abs(channel - right[i]!)));
        assert.ok(off <= 1.5, `${where}: ${actual.join()} is drawn for ${value}, ${expected.join()} is its colour`);
      };
      for (const [row, column] of [
        [3, 2],
        [1, 2],
        [2, 9],
      ] as const)
        check(await resid.pixel(row, column), effect(made.resid, POSITIONS, row, column), `resid ${row}, ${column}`);
      for (const [row, column] of [
        [2, 5],
        [0, 0],
        [3, 7],
      ] as const)
        check(await heads.pixel(row, column), effect(made.heads, 8, row, column), `heads ${row}, ${column}`);
      await resid.hover(2, 2);
      await panel.shot(`patch-${theme}`);
    });
  }

  it('shows both prompts with their logit differences', async () => {
    await start();
    const rows = panel.page.locator('.prompts tbody tr');
    assert.match(await rows.nth(0).innerText(), /^clean\s+export[^]*\+3\.250$/);
    assert.match(await rows.nth(1).innerText(), /^corrupted\s+export[^]*−1\.500$/);
    assert.deepEqual(await panel.page.locator('.differs').allInnerTexts(), ['·add', '·sum']);
  });

  it('names the cell under the pointer', async () => {
    const { resid, heads } = await start();
    await resid.hover(3, 2);
    assert.equal((await panel.page.locator('.tip').innerText()).replaceAll('\n', ' '), 'L0 · ·sum ⇐ ·add +1.00');
    await heads.hover(2, 5);
    assert.equal((await panel.page.locator('.tip').innerText()).replaceAll('\n', ' '), 'L1 · H5 +0.70');
  });

  it('is worked by the keyboard alone', async () => {
    await start();
    await panel.page.locator('[data-map="heads"]').focus();
    for (const key of ['Home', 'Home', 'PageDown', 'ArrowRight']) await panel.page.keyboard.press(key);
    assert.match(await panel.page.locator('.tip').innerText(), /^L0 · H1/);
  });

  it('exports effects and pictures', async () => {
    await start();
    for (const name of ['Table (JSON)', 'Picture (PNG)']) {
      await panel.page.getByRole('button', { name: 'Export' }).click();
      await panel.page.getByRole('menuitem', { name }).click();
    }
    const files = await eventually('two files', async () => {
      const all = await sent<{ format: string; content: string }>('report/save');
      return all.length === 2 ? all : undefined;
    });
    const rows = JSON.parse(files[0]!.content) as { what: string; layer: number; index: number; effect: number }[];
    assert.equal(rows.length, made.resid.length + made.heads.length);
    const head = rows.find(({ what, layer, index }) => what === 'z' && layer === 1 && index === 5)!;
    assert.ok(Math.abs(head.effect - 0.7) < 1e-6);
    assert.equal(files[1]!.format, 'png');
  });
});
