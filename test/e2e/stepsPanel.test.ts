// The slider over training steps in the attention panel, in a browser, with a fake host.
import assert from 'node:assert/strict';
import type { AttentionView } from '../../src/protocol/attentionPanel';
import type { CheckpointInfo } from '../../src/protocol/checkpoint';
import type { StepsView } from '../../src/protocol/steps';
import { referenceFixture } from './panel/fixture';
import { type Harness, startHarness } from './panel/harness';
import { Panel } from './panel/page';

let harness: Harness;
let panel: Panel;

const STEPS: StepsView = { steps: [1000, 2000, 4000].map((step) => ({ step, name: `step${step}` })), current: 1 };
const NEXT = 'analysis of the next step';

/** The same tokens in the next step's checkpoint. */
function viewOfNext(): AttentionView {
  const { tokens, text, nLayers, nHeads, predictions } = referenceFixture(process.cwd());
  const analysis = {
    id: NEXT,
    checkpointId: '2',
    tokens,
    nLayers,
    nHeads,
    provider: 'cpu',
    timings: { load: 0, run: 1 },
  };
  const rest = { surprisal: tokens.map(() => 1) as never, predictions, notices: [], totalTokens: tokens.length };
  const checkpoint = { id: '2', name: 'step2000', path: '/steps/step2000', nLayers, nHeads } as CheckpointInfo;
  return { checkpoint, analysis: { ...analysis, ...rest }, text, sourceName: 'total.ts', stale: false, headNames: [] };
}

const moves = async (): Promise<number[]> =>
  (await panel.sent()).filter(({ method }) => method === 'attention/goToStep').map(({ params }) => params as number);

describe('training steps in the attention panel', function () {
  before(async () => {
    harness = await startHarness(process.cwd());
  });
  after(() => harness.close());
  afterEach(async () => {
    const { errors } = panel;
    await panel.close();
    assert.deepEqual(errors, [], 'scripts ran without an error and within the content security policy');
  });

  it('are moved through by pointer and keyboard', async () => {
    panel = await Panel.open(harness);
    assert.equal(await panel.page.locator('.step-bar').count(), 0, 'no training, no slider');
    await panel.host((host, steps) => host.send('attention/steps', steps), STEPS);
    const slider = panel.page.getByRole('slider', { name: 'Training step' });
    await slider.focus();
    await panel.page.keyboard.press('ArrowLeft');
    await panel.page.getByRole('button', { name: 'Next training step' }).click();
    assert.deepEqual(await moves(), [0, 1]);
    await slider.focus();
    await panel.page.keyboard.press('End');
    assert.deepEqual(await moves(), [0, 1, 2]);
    assert.equal(
      await panel.page.getByRole('button', { name: 'Next training step' }).getAttribute('aria-disabled'),
      'true',
    );
    await panel.shot('steps');
  });

  it('the next pattern replaces what is drawn without a gap; what is zoomed stays zoomed', async () => {
    panel = await Panel.open(harness);
    await panel.page.locator('.heat-overlay').focus();
    await panel.page.keyboard.press('+');
    await panel.settle();
    const before = await panel.heat();
    await panel.host((host, view) => host.send('attention/view', view), viewOfNext());
    await panel.settle();
    const between = await panel.heat();
    assert.deepEqual([between.cell, between.name], [before.cell, 'L1H5']);
    assert.ok((await panel.paintedUnder('.heat-base')) > 0, 'the old pattern is gone before the new one is there');
    await panel.host((host, id) => {
      const n = Math.sqrt(host.pattern(1, 5).length);
      const key = { analysisId: id, reduction: 'one', weighting: 'pattern', head: { layer: 1, head: 5 } } as const;
      host.send('attention/matrix', { key, matrix: { n, values: new Float32Array(n * n) } });
    }, NEXT);
    await panel.settle();
    const after = await panel.heat();
    assert.equal(after.cell, before.cell);
    assert.ok(after.draws > between.draws);
    const { x, y } = await panel.cellPoint(after.row, after.column);
    assert.equal((await panel.pixel('.heat-base', x, y))[3], 0, 'the new pattern is empty');
  });
});
