// The term importance panel alone, in a browser, with a fake host and made-up effects.
import assert from 'node:assert/strict';
import { keepPicture, type Panel } from './panel/page';
import { answers } from './panel/reportAnswers';
import { useReport } from './panel/reportSuite';
import { eventually } from './support/wait';

const made = answers.importance([], { position: 0 });

describe('term importance panel', () => {
  const { open, events, sent } = useReport('importance', '.table');
  let panel: Panel;
  const column = (index: number): Promise<string[]> =>
    panel.page.locator(`.table tbody td:nth-child(${index})`).allInnerTexts();

  it('ranks terms by their effect', async () => {
    panel = await open();
    const ranked = [...made.terms].sort((a, b) => b.effect - a.effect);
    assert.deepEqual(
      await column(1),
      ranked.map(({ name }) => name),
    );
    assert.deepEqual(
      (await column(3)).map((text) => Number(text.replace('−', '-'))),
      ranked.map(({ effect }) => Number(effect.toFixed(3)) + 0),
    );
    const bar = await panel.page.evaluate<number>(
      `(([i, box]) => i.getBoundingClientRect().width / box.getBoundingClientRect().width)([document.querySelector('.effect-bar i'), document.querySelector('.effect-bar')])`,
    );
    const most = Math.max(...made.terms.map(({ effect }) => Math.abs(effect)));
    assert.ok(Math.abs(bar - ranked[0]!.effect / most / 2) < 0.02, String(bar));
  });

  it('draws a bar for every order', async () => {
    panel = await open();
    const label = await panel.page.locator('.orders').getAttribute('aria-label');
    assert.match(label!, /no head 8\.20, ≤ 1 head 4\.10, ≤ 2 heads 2\.37/);
    const painted = await panel.page.evaluate<number>(`(() => {
      const canvas = document.querySelector('canvas[data-orders]');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, i) => i % 4 === 3 && value > 200).length;
    })()`);
    assert.ok(painted > 5000, `${painted} pixels`);
  });

  it('exports its chart as a picture', async () => {
    panel = await open();
    await panel.page.getByRole('button', { name: 'Export' }).click();
    await panel.page.getByRole('menuitem', { name: 'Picture (PNG)' }).click();
    const file = await eventually('a picture', async () =>
      (await sent<{ format: string; content: Record<string, number> }>('report/save')).at(0),
    );
    const bytes = Uint8Array.from(Object.values(file.content));
    assert.equal(file.format, 'png');
    assert.deepEqual([...bytes.slice(0, 4)], [137, 80, 78, 71]);
    assert.ok(bytes.length > 10_000, `${bytes.length} bytes`);
    keepPicture('importance-export.png', bytes);
  });

  it('chooses the head of a row, by the keyboard too', async () => {
    panel = await open();
    await panel.page.locator('tbody tr').first().focus();
    await panel.page.keyboard.press('ArrowDown');
    await panel.page.keyboard.press('Enter');
    const second = [...made.terms].sort((a, b) => b.effect - a.effect)[1]!;
    assert.deepEqual(await events(), [{ kind: 'chooseHead', head: second.heads.at(-1) }]);
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has its picture taken, ${theme}`, async () => {
      panel = await open({ theme, width: 560 });
      await panel.shot(`importance-${theme}`);
    });
  }
});
