// Circuits in a real VS Code: from the palette to the induction circuit, its heads named everywhere.
import assert from 'node:assert/strict';
import type { Frame } from 'playwright-core';
import { clickInductionEdge, hoverInductionEdge } from './support/inductionEdge';
import { eventually } from './support/wait';
import { startWorkbench, type Theme, type Workbench } from './support/workbench';

const settings = { 'editor.minimap.enabled': false, 'workbench.activityBar.location': 'default' };

/** Lines 4–9 of total.ts, then the circuits panel from the palette. */
async function showCircuits(workbench: Workbench): Promise<Frame> {
  await workbench.openFile('total.ts');
  await workbench.selectWholeLines(4, 9);
  await workbench.palette('Circuitscope: Analyze Selection');
  await workbench.panelFrame('canvas.heat-base[data-cell]');
  await workbench.palette('Circuitscope: Show Circuits');
  return workbench.panelFrame('canvas.graph-canvas[data-edges]');
}

describe('circuits beside the code', () => {
  for (const theme of ['dark', 'light'] as Theme[]) {
    it(`finds the induction circuit of attn-only-2l, ${theme}`, async () => {
      const workbench = await startWorkbench({ theme, settings });
      try {
        const panel = await showCircuits(workbench);
        await panel.locator('[data-node="L0H4"] .pill', { hasText: 'prev' }).waitFor();
        assert.match(await hoverInductionEdge(panel), /^L0H4 → L1H5 .* K 0\.170 \+0\.10\d/);
        await clickInductionEdge(panel);
        await panel.locator('.circuit').first().waitFor();
        const best = (await panel.locator('.circuit').allInnerTexts()).slice(0, 2);
        assert.ok(
          best.every((text) => /^L0H4 → L1H[57]/.test(text)),
          best.join('; '),
        );
        await workbench.page.locator('.activitybar a.action-label[aria-label="Circuitscope"]').click();
        const row = workbench.page.locator('.pane-body .monaco-list-row', { hasText: 'L1H5' });
        await row
          .filter({ hasText: /induction 0\.\d\d/ })
          .first()
          .waitFor();
        await hoverInductionEdge(panel);
        await workbench.shot(`circuits-${theme}`);
      } finally {
        await workbench.close();
      }
    });
  }

  it('shows in the attention panel the head of the edge that is clicked, with its name', async () => {
    const workbench = await startWorkbench({ settings });
    try {
      const panel = await showCircuits(workbench);
      await clickInductionEdge(panel);
      await workbench.palette('Circuitscope: Show Attention');
      const attention = await workbench.panelFrame('canvas.heat-base[data-name="L1H5"]');
      await attention.locator('[data-head="L1H5"].named').waitFor();
      await attention
        .locator('h2 .pill', { hasText: /^induction 0\.\d\d$/ })
        .first()
        .waitFor();
      await workbench.shot('attention-named');
      await workbench.palette('Circuitscope: Show Head Card');
      await workbench.panelFrame('[data-head-card="L1H5"]');
      await workbench.shot('circuits-headCard');
    } finally {
      await workbench.close();
    }
  });

  it('shows in the side bar the same circuits, with what the panel chose', async () => {
    const workbench = await startWorkbench({ settings });
    try {
      const panel = await showCircuits(workbench);
      await clickInductionEdge(panel);
      const { page } = workbench;
      await page.locator('.activitybar a.action-label[aria-label="Circuitscope"]').click();
      await page.locator('.pane-header', { hasText: 'Circuits' }).last().click();
      const side = await eventually('the circuits in the side bar', async () => {
        const frames = page.frames().filter((frame) => frame !== panel);
        for (const frame of frames) {
          const chosen = frame.locator('[data-node="L1H5"].chosen');
          if ((await chosen.count().catch(() => 0)) > 0) return frame;
        }
        return undefined;
      });
      assert.ok(Number(await side.locator('.graph-canvas').getAttribute('data-edges')) > 0);
      await side.locator('[data-node="L0H4"]').click();
      await panel.locator('[data-node="L0H4"].chosen').waitFor();
      await workbench.shot('circuits-sideBar');
    } finally {
      await workbench.close();
    }
  });
});
