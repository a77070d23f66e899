// The whole slice in a real VS Code in a real browser: from the palette to the pixels, and back into the editor.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { Frame } from 'playwright-core';
import { ramp, type ThemeKind } from '../../webview/shared/colour';
import { readTensors, REFERENCE } from '../unit/support/files';
import { ATTEMPT, attempts, eventually } from './support/wait';
import { startWorkbench, workspaceFolder, type Theme, type Workbench } from './support/workbench';

const ADD = 27;
const PARENTHESIS = 3;
const TOKENS = 42;
/** Narrow side bar, so that the panel has the width of the design's pictures. */
const settings = { 'editor.minimap.enabled': false, 'workbench.activityBar.location': 'default' };

function inductionPattern(): Float64Array {
  const tensors = readTensors(path.join(REFERENCE, 'attn-only-2l', 'reference.safetensors'));
  const { data } = tensors['prompt.0.blocks.1.attn.hook_pattern']!;
  return data.subarray(5 * TOKENS * TOKENS, 6 * TOKENS * TOKENS);
}

/** Analyzes lines 4–9 of total.ts with their last line feed, and shows L1H5. */
async function analyzeTotal(workbench: Workbench): Promise<Frame> {
  await workbench.openFile('total.ts');
  await workbench.selectWholeLines(4, 9);
  await workbench.palette('Circuitscope: Analyze Selection');
  const panel = await workbench.panelFrame('canvas.heat-base[data-cell]');
  await panel.locator('[data-head="L1H5"]').click();
  await panel.locator('canvas.heat-base[data-name="L1H5"]').waitFor();
  return panel;
}

const tokenIn = (panel: Frame, index: number): ReturnType<Frame['locator']> =>
  panel.locator(`[data-token="${index}"]`).first();

/** Puts the pointer on the second `add` and waits for its card. */
async function hoverAdd(workbench: Workbench): Promise<string> {
  const card = await workbench.hoverCode('const total', /^add$/, 'predicts next');
  return (await card.innerText()).replaceAll(/\s+/g, ' ');
}

/** Rows of the Checkpoints view. */
const inCheckpoints = ({ page }: Workbench, selector: string, text: string | RegExp): ReturnType<typeof page.locator> =>
  page
    .locator('.pane', { has: page.locator('.pane-header', { hasText: 'Checkpoints' }) })
    .locator(selector, { hasText: text });

interface Box {
  x: number;
  y: number;
  width: number;
  colour: string;
}

/** Boxes that are drawn around text in the editor. */
const boxes = (workbench: Workbench): Promise<Box[]> =>
  workbench.page.evaluate(`[...document.querySelectorAll('.editor-instance .view-overlays .cdr')]
    .filter((e) => ['Top', 'Bottom'].every((side) => getComputedStyle(e)['border' + side + 'Width'] === '1px'))
    .map((e) => { const { x, y, width } = e.getBoundingClientRect(); return { x, y, width, colour: getComputedStyle(e).borderTopColor }; })`);

/** The box of a piece of a line of the editor. */
const textBox = (workbench: Workbench, line: string, start: number, end: number): Promise<Box> =>
  workbench.page.evaluate(`(() => {
    const line = [...document.querySelectorAll('.editor-instance .view-line')].find((l) => l.textContent.replaceAll('\\u00a0', ' ').startsWith(${JSON.stringify(line)}));
    const range = document.createRange();
    const place = (offset) => {
      const walk = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
      for (let at = 0; walk.nextNode(); at += walk.currentNode.data.length)
        if (offset <= at + walk.currentNode.data.length) return [walk.currentNode, offset - at];
    };
    range.setStart(...place(${start}));
    range.setEnd(...place(${end}));
    const { x, y, width } = range.getBoundingClientRect();
    return { x, y, width, colour: '' };
  })()`);

function assertAround(box: Box, text: Box): void {
  for (const side of ['x', 'y', 'width'] as const)
    assert.ok(
      Math.abs(box[side] - text[side]) <= 3,
      `${side}: ${JSON.stringify(box)} is not around ${JSON.stringify(text)}`,
    );
}

/** circuitscope.lock in dark themes. */
const LOCK = 'rgb(229, 165, 75)';

