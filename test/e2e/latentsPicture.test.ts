// The drawing of the latents panel (token ` add` and latent 604 locked, a cell under the pointer) in a real VS Code.
import assert from 'node:assert/strict';
import type { Frame } from 'playwright-core';
import { ATTEMPT, attempts, eventually } from './support/wait';
import { startWorkbench, type Theme, type Workbench } from './support/workbench';

const ADD = 27;
const settings = { 'editor.minimap.enabled': false };
/** So wide that the panel has the width of the drawing. */
const size = { width: 1508, height: 900 };

for (const theme of ['dark', 'light'] as Theme[])
  describe(`picture of latents, ${theme}`, () => {
    let workbench: Workbench;
    let panel: Frame;
    before(async () => {
      workbench = await startWorkbench({ theme, settings, size });
      const { page } = workbench;
      await workbench.openFile('total.ts');
      await workbench.choose('Circuitscope: Open Sample…', 'mlsae-neox-6l-x16-k16');
      await workbench.statusBar('mlsae').waitFor();
      await workbench.selectWholeLines(4, 9);
      await workbench.palette('Circuitscope: Analyze Selection');
      await workbench.panelFrame('canvas.heat-base[data-cell]');
      await page.keyboard.press('Control+B');
      await workbench.palette('Circuitscope: Show Latents');
      panel = await workbench.panelFrame('.latent-row');
    });
    afterEach(async function () {
      if (this.currentTest?.isFailed()) await workbench.shot(`failed ${this.currentTest.fullTitle()}`);
    });
    after(() => workbench?.close());

    it('has the same latents in the same order on the locked token', async () => {
      await panel.locator(`[data-token="${ADD}"]`).first().click();
      await panel.locator('.latent-on', { hasText: '·add' }).waitFor();
      const drawn = '#54 #555 #604 #1612 #855 #1708 #1126 #2887 #1451 #2301 #1007 #1299 #3012 #2040 #1141 #131'.split(
        ' ',
      );
      await eventually('the list of the token', async () => {
        const rows = await panel.locator('.latent-row .latent-id').allInnerTexts();
        return rows.slice(0, drawn.length).join() === drawn.join() ? true : undefined;
      });
      const values = await panel.locator('.latent-row .latent-value').allInnerTexts();
      assert.deepEqual(values.slice(0, 6), ['6.38', '5.79', '5.60', '5.54', '4.35', '2.43']);
    });

    it('draws the latent that is clicked, with its card', async () => {
      await panel.locator('.latent-row[data-latent="604"]').click();
      const canvas = panel.locator('[data-picture="latent"] canvas[data-latent="604"]');
      await canvas.waitFor();
      await panel.locator('.latent-card', { hasText: '#604' }).waitFor();
      const place = await canvas.evaluate(
        (element) => (element as unknown as { dataset: Record<string, string> }).dataset,
      );
      const [x0, y0, width, height] = ['x0', 'y0', 'width', 'height'].map((key) => Number(place[key]));
      const position = { x: x0! + (ADD + 0.5) * width!, y: y0! + 1.5 * height! };
      await panel.locator('[data-picture="latent"]').hover({ position });
      const tip = await panel.locator('.tip').innerText();
      assert.equal(tip.replaceAll(/\s/g, ''), '·add·L45.60');
      await workbench.shot(`latents-${theme}`);
    });

    if (theme === 'light') return;

    it('is the same again after the panel was hidden', async () => {
      await workbench.page.locator('.tab', { hasText: 'Attention' }).click();
      await workbench.panelFrame('canvas.heat-base[data-cell]');
      await workbench.page.locator('.tab', { hasText: 'Latents' }).click();
      panel = await workbench.panelFrame('.latent-row.locked[data-latent="604"]');
      await panel.locator('[data-picture="latent"] canvas[data-latent="604"]').waitFor();
      await panel.locator('.latent-card', { hasText: 'Heads that write it' }).waitFor();
    });

    it('goes with the autoencoder, and offers to open one', async () => {
      await workbench.palette('Circuitscope: Close SAE');
      await panel
        .locator('.full[data-state="empty"]', { hasText: 'No sparse autoencoder is open for neox-6l' })
        .waitFor();
      await attempts('Open SAE…', async () => {
        await panel.getByText('Open SAE…').click({ timeout: ATTEMPT });
        await workbench.row('mlsae');
      });
      await panel.locator('.latent-row').first().waitFor();
    });
  });
