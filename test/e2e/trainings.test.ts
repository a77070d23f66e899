// Trainings in a real VS Code with the real engine: from the palette to curves and results, live, and over a reload.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import { eventually } from './support/wait';
import { startWorkbench, workspaceFolder, type Workbench } from './support/workbench';

const folder = path.join(workspaceFolder, '.circuitscope', 'trainings');

describe('a training', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await startWorkbench();
    await workbench.openFile('total.ts');
    await workbench.choose('Circuitscope: Open Sample…', 'neox-6l');
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
    await workbench.palette('Circuitscope: Train MLSAE…');
    const answers = ['**/*', '2', '4', String(steps), undefined];
    await workbench.answer(...answers.map((text, i) => [`Train an MLSAE on neox-6l (${i + 1}/5)`, text] as const));
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

  it('that is paused goes on, shows what it saved meanwhile, and comes back after a reload', async () => {
    let panel = await train(100_000);
    const name = 'mlsae-neox-6l-x2-k4-2';
    const row = (): Locator => panel.locator('.training-row.chosen', { hasText: name });
    const pause = async (): Promise<number> => {
      // the first report has come: steps are saved then
      await row().getByText('tokens/s').waitFor();
      await row().getByRole('button', { name: 'Pause' }).click();
      await panel.locator('main[data-state=paused]').waitFor();
      return Number(/^step ([\d,]+) of 100,000/.exec(await row().locator('.how').innerText())![1]!.replaceAll(',', ''));
    };
    const step = await pause();
    assert.ok(step > 0 && existsSync(path.join(folder, name, 'model.safetensors')));
    await row().getByRole('button', { name: 'Resume' }).click();
    await panel.locator('main[data-state=running]').waitFor();
    await row().getByRole('button', { name: 'Open Result' }).click();
    await workbench.statusBar(`mlsae ×2 k4 step ${step} `).waitFor();
    assert.ok(existsSync(path.join(folder, name, `step${step}`, 'model.safetensors')));

    await workbench.page.locator('.tab', { hasText: 'Training' }).click();
    panel = await workbench.panelFrame('main.training canvas[data-lines=fvu]');
    const last = await pause();
    assert.ok(last > step);
    const stored = JSON.parse(readFileSync(path.join(folder, name, 'training.json'), 'utf8')) as { step: number };
    assert.equal(stored.step, last);
    await workbench.layoutSaved(/circuitscope\.training/);
    await workbench.reload();
    const offer = workbench.notification(new RegExp(`${name} was not finished \\(step ${last} of 100,000\\)`));
    await offer.waitFor({ timeout: 30_000 });
    // a panel that lies behind another one comes back when it is looked at
    await workbench.page.locator('.tab', { hasText: 'Training' }).click();
    const again = await workbench.panelFrame('main.training[data-state=paused] canvas[data-lines=fvu]', 30_000);
    assert.match(await again.locator('.training-row .how').innerText(), new RegExp(`^step ${last} of 100,000`));
    const words = await again.locator('[data-chart=loss] .lines').getAttribute('aria-valuetext');
    assert.match(words ?? '', new RegExp(`^step ${last}: `));
    await offer.getByText('Forget It').click();
    await again.locator('.full').waitFor();
  });
});
