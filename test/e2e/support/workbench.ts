import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { BrowserContext, Frame, Locator, Page } from 'playwright-core';
import { browser } from './browser';
import { ATTEMPT, attempts, eventually } from './wait';

export type Theme = 'dark' | 'light' | 'hc-dark' | 'hc-light';

const THEMES: Record<Theme, string> = {
  dark: 'Default Dark Modern',
  light: 'Default Light Modern',
  'hc-dark': 'Default High Contrast',
  'hc-light': 'Default High Contrast Light',
};

export interface WorkbenchOptions {
  /** Default: dark. */
  theme?: Theme;
  /** Folder to open; default: the suite's own copy of samples/workspace. */
  folder?: string;
  /** User settings, added to those of the harness. */
  settings?: Record<string, unknown>;
  /** Viewport in CSS pixels; default 1400 × 900. */
  size?: { width: number; height: number };
  /** Display language as of an installed language pack: VS Code itself stays English, extensions follow. */
  language?: string;
}

const shots = path.resolve('test', 'e2e', 'shots');
const env = (name: string): string => process.env[name] ?? '';

/** The suite's copy of samples/workspace. */
export const workspaceFolder = env('CIRCUITSCOPE_WORKSPACE');

/** Writes the user settings of the suite's VS Code. A window that is open follows within a second. */
export function writeSettings(settings: Record<string, unknown>): void {
  const file = env('CIRCUITSCOPE_SETTINGS');
  // every test file has a copy of this module, and all of them one process
  const harnessSettings = (process.env['CIRCUITSCOPE_HARNESS_SETTINGS'] ??= readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...JSON.parse(harnessSettings), ...settings }, null, 2));
}

/** Opens VS Code in a new browser context: no editors, no layout, no state of earlier tests. */
export async function startWorkbench(options: WorkbenchOptions = {}): Promise<Workbench> {
  const { theme = 'dark', folder = workspaceFolder, settings = {}, size = { width: 1400, height: 900 } } = options;
  writeSettings({ 'workbench.colorTheme': THEMES[theme], ...settings });
  const context = await (await browser()).newContext({ viewport: size, reducedMotion: 'reduce' });
  if (options.language) await context.addInitScript(`globalThis._VSCODE_NLS_LANGUAGE = '${options.language}';`);
  const page = await context.newPage();
  await page.goto(`${env('CIRCUITSCOPE_URL')}/?folder=${encodeURIComponent(folder)}`);
  const workbench = new Workbench(page, context);
  await workbench.ready();
  return workbench;
}

/** VS Code in a browser, as a person sees it. */
export class Workbench {
  constructor(
    readonly page: Page,
    private readonly context: BrowserContext,
  ) {}

