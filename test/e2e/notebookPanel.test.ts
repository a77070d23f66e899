// The notebook renderer as VS Code loads it: a module that draws into an element.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { writeResult } from '../../src/protocol/resultFile';
import { readOutput } from '../../webview/notebook/data';
import { ramp } from '../../webview/shared/colour';
import { changeTheme, themeNames, violations } from './panel/axe';
import { savedResult } from './panel/resultData';
import { THEMES } from './panel/themes';
import { referenceFixture } from './panel/fixture';
import { browser } from './support/browser';

const { tokens, patterns, nHeads } = referenceFixture(process.cwd());
const n = tokens.length;
/** L1H5 on prompt 0. */
const all = Buffer.from(patterns, 'base64');
const at = (nHeads + 5) * n * n;
const weight = (dst: number, src: number): number => all.readFloatLE((at + dst * n + src) * 4);
const pattern = tokens.map((_, dst) => tokens.map((__, src) => weight(dst, src)));
const data = { title: 'L1H5', tokens: tokens.map(({ text }) => text), pattern };

describe('notebook renderer', () => {
  let page: Page;
  const errors: string[] = [];
  const draw = async (value: unknown, theme = 'vscode-dark'): Promise<void> => {
    page = await (await browser()).newPage({ viewport: { width: 700, height: 700 } });
    page.on('pageerror', (error) => errors.push(String(error)));
    const module = readFileSync(path.resolve('dist/webview/notebook.js')).toString('base64');
    const variables = Object.entries(THEMES[theme]!).map(([name, css]) => `--vscode-${name}: ${css};`);
    await page.setContent(
      `<!doctype html><html lang="en" style='${variables.join(' ').replaceAll("'", '"')}'><title>Notebook</title><body class="${theme}" style="background: var(--vscode-editor-background)"><main><h1 style="color: var(--vscode-foreground)">Notebook</h1><div id="cell"></div></main></body></html>`,
    );
    await page.evaluate(`(async () => {
      const { activate } = await import('data:text/javascript;base64,${module}');
      const item = { json: () => (${JSON.stringify(value)}) };
      activate({}).renderOutputItem(item, document.getElementById('cell'));
      activate({}).renderOutputItem(item, document.getElementById('cell'));
    })()`);
  };
  afterEach(async () => {
    await page.close();
    assert.deepEqual(errors.splice(0), []);
  });

  it('draws tokens and the heatmap with the panels’ colours', async () => {
    await draw(data);
    assert.equal(await page.locator('canvas').count(), 1, 'drawn again in the same place');
    assert.equal(await page.locator('.strip span').count(), n);
    let strongest = [0, 0] as [number, number];
    // not the last row, which is outlined
    for (let dst = 5; dst < n - 1; dst++)
      for (let src = 0; src < dst; src++) if (weight(dst, src) > weight(...strongest)) strongest = [dst, src];
    const [dst, src] = strongest;
    const pixel = (await page.evaluate(`(() => {
      const canvas = document.getElementById('cell').shadowRoot.querySelector('canvas');
      const cell = canvas.width / ${n};
      return [...canvas.getContext('2d').getImageData((${src} + 0.5) * cell, (${dst} + 0.5) * cell, 1, 1).data];
    })()`)) as number[];
    ramp(weight(dst, src), 'dark').forEach((channel, i) => assert.ok(Math.abs(channel - pixel[i]!) <= 2, `${pixel}`));
    await page.screenshot({ path: path.resolve('test/e2e/shots/panel-notebook-dark.png') });
  });

  it('says what is under the pointer and under the keys', async () => {
    await draw(data, 'vscode-light');
    const box = (await page.locator('canvas').boundingBox())!;
    const cell = box.width / n;
    await page.mouse.move(box.x + 3.5 * cell, box.y + 27.5 * cell);
    const said = (): Promise<string> => page.locator('.readout').innerText();
    assert.match(await said(), new RegExp(`^27 “·add” → 3 “\\(?[^”]*” ${weight(27, 3).toFixed(2)}$`));
    await page.locator('.map').focus();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowLeft');
    assert.match(await said(), /^26 “[^”]*” → 2 “/);
    assert.equal(await page.locator('.strip .chosen').getAttribute('data-token'), '26');
    await page.screenshot({ path: path.resolve('test/e2e/shots/panel-notebook-light.png') });
  });

  /** Tab through the output: what has the keyboard without an outline, and that the heatmap has it at all. */
  const unseenStops = async (): Promise<string[]> => {
    const unseen: string[] = [];
    const reached: string[] = [];
    for (let presses = 0; presses < 4; presses++) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate<[name: string, outline: string] | null>(`(() => {
        const at = document.getElementById('cell').shadowRoot.activeElement;
        return at && [at.className, getComputedStyle(at).outlineStyle];
      })()`);
      if (!at) break;
      reached.push(at[0]);
      if (at[1] === 'none') unseen.push(`nothing shows the keyboard on ${at[0]}`);
    }
    assert.ok(reached.includes('map'), `Tab reaches ${reached.join(', ')}`);
    return unseen;
  };

  const outputs: [string, () => unknown][] = [
    ['a pattern', () => data],
    ['a saved result', () => JSON.parse(writeResult(savedResult)) as unknown],
    ['bad data', () => null],
  ];
  for (const [what, value] of outputs)
    it(`axe-core finds nothing: ${what}`, async () => {
      await draw(value());
      const found: string[] = [];
      for (const theme of themeNames) {
        await changeTheme(page, theme);
        found.push(...(await violations(page)).map((line) => `${theme}: ${line}`));
        if (what === 'a pattern') found.push(...(await unseenStops()).map((stop) => `${theme}: ${stop}`));
      }
      assert.deepEqual(found, []);
    });

  const bad: [string, unknown, RegExp][] = [
    ['nothing', null, /no object/],
    ['no tokens', { pattern }, /tokens is not a list/],
    ['too many', { tokens: Array(1025).fill('a'), pattern: [] }, /1025 tokens, at most 1024/],
    ['rows missing', { ...data, pattern: pattern.slice(1) }, /has not 42 rows/],
    ['a short row', { ...data, pattern: [[1], ...pattern.slice(1)] }, /row 0 of pattern has not 42 numbers/],
    ['a text', { ...data, pattern: [['x', ...pattern[0]!.slice(1)], ...pattern.slice(1)] }, /pattern\[0\]\[0\] is not/],
    ['a damaged result', { format: 'circuitscope-result' }, /formatVersion is missing/],
  ];
  it('speaks VS Code’s language, also what was drawn before it was told', async () => {
    await draw(data);
    const texts = JSON.parse(readFileSync('l10n/bundle.l10n.zh-cn.json', 'utf8')) as Record<string, string>;
    const module = readFileSync(path.resolve('dist/webview/notebook.js')).toString('base64');
    const labels = (await page.evaluate(`(async () => {
      const cell = document.getElementById('cell');
      const [first, second, gone] = [0, 1, 2].map(() => cell.parentElement.appendChild(document.createElement('div')));
      const label = (element) => element.shadowRoot.querySelector('[aria-label]').getAttribute('aria-label');
      const { activate } = await import('data:text/javascript;base64,${module}');
      let listener, asked = 0;
      const { renderOutputItem } = activate({ postMessage: () => asked++, onDidReceiveMessage: (l) => (listener = l) });
      const item = { json: () => (${JSON.stringify(data)}) };
      renderOutputItem(item, first);
      renderOutputItem(item, gone);
      gone.remove();
      const before = label(first);
      for (const other of [null, 'texts', { texts: 'x' }]) listener(other);
      listener({ texts: ${JSON.stringify(texts)} });
      renderOutputItem(item, second);
      const drawn = first.shadowRoot.querySelectorAll('figure').length;
      return [asked, before, label(first), label(second), label(gone), drawn];
    })()`)) as unknown[];
    const help = 'Attention pattern of {0} tokens: rows are destinations, columns sources. Arrow keys move.';
    const [english, chinese] = [help, texts[help]!].map((text) => text.replace('{0}', String(n)));
    assert.deepEqual(labels, [1, english, chinese, chinese, english, 1]);
  });

  it('bad data: one sentence', async () => {
    for (const [what, value, expected] of bad) {
      const output = readOutput(value);
      assert.ok('error' in output, what);
      assert.match(output.error, expected, what);
      assert.match(output.error, /^Circuitscope: [^\n]*\.$/);
    }
    await draw(null);
    assert.match(await page.getByRole('alert').innerText(), /no object/);
  });
});
