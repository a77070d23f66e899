// The Paths panel alone, in a browser, with a fake host and made-up terms.
import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import type { Panel } from './panel/page';
import { answers } from './panel/reportAnswers';
import { useReport } from './panel/reportSuite';
import { eventually } from './support/wait';

const LAST = 41;
const at = (position: number): ReturnType<(typeof answers)['paths']> => answers.paths([], { position });

describe('paths panel', () => {
  const { open, host, sent, events } = useReport('paths', '.meets');
  let panel: Panel;
  const row = (name: string): Locator => panel.page.locator(`[data-term="${name}"]`);
  const token = (index: number): Locator => panel.page.locator(`[data-token="${index}"]`);
  /** Number, side, and width of a row's bar as a share of its chart. */
  const bar = (name: string): Promise<{ value: number; below: boolean; share: number }> =>
    panel.page.evaluate(`(() => {
      const row = document.querySelector('[data-term="${name}"]');
      const bar = row.querySelector('.term-bar i');
      const chart = row.querySelector('.term-bar');
      return { value: Number(row.dataset.value), below: bar.classList.contains('below'),
        share: bar.getBoundingClientRect().width / chart.getBoundingClientRect().width };
    })()`);
  const terms = (): Promise<string[]> =>
    panel.page.evaluate(`[...document.querySelectorAll('[data-term]')].map((e) => e.dataset.term)`);

  it('draws every term as long as it is', async () => {
    panel = await open();
    const { terms: all } = at(LAST);
    const [low, high] = [Math.min(0, ...all.map((t) => t.value)), Math.max(0, ...all.map((t) => t.value))];
    for (const { name, value } of [all[0]!, all[3]!, all[7]!, all.slice(0, 40).find((t) => t.value < 0)!]) {
      const drawn = await bar(name);
      assert.ok(Math.abs(drawn.value - value) < 1e-6, name);
      assert.equal(drawn.below, value < 0, name);
      assert.ok(Math.abs(drawn.share - Math.abs(value) / (high - low)) < 0.01, `${name}: ${drawn.share}`);
    }
    assert.deepEqual(
      await terms(),
      all.slice(0, 40).map(({ name }) => name),
      'largest first',
    );
  });

  it('adds up to the logit', async () => {
    panel = await open();
    const { sum, logit } = at(LAST);
    assert.equal(
      await panel.page.locator('.meets').innerText(),
      `sum of these ${sum.toFixed(3)}\nthe model’s logit ${logit.toFixed(3)}\ndifference −2e−6`,
    );
    await panel.page.getByText(/smaller terms/).click();
    assert.equal((await terms()).length, at(LAST).terms.length);
  });

  it('shows only what comes from the token under the pointer', async () => {
    panel = await open();
    const source = 27;
    await token(source).hover();
    await panel.page.getByText('from ·add only').waitFor();
    const parts = at(LAST)
      .terms.map(({ name, bySource }) => ({ name, part: bySource?.[source] ?? 0 }))
      .filter(({ part }) => Math.abs(part) > 1e-6)
      .sort((a, b) => Math.abs(b.part) - Math.abs(a.part));
    assert.deepEqual(
      await terms(),
      parts.slice(0, 40).map(({ name }) => name),
    );
    assert.ok(Math.abs((await bar(parts[0]!.name)).value - parts[0]!.part) < 1e-6);
    assert.deepEqual(await events(), [{ kind: 'hoverCell', destination: LAST, source }]);
  });

  it('follows the token that the editor locks and hovers', async () => {
    panel = await open();
    await host((h) => h.select({ ...h.selection, locked: { destination: 20 } }));
    await eventually('terms of token 20', async () =>
      Math.abs((await bar(at(20).terms[0]!.name)).value - at(20).terms[0]!.value) < 1e-6 ? true : undefined,
    );
    await token(20).and(panel.page.locator('.locked')).waitFor();
    await host((h) => h.select({ ...h.selection, preview: { source: 3 } }));
    await panel.page.getByText('from ( only').waitFor();
  });

  it('locks the token that is clicked', async () => {
    panel = await open();
    await token(10).click();
    await token(10).and(panel.page.locator('.locked')).waitFor();
    assert.deepEqual((await events()).at(-1), { kind: 'lockToken', token: 10 });
    await panel.page.keyboard.press('Escape');
    assert.deepEqual((await events()).at(-1), { kind: 'unlock' });
  });

  it('tints the tokens that a term took from, and chooses its head', async () => {
    panel = await open();
    const { name, bySource, heads } = at(LAST).terms.find(({ kind }) => kind === 'head')!;
    await row(name).hover();
    await panel.settle();
    const top = Math.max(...bySource!.map(Math.abs));
    const most = bySource!.findIndex((value) => Math.abs(value) === top);
    const classes = (await token(most).getAttribute('class'))!.split(' ');
    assert.deepEqual([classes.includes('tinted'), classes.includes('negative')], [true, bySource![most]! < 0]);
    await row(name).click();
    assert.deepEqual((await events()).at(-1), { kind: 'chooseHead', head: heads![0] });
  });

  it('hides kinds of terms', async () => {
    panel = await open();
    for (const name of ['heads', 'virtual heads']) await panel.page.getByRole('button', { name, exact: true }).click();
    assert.deepEqual(await terms(), ['direct path', 'b_U', 'L0 b_O']);
    assert.match(await panel.page.locator('.meets').innerText(), /^sum of these 0\.820/);
  });

  it('asks for another token', async () => {
    panel = await open();
    await panel.page.locator('.chip[data-id]').nth(1).click();
    const field = panel.page.getByLabel('Another token');
    await field.fill('·add');
    await field.press('Enter');
    await field.fill('#12');
    await field.press('Enter');
    const asked = await eventually('three questions', async () => {
      const all = await sent<{ token: object }>('report/ask');
      return all.length === 3 ? all : undefined;
    });
    assert.deepEqual(
      asked.slice(1).map(({ token }) => token),
      [{ text: ' add' }, { id: 12 }],
    );
  });

  it('is worked by the keyboard alone', async () => {
    panel = await open();
    const { keyboard } = panel.page;
    await panel.page.locator('.terms').focus();
    await keyboard.press('ArrowDown');
    await keyboard.press('ArrowDown');
    const [, second] = at(LAST).terms;
    assert.equal(await panel.page.evaluate('document.activeElement.dataset.term'), second!.name);
    await keyboard.press('Enter');
    assert.deepEqual((await events()).at(-1), { kind: 'chooseHead', head: second!.heads!.at(-1) });
  });

  it('copies and exports its terms', async () => {
    panel = await open();
    for (const name of ['Copy table', 'Table (CSV)', 'Table (JSON)', 'Picture (PNG)']) {
      await panel.page.getByRole('button', { name: 'Export' }).click();
      await panel.page.getByRole('menuitem', { name }).click();
    }
    const files = await eventually('three files', async () => {
      const all = await sent<{ name: string; format: string; content: string }>('report/save');
      return all.length === 3 ? all : undefined;
    });
    const [first] = at(LAST).terms;
    assert.equal(files[0]!.content.split('\n')[1], `"${first!.name}","${first!.kind}",${first!.value}`);
    assert.equal((JSON.parse(files[1]!.content) as unknown[]).length, at(LAST).terms.length);
    assert.deepEqual(Object.values(files[2]!.content).slice(0, 4), [137, 80, 78, 71]);
    assert.match((await sent<string>('report/copy'))[0]!, /^name\tkind\tvalue\n/);

    await panel.page.getByRole('button', { name: 'Export' }).click();
    await panel.shot('paths-export');
    await panel.page.getByRole('menuitem', { name: 'Copy as TransformerLens Code' }).click();
    const code = await eventually('the code', async () => (await sent<string>('report/copy'))[1]);
    assert.match(code, /^import json\n[^]*run_with_cache\(tokens\)/);
    assert.ok(code.includes(`token = ${at(LAST).token.id} `));

    await panel.page.getByRole('button', { name: 'Export' }).click();
    await panel.page.getByRole('menuitem', { name: 'Save Result…' }).click();
    assert.deepEqual(await sent('report/command'), ['saveResult']);
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has its pictures taken, ${theme}`, async () => {
      for (const width of [700, 500]) {
        panel = await open({ theme, width });
        await token(27).click();
        await token(3).hover();
        await panel.shot(`paths-${theme}-${width}-source`);
        await panel.page.mouse.move(5, 5);
        await panel.shot(`paths-${theme}-${width}`);
        if (width === 700) await panel.close();
      }
    });
  }
});
