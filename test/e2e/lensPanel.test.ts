// The logit lens panel alone, in a browser, with a fake host and made-up probabilities.
import assert from 'node:assert/strict';
import type { Token } from '../../src/protocol/analysis';
import { CellMapPage } from './panel/cellMapPage';
import type { Panel } from './panel/page';
import { answers } from './panel/reportAnswers';
import { useReport } from './panel/reportSuite';
import { assertColour } from './panel/suite';
import { eventually } from './support/wait';

const TOKENS = 42;
const ADD = 27;
const made = answers.lens(new Array<Token>(TOKENS).fill({ id: 0, text: '', start: 0, end: 0 }), { position: 0 });
/** Probability in a drawn row; the output is at the top. */
const of = (values: Float32Array, row: number, column: number): number => values[(4 - row) * TOKENS + column]!;

describe('lens panel', () => {
  const { open, host, sent, events } = useReport('lens', 'canvas[data-rows]');
  let panel: Panel;
  let map: CellMapPage;
  const start = async (options = {}): Promise<void> => {
    panel = await open(options);
    map = new CellMapPage(panel, 'lens');
  };

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has cells of the colour of their probability, ${theme}`, async () => {
      await start({ theme });
      for (const [row, column] of [
        [0, 0],
        [0, 5],
        [2, 3],
        [4, 8],
      ] as const) {
        assertColour(await map.pixel(row, column), of(made.answerP, row, column), theme, `cell ${row}, ${column}`);
      }
      await map.hover(1, 4);
      await panel.shot(`lens-${theme}`);
    });
  }

  it('colours by what is chosen', async () => {
    await start();
    await panel.page.getByRole('radio', { name: 'next token' }).click();
    await panel.settle();
    assertColour(await map.pixel(0, 5), of(made.nextP, 0, 5), 'dark', 'next');
    await panel.page.getByRole('radio', { name: 'top token' }).click();
    await panel.settle();
    assertColour(await map.pixel(0, 5), made.topP[(4 * TOKENS + 5) * 3]!, 'dark', 'top');
  });

  it('tells the top tokens of a cell', async () => {
    await start();
    await map.hover(1, 4);
    const tip = await panel.page.locator('.tip').innerText();
    const at = (3 * TOKENS + 4) * 3;
    assert.match(tip, /^a · L3\n/);
    for (const i of [0, 1, 2]) {
      const text = made.texts[made.topIds[at + i]!]!.replaceAll(' ', '·').replaceAll('\n', '⏎');
      assert.ok(tip.includes(`${text}`) && tip.includes(made.topP[at + i]!.toFixed(2)), tip);
    }
    assert.deepEqual(await events(), [{ kind: 'hoverToken', token: 4 }]);
  });

  it('locks a token, and shows what the editor locks and hovers', async () => {
    await start();
    await map.click(2, 3);
    assert.deepEqual((await events()).at(-1), { kind: 'lockToken', token: 3 });
    await panel.page.mouse.move(5, 5);
    await panel.settle();
    const [lock, none] = [await map.edge(3), await map.edge(6)];
    assert.deepEqual(lock.slice(0, 3), [229, 165, 75], 'amber around the column');
    assert.notDeepEqual(none.slice(0, 3), [229, 165, 75]);
    await host((h) => h.select({ ...h.selection, locked: { destination: 6 } }));
    await eventually('lock from the editor', async () => ((await map.edge(6))[0] === 229 ? true : undefined));
  });

  it('scrolls through a long text and keeps the names of the layers', async () => {
    await start({ scenario: 'long' });
    assert.equal((await map.data()).columns, '1024');
    await panel.page.locator('[data-map]').focus();
    await panel.page.keyboard.press('End');
    await panel.settle();
    const { x0, width } = await map.data();
    const right = Number(x0) + 1024 * Number(width);
    assert.ok(right <= 700 && right > 600, `the last column is in view: ${right}`);
    assert.deepEqual((await events()).at(-1), { kind: 'hoverToken', token: 1023 });
    await panel.shot('lens-long');
  });

  it('is worked by the keyboard alone', async () => {
    await start();
    const { keyboard } = panel.page;
    await panel.page.locator('[data-map]').focus();
    for (const key of ['Home', 'Home', 'ArrowRight', 'ArrowRight', 'ArrowDown', 'Enter']) await keyboard.press(key);
    assert.deepEqual((await events()).slice(-2), [
      { kind: 'hoverToken', token: 2 },
      { kind: 'lockToken', token: 2 },
    ]);
    await keyboard.press('Escape');
    assert.deepEqual((await events()).at(-1), { kind: 'unlock' });
  });

  it('exports every cell', async () => {
    await start();
    await panel.page.getByRole('button', { name: 'Export' }).click();
    await panel.page.getByRole('menuitem', { name: 'Table (CSV)' }).click();
    const [file] = await eventually('file', async () => {
      const all = await sent<{ content: string }>('report/save');
      return all.length > 0 ? all : undefined;
    });
    // tokens have line feeds in them
    assert.equal(file!.content.match(/^\d+,"/gm)!.length, 5 * TOKENS);
    assert.match(file!.content, new RegExp(`\n${ADD}," add","L0"`));
    await panel.page.getByRole('button', { name: 'Export' }).click();
    await panel.page.getByRole('menuitem', { name: 'Picture (PNG)' }).click();
    const picture = await eventually('picture', () =>
      host((h) => {
        const { content } = (h.sent.filter((m) => m.method === 'report/save')[1]?.params ?? {}) as {
          content?: Uint8Array;
        };
        return content && [...content.slice(0, 4), content.length];
      }),
    );
    assert.deepEqual(picture.slice(0, 4), [137, 80, 78, 71]);
    assert.ok(picture[4]! > 5000);
  });
});
