// axe-core finds nothing in any panel, in the four kinds of themes.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import type { ReportMethod } from '../../src/protocol/reportPanel';
import { changeTheme, themeNames, violations } from './panel/axe';
import { focusRing } from './panel/focus';
import { circuitsFixture } from './panel/circuitsFixture';
import { readCompareData } from './panel/compareData';
import { referenceFixture } from './panel/fixture';
import { type Bundle, type Harness, startHarness } from './panel/harness';
import { latentsFixture } from './panel/latentsFixture';
import { pack } from './panel/packed';
import { Panel, type PanelOptions } from './panel/page';
import { readSaeData } from './panel/saeData';

/** Something to look at: how the panel gets there, from what was looked at before. */
type Step = [what: string, go?: (page: Page) => Promise<unknown>];

interface Visit {
  title: string;
  /** The page; visits that name the same bundle share its server. */
  bundle: () => Bundle | Promise<Bundle>;
  options: PanelOptions;
  steps: Step[];
}

const root = process.cwd();
const attention = (): Bundle => ({ panel: 'attention', fakeHost: 'fakeHost', fixture: referenceFixture });
const circuits = (): Bundle => ({ panel: 'circuits', fakeHost: 'circuitsFakeHost', fixture: circuitsFixture });
const latents = (): Bundle => ({ panel: 'latents', fakeHost: 'latentsFakeHost', fixture: latentsFixture });
const training = (): Bundle => ({ panel: 'training', fakeHost: 'trainingFakeHost', fixture: () => null });
const report = (method: ReportMethod) => (): Bundle => ({
  panel: method,
  fakeHost: 'reportFakeHost',
  fixture: (folder) => ({ ...referenceFixture(folder), method }),
});
const sae = async (panel: string, fakeHost: string): Promise<Bundle> => {
  const data = pack(await readSaeData(root));
  return { panel, fakeHost, fixture: () => data };
};
const card = (): Promise<Bundle> => sae('latents', 'latentCardFakeHost');
const layers = (): Promise<Bundle> => sae('layers', 'layersFakeHost');
const compare = async (): Promise<Bundle> => {
  const data = pack(await readCompareData(root));
  return { panel: 'compare', fakeHost: 'compareFakeHost', fixture: () => data };
};

/** As the host would say it. */
const say =
  (method: string, params: unknown) =>
  (page: Page): Promise<unknown> =>
    page.evaluate(`window.panelHost.send(${JSON.stringify(method)}, ${JSON.stringify(params)})`);
const menu = (page: Page): Promise<unknown> => page.getByRole('button', { name: 'Export' }).click();
const tab =
  (name: string, section: string) =>
  async (page: Page): Promise<void> => {
    await page.getByRole('tab', { name }).click();
    await page.locator(`main[data-section=${section}][data-state=ready]`).waitFor();
  };

const visits: Visit[] = [
  {
    title: 'attention',
    bundle: attention,
    options: { height: 900 },
    steps: [['drawn'], ['a token is locked', (page) => page.locator('[data-token="27"]').click()], ['its menu', menu]],
  },
  { title: 'attention of no layers', bundle: attention, options: { scenario: 'zero' }, steps: [['drawn']] },
  {
    title: 'circuits',
    bundle: circuits,
    options: { width: 728, height: 900, drawn: ['.graph-canvas[data-edges]', '.matrix-V[data-cell]'] },
    steps: [['drawn'], ['its menu', menu]],
  },
  {
    title: 'circuits in the side bar',
    bundle: circuits,
    options: { width: 300, height: 700, drawn: ['.graph-canvas[data-edges]'] },
    steps: [['drawn']],
  },
  {
    title: 'latents',
    bundle: latents,
    options: { width: 728, height: 826, drawn: ['.picture-canvas[data-x0]', '.latent-row[aria-posinset="1"]'] },
    steps: [['drawn'], ['its menu', menu]],
  },
  {
    title: 'latent card',
    bundle: card,
    options: { width: 728, height: 1500, scenario: 'long', drawn: ['.chips'] },
    steps: [['drawn'], ['steered', (page) => page.locator('.steer vscode-button').first().click()]],
  },
  {
    title: 'layers',
    bundle: layers,
    options: { width: 900, height: 1200, drawn: ['canvas[data-bars=fvu]'] },
    steps: [['drawn']],
  },
  {
    title: 'nothing yet',
    bundle: layers,
    options: { scenario: 'zero', drawn: ['.full'] },
    steps: [
      ['empty'],
      ['busy', say('layers/status', { kind: 'busy', message: 'Running…' })],
      ['error', say('layers/status', { kind: 'error', message: 'The engine ran out of memory.' })],
    ],
  },
  ...(['paths', 'lens', 'bigrams', 'importance', 'patch', 'ablate'] as const).map((method): Visit => ({
    title: method,
    bundle: report(method),
    options: { drawn: ['main[data-state=ready]'] },
    steps: [['drawn'], ['an error', say('report/status', { kind: 'error', message: 'The engine stopped.' })]],
  })),
  {
    title: 'training',
    bundle: training,
    options: { width: 900, height: 800, scenario: 'long', drawn: ['canvas[data-lines=loss]'] },
    steps: [['drawn']],
  },
  {
    title: 'training of a toy',
    bundle: training,
    options: { width: 900, height: 1200, scenario: 'wide', drawn: ['canvas[data-lines=loss]'] },
    steps: [['drawn']],
  },
  {
    title: 'compare',
    bundle: compare,
    options: { width: 1000, height: 900, drawn: ['.heat-delta[data-head]', '.cell-canvas[data-rows]'] },
    steps: [
      ['patterns'],
      ['head scores', tab('Head scores', 'scores')],
      ['composition', tab('Composition', 'composition')],
      ['latents', tab('Latents', 'latents')],
      ['next tokens', tab('Next tokens', 'tokens')],
    ],
  },
];

