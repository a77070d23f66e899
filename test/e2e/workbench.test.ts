import assert from 'node:assert/strict';
import { describeWorkbench, startWorkbench, type Workbench } from './support/workbench';

describeWorkbench('Circuitscope in the workbench', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await startWorkbench();
  });
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await workbench.shot(`failed ${this.currentTest.title}`);
  });
  after(() => workbench?.close());

  it('draws the heatmap of a selection from the palette', async () => {
    await workbench.openFile('total.ts');
    await workbench.selectLines(4, 9);
    await workbench.palette('Circuitscope: Analyze Selection');
    const panel = await workbench.panelFrame();
    await panel.locator('canvas.heat-base[data-cell]').waitFor();
    await workbench.shot('attention-dark');
  });

  it('writes a log that the person can open', async () => {
    await workbench.palette('Circuitscope: Show Log');
    const output = workbench.page.locator('.part.panel .view-line').first();
    await output.waitFor();
    assert.notEqual((await output.innerText()).trim(), '');
  });
});
