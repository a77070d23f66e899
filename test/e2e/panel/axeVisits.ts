/** What axe-core looks at: every panel in each of its states. */
import type { Page } from 'playwright-core';
import type { ReportMethod } from '../../../src/protocol/reportPanel';
import type { ResultPage } from '../../../src/protocol/resultPage';
import type { TrainingInfo } from '../../../src/protocol/trainingPanel';
import { circuitsFixture } from './circuitsFixture';
import { readCompareData } from './compareData';
import { referenceFixture } from './fixture';
import type { Bundle } from './harness';
import { latentsFixture } from './latentsFixture';
import { pack } from './packed';
import type { PanelOptions } from './page';
import { resultCheck, resultPage } from './resultData';
import { readSaeData } from './saeData';
import { readSafetensorsData } from './safetensorsData';

type Go = (page: Page) => Promise<unknown>;
/** Something to look at: how the panel gets there, from what was looked at before. */
type Step = [what: string, go?: Go];

export interface Visit {
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
export const layers = (): Promise<Bundle> => sae('layers', 'layersFakeHost');
const result = (): Bundle => ({ panel: 'result', fakeHost: 'resultFakeHost', fixture: () => resultPage });
const safetensors = async (): Promise<Bundle> => {
  const data = pack(await readSafetensorsData());
  return { panel: 'safetensors', fakeHost: 'safetensorsFakeHost', fixture: () => data };
};
const compare = async (): Promise<Bundle> => {
  const data = pack(await readCompareData(root));
  return { panel: 'compare', fakeHost: 'compareFakeHost', fixture: () => data };
};

/** As the host would say it. */
export const say =
  (method: string, params: unknown): Go =>
  (page) =>
    page.evaluate(`window.panelHost.send(${JSON.stringify(method)}, ${JSON.stringify(params)})`);
const click =
  (selector: string): Go =>
  (page) =>
    page.locator(selector).first().click();
const menu = (page: Page): Promise<unknown> => page.getByRole('button', { name: 'Export' }).click();
const tab =
  (name: string, section: string) =>
  async (page: Page): Promise<void> => {
    await page.getByRole('tab', { name }).click();
    await page.locator(`main[data-section=${section}][data-state=ready]`).waitFor();
  };

/** A change of the training that the panel is about. */
const becomes =
  (change: Partial<TrainingInfo>, shown: string) =>
  async (page: Page): Promise<void> => {
    await page.evaluate(`window.panelHost.change(window.panelHost.trainings.at(-1).dir, ${JSON.stringify(change)})`);
    await page.locator(shown).first().waitFor();
  };
/** The page of a saved result with something more in it. */
const resultWith =
  (more: Partial<ResultPage>) =>
  (page: Page): Promise<unknown> =>
    page.evaluate(`window.panelHost.send(${JSON.stringify({ ...resultPage, ...more })})`);
const tensor =
  (name: string) =>
  async (page: Page): Promise<void> => {
    await page.getByLabel('Filter by name').fill(name);
    await page.locator(`.list-space .row:has([title="${name}"])`).click();
    await page.locator(`[data-tensor="${name}"]`).waitFor();
  };

export const visits: Visit[] = [
  {
    title: 'attention',
    bundle: attention,
    options: { height: 900 },
    steps: [['drawn'], ['a token is locked', click('[data-token="27"]')], ['its menu', menu]],
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
    steps: [['drawn'], ['steered', click('.steer vscode-button')]],
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
    steps: [
      ['drawn'],
      ['its menu', menu],
      ['pausing', becomes({ state: 'pausing' }, 'main[data-state=pausing]')],
      [
        'paused, with a notice',
        becomes({ state: 'paused', notices: ['A file was skipped.'] }, 'main[data-state=paused]'),
      ],
      ['failed', becomes({ state: 'failed', message: 'The loss is not finite.' }, 'main[data-state=failed]')],
      ['stopped', becomes({ state: 'stopped' }, 'main[data-state=stopped]')],
      ['complete', becomes({ state: 'complete' }, 'main[data-state=complete]')],
    ],
  },
  {
    title: 'training, none yet',
    bundle: training,
    options: { scenario: 'zero', drawn: ['.full'] },
    steps: [['empty']],
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
  {
    title: 'compare, nothing yet',
    bundle: () => ({ panel: 'compare', fakeHost: 'compareFakeHost', fixture: () => pack({}) }),
    options: { scenario: 'zero', drawn: ['.full'] },
    steps: [
      ['empty'],
      ['busy', say('compare/status', { kind: 'busy', message: 'Opening…' })],
      ['error', say('compare/status', { kind: 'error', message: 'They have different tokenizers.' })],
    ],
  },
  {
    title: 'page of a saved result',
    bundle: result,
    options: { height: 1100, drawn: ['.table[aria-label="Head scores"]'] },
    steps: [
      ['drawn'],
      ['checked', resultWith({ check: resultCheck })],
      ['busy', resultWith({ busy: { message: 'Running again: 42 tokens' } })],
      ['failed', resultWith({ failed: 'There is no head L1H5 in this model.' })],
      [
        'without its checkpoint',
        resultWith({ checkpoint: { ...resultPage.checkpoint!, problem: 'It does not exist.' } }),
      ],
    ],
  },
  {
    title: 'page of a saved result that is damaged',
    bundle: result,
    options: { scenario: 'hostile', drawn: ['.full'] },
    steps: [['the sentence']],
  },
  {
    title: 'page of a .safetensors file',
    bundle: safetensors,
    options: { width: 1100, height: 900, drawn: ['[role=treegrid]'] },
    steps: [
      ['a tensor', tensor('h.0.attn.weight')],
      ['one that cannot be read', tensor('broken')],
    ],
  },
  {
    title: 'page of a .safetensors file, large',
    bundle: safetensors,
    options: { width: 1100, height: 900, scenario: 'wide', drawn: ['[role=treegrid]'] },
    steps: [['a tensor', tensor('h.0.attn.weight')]],
  },
  {
    title: 'page of a .safetensors file that is damaged',
    bundle: safetensors,
    options: { scenario: 'hostile', drawn: ['[data-state=error]'] },
    steps: [['the sentence']],
  },
];
