// The ablation panel alone, in a browser, with a fake host and made-up losses.
import assert from 'node:assert/strict';
import type { Panel } from './panel/page';
import { answers } from './panel/reportAnswers';
import { useReport } from './panel/reportSuite';

const TOKENS = 42;
const tokens = Array.from({ length: TOKENS }, (_, id) => ({ id, text: 'x', start: 0, end: 0 }));
const made = answers.ablate(tokens, { heads: [{ layer: 1, head: 5 }], position: 0 });

describe('ablation panel', () => {
  const { open, sent, events } = useReport('ablate', '.table');
  let panel: Panel;
  const column = (index: number): Promise<string[]> =>
    panel.page.locator(`.table tbody td:nth-child(${index})`).allInnerTexts();

  it('shows the loss of every token before and after', async () => {
    panel = await open();
    const rows = await panel.page.locator('.table tbody tr').count();
    assert.equal(rows, TOKENS);
    const shown = (losses: Float32Array): string[] => ['–', ...[...losses].slice(1).map((loss) => loss.toFixed(2))];
    assert.deepEqual(await column(3), shown(made.before.tokenLoss));
    assert.deepEqual(await column(4), shown(made.after.tokenLoss));
    assert.match(await panel.page.locator('.summary').innerText(), /without L1H5\nmean loss 2\.37 → 2\.77 \(\+0\.40\)/);
  });

  it('sets off the predictions that change', async () => {
    panel = await open();
    const changed = made.before.predictions.filter((p, i) => p[0]!.id !== made.after.predictions[i]![0]!.id).length;
    assert.match(
      await panel.page.locator('.summary').innerText(),
      new RegExp(`${changed} of 42 top predictions change`),
    );
    assert.equal((await column(7)).filter((text) => text !== '').length, changed);
  });

  it('sorts by the change, and asks for the mean', async () => {
    panel = await open();
    await panel.page.getByRole('button', { name: 'change', exact: true }).click();
    const first = (await column(1))[0]!;
    const changes = [...made.after.tokenLoss].map((loss, i) => loss - made.before.tokenLoss[i]!);
    const most = changes.indexOf(Math.max(...changes.filter(Number.isFinite)));
    assert.equal(first, String(most));
    await panel.page.getByRole('radio', { name: 'mean' }).click();
    await panel.page.locator('[role=radio][aria-checked=true]', { hasText: 'mean' }).waitFor();
    assert.deepEqual(await sent('report/ask'), [{ heads: [{ layer: 1, head: 5 }], mean: true }]);
  });

  it('locks the token of a row', async () => {
    panel = await open();
    await panel.page.locator('.table tbody tr').nth(4).click();
    assert.deepEqual(await events(), [{ kind: 'lockToken', token: 4 }]);
    await panel.page.locator('tr.chosen').waitFor();
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has its pictures taken, ${theme}`, async () => {
      panel = await open({ theme });
      await panel.shot(`ablate-${theme}-700`);
      await panel.page.setViewportSize({ width: 500, height: 700 });
      await panel.shot(`ablate-${theme}-500`);
    });
  }
});
