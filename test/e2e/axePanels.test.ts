// axe-core finds nothing in any panel, in the four kinds of themes.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { changeTheme, themeNames, violations } from './panel/axe';
import { focusRing } from './panel/focus';
import { layers, say, visits } from './panel/axeVisits';
import { strayConcepts } from './panel/concepts';
import { type Harness, startHarness } from './panel/harness';
import { Panel } from './panel/page';

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

const root = process.cwd();

describe('axe-core', function () {
  for (const { title, bundle, options, steps } of visits)
    it(`finds nothing: ${title}`, async () => {
      let harness: Harness | undefined;
      let panel: Panel | undefined;
      try {
        harness = await startHarness(root, await bundle());
        panel = await Panel.open(harness, options);
        const found: string[] = [];
        for (const [at, [what, go]] of steps.entries()) {
          await go?.(panel.page);
          await panel.settle();
          found.push(...(await strayConcepts(panel.page)).map((line) => `${what}: ${line}`));
          for (const [i, theme] of themeNames.entries()) {
            await changeTheme(panel.page, theme);
            // in its first state by all rules in every theme; other states by all in one, and by those of colours in the others
            const lines = await violations(panel.page, i === 0 || at === 0 ? 'all' : 'colour');
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
