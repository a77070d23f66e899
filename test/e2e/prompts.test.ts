// The panels about one prompt in a real VS Code with the real engine: from the palette to the numbers, and back into the code.
import assert from 'node:assert/strict';
import * as path from 'node:path';
import type { Frame } from 'playwright-core';
import { readTensors, REFERENCE } from '../unit/support/files';
import { ATTEMPT, attempts, eventually } from './support/wait';
import { startWorkbench, type Theme, type Workbench } from './support/workbench';

const ADD = 27;
const LAST = 41;
/** circuitscope.lock. */
const LOCK: Partial<Record<Theme, string>> = { dark: 'rgb(229, 165, 75)', light: 'rgb(180, 95, 6)' };
const settings = { 'editor.minimap.enabled': false };

/** Lines 4–9 of total.ts with their last line feed: prompt 0 of the reference. */
async function analyzeTotal(workbench: Workbench): Promise<Frame> {
  await workbench.openFile('total.ts');
  await workbench.selectWholeLines(4, 9);
  await workbench.palette('Circuitscope: Analyze Selection');
  return workbench.panelFrame('canvas.heat-base[data-cell]');
}

/** The reference's logits after a position. */
function logitsAt(position: number): number[] {
  const { data, shape } = readTensors(path.join(REFERENCE, 'attn-only-2l', 'reference.safetensors'))[
    'prompt.0.logits'
  ]!;
  const vocab = shape.at(-1)!;
  return [...data.subarray(position * vocab, (position + 1) * vocab)];
}

function probabilityOfTop(position: number): number {
  const logits = logitsAt(position);
  const top = Math.max(...logits);
  return 1 / logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
}

const number = (text: string): number => Number(text.replace('−', '-'));

/** Answers what heads are to be ablated; a click on a row that is lost, or on one that is checked, begins again. */
const chooseHead = (workbench: Workbench, head: string): Promise<void> =>
  attempts(`ablation of ${head}`, async () => {
    await workbench.palette('Circuitscope: Ablate Heads…');
    const widget = workbench.page.locator('.quick-input-widget', { hasText: 'Ablate heads on' });
    const input = widget.locator('input[type=text]').first();
    await workbench.rows('L0H0').first().waitFor({ timeout: ATTEMPT });
    await input.fill(head, { timeout: ATTEMPT });
    await workbench.rows(head).click({ timeout: ATTEMPT });
    await widget.getByText('1 Selected').waitFor({ timeout: ATTEMPT });
    await input.press('Enter', { timeout: ATTEMPT });
    await widget.waitFor({ state: 'hidden', timeout: ATTEMPT });
  });

