// The training panel alone, in a browser, with a fake host.
import assert from 'node:assert/strict';
import type { TrainingToHost } from '../../src/protocol/trainingPanel';
import { fixed, signed } from '../../webview/shared/numbers';
import { type Harness, startHarness } from './panel/harness';
import { Panel, type PanelOptions } from './panel/page';
import { mlsaePoints, toyPoints } from './panel/trainingData';
import type { TrainingHost } from './panel/trainingTypes';
import { eventually } from './support/wait';

let harness: Harness;
let panel: Panel;

const FIRST = '/trainings/mlsae-neox-6l-x16-k32';
const LOSS = '[data-chart=loss] .lines';
const open = async (options: PanelOptions = {}): Promise<void> => {
  const drawn = options.scenario === 'zero' ? ['.full'] : ['canvas[data-lines=loss]'];
  panel = await Panel.open(harness, { width: 900, height: 800, drawn, ...options });
};
const host = <T, E = undefined>(work: (host: TrainingHost, extra: E) => T, extra?: E): Promise<T> =>
  panel.onHost(work, extra);
const sent = async <K extends keyof TrainingToHost>(name: K): Promise<TrainingToHost[K][]> =>
  (await host(({ sent: all }) => all))
    .filter(({ method }) => method === name)
    .map((m) => m.params as TrainingToHost[K]);
const words = (chart: string): Promise<string | null> =>
  panel.page.locator(`[data-chart=${chart}] .lines`).getAttribute('aria-valuetext');
/** Heights at which the first colour of charts is in a column of a canvas, as parts of its height. */
const inkAt = (chart: string, x: number): Promise<number[]> =>
  panel.page.evaluate(`(() => {
    const canvas = document.querySelector('canvas[data-lines=${chart}]');
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(Math.floor(${x} * width), 0, 1, height);
    const probe = document.createElement('span');
    probe.style.color = 'var(--bar)';
    document.body.append(probe);
    const one = document.createElement('canvas').getContext('2d');
    one.fillStyle = getComputedStyle(probe).color;
    one.fillRect(0, 0, 1, 1);
    const ink = one.getImageData(0, 0, 1, 1).data;
    probe.remove();
    const is = (y) => [0, 1, 2].every((c) => Math.abs(data[y * 4 + c] - ink[c]) <= 40) && data[y * 4 + 3] > 120;
    return Array.from({ length: height }, (_, y) => y).filter(is).map((y) => y / height);
  })()`);

