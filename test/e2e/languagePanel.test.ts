// Panels in another language: the table that the host puts into the page is what people read, and it fits.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type Bundle, type Harness, startHarness } from './panel/harness';
import { latentsFixture } from './panel/latentsFixture';
import { Panel, type PanelOptions } from './panel/page';
import { resultCheck, resultPage } from './panel/resultData';

const LANGUAGE = 'zh-cn';
const table = JSON.parse(readFileSync(`l10n/bundle.l10n.${LANGUAGE}.json`, 'utf8')) as Record<string, string>;

/** Texts of headings, buttons and labels that are cut off, or that stand outside of the window. */
const CLIPPED = `[...document.querySelectorAll('h1, h2, h3, th, button, .pill, .segmented label, .legend span')]
  .filter((element) => element.checkVisibility() && getComputedStyle(element).textOverflow !== 'ellipsis')
  .filter((element) => {
    const { left, right } = element.getBoundingClientRect();
    const hides = getComputedStyle(element).overflowX !== 'visible';
    return left < -1 || right > innerWidth + 1 || (hides && element.scrollWidth > element.clientWidth + 1);
  })
  .map((element) => element.textContent)`;

describe('languages of panels', () => {
  let harness: Harness;
  let panel: Panel | undefined;
  const open = async (options: PanelOptions, bundle?: Bundle): Promise<Panel> => {
    harness = await startHarness(process.cwd(), bundle);
    panel = await Panel.open(harness, { ...options, language: LANGUAGE });
    return panel;
  };
  afterEach(async () => {
    const errors = panel?.errors ?? [];
    await panel?.close();
    await harness.close();
    assert.deepEqual(errors, []);
  });

  it('has the attention panel in Chinese', async () => {
    const { page } = await open({});
    const legend = table['row attends to column']!;
    assert.match(legend, /\p{Script=Han}/u);
    assert.ok((await page.locator('.legend-how').innerText()).startsWith(legend));
    assert.deepEqual(await page.evaluate(CLIPPED), []);
    await panel!.shot('language-attention');
  });

  it('has the latents panel in Chinese', async () => {
    const bundle = { panel: 'latents', fakeHost: 'latentsFakeHost', fixture: latentsFixture };
    const { page } = await open({ width: 700, drawn: ['.latent-row.active'] }, bundle);
    await page.getByRole('heading', { name: table['Layer × token']! }).waitFor();
    assert.deepEqual(await page.evaluate(CLIPPED), []);
    await panel!.shot('language-latents');
  });

  it('has a saved result in Chinese, with what the host and the panels share', async () => {
    const view = { ...resultPage, check: resultCheck };
    const bundle = { panel: 'result', fakeHost: 'resultFakeHost', fixture: (): unknown => view };
    const { page } = await open({ width: 700, height: 1100, drawn: ['[data-section=sources]'] }, bundle);
    const headings = (await page.locator('[data-section] h2').allInnerTexts()).map((text) => text.trim());
    const sections = ['Head scores', 'Surprisal, mean bits', 'Next tokens, probability', 'Sources, attention weight'];
    assert.deepEqual(
      headings,
      sections.map((title) => table[title]),
    );
    const verdict = table['{0} of {1} numbers differ.']!.replace('{0}', '2').replace('{1}', '9');
    assert.ok((await page.locator('.verdict').innerText()).includes(verdict));
    assert.deepEqual(await page.evaluate(CLIPPED), []);
    await panel!.shot('language-result');
  });
});