for (const theme of ['dark', 'light'] as Theme[])
  describe(`panels about a prompt, ${theme}`, () => {
    let workbench: Workbench;
    let attention: Frame;
    before(async () => {
      workbench = await startWorkbench({ theme, settings });
      attention = await analyzeTotal(workbench);
    });
    afterEach(async function () {
      if (this.currentTest?.isFailed()) await workbench.shot(`failed ${this.currentTest.fullTitle()}`);
    });
    after(() => workbench?.close());

    /** The numbers at the end of the Paths panel. */
    const ending = async (paths: Frame): Promise<{ sum: number; logit: number }> => {
      const [sum, logit] = await paths.locator('.meets b').allInnerTexts();
      return { sum: number(sum!), logit: number(logit!) };
    };

    it('adds the paths up to the logit of the reference, and follows the locked token', async () => {
      await attention.locator(`[data-token="${ADD}"]`).click();
      await workbench.palette('Circuitscope: Show Paths to a Logit');
      const paths = await workbench.panelFrame('.meets');
      const { sum, logit } = await ending(paths);
      assert.ok(Math.abs(logit - Math.max(...logitsAt(ADD))) < 0.01, `${logit} is the largest logit`);
      assert.ok(Math.abs(sum - logit) < 0.0011, `${sum} meets ${logit}`);
      const difference = await paths.locator('.meets b').nth(2).innerText();
      assert.ok(Math.abs(number(difference)) < 1e-4, difference);
      assert.match(await paths.locator('.target .chip[aria-pressed=true]').innerText(), /^\(/);
      // the induction head is among the terms, and what it took from is the first “(”
      await paths.locator('[data-term="L1H5"]').hover();
      await paths.locator('[data-token="3"].tinted').waitFor();
      await workbench.shot(`paths-${theme}`);
      await paths.locator('[data-token="3"]').hover();
      await paths.getByText('from ( only').waitFor();
      await workbench.page.keyboard.press('Escape');
    });

    it('goes back to the last token when nothing is locked', async () => {
      const paths = await workbench.panelFrame('.meets');
      await attempts('logit after the last token', async () => {
        await paths.locator('.terms').click({ position: { x: 5, y: 5 }, timeout: ATTEMPT });
        await workbench.page.keyboard.press('Escape');
        const last = Math.max(...logitsAt(LAST));
        const now = async (): Promise<boolean> => Math.abs((await ending(paths)).logit - last) < 0.01;
        await eventually(`logit ${last}`, async () => (await now()) || undefined, ATTEMPT);
      });
    });

    it('shows what every layer predicts, and marks in the editor what is locked there', async () => {
      await workbench.palette('Circuitscope: Show Logit Lens');
      const lens = await workbench.panelFrame('[data-map="lens"] canvas[data-rows]');
      const map = lens.locator('[data-map="lens"]');
      const cell = await lens.evaluate<{ x: number; y: number; w: number; h: number; rows: number }>(
        `(({ x0, y0, width, height, rows }) => ({ x: +x0, y: +y0, w: +width, h: +height, rows: +rows }))(document.querySelector('[data-map] canvas').dataset)`,
      );
      assert.equal(cell.rows, 3, 'two layers and the output');
      // the third token is in view at once
      const position = { x: cell.x + 2.5 * cell.w, y: cell.y + cell.h / 2 };
      await map.hover({ position });
      const last = await lens.locator('.tip-row b').last().innerText();
      assert.ok(Math.abs(Number(last) - probabilityOfTop(2)) < 0.006, `${last} is ${probabilityOfTop(2)}`);
      await map.click({ position });
      await eventually('lock in the editor', async () => {
        const colours = await workbench.page.evaluate<string[]>(
          `[...document.querySelectorAll('.editor-instance .view-overlays .cdr')].map((e) => getComputedStyle(e).borderTopColor)`,
        );
        return colours.includes(LOCK[theme]!) ? true : undefined;
      });
      await map.hover({ position: { ...position, y: position.y + cell.h } });
      await workbench.shot(`lens-${theme}`);
      await workbench.page.keyboard.press('Escape');
    });

    it('shows that the loss falls with every order of paths', async () => {
      await workbench.palette('Circuitscope: Show Term Importance');
      const importance = await workbench.panelFrame('canvas[data-orders]');
      const label = (await importance.locator('.orders').getAttribute('aria-label'))!;
      const losses = [...label.matchAll(/(\d+\.\d\d)/g)].map(([text]) => Number(text));
      assert.equal(losses.length, 3, label);
      assert.equal(losses.at(-1), 2.37, 'all paths: the mean loss of the reference');
      assert.ok(losses[0]! > losses[2]!, label);
      await workbench.shot(`importance-${theme}`);
    });

    it('lists bigrams and finds a token', async () => {
      await workbench.palette('Circuitscope: Show Bigrams');
      const bigrams = await workbench.panelFrame('.table[aria-label^="Bigrams"] tbody tr');
      assert.equal(await bigrams.locator('tbody tr').count(), 100);
      const field = bigrams.getByLabel('Find a source token');
      await field.fill('·function');
      await field.press('Enter');
      await bigrams.locator('.source-token', { hasText: '·function' }).waitFor();
      const sources = new Set(await bigrams.locator('tbody td:nth-child(1)').allInnerTexts());
      assert.deepEqual([...sources], ['·function']);
      const logProbs = (await bigrams.locator('tbody td:nth-child(4)').allInnerTexts()).map(number);
      assert.deepEqual(
        logProbs,
        [...logProbs].sort((a, b) => b - a),
      );
      await workbench.shot(`bigrams-${theme}`);
      await field.fill('·function()');
      await field.press('Enter');
      assert.match(await bigrams.getByRole('alert').innerText(), /token/);
    });

    it('patches activations between two prompts', async () => {
      await workbench.palette('Circuitscope: Activation Patching…');
      await workbench.answer(
        [/The clean prompt/, 'export function add(a); export function'],
        [/The corrupted prompt/, 'export function total(a); export function'],
        [/should follow the clean/, ' add'],
        [/should follow the corrupted/, ' total'],
      );
      const patch = await workbench.panelFrame('[data-map="heads"] canvas[data-rows]');
      const differences = (await patch.locator('.prompts td.number').allInnerTexts()).map(number);
      assert.ok(differences[0]! > 0 && differences[1]! < 0, `${differences.join()}: each prompt repeats its own name`);
      assert.deepEqual(await patch.locator('.differs').allInnerTexts(), ['·add', '·total']);
      await workbench.shot(`patch-${theme}`);
    });

    it('says why prompts cannot be patched', async () => {
      await workbench.palette('Circuitscope: Activation Patching…');
      await workbench.answer(
        [/The clean prompt/, 'const add'],
        [/The corrupted prompt/, 'const add = 1'],
        [/should follow the clean/, ' ='],
        [/should follow the corrupted/, '('],
      );
      const patch = await workbench.panelFrame('[data-map="heads"] canvas[data-rows]');
      await patch
        .getByRole('alert')
        .getByText(/tokens/)
        .waitFor();
    });

    it('ablates the induction head', async () => {
      await chooseHead(workbench, 'L1H5');
      const ablate = await workbench.panelFrame('.summary');
      assert.match(await ablate.locator('.summary').innerText(), /without L1H5/);
      const [before, after] = (await ablate.locator('.summary b.number').allInnerTexts()).map(Number);
      assert.equal(before, 2.37, 'mean loss of the reference');
      assert.ok(after! > before!, 'the loss is larger without it');
      await workbench.shot(`ablate-${theme}`);
    });

    it('is about another text once that is analyzed', async () => {
      await workbench.palette('Circuitscope: Show Paths to a Logit');
      const before = await workbench.panelFrame('.meets');
      assert.equal(await before.locator('[data-token]').count(), 42);
      await workbench.palette('Circuitscope: Analyze Prompt…');
      await workbench.answer([/Text to analyze/, 'const add = 1; const']);
      await workbench.panelFrame('canvas.heat-base[data-cell]');
      await workbench.palette('Circuitscope: Show Paths to a Logit');
      const paths = await workbench.panelFrame('.meets');
      assert.equal(await paths.locator('[data-token]').count(), 6);
      assert.match(await paths.locator('.target').innerText(), /^after\s·const/);
    });

    it('offers the pictures of an analysis in the side bar', async () => {
      const { page } = workbench;
      await page.locator('.activitybar a.action-label[aria-label="Circuitscope"]').click();
      const row = (text: string): ReturnType<typeof page.locator> =>
        page.locator('.pane-body .monaco-list-row', { hasText: text });
      for (const name of ['Attention', 'Paths', 'Term Importance', 'Logit Lens']) await row(name).first().waitFor();
      await row('Logit Lens').first().click();
      await page.locator('.tab.active', { hasText: 'Logit Lens' }).waitFor();
      await workbench.panelFrame('[data-map="lens"] canvas[data-rows]');
      await workbench.shot(`analyses-${theme}`);
    });
  });
