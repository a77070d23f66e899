// The panels that the run without a pointer (keyboard.test.ts) does not reach: Tab, arrow keys and Enter only, nothing is focused by a script.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { focusRing } from './panel/focus';
import { readCompareData } from './panel/compareData';
import { type Harness, startHarness } from './panel/harness';
import { pack } from './panel/packed';
import { Panel, type PanelOptions } from './panel/page';
import type { Message } from './panel/types';

/** Tab until an element has the keyboard; whatever has it on the way shows it. */
async function tabTo(page: Page, selector: string): Promise<void> {
  const there = `document.activeElement?.matches(${JSON.stringify(selector)}) ?? false`;
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(focusRing), null, 'what has the keyboard shows it');
    if (await page.evaluate<boolean>(there)) return;
  }
  assert.fail(`Tab does not reach ${selector}`);
}

const press = async (page: Page, ...keys: string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key);
};

describe('without a pointer', () => {
  let harness: Harness;
  let panel: Panel;
  const open = async (bundle: Parameters<typeof startHarness>[1], options: PanelOptions): Promise<Page> => {
    harness = await startHarness(process.cwd(), bundle);
    panel = await Panel.open(harness, options);
    return panel.page;
  };
  const sent = async <T>(name: string): Promise<T[]> =>
    (await panel.page.evaluate<Message[]>('window.panelHost.sent'))
      .filter(({ method }) => method === name)
      .map(({ params }) => params as T);
  afterEach(async () => {
    await panel?.close();
    await harness?.close();
  });

  it('a training is paused, resumed, stopped, opened and exported, and the keyboard stays in its row', async () => {
    const page = await open(
      { panel: 'training', fakeHost: 'trainingFakeHost', fixture: () => null },
      { width: 900, height: 800, drawn: ['canvas[data-lines=loss]'] },
    );
    const becomes = async (state: string): Promise<void> => {
      await page.evaluate(`window.panelHost.change(window.panelHost.trainings[0].dir, { state: '${state}' })`);
      await page.locator(`main[data-state=${state}]`).waitFor();
      await panel.settle();
      assert.equal(
        await page.evaluate('document.activeElement.closest(".training-row") !== null'),
        true,
        `${state}: the button is gone, the keyboard is not`,
      );
    };
    await tabTo(page, '[aria-label=Pause]');
    await press(page, 'Enter');
    await becomes('pausing');
    await becomes('paused');
    await tabTo(page, '[aria-label=Resume]');
    await press(page, 'Space');
    await becomes('running');
    await tabTo(page, '[aria-label=Stop]');
    await press(page, 'Enter');
    await becomes('stopped');
    await tabTo(page, '[aria-label="Open Result"]');
    await press(page, 'Enter');
    const actions = await sent<{ action: string }>('training/action');
    assert.deepEqual(
      actions.map(({ action }) => action),
      ['pause', 'resume', 'stop', 'openResult'],
    );
    await tabTo(page, '[aria-label^="Export the history of"]');
    await press(page, 'Enter');
    await page.locator('[role=menuitem]:focus').waitFor();
    await press(page, 'ArrowDown', 'Enter');
    const [exported] = await sent<{ format: string }>('training/exportHistory');
    assert.equal(exported?.format, 'json');
    await tabTo(page, '[data-chart=loss] .lines');
    const read = (): Promise<string | null> => page.locator('[data-chart=loss] .lines').getAttribute('aria-valuetext');
    const before = await read();
    await press(page, 'ArrowLeft');
    await panel.settle();
    assert.notEqual(await read(), before, 'the chart is read at another step');
  });

  it('two checkpoints are compared: step, section, head, export', async () => {
    const data = pack(await readCompareData(process.cwd()));
    const page = await open(
      { panel: 'compare', fakeHost: 'compareFakeHost', fixture: () => data },
      { width: 1000, height: 900, drawn: ['.heat-delta[data-head]', '.cell-canvas[data-rows]'] },
    );
    await tabTo(page, '[role=slider], input[type=range]');
    await press(page, 'ArrowRight');
    await tabTo(page, '[role=tab][aria-selected=true]');
    await press(page, 'ArrowRight');
    await page.locator('main[data-section=scores][data-state=ready]').waitFor();
    assert.deepEqual(await sent('compare/show'), ['scores']);
    await tabTo(page, '.table tbody tr');
    await press(page, 'ArrowDown', 'Enter');
    const events = await sent<{ event: { kind: string } }>('compare/select');
    assert.ok(events.length > 0, 'a row of the table chooses its head');
    await page.keyboard.press('Shift+Tab');
    await page.evaluate('document.activeElement.blur()');
    await tabTo(page, '[aria-label=Export], [aria-haspopup=menu]');
    await press(page, 'Enter');
    await page.locator('[role=menuitem]:focus').waitFor();
    await press(page, 'Enter');
    await panel.settle();
    assert.equal((await sent('compare/save')).length + (await sent('compare/copy')).length, 1, 'it is exported');
  });
});