function describeTheme(theme: Theme, kind: ThemeKind): void {
  it(`draws the pattern of the reference, ${theme}`, async () => {
    const workbench = await startWorkbench({ theme, settings });
    try {
      const panel = await analyzeTotal(workbench);
      const values = inductionPattern();
      const cells = [
        [ADD, PARENTHESIS],
        [4, 3],
        [30, 14],
        [41, 0],
        [0, 0],
      ] as const;
      for (const [dst, src] of cells) {
        const colour = await panel.evaluate<number[]>(`(() => {
          const canvas = document.querySelector('.heat-base');
          const { cell, x0, y0, row, column } = canvas.dataset;
          const at = (o, i, first) => Math.floor((Number(o) + (i - Number(first) + 0.5) * Number(cell)) * devicePixelRatio);
          return [...canvas.getContext('2d').getImageData(at(x0, ${src}, column), at(y0, ${dst}, row), 1, 1).data];
        })()`);
        const expected = ramp(values[dst * TOKENS + src]!, kind);
        [0, 1, 2].forEach((c) => {
          const [a, e] = [colour, expected].map((rgba) => (rgba[c]! * rgba[3]!) / 255) as [number, number];
          assert.ok(Math.abs(a - e) <= 1.5, `cell ${dst}, ${src}: ${colour.join()} is not ${expected.join()}`);
        });
      }
      await tokenIn(panel, ADD).click();
      await tokenIn(panel, PARENTHESIS).hover();
      await panel.locator('.token.hover').waitFor();
      await panel.locator('.token.locked', { hasText: 'add' }).waitFor();
      await workbench.shot(`workbench-${theme}`);
      await hoverAdd(workbench);
      await workbench.shot(`hover-${theme}`);
    } finally {
      await workbench.close();
    }
  });
}

