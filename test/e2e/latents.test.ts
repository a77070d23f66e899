// Latents in a real VS Code with the real engine: from the sample to the hover, the tints and the panels, and after a reload.
import assert from 'node:assert/strict';
import type { Frame, Locator } from 'playwright-core';
import { ATTEMPT, attempts, eventually } from './support/wait';
import { startWorkbench, type Theme, type Workbench } from './support/workbench';

const ADD = 27;
const settings = { 'editor.minimap.enabled': false, 'workbench.activityBar.location': 'default' };

/** Opens the sample with its autoencoder and analyzes lines 4–9 of total.ts: prompt 0 of the reference. */
async function openSample(workbench: Workbench): Promise<Frame> {
  await workbench.openFile('total.ts');
  await workbench.choose('Circuitscope: Open Sample…', 'mlsae-neox-6l-x16-k16');
  await workbench.statusBar('mlsae').waitFor();
  await workbench.selectWholeLines(4, 9);
  await workbench.palette('Circuitscope: Analyze Selection');
  return workbench.panelFrame('canvas.heat-base[data-cell]');
}

/** Puts the pointer on the second `add` and waits for its card. */
const hoverAdd = (workbench: Workbench): Promise<Locator> => workbench.hoverCode('const total', /^add$/, '#604');

/** Pieces of the code with a tint. */
const tinted = ({ page }: Workbench): Promise<number> =>
  page.evaluate(`[...document.querySelectorAll('.editor-instance .view-overlays .cdr')]
    .filter((e) => /^rgba\\((65, 182, 196|29, 145, 192), /.test(getComputedStyle(e).backgroundColor)).length`);

for (const theme of ['dark', 'light'] as Theme[])
  describe(`latents beside the code, ${theme}`, () => {
    let workbench: Workbench;
    let attention: Frame;
    before(async () => {
      workbench = await startWorkbench({ theme, settings });
      attention = await openSample(workbench);
    });
    afterEach(async function () {
      if (this.currentTest?.isFailed()) await workbench.shot(`failed ${this.currentTest.fullTitle()}`);
    });
    after(() => workbench?.close());

    it('are in the card of a token, with the activations of the reference', async () => {
      const text = (await (await hoverAdd(workbench)).innerText()).replaceAll(/\s+/g, ' ');
      assert.match(text, /latents · mlsae ×16 k16 on neox-6l/);
      const expected: [number, string][] = [
        [54, '6.38'],
        [555, '5.79'],
        [604, '5.60'],
        [1612, '5.54'],
      ];
      let from = 0;
      for (const [latent, value] of expected) {
        const at = text.indexOf(`#${latent} `, from);
        assert.ok(at >= from, `#${latent} comes next in: ${text}`);
        assert.ok(text.slice(at).includes(value), value);
        from = at;
      }
      const bars = await workbench.hover('#604').locator('img').count();
      assert.ok(bars >= 6, `${bars} images`);
      await workbench.shot(`latents-hover-${theme}`);
    });

    it('that are clicked in the card are locked, tint the code, and have their panel', async () => {
      await workbench.page.locator('.activitybar a.action-label[aria-label="Circuitscope"]').click();
      await attempts('#604 of the card', async () => {
        const card = await hoverAdd(workbench);
        await card.getByText('#604', { exact: true }).click({ timeout: ATTEMPT });
      });
      const panel = await workbench.panelFrame('.latent-row');
      await panel.locator('.latent-row.locked[data-latent="604"]').waitFor();
      await workbench.page.mouse.move(700, 5);
      const now = await eventually('tint', async () => {
        const count = await tinted(workbench);
        return count > 5 ? count : undefined;
      });
      assert.ok(now > 5);
      await workbench.page.locator('.pane', { hasText: 'layers 3–5' }).first().waitFor();
      await workbench.page.locator('.pane .monaco-list-row', { hasText: 'mlsae ×16' }).first().waitFor();
      await workbench.shot(`latents-locked-${theme}`);
    });

    it('of a token stand in the attention panel too, and lead to the same', async () => {
      await workbench.page.locator('.tab', { hasText: 'Attention' }).click();
      attention = await workbench.panelFrame('canvas.heat-base[data-cell]');
      await attention.locator(`[data-token="${ADD}"]`).first().hover();
      const line = attention.locator(`[data-latents-of="${ADD}"]`);
      await line.waitFor();
      const [first] = await line.locator('.token-latent').allInnerTexts();
      assert.match(first!.replaceAll(/\s+/g, ' '), /#54 .*6\.38/);
      await workbench.shot(`latents-attention-${theme}`);
      await line.locator('[data-latent="54"]').click();
      const panel = await workbench.panelFrame('.latent-row');
      await panel.locator('.latent-row.locked[data-latent="54"]').waitFor();
    });

    it('are steered on their card', async () => {
      const panel = await workbench.panelFrame('.steer');
      await panel.locator('.steer').getByText('Run', { exact: true }).click();
      await panel.locator('.predictions').waitFor();
      const words = (await panel.locator('.steer .card-stat').innerText()).replaceAll(/\s+/g, ' ');
      assert.match(words, /^loss 1\.918 → \d\.\d{3} nats · KL here \d\.\d{3} nats$/, 'the loss of the reference');
      await panel.locator('.predictions').scrollIntoViewIfNeeded();
      await workbench.shot(`latents-steered-${theme}`);
    });

    it('stand in the panels about the same text, too', async () => {
      await workbench.palette('Circuitscope: Show Logit Lens');
      const line = (await workbench.panelFrame('.report [data-latents-of]')).locator('[data-latents-of]');
      await line.locator('.token-latent').first().waitFor();
    });

    it('have a layers panel', async () => {
      await workbench.palette('Circuitscope: Show Layers');
      const layers = await workbench.panelFrame('.layers [data-bars]');
      await layers.getByText('Measure Loss').click();
      await layers.locator('[data-chart=kl]').waitFor();
      await workbench.shot(`latents-layers-${theme}`);
    });

    if (theme === 'dark')
      it('come back after a reload, with the one that was locked', async () => {
        await workbench.stateSaved(/"latent":54\b/);
        await workbench.layoutSaved(/circuitscope\.latents/);
        await workbench.reload();
        await workbench.page.locator('.tab', { hasText: 'Latents' }).click();
        const panel = await workbench.panelFrame('.latent-row', 40_000);
        await panel.locator('.latent-row.locked[data-latent="54"]').waitFor();
        await workbench.statusBar('mlsae').waitFor();
        await eventually('tint', async () => ((await tinted(workbench)) > 0 ? true : undefined));
        await workbench.shot('latents-reloaded');
      });
  });
