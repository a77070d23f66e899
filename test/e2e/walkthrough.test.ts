// The walkthrough, done as a new user would; each step checks itself off. `npm run pictures` keeps what is seen on the way in media/walkthrough.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import * as path from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import { clickInductionEdge } from './support/inductionEdge';
import { ATTEMPT, attempts, eventually } from './support/wait';
import { startWorkbench, type Theme, type Workbench } from './support/workbench';

const keep = process.env.CIRCUITSCOPE_PICTURES;
const settings = { 'editor.minimap.enabled': false, 'workbench.activityBar.location': 'default' };
const TITLE = 'Circuitscope: See an Induction Head';
const STEPS = ['open', 'analyze', 'induction', 'composition', 'copying', 'latents', 'hover', 'steer'];

for (const theme of (keep ? ['dark', 'light'] : ['dark']) as Theme[])
  describe(`the walkthrough, ${theme}`, () => {
    let workbench: Workbench;
    before(async () => {
      workbench = await startWorkbench({ theme, settings, size: { width: 1500, height: 900 } });
      await workbench.choose('Welcome: Open Walkthrough...', TITLE);
      await step('open').waitFor();
    });
    afterEach(async function () {
      if (this.currentTest?.isFailed()) await workbench.shot(`failed ${this.currentTest.fullTitle()}`);
    });
    after(() => workbench?.close());

    const step = (id: string): Locator =>
      workbench.page.locator(`.getting-started-step[data-step-id$="#firstSteps#${id}"]`);
    const checked = async (): Promise<string[]> => {
      const are = await Promise.all(STEPS.map((id) => step(id).locator('.codicon.complete').count()));
      return STEPS.filter((_, i) => are[i]! > 0);
    };
    /** To the walkthrough's tab, and to its steps. */
    const back = async (): Promise<void> => {
      await tab(/Walkthrough|Welcome/).click();
      // VS Code may show the page of all walkthroughs again
      const card = workbench.page.getByRole('button', { name: TITLE });
      await eventually('the walkthrough', async () => {
        if (await step('open').isEnabled()) return true;
        await card.click({ timeout: 1000 }).catch(() => undefined);
        return undefined;
      });
    };
    /** Comes back to the walkthrough's tab and waits until all steps up to this one are checked off, and no others. */
    const checkedUpTo = async (id: string): Promise<void> => {
      // a walkthrough that is finished leaves the list
      if (id !== STEPS.at(-1)) await back();
      const expected = STEPS.slice(0, STEPS.indexOf(id) + 1).join();
      await eventually(`steps ${expected}`, async () => ((await checked()).join() === expected ? true : undefined));
    };
    const tab = (name: string | RegExp): Locator => workbench.page.locator('.tab', { hasText: name }).first();
    /** Selects a step, which unfolds it, and presses one of its buttons. */
    const press = async (id: string, button: string): Promise<void> => {
      await step(id).click();
      await step(id).getByText(button, { exact: true }).click();
    };
    const picture = async (name: string, of: Locator): Promise<void> => {
      const dir = keep ?? path.join('test', 'e2e', 'shots');
      mkdirSync(dir, { recursive: true });
      await of.screenshot({ path: path.join(dir, `${keep ? '' : 'walkthrough-'}${name}-${theme}.png`) });
    };
    const panel = (frame: Frame): Locator => frame.locator('main.panel');

    it('opens the sample', async () => {
      assert.deepEqual(await checked(), []);
      await press('open', 'Open the Sample');
      await workbench.statusBar('attn-only-2l').waitFor();
      await checkedUpTo('open');
      await workbench.shot(`walkthrough-${theme}`);
      await workbench.page.locator('.activitybar a.action-label[aria-label="Circuitscope"]').click();
      await workbench.page.locator('.pane .monaco-list-row', { hasText: 'attn-only-2l' }).first().waitFor();
      await picture('sample', workbench.page.locator('.part.sidebar'));
    });

    it('analyzes its code', async () => {
      await press('analyze', 'Analyze Sample Code');
      const frame = await workbench.panelFrame('canvas.heat-base[data-cell]');
      await frame.locator('[data-head="L1H5"].named').waitFor();
      await picture('attention', panel(frame));
      await checkedUpTo('analyze');
    });

    it('finds the induction head', async () => {
      const frame = await workbench.panelFrame('canvas.heat-base[data-cell]');
      await frame.locator('[data-head="L1H5"]').click();
      await frame.locator('canvas.heat-base[data-name="L1H5"]').waitFor();
      await tab('total.ts').click();
      await workbench.hoverCode('const total', /^add$/, 'L1H5');
      await picture('induction', panel(frame));
      await checkedUpTo('induction');
    });

    it('sees K-composition, and that the head copies', async () => {
      await press('composition', 'Show Circuits');
      const frame = await workbench.panelFrame('canvas.graph-canvas[data-edges]');
      await clickInductionEdge(frame);
      await picture('circuits', panel(frame));
      await checkedUpTo('composition');
      await press('copying', 'Show Head Card');
      await frame.locator('.eigenvalues canvas').first().waitFor();
      await frame.locator('.eigenvalues').first().scrollIntoViewIfNeeded();
      await picture('headCard', panel(frame));
      await checkedUpTo('copying');
    });

    it('opens the autoencoder and hovers a token', async () => {
      await press('latents', 'Open the Sample with Its SAE');
      await workbench.statusBar('mlsae').waitFor();
      await tab('total.ts').click();
      // a card that is asked for earlier is of the analysis before
      await workbench.page.locator('.codelens-decoration', { hasText: 'neox-6l · 42 tokens' }).waitFor();
      await attempts('#604 of the card', async () => {
        const card = await workbench.hoverCode('const total', /^add$/, '#604');
        await picture('hover', card);
        await card.getByText('#604', { exact: true }).click({ timeout: ATTEMPT });
      });
      const frame = await workbench.panelFrame('.latent-row.locked[data-latent="604"]');
      await picture('latents', panel(frame));
      await checkedUpTo('hover');
    });

    it('steers the model', async () => {
      await press('steer', 'Show Latents');
      const frame = await workbench.panelFrame('.latent-row.locked[data-latent="604"]');
      const slider = frame.locator('input.slider');
      await slider.scrollIntoViewIfNeeded();
      await slider.focus();
      await workbench.page.keyboard.press('ArrowRight');
      await frame.locator('.steer').getByText('Run', { exact: true }).click();
      await frame.locator('.steer table').first().waitFor();
      await frame.locator('.steer table').first().scrollIntoViewIfNeeded();
      await picture('steer', panel(frame));
      await checkedUpTo('steer');
      await workbench.shot(`walkthrough-done-${theme}`);
    });
  });
