// A .onnx that someone exported, in a real VS Code with the real engine: from the palette to its heads.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import type { Frame } from 'playwright-core';
import { eventually } from './support/wait';
import { startWorkbench, workspaceFolder, type Workbench } from './support/workbench';

describe('a .onnx of the workspace', () => {
  const folder = path.join(workspaceFolder, 'exported');
  let workbench: Workbench;
  before(async () => {
    mkdirSync(folder, { recursive: true });
    copyFileSync(path.resolve('test/fixtures/onnx/gpt2-dynamic-17.onnx'), path.join(folder, 'tiny-export.onnx'));
    workbench = await startWorkbench();
    // by then the palette has the extension's commands
    await workbench.openFile('total.ts');
  });
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await workbench.shot(`failed ${this.currentTest.fullTitle()}`);
  });
  after(async () => {
    await workbench?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is opened from the palette, and shows the attention of a prompt', async () => {
    const { page } = workbench;
    await workbench.choose('Circuitscope: Open Checkpoint…', 'tiny-export');
    await workbench.statusBar('tiny-export').waitFor();
    // the palette learns a little later than the status bar that there is a checkpoint
    await eventually('Analyze Prompt… in the palette', async () => {
      const rows = (await workbench.paletteRows('Circuitscope: Analyze')).filter({ hasText: 'Analyze Prompt…' });
      if ((await rows.count()) > 0)
        return rows
          .first()
          .click()
          .then(() => true);
      await page.keyboard.press('Escape');
      return undefined;
    });
    await workbench.answer([/no tokenizer: give token ids, 0–40/, '3, 8, 23, 7, 2, 8, 23']);
    const panel: Frame = await workbench.panelFrame('canvas.heat-base[data-cell]');
    assert.equal(await panel.locator('[data-token]').count(), 7);
    assert.equal(await panel.getByRole('gridcell').count(), 2 * 5);
    await panel.getByRole('application', { name: /7 by 7 tokens/ }).waitFor();
  });
});