  /** Waits until the workbench is drawn and its explorer lists the folder. */
  async ready(): Promise<void> {
    await this.page.locator('.monaco-workbench').waitFor({ timeout: 30_000 });
    await this.page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: 30_000 });
  }

  /**
   * Waits until VS Code has kept something for the next start: a value that it stores under such a key matches. In a browser these
   * are in a database, which is written every few seconds.
   */
  private async kept(key: RegExp, what: RegExp): Promise<void> {
    const isKept = (): Promise<boolean> =>
      this.page.evaluate(`(async () => {
        const done = (request) => new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
        const names = (await indexedDB.databases()).map(({ name }) => name).filter((name) => /^vscode-web-state-db-/.test(name));
        for (const name of names) {
          const database = await done(indexedDB.open(name));
          try {
            for (const name of database.objectStoreNames) {
              const store = database.transaction(name, 'readonly').objectStore(name);
              const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
              if (keys.some((key, i) => ${key}.test(key) && ${what}.test(String(values[i])))) return true;
            }
          } finally {
            database.close();
          }
        }
        return false;
      })()`);
    await eventually(`${what} in ${key}`, async () => ((await isKept()) ? true : undefined), 30_000);
  }

  /** Waits until VS Code has kept the layout: which panels are open, each with the state that it saved. */
  async layoutSaved(what: RegExp): Promise<void> {
    await this.kept(/^memento\/workbench\.parts\.editor$/, what);
  }

  /** Waits until VS Code has kept what the extension remembers for the workspace. */
  async stateSaved(what: RegExp): Promise<void> {
    await this.kept(/^circuitscope\.circuitscope$/, what);
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.locator('.monaco-workbench').waitFor({ timeout: 30_000 });
  }

  /** Presses a key that opens a quick input, fills it and uses its rows: once. VS Code drops keys while it moves the focus. */
  private async quickInput<T>(key: string, text: string, use: (rows: Locator) => Promise<T>): Promise<T> {
    const input = this.page.locator('.quick-input-widget input[type=text]').first();
    await this.page.keyboard.press(key);
    await input.waitFor({ timeout: ATTEMPT });
    await input.fill(text, { timeout: ATTEMPT });
    return use(this.rows());
  }

  /** Rows of a quick input, some of them by a text that they contain. */
  rows(hasText?: string | RegExp): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row', hasText === undefined ? {} : { hasText });
  }

  /** The rows that the command palette offers for a text. */
  async paletteRows(text: string): Promise<Locator> {
    return attempts(`palette for ${text}`, () =>
      this.quickInput('F1', `>${text}`, async (rows) => {
        await rows.first().waitFor({ timeout: ATTEMPT });
        return rows;
      }),
    );
  }

  /** Runs a command from the palette by its full title, e.g. `Circuitscope: Analyze Selection`. */
  async palette(title: string): Promise<void> {
    await attempts(title, () => this.command(title));
  }

  private async command(title: string): Promise<void> {
    const named = { has: this.page.getByText(title, { exact: true }) };
    await this.quickInput('F1', `>${title}`, (rows) => rows.filter(named).first().click({ timeout: ATTEMPT }));
  }

  /** Runs a command that offers a list, and takes a row of it by a text that it contains: from the beginning where the list was closed. */
  async choose(title: string, row: string | RegExp): Promise<void> {
    await attempts(`${row} of ${title}`, async () => {
      await this.command(title);
      await this.row(row);
    });
  }

  /** Takes a row of the list that is offered. */
  async row(text: string | RegExp): Promise<void> {
    const row = this.rows(text).first();
    await row.click({ timeout: 2 * ATTEMPT });
    await row.waitFor({ state: 'hidden', timeout: ATTEMPT });
  }

  /** Answers input boxes that follow each other; without a text: with what is offered. A prompt may be in the title. */
  async answer(...questions: readonly (readonly [prompt: string | RegExp, text?: string])[]): Promise<void> {
    for (const [prompt, text] of questions) {
      const asked = this.page.locator('.quick-input-widget', { has: this.page.getByText(prompt) });
      const input = asked.locator('input[type=text]').first();
      let entered = false;
      await attempts(`answer to ${prompt}`, async () => {
        if (entered && !(await asked.isVisible())) return;
        await input.waitFor({ timeout: ATTEMPT });
        if (text !== undefined) await input.fill(text, { timeout: ATTEMPT });
        await input.press('Enter', { timeout: ATTEMPT });
        entered = true;
        await asked.waitFor({ state: 'hidden', timeout: ATTEMPT });
      });
    }
  }

  /** Opens a file of the workspace by its name, as whatever it opens. */
  async openTab(name: string): Promise<void> {
    const tab = this.page.locator('.tab.active', { hasText: path.basename(name) });
    await attempts(name, async () => {
      await this.quickInput('Control+P', name, (rows) =>
        rows
          .filter({ hasText: path.basename(name) })
          .first()
          .click({ timeout: ATTEMPT }),
      );
      await tab.waitFor({ timeout: ATTEMPT });
    });
  }

  /** Opens a file of the workspace by its name and waits for its text. Returns the editor. */
  async openFile(name: string): Promise<Locator> {
    await this.openTab(name);
    const editor = this.page.locator('.editor-instance', { has: this.page.locator('.view-line') }).first();
    await editor.locator('.view-line').first().waitFor();
    return editor;
  }

  /** Selects lines `from` to `to` (from 1, both included) of the active editor, without the last line feed. */
  async selectLines(from: number, to: number): Promise<void> {
    await this.select(from, [...down(to - from), 'Shift+End'], `Ln ${to}, Col \\d+ \\(`);
  }

  /** Selects lines `from` to `to` (from 1, both included) of the active editor with the last line feed. */
  async selectWholeLines(from: number, to: number): Promise<void> {
    await this.select(from, down(to + 1 - from), `Ln ${to + 1}, Col 1 \\(`);
  }

  /** Goes to the beginning of a line and presses keys; the status bar says where the cursor is then, and that something is selected. */
  private async select(from: number, keys: string[], reached: string): Promise<void> {
    const cursor = (at: string): Promise<void> =>
      this.page
        .locator('[id="status.editor.selection"]', { hasText: new RegExp(`^\\s*${at}`) })
        .waitFor({ timeout: ATTEMPT });
    await attempts(`lines from ${from}`, async () => {
      await this.quickInput('Control+G', `:${from}:1`, () => this.page.keyboard.press('Enter'));
      await cursor(`Ln ${from}, Col 1\\s*$`);
      await this.page.locator('.editor-instance .monaco-editor.focused').first().waitFor({ timeout: ATTEMPT });
      for (const key of keys) await this.page.keyboard.press(key);
      await cursor(reached);
    });
  }

  /** Puts the pointer on a piece of code until its card is there: a card goes when the line under it moves. */
  async hoverCode(line: string, piece: RegExp, card: string | RegExp): Promise<Locator> {
    const place = this.page.locator('.view-line', { hasText: line }).locator('span span', { hasText: piece });
    return attempts(`card with ${card}`, async () => {
      await this.page.mouse.move(700, 5);
      await place.hover({ timeout: ATTEMPT });
      const found = this.hover(card);
      await found.waitFor({ timeout: ATTEMPT });
      return found;
    });
  }

  /** The innermost frame of the webview whose content matches `selector`; default: the attention panel's heatmap. */
  panelFrame(selector = 'canvas.heat-base', ms?: number): Promise<Frame> {
    const find = async (): Promise<Frame | undefined> => {
      for (const frame of this.page.frames()) {
        // Frames come and go while a webview loads.
        const found = await frame
          .locator(selector)
          .count()
          .catch(() => 0);
        if (found > 0) return frame;
      }
      return undefined;
    };
    return eventually(`webview with ${selector}`, find, ms);
  }

  /** An item of the status bar that contains a text. */
  statusBar(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item', { hasText: text });
  }

  /** A notification that contains a text. */
  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast', { hasText: text });
  }

  /** A hover card that contains a text. */
  hover(text: string | RegExp): Locator {
    return this.page.locator('.monaco-hover:not(.hidden)', { hasText: text });
  }

  /** Keeps a picture of the window as test/e2e/shots/NAME.png and returns its path. */
  async shot(name: string): Promise<string> {
    mkdirSync(shots, { recursive: true });
    const file = path.join(shots, `${name.replace(/[^\w-]+/g, '-')}.png`);
    await this.page.screenshot({ path: file });
    return file;
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}

const down = (lines: number): string[] => Array.from({ length: lines }, () => 'Shift+ArrowDown');