describe('training panel', function () {
  before(async () => {
    harness = await startHarness(process.cwd(), {
      panel: 'training',
      fakeHost: 'trainingFakeHost',
      fixture: () => null,
    });
  });
  after(() => harness.close());
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await panel.shot(`failed ${this.currentTest.title.replaceAll(/\W+/g, ' ')}`);
    const { errors } = panel;
    await panel.close();
    assert.deepEqual(errors, [], 'scripts ran without an error and within the content security policy');
  });

  it('says how far it is, and what was measured last', async () => {
    await open();
    assert.equal(
      await panel.page.locator('.how').innerText(),
      'step 600 of 1,000 · 1,228,800 tokens · 3,210 tokens/s · 7 min left',
    );
    assert.equal(await panel.page.getByRole('progressbar').getAttribute('aria-valuenow'), '60');
    const last = mlsaePoints(600).at(-1)!;
    assert.equal(await words('loss'), `step 600: ${fixed(last.loss)}`);
    const fvu = last.fvu.map((v, i) => `L${i} ${fixed(v, v < 0.1 ? 3 : 2)}`).join(', ');
    assert.equal(await words('fvu'), `step 600: ${fvu}`);
    assert.match((await words('l0')) ?? '', /31\.5$/);
    assert.match((await words('dead')) ?? '', new RegExp(`${fixed(100 * last.deadFraction, 1)} %$`));
  });

  it('draws lines where the values are', async () => {
    await open();
    const middle = async (x: number): Promise<number> => {
      const ink = await inkAt('loss', x);
      assert.ok(ink.length > 0, `no line at ${x}`);
      return ink.reduce((a, b) => a + b) / ink.length;
    };
    const [early, late] = [await middle(0.25), await middle(0.9)];
    assert.ok(late - early > 0.15, `the loss falls: ${early}, ${late}`);
    assert.deepEqual(await inkAt('loss', 0.02), [], 'nothing left of the axis');
  });

  it('goes on with every report', async () => {
    await open();
    await host(
      (h, { dir, points }) => {
        h.send('training/points', { dir, from: 60, points });
        h.change(dir, { step: 610, secondsLeft: 45 });
      },
      { dir: FIRST, points: mlsaePoints(610).slice(60) },
    );
    await panel.page.getByText('45 s left').waitFor();
    assert.match((await words('loss')) ?? '', /^step 610: /);
  });

  it('takes steps again after a training went on from its last save', async () => {
    await open();
    const again = { ...mlsaePoints(510)[50]!, loss: 7 };
    await host((h, { dir, points }) => h.send('training/points', { dir, from: 50, points }), {
      dir: FIRST,
      points: [again],
    });
    await eventually('fewer points', async () => ((await words('loss'))?.startsWith('step 510: ') ? true : undefined));
    assert.match((await words('loss')) ?? '', /7\.00$/);
    await panel.page.locator(LOSS).press('ArrowLeft');
    await panel.settle();
    assert.match((await words('loss')) ?? '', /^step 500: /);
  });

  it('reads every chart at the step of the pointer and of the arrow keys', async () => {
    await open();
    await panel.page.locator(LOSS).focus();
    await panel.page.keyboard.press('Home');
    await panel.settle();
    for (const chart of ['loss', 'fvu', 'l0', 'dead']) assert.match((await words(chart)) ?? '', /^step 10: /);
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowLeft']) await panel.page.keyboard.press(key);
    await panel.settle();
    assert.match((await words('fvu')) ?? '', /^step 20: L0 /);
    const loss = mlsaePoints(600)[1]!.loss;
    assert.equal(await panel.page.locator('[data-chart=loss] .reading').innerText(), `20: ${fixed(loss)}`);
    await panel.page.keyboard.press('Escape');
    await panel.page.locator(LOSS).hover({ position: { x: 140, y: 60 } });
    await panel.settle();
    const step = Number(/^step (\d+)/.exec((await words('dead')) ?? '')![1]);
    assert.ok(step > 100 && step < 500, `${step}`);
  });

  it('has buttons for what can be done in each state', async () => {
    await open();
    const buttons = (): Promise<string[]> =>
      panel.page
        .locator('.training-row .buttons button')
        .evaluateAll((all) =>
          (all as unknown as { getAttribute(name: string): string }[]).map((b) => b.getAttribute('aria-label')),
        );
    assert.deepEqual(await buttons(), ['Pause', 'Stop', 'Open Result']);
    await panel.page.getByRole('button', { name: 'Pause' }).press('Enter');
    assert.deepEqual(await sent('training/action'), [{ dir: FIRST, action: 'pause' }]);
    await host((h, dir) => h.change(dir, { state: 'pausing' }), FIRST);
    await panel.page.getByText('saving', { exact: true }).waitFor();
    assert.deepEqual(await buttons(), ['Open Result']);
    await host((h, dir) => h.change(dir, { state: 'paused' }), FIRST);
    await panel.page.getByText('paused', { exact: true }).waitFor();
    assert.deepEqual(await buttons(), ['Resume', 'Open Result', 'Remove from the panel']);
    for (const name of ['Resume', 'Open Result', 'Remove']) await panel.page.getByRole('button', { name }).click();
    const actions = (await sent('training/action')).map(({ action }) => action);
    assert.deepEqual(actions, ['pause', 'resume', 'openResult', 'forget']);
    await host((h, dir) => h.change(dir, { state: 'complete', step: 1000 }), FIRST);
    await panel.page.getByText('complete', { exact: true }).waitFor();
    assert.deepEqual(await buttons(), ['Open Result', 'Remove from the panel']);
    const hasText = /mlsae-neox-6l-x16-k32 complete: step 1,000 of 1,000/;
    await panel.page.locator('.sr-only[role=status]', { hasText }).waitFor({ state: 'attached' });
  });

  it('opens what was saved last while it trains, once something is', async () => {
    await open();
    await host((h, dir) => h.change(dir, { savedStep: 0 }), FIRST);
    const button = panel.page.getByRole('button', { name: 'Open Result' });
    await panel.page.getByTitle('Open the result: nothing is saved yet').waitFor();
    assert.equal(await button.isDisabled(), true);
    await host((h, dir) => h.change(dir, { savedStep: 1500 }), FIRST);
    await panel.page.getByTitle('Open the result as it was saved after step 1,500').press('Enter');
    assert.deepEqual(await sent('training/action'), [{ dir: FIRST, action: 'openResult' }]);
  });

  it('exports the history of the one in focus, by keyboard too', async () => {
    await open({ scenario: 'long' });
    await panel.page.getByRole('button', { name: 'Export the history of mlsae-neox-6l-x16-k32' }).press('Enter');
    await panel.page.keyboard.press('ArrowDown');
    await panel.page.keyboard.press('Enter');
    await panel.page.locator('.training-row .name', { hasText: 'x16-k16' }).click();
    await panel.page.getByRole('button', { name: 'Export the history of mlsae-neox-6l-x16-k16' }).click();
    await panel.page.getByRole('menuitem', { name: 'Export History as CSV…' }).click();
    assert.deepEqual(await sent('training/exportHistory'), [
      { dir: FIRST, format: 'json' },
      { dir: '/trainings/mlsae-neox-6l-x16-k16', format: 'csv' },
    ]);
  });

  it('puts several into one chart, and takes them out', async () => {
    await open({ scenario: 'long' });
    const [a, b] = [mlsaePoints(600).at(-1)!, mlsaePoints(1000, 1.4).at(-1)!];
    assert.match(
      (await words('loss')) ?? '',
      new RegExp(
        `^step 1,000: mlsae-neox-6l-x16-k32 ${fixed(a.loss)}, mlsae-neox-6l-x16-k16 ${fixed(b.loss)}, broken `,
      ),
    );
    assert.equal(
      await panel.page.locator('[data-chart=fvu] h2 small').innerText(),
      'log scale · mlsae-neox-6l-x16-k32',
    );
    await panel.page.locator('[data-chart=fvuNow]').waitFor();
    await panel.shot('training-compared');
    await panel.page.getByLabel('broken in the charts').uncheck();
    await panel.settle();
    assert.doesNotMatch((await words('loss')) ?? '', /broken/);
    await panel.page.locator('.training-row .name', { hasText: 'broken' }).click();
    await panel.page.getByRole('alert').getByText('The loss is not finite at step 21.').waitFor();
    assert.match((await words('loss')) ?? '', /broken .*x16-k16/);
    assert.match((await words('fvu')) ?? '', /^step 20: /);
  });

  it('shows the heads of a toy transformer as they form', async () => {
    await open({ scenario: 'wide', height: 1200 });
    const last = toyPoints(800).at(-1)!;
    assert.match((await words('induction')) ?? '', new RegExp(`^step 800: L1H5 ${fixed(last.induction![1]![5]!)}, `));
    assert.match(
      (await words('previousToken')) ?? '',
      new RegExp(`^step 800: L0H4 ${fixed(last.previousToken![0]![4]!)}, `),
    );
    assert.match((await words('kComposition')) ?? '', new RegExp(`^step 800: L1H5 ${fixed(last.kComposition![5]!)}, `));
    assert.match((await words('inContext')) ?? '', new RegExp(` ${signed(last.inContext!, 3)}$`));
    const positions = await panel.page.locator('[data-chart=position] .lines').getAttribute('aria-label');
    assert.equal(positions, `Loss by position: toy-2l ${last.lossByPosition!.map((v) => fixed(v, 3)).join(', ')}`);
    const map = panel.page.locator('[data-map=snippet]');
    await map.focus();
    await panel.page.keyboard.press('Home');
    await panel.page.keyboard.press('Home');
    await panel.settle();
    assert.match(await panel.page.locator('.cell-map .sr-only').innerText(), /^function attends to function 1\.00$/);
    await panel.page.keyboard.press('PageDown');
    await panel.settle();
    assert.match(await panel.page.locator('.cell-map .sr-only').innerText(), /^, attends to function 0\.25$/);
    await panel.shot('training-toy');
  });

  it('says what to do where there is none', async () => {
    await open({ scenario: 'zero' });
    for (const name of ['Train MLSAE…', 'Train Toy Transformer…', 'Open Training…'])
      await panel.page.getByText(name).click();
    assert.deepEqual(await sent('training/command'), ['trainMlsae', 'trainToy', 'openTraining']);
    await panel.shot('training-empty');
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has its picture taken, ${theme}`, async () => {
      await open({ theme });
      await panel.shot(`training-${theme}`);
      await panel.close();
      await open({ theme, scenario: 'wide', height: 1200 });
      await panel.shot(`training-toy-${theme}`);
    });
  }

  for (const scenario of ['long', 'wide'] as const) {
    it(`fits 400 pixels, ${scenario === 'wide' ? 'a toy' : 'several'}`, async () => {
      await open({ width: 400, height: scenario === 'wide' ? 1900 : 800, scenario });
      const wide = await panel.page.evaluate<number[]>(
        `[document.querySelector('main').scrollWidth, document.querySelector('main').clientWidth]`,
      );
      assert.ok(wide[0]! <= wide[1]!, `the page scrolls sideways: ${wide.join()}`);
      const high = await panel.page.evaluate<number[]>(
        `[...document.querySelectorAll('.training-chart')].flatMap(({ children }) => [...children].map(({ clientHeight }) => clientHeight))`,
      );
      assert.ok(
        high.every((height) => height > 0 && height < 160),
        `parts of charts are as high as they are: ${high.join()}`,
      );
      await panel.shot(`training-400${scenario === 'wide' ? '-toy' : ''}`);
    });
  }
});