describe('attention beside the code', () => {
  describeTheme('light', 'light');
  describeTheme('hc-dark', 'high-contrast');

  describe('in one window', () => {
    let workbench: Workbench;
    let panel: Frame;
    before(async () => {
      workbench = await startWorkbench({ settings });
      panel = await analyzeTotal(workbench);
    });
    afterEach(async function () {
      if (this.currentTest?.isFailed()) await workbench.shot(`failed ${this.currentTest.title}`);
    });
    after(() => workbench?.close());

    it('marks in the editor what is locked in the panel', async () => {
      await tokenIn(panel, ADD).click();
      const box = await eventually('lock in the editor', async () =>
        (await boxes(workbench)).find(({ colour }) => colour === LOCK),
      );
      const line = 'const total = add';
      assertAround(box, await textBox(workbench, line, line.indexOf(' add'), line.length));
      await panel.getByText('0.89', { exact: true }).first().waitFor();
    });

    it('rings in the editor what is hovered in the panel', async () => {
      await tokenIn(panel, PARENTHESIS).hover();
      const box = await eventually('ring in the editor', async () =>
        (await boxes(workbench)).find(({ colour }) => colour !== LOCK),
      );
      const line = 'export function add(';
      assertAround(box, await textBox(workbench, line, line.length - 1, line.length));
      await workbench.shot('linked-dark');
    });

    it('shows the card of a token that is hovered in the editor', async () => {
      const text = await hoverAdd(workbench);
      assert.match(text, /token 27 · id 1006 · also token 2/);
      assert.match(text, /0\.89 L1H5/);
      await workbench.shot('hover-dark');
      await workbench.page.keyboard.press('Escape');
    });

    it('follows the cursor of the editor', async () => {
      await attempts('hover in the strip', async () => {
        await workbench.page.locator('.view-line', { hasText: 'const total' }).click({ position: { x: 5, y: 8 } });
        for (const key of ['Escape', 'Home', 'ArrowRight']) await workbench.page.keyboard.press(key);
        await panel.locator('.token.hover', { hasText: 'const' }).first().waitFor({ timeout: ATTEMPT });
      });
    });

    it('lists layers and heads, and shows the one that is clicked', async () => {
      const { page } = workbench;
      await page.locator('.activitybar a.action-label[aria-label="Circuitscope"]').click();
      const row = (text: string | RegExp): ReturnType<typeof page.locator> =>
        inCheckpoints(workbench, '.monaco-list-row', text);
      // by keyboard, as the tree has scrolled to the head that is shown
      await attempts('L0H4', async () => {
        await row(/L\dH\d/)
          .first()
          .click({ timeout: ATTEMPT });
        for (const key of ['Home', 'ArrowDown', 'ArrowRight']) await page.keyboard.press(key);
        await row('L0H0').first().waitFor({ timeout: ATTEMPT });
        for (let head = 0; head <= 4; head++) await page.keyboard.press('ArrowDown');
        await page.keyboard.press('Enter');
        await panel.locator('canvas.heat-base[data-name="L0H4"]').waitFor({ timeout: ATTEMPT });
      });
      await panel.locator('[data-head="L0H6"]').click();
      await inCheckpoints(workbench, '.monaco-list-row.selected', 'L0H6').waitFor();
      await workbench.shot('sidebar-dark');
    });

    // media/attention-dark.png in the README is a copy of this picture
    it('shows the story of the README', async () => {
      await workbench.page
        .locator('.view-line', { hasText: 'export class Ledger' })
        .click({ position: { x: 2, y: 8 } });
      await panel.locator('[data-head="L1H5"]').click();
      await panel.locator('canvas.heat-base[data-name="L1H5"]').waitFor();
      await tokenIn(panel, ADD).click();
      await tokenIn(panel, PARENTHESIS).hover();
      await panel.locator('.tip', { hasText: '0.89' }).waitFor();
      await eventually('lock and ring in the editor', async () =>
        (await boxes(workbench)).length >= 2 ? true : undefined,
      );
      const { page } = workbench;
      await inCheckpoints(workbench, '.monaco-list-row.selected', 'L1H5').waitFor();
      await page.locator('.pane-body .monaco-list-row', { hasText: 'Esc unlocks' }).waitFor();
      await workbench.shot('readme-dark');
    });

    it('says in the status bar what runs it', async () => {
      await workbench.statusBar(/attn-only-2l · \w+/).waitFor();
    });

    it('writes a log that the person can open', async () => {
      await workbench.palette('Circuitscope: Show Log');
      await workbench.page.locator('.part.panel .view-lines', { hasText: 'attn-only-2l' }).waitFor();
      await workbench.palette('View: Hide Panel');
    });

    it('comes back after a reload with its head and its lock', async () => {
      await panel.locator('[data-head="L1H7"]').click();
      await panel.locator('canvas.heat-base[data-name="L1H7"]').waitFor();
      await workbench.stateSaved(/"head":\{"layer":1,"head":7\}/);
      await workbench.layoutSaved(/circuitscope\.attention/);
      await workbench.reload();
      panel = await workbench.panelFrame('canvas.heat-base[data-cell]', 40_000);
      await panel.locator('canvas.heat-base[data-name="L1H7"]').waitFor();
      assert.equal(await panel.locator('[data-token]').count(), TOKENS);
    });
  });

  it('offers what can work, and shows hostile text as itself', async () => {
    const hostile = `<img src=x onerror="document.body.textContent='owned'">`;
    writeFileSync(path.join(workspaceFolder, 'hostile.txt'), `${hostile}\n`);
    const workbench = await startWorkbench({ settings });
    try {
      // nothing is open yet: the palette offers what can work
      const offered = (await (await workbench.paletteRows('Circuitscope: ')).allInnerTexts()).join('\n');
      for (const title of ['Open Checkpoint…', 'Open Sample…', 'Show Log']) assert.ok(offered.includes(title), offered);
      for (const title of ['Show Attention', 'Close Checkpoint', 'Export Pattern…', 'Lock Token'])
        assert.ok(!offered.includes(title), `${title} cannot work yet`);
      await workbench.page.keyboard.press('Escape');
      await workbench.openFile('hostile.txt');
      await workbench.palette('Circuitscope: Analyze Selection');
      const panel = await workbench.panelFrame('canvas.heat-base[data-cell]');
      const text = (await panel.locator('[data-token]').allTextContents()).join('').replaceAll('·', ' ');
      assert.ok(text.includes(hostile), text);
      assert.equal(await panel.locator('img').count(), 0);
    } finally {
      await workbench.close();
    }
  });
});
