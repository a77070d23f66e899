import assert from 'node:assert/strict';
import type { Frame } from 'playwright-core';
import { describeWorkbench, startWorkbench, type Theme, type Workbench } from './support/workbench';

/** Analyzes lines 4 to 9 of total.ts, as a person does, and returns the panel's frame with the heatmap drawn. */
async function analyze(workbench: Workbench): Promise<Frame> {
  await workbench.openFile('total.ts');
  await workbench.selectLines(4, 9);
  await workbench.palette('Circuitscope: Analyze Selection');
  const panel = await workbench.panelFrame();
  await panel.locator('canvas.heat-base[data-cell]').waitFor();
  return panel;
}

/** Share of the heatmap's pixels that are drawn. */
const inked = (panel: Frame): Promise<number> =>
  panel.locator('canvas.heat-base').evaluate((canvas) => {
    const { width, height } = canvas as unknown as { width: number; height: number };
    const context = (canvas as unknown as { getContext(kind: '2d'): CanvasLike }).getContext('2d');
    const { data } = context.getImageData(0, 0, width, height);
    let drawn = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i]! > 0) drawn++;
    return drawn / (width * height);
  });
interface CanvasLike {
  getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
}

for (const theme of ['dark', 'light', 'hc-dark'] as Theme[])
  describeWorkbench(`Circuitscope in the workbench, ${theme}`, () => {
    let workbench: Workbench;
    before(async () => {
      workbench = await startWorkbench({ theme });
    });
    afterEach(async function () {
      if (this.currentTest?.isFailed()) await workbench.shot(`failed ${this.currentTest.fullTitle()}`);
    });
    after(() => workbench?.close());

    it('draws the heatmap of a selection from the palette', async () => {
      const panel = await analyze(workbench);
      assert.ok((await inked(panel)) > 0.05, 'the heatmap is not empty');
      await workbench.statusBar('attn-only-2l').waitFor();
      await workbench.shot(`workbench-${theme}`);
    });

    it('shows the card of a token under the pointer', async () => {
      const word = workbench.page.locator('.view-line', { hasText: 'const total' }).getByText('add', { exact: true });
      await word.hover();
      await workbench.hover('L1H5').waitFor();
      await workbench.shot(`hover-${theme}`);
      await workbench.page.keyboard.press('Escape');
    });
  });

describeWorkbench('the log of Circuitscope', () => {
  it('opens from the palette and says what was done', async () => {
    const workbench = await startWorkbench();
    await analyze(workbench);
    await workbench.palette('Circuitscope: Show Log');
    const output = workbench.page.locator('.part.panel .view-lines', { hasText: 'attn-only-2l' });
    await output.waitFor();
    await workbench.close();
  });
});
