// The Bigrams panel alone, in a browser, with a fake host and made-up pairs.
import assert from 'node:assert/strict';
import type { Panel } from './panel/page';
import { answers } from './panel/reportAnswers';
import { useReport } from './panel/reportSuite';
import { eventually } from './support/wait';

const made = answers.bigrams([], { top: 20, position: 0 }).bigrams;

describe('bigrams panel', () => {
  const { open, sent, host } = useReport('bigrams', '.table');
  let panel: Panel;
  const column = async (index: number): Promise<string[]> =>
    panel.page.locator(`.table tbody td:nth-child(${index})`).allInnerTexts();
  const heading = (name: string): Promise<void> => panel.page.getByRole('button', { name, exact: true }).click();
  const asked = (): Promise<unknown[]> => sent('report/ask');

  it('lists pairs, most probable first', async () => {
    panel = await open();
    const logProbs = made.map(({ logProb }) => logProb.toFixed(3).replace('-', '−'));
    assert.deepEqual(await column(4), logProbs);
    assert.equal((await column(2))[1], made[1]!.output.text.replace('\n', '⏎').replace(' ', '·'));
  });

  it('sorts by any column, both ways', async () => {
    panel = await open();
    await heading('logit');
    const falling = made.map(({ logit }) => logit).sort((a, b) => b - a);
    const shown = (values: number[]): string[] => values.map((value) => value.toFixed(2));
    assert.deepEqual(await column(3), shown(falling));
    await heading('logit');
    assert.deepEqual(await column(3), shown(falling.reverse()));
    assert.equal(await panel.page.locator('th[aria-sort]').getAttribute('aria-sort'), 'ascending');
    await heading('source');
    const sources = await column(1);
    assert.equal(new Set(sources.slice(0, 4)).size, 1, 'the same sources stand together');
  });

  it('finds what follows a token', async () => {
    panel = await open();
    const field = panel.page.getByLabel('Find a source token');
    await field.fill('·R');
    await field.press('Enter');
    await panel.page.getByText('what follows R').waitFor();
    assert.deepEqual((await asked()).at(-1), { token: ' R', top: 500 });
    assert.equal((await column(1)).length, 120);
    await panel.shot('bigrams-token');
    await panel.page.getByText('All tokens').click();
    await panel.page.getByText('bigrams of the direct path').waitFor();
    assert.deepEqual((await asked()).at(-1), { top: 100 });
  });

  it('is worked by the keyboard alone', async () => {
    panel = await open();
    await panel.page.locator('tbody tr').first().focus();
    await panel.page.keyboard.press('ArrowDown');
    await panel.page.keyboard.press('Enter');
    await eventually('question', async () => ((await asked()).length > 0 ? true : undefined));
    assert.deepEqual((await asked()).at(-1), { token: 1, top: 500 });
  });

  it('treats token text as text', async () => {
    panel = await open();
    assert.ok((await column(1)).includes('<b>x</b>') || (await column(2)).some((text) => text.includes('<b>')));
    assert.equal(await panel.page.locator('td b').count(), 0);
  });

  it('shows an error with a way to the log', async () => {
    panel = await open();
    await host((h) => h.send('report/status', { kind: 'error', message: '“x y” is not one token.' }));
    assert.match(await panel.page.getByRole('alert').innerText(), /“x y” is not one token\./);
    await panel.page.getByRole('button', { name: 'Show Log' }).click();
    assert.deepEqual(await sent('report/command'), ['showLog']);
    assert.equal((await column(1)).length, 20, 'the last answer stays');
  });

  it('can be cancelled', async () => {
    panel = await open();
    await host((h) => h.send('report/status', { kind: 'busy', message: 'Bigrams…', fraction: 0.4 }));
    await panel.page.getByRole('button', { name: 'Cancel' }).click();
    assert.deepEqual(await sent('report/command'), ['cancel']);
  });

  it('copies and exports', async () => {
    panel = await open();
    for (const name of ['Copy table', 'Table (JSON)']) {
      await panel.page.getByRole('button', { name: 'Export' }).click();
      await panel.page.getByRole('menuitem', { name }).click();
    }
    const [file] = await eventually('file', async () => {
      const all = await sent<{ content: string }>('report/save');
      return all.length > 0 ? all : undefined;
    });
    const rows = JSON.parse(file!.content) as Record<string, unknown>[];
    assert.equal(rows.length, made.length);
    assert.equal(rows[3]!['source'], made[3]!.source.text);
    assert.equal((await sent<string>('report/copy'))[0]!.split('\n').length, made.length + 1);
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has its picture taken, ${theme}`, async () => {
      panel = await open({ theme, width: 600 });
      await panel.shot(`bigrams-${theme}`);
    });
  }
});
