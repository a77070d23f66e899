/** axe-core in the page of a panel (a test tool only: nothing of it is shipped), and the themes of VS Code one after the other. */
import axe, { type AxeResults, type RunOptions } from 'axe-core';
import type { Page } from 'playwright-core';
import { THEMES } from './themes';

/** The rules of WCAG 2.2, levels A and AA, and axe's own advice; none is left out. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Those of them that look at colours: all that a change of the theme can change. */
const COLOUR = axe.getRules(['cat.color']).filter(({ tags }) => tags.some((tag) => TAGS.includes(tag)));

const options = (only: 'all' | 'colour'): RunOptions => ({
  runOnly: only === 'all' ? TAGS : { type: 'rule', values: COLOUR.map(({ ruleId }) => ruleId) },
  resultTypes: ['violations'],
  // it would ask the network for style sheets
  preload: false,
});

/** Where VS Code gives the body more than the name of the kind. */
const CLASSES: Record<string, string> = {
  'vscode-high-contrast-light': 'vscode-high-contrast-light vscode-high-contrast',
};

export const themeNames = Object.keys(THEMES);

/** Changes the theme as VS Code does: the class of the body, and variables on the root. */
export async function changeTheme(page: Page, theme: string): Promise<void> {
  const wanted = JSON.stringify(THEMES[theme]);
  await page.evaluate(`(() => {
    const sheet = document.querySelector('style[nonce]');
    if (sheet) sheet.textContent = '';
    const { style } = document.documentElement;
    style.cssText = '';
    for (const [name, value] of Object.entries(${wanted})) style.setProperty('--vscode-' + name, value);
    document.body.className = ${JSON.stringify(CLASSES[theme] ?? theme)};
    return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null))));
  })()`);
}

/** One line for each element that breaks a rule. The page is asked by the debugger: its content security policy stays. */
export async function violations(page: Page, only: 'all' | 'colour' = 'all'): Promise<string[]> {
  if (!(await page.evaluate<boolean>('typeof window.axe !== "undefined"'))) await page.evaluate(axe.source);
  const found = await page.evaluate<AxeResults['violations']>(
    `axe.run(document, ${JSON.stringify(options(only))}).then(({ violations }) => violations)`,
  );
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ target, any, all, none }) => {
      const why = [...any, ...all, ...none].map(({ message }) => message).join(' ');
      return `${id} at ${target.join(' ')}: ${why}`;
    }),
  );
}