/** Themes in which the keyboard goes through the panel: the usual one, and one in which what is chosen has an outline, too. */
const DARKEST = ['vscode-dark', 'vscode-high-contrast'];

/** Tab through all of the panel: what has the keyboard and does not show it. */
async function unseenFocus(page: Page): Promise<string[]> {
  const unseen: string[] = [];
  await page.evaluate('document.activeElement?.blur?.()');
  for (let presses = 0; presses < 120; presses++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate<boolean>('document.activeElement === document.body')) break;
    const at = await page.evaluate<string | null>(focusRing);
    if (at !== null) unseen.push(`the keyboard is on ${at} and nothing shows it`);
  }
  return unseen;
}

describe('axe-core', function () {
  for (const { title, bundle, options, steps } of visits)
    it(`finds nothing: ${title}`, async () => {
      let harness: Harness | undefined;
      let panel: Panel | undefined;
      try {
        harness = await startHarness(root, await bundle());
        panel = await Panel.open(harness, options);
        const found: string[] = [];
        for (const [what, go] of steps) {
          await go?.(panel.page);
          await panel.settle();
          for (const [i, theme] of themeNames.entries()) {
            await changeTheme(panel.page, theme);
            const lines = await violations(panel.page, i === 0 ? 'all' : 'colour');
            found.push(...lines.map((line) => `${what}, ${theme}: ${line}`));
            if (DARKEST.includes(theme))
              found.push(...(await unseenFocus(panel.page)).map((at) => `${what}, ${theme}: ${at}`));
          }
        }
        assert.deepEqual(found, []);
        assert.deepEqual(panel.errors, [], 'within the content security policy');
      } finally {
        await panel?.close();
        await harness?.close();
      }
    });
});

describe('reduced motion in the panels', () => {
  const moving = (panel: Panel): Promise<number> =>
    panel.page.evaluate(
      "[document, document.querySelector('vscode-progress-ring').shadowRoot].map((r) => r.getAnimations().length).reduce((a, b) => a + b)",
    );

  it('is respected, asked of the system or of VS Code', async () => {
    const harness = await startHarness(root, await layers());
    const panel = await Panel.open(harness, { scenario: 'zero', drawn: ['.full'] });
    try {
      await say('layers/status', { kind: 'busy', message: 'Running…' })(panel.page);
      await panel.page.locator('.progress.unknown').waitFor();
      assert.equal(await moving(panel), 0, 'the system asks for it');
      await panel.page.emulateMedia({ reducedMotion: 'no-preference' });
      await panel.settle();
      assert.ok((await moving(panel)) >= 2, 'else the ring and the bar move');
      await panel.page.evaluate("document.body.classList.add('vscode-reduce-motion')");
      await panel.settle();
      assert.equal(await moving(panel), 0, 'VS Code asks for it');
    } finally {
      await panel.close();
      await harness.close();
    }
  });
});
