// A training in a real VS Code with the real engine: from the palette to its curves and its result.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import * as path from 'node:path';
import type { Frame } from 'playwright-core';
import { eventually } from './support/wait';
import { startWorkbench, workspaceFolder, type Workbench } from './support/workbench';

const folder = path.join(workspaceFolder, '.circuitscope', 'trainings');

describe('a training', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await startWorkbench();
    await workbench.openFile('total.ts');
    await workbench.palette('Circuitscope: Open Sample…');
    const sample = workbench.page.locator('.quick-input-list .monaco-list-row', { hasText: 'neox-6l' });
    await sample.first().click();
    await workbench.statusBar('neox-6l').waitFor();
  });
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await workbench.shot(`failed ${this.currentTest.fullTitle()}`);
  });
  after(async () => {
    await workbench?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Answers the questions: texts, expansion factor, k, steps; the folder is the one that is offered. */
  async function train(steps: number): Promise<Frame> {
    const { page } = workbench;
    await workbench.palette('Circuitscope: Train MLSAE…');
    const widget = page.locator('.quick-input-widget');
    for (const [i, answer] of ['**/*', '2', '4', String(steps), undefined].entries()) {
      await widget.getByText(`Train an MLSAE on neox-6l (${i + 1}/5)`).waitFor();
      if (answer !== undefined) await widget.locator('input[type=text]').fill(answer);
      await page.keyboard.press('Enter');
    }
    return workbench.panelFrame('main.training canvas[data-lines=fvu]', 60_000);
  }

  it('shows its curves, ends, and opens its result beside the model', async () => {
    const panel = await train(2);
    await panel.locator('main[data-state=complete]').waitFor();
    const words = await panel.locator('[data-chart=fvu] .lines').getAttribute('aria-valuetext');
    assert.match(words ?? '', /^step 2: L0 \d\.\d+, .*L5 \d\.\d+$/);
    await workbench.shot('training-complete');
    await panel.getByRole('button', { name: 'Open Result' }).click();
    const layers = await workbench.panelFrame('main.layers, .full');
    assert.ok(layers);
    await eventually('the SAE', async () => ((await workbench.statusBar(/×2 k4/).count()) > 0 ? true : undefined));
  });
});
