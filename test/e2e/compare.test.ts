// Two steps of a training in a real VS Code: the slider in the attention panel, the compare panel, and both after a reload.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { writeSteps } from '../support/trainingSteps';
import { eventually } from './support/wait';
import { startWorkbench, workspaceFolder, type Workbench } from './support/workbench';

/** All pixels of the large pattern, as text. */
const picture = (frame: Frame): Promise<string> =>
  frame.evaluate<string>(`document.querySelector('canvas.heat-base').toDataURL()`);
const heading = async (frame: Frame): Promise<string> =>
  (await frame.locator('h1').innerText()).replaceAll(/\s+/g, ' ').trim();

/** Analyzes total.ts with the first step and shows L1H5. */
async function showAttention(workbench: Workbench): Promise<Frame> {
  await workbench.openFile('total.ts');
  await workbench.palette('Circuitscope: Analyze Selection');
  const attention = await workbench.panelFrame('canvas.heat-base[data-cell]', 40_000);
  await attention.locator('[data-head="L1H5"]').click();
  await attention.locator('canvas.heat-base[data-name="L1H5"]').waitFor();
  return attention;
}

describe('two steps of a training beside the code', () => {
  it('the slider redraws the attention panel; the two are compared, also after a reload', async function () {
    this.timeout(120_000);
    const [first] = writeSteps(path.resolve('samples', 'attn-only-2l'), [0.3, 0.6, 1]);
    const folder = path.dirname(first!);
    cpSync(path.join(workspaceFolder, 'src', 'total.ts'), path.join(folder, 'total.ts'));
    const settings = { 'editor.minimap.enabled': false, 'circuitscope.checkpoint': first };
    const workbench = await startWorkbench({ folder, settings });
    try {
      const attention = await showAttention(workbench);
      await attention.locator('.step-bar[data-step="1000"]').waitFor();
      const before = await picture(attention);
      await attention.getByRole('slider', { name: 'Training step' }).focus();
      await workbench.page.keyboard.press('ArrowRight');
      await attention.locator('.step-bar[data-step="2000"][aria-busy=false]').waitFor();
      await eventually('other pixels', async () => ((await picture(attention)) === before ? undefined : true));
      assert.equal(await heading(attention), 'step2000');
      assert.equal(await attention.locator('canvas.heat-base').getAttribute('data-name'), 'L1H5', 'the head is kept');
      await workbench.statusBar('step 2,000').waitFor({ timeout: 10_000 });
      await workbench.shot('compare-slider');

      await workbench.choose('Circuitscope: Compare with Checkpoint…', 'step3000');
      const compare = await workbench.panelFrame('canvas.heat-delta[data-head="L1H5"]');
      assert.equal(await heading(compare), 'A step2000 → B step3000');
      await compare.getByRole('button', { name: 'Previous training step' }).click();
      await compare.locator('.step-bar[data-step="1000"][aria-busy=false]').waitFor();
      assert.equal(await heading(compare), 'A step1000 → B step3000');
      await compare.getByRole('tab', { name: 'Head scores' }).click();
      const row = compare.locator('.table[aria-label^="Heads by change"] tbody tr').first();
      await row.waitFor();
      assert.match(await row.innerText(), /^L1H[57]\s.*\+0\.\d/s, 'the induction heads form');
      await workbench.shot('compare-workbench');

      await workbench.layoutSaved(/circuitscope\.compare[^]*section[\\":]+scores/);
      await workbench.reload();
      const again = await workbench.panelFrame('main.compare[data-section=scores] .table', 40_000);
      assert.equal(await heading(again), 'A step1000 → B step3000');
    } finally {
      await workbench.close();
    }
  });
});
