// Everything without a pointer: a real VS Code, its palette and keys, from the sample to a steered latent.
import assert from 'node:assert/strict';
import type { Frame } from 'playwright-core';
import { focusRing } from './panel/focus';
import { eventually } from './support/wait';
import { startWorkbench, type Workbench } from './support/workbench';

const settings = { 'editor.minimap.enabled': false, 'workbench.activityBar.location': 'default' };

/** Runs a command: its title is typed into the palette, Enter takes the first row. A new window has to find its extensions first. */
async function command(workbench: Workbench, title: string): Promise<void> {
  await eventually(title, async () => {
    const rows = await workbench.paletteRows(title);
    const [first = ''] = await rows.allInnerTexts();
    if (first.includes(title)) return true;
    await workbench.page.keyboard.press('Escape');
    return undefined;
  });
  await workbench.page.keyboard.press('Enter');
}

/** The panel in the second group of editors gets the keyboard, as VS Code gives it to any editor. */
async function enter(workbench: Workbench, panel: Frame): Promise<void> {
  const has = (): Promise<boolean> => panel.evaluate<boolean>('document.hasFocus()');
  await eventually('the keyboard in the panel', async () => {
    // from the first group: VS Code does nothing for a group that is active, also where its panel has lost the keyboard
    await press(workbench, 'Control+1', 'Control+2');
    // a webview gets the focus some frames later
    for (let frames = 0; frames < 20 && !(await has()); frames++) await workbench.page.waitForTimeout(50);
    return (await has()) || undefined;
  });
}

/** Tab until an element has the keyboard; whatever has it on the way shows it. */
async function tabTo(workbench: Workbench, panel: Frame, selector: string): Promise<void> {
  const there = `document.activeElement?.matches(${JSON.stringify(selector)}) ?? false`;
  for (let presses = 0; presses < 60; presses++) {
    await workbench.page.keyboard.press('Tab');
    assert.deepEqual(await panel.evaluate(focusRing), null, 'what has the keyboard shows it');
    if (await panel.evaluate<boolean>(there)) return;
  }
  assert.fail(`Tab does not reach ${selector}`);
}

const press = async ({ page }: Workbench, ...keys: string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key);
};

/** What is announced, once it matches. */
const announced = (panel: Frame, words: RegExp): Promise<string> =>
  eventually(`announcement of ${String(words)}`, async () => {
    const all = await panel.locator('[aria-live]').allTextContents();
    return all.find((text) => words.test(text));
  });

describe('without a pointer', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await startWorkbench({ settings });
  });
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await workbench.shot(`failed ${this.currentTest.title}`);
  });
  after(() => workbench?.close());

  it('goes from the sample to a steered latent', async function () {
    this.timeout(90_000);
    await command(workbench, 'Circuitscope: Open Sample…');
    const { page } = workbench;
    const samples = page.locator('.quick-input-list .monaco-list-row', { hasText: 'mlsae-neox-6l-x16-k16' });
    await samples.first().waitFor();
    await page.keyboard.type('mlsae-neox-6l-x16-k16');
    await page.keyboard.press('Enter');
    await workbench.statusBar('mlsae').waitFor();
    await press(workbench, 'Control+p');
    await page.keyboard.type('total.ts');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'total.ts' }).first().waitFor();
    await page.keyboard.press('Enter');
    await page.locator('.tab.active', { hasText: 'total.ts' }).waitFor();
    await page.locator('.editor-instance .monaco-editor.focused .view-line').first().waitFor();
    await workbench.selectLines(4, 10);
    await press(workbench, 'Shift+Home');
    await workbench.statusBar(/selected/).waitFor();
    await command(workbench, 'Circuitscope: Analyze Selection');

    const attention = await workbench.panelFrame('canvas.heat-base[data-cell]');
    await enter(workbench, attention);
    await tabTo(workbench, attention, '.strip');
    await press(workbench, 'Home', 'ArrowRight', 'ArrowRight', 'Enter');
    await announced(attention, /^token 2: add, locked$/);
    await attention.locator('.token.locked[data-token="2"]').waitFor();
    await tabTo(workbench, attention, '.grid');
    await press(workbench, 'Home', 'ArrowDown', 'ArrowRight');
    await announced(attention, /^L1H1/);
    await press(workbench, 'Enter');
    await attention.locator('canvas.heat-base[data-name="L1H1"]').waitFor();
    await tabTo(workbench, attention, '.heat-overlay, .heat, [aria-roledescription="attention heatmap"]');
    await press(workbench, 'ArrowDown', 'ArrowLeft');
    await announced(attention, /attends to .* [01]\.\d\d/);
    await workbench.shot('keyboard-attention');

    await command(workbench, 'Circuitscope: Show Circuits');
    const circuits = await workbench.panelFrame('canvas.graph-canvas[data-edges]');
    await enter(workbench, circuits);
    await tabTo(workbench, circuits, '.graph');
    await press(workbench, 'ArrowUp', ']');
    const pair = await announced(circuits, /Q [\d.]+.*K [\d.]+.*V [\d.]+/);
    await press(workbench, ']');
    const next = await eventually('another edge', async () => {
      const now = await announced(circuits, /Q [\d.]+.*K [\d.]+/);
      return now === pair ? undefined : now;
    });
    await press(workbench, 'Enter');
    await announced(circuits, /, locked/);
    await workbench.shot('keyboard-circuits');
    assert.notEqual(next, pair);

    await command(workbench, 'Circuitscope: Show Head Card');
    await circuits.locator('.head-card').waitFor();

    await command(workbench, 'Circuitscope: Show Latents');
    const latents = await workbench.panelFrame('.latent-row');
    await enter(workbench, latents);
    await tabTo(workbench, latents, '.latent-rows');
    await press(workbench, 'Home', 'ArrowDown', 'Enter');
    await latents.locator('.latent-row.locked').waitFor();
    await latents.locator('.slider').waitFor();
    await tabTo(workbench, latents, '.slider');
    await press(workbench, 'ArrowRight', 'ArrowRight');
    assert.equal(await latents.locator('.factor').inputValue(), '5');
    await tabTo(workbench, latents, 'vscode-button');
    await press(workbench, 'Enter');
    await latents.locator('.predictions').waitFor();
    await workbench.shot('keyboard-latents');
  });
});
