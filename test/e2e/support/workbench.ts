import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { BrowserContext, Frame, Locator, Page } from 'playwright-core';
import { browser } from './browser';
import { eventually } from './wait';

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

/** Milliseconds after which what depends on the focus is tried again. */
const ATTEMPT = 3000;

const shots = path.resolve('test', 'e2e', 'shots');
const env = (name: string): string => process.env[name] ?? '';

/** The suite's copy of samples/workspace. */
export const workspaceFolder = env('CIRCUITSCOPE_WORKSPACE');

let harnessSettings: string | undefined;

/** Writes the user settings of the suite's VS Code. A window that is open follows within a second. */
export function writeSettings(settings: Record<string, unknown>): void {
  const file = env('CIRCUITSCOPE_SETTINGS');
  harnessSettings ??= readFileSync(file, 'utf8');
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

  /** Waits until VS Code has kept that a panel is open: in a browser it keeps the layout in a database, a few seconds later. */
  async layoutSaved(view: string): Promise<void> {
    const kept = (): Promise<boolean> =>
      this.page.evaluate(`(async () => {
        const opened = (request) => new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
        const names = (await indexedDB.databases()).map(({ name }) => name).filter((name) => /^vscode-web-state-db-/.test(name));
        for (const name of names) {
          const database = await opened(indexedDB.open(name));
          try {
            const stores = [...database.objectStoreNames];
            if (stores.length === 0) continue;
            const store = database.transaction(stores[0], 'readonly').objectStore(stores[0]);
            const layout = await opened(store.get('memento/workbench.parts.editor'));
            if (String(layout).includes(${JSON.stringify(view)})) return true;
          } finally {
            database.close();
          }
        }
        return false;
      })()`);
    await eventually(`layout with ${view}`, async () => ((await kept()) ? true : undefined), 30_000);
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.locator('.monaco-workbench').waitFor({ timeout: 30_000 });
  }

  /**
   * Presses a key that opens a quick input, fills it and uses its rows; again from the beginning where that fails: VS Code drops
   * keys while it moves the focus, and closes the input when a panel takes it.
   */
  private async quickInput<T>(key: string, text: string, use: (rows: Locator) => Promise<T>): Promise<T> {
    const input = this.page.locator('.quick-input-widget input[type=text]').first();
    const attempt = async (): Promise<{ value: T }> => {
      await this.page.keyboard.press(key);
      await input.waitFor({ timeout: ATTEMPT });
      await input.fill(text, { timeout: ATTEMPT });
      return { value: await use(this.page.locator('.quick-input-list .monaco-list-row')) };
    };
    let reason: unknown;
    const failed = (error: unknown): undefined => void (reason = error);
    const done = await eventually(`quick input for ${key}, “${text}”`, () => attempt().catch(failed)).catch((error) => {
      throw new Error(String(error), { cause: reason });
    });
    return done.value;
  }

  /** The rows that the command palette offers for a text. */
  async paletteRows(text: string): Promise<Locator> {
    return this.quickInput('F1', `>${text}`, async (rows) => {
      await rows.first().waitFor({ timeout: ATTEMPT });
      return rows;
    });
  }

  /** Runs a command from the palette by its full title, e.g. `Circuitscope: Analyze Selection`. */
  async palette(title: string): Promise<void> {
    const named = { has: this.page.getByText(title, { exact: true }) };
    await this.quickInput('F1', `>${title}`, (rows) => rows.filter(named).first().click({ timeout: ATTEMPT }));
  }

  /** Opens a file of the workspace by its name and waits for its text. Returns the editor. */
  async openFile(name: string): Promise<Locator> {
    const file = path.basename(name);
    await this.quickInput('Control+P', name, (rows) =>
      rows.filter({ hasText: file }).first().click({ timeout: ATTEMPT }),
    );
    await this.page.locator('.tab.active', { hasText: file }).waitFor();
    const editor = this.page.locator('.editor-instance', { has: this.page.locator('.view-line') }).first();
    await editor.locator('.view-line').first().waitFor();
    return editor;
  }

  /** Selects lines `from` to `to` (from 1, both included) of the active editor. */
  async selectLines(from: number, to: number): Promise<void> {
    await this.quickInput('Control+G', `:${from}`, () => this.page.keyboard.press('Enter'));
    await this.page.keyboard.press('Home');
    await this.page.keyboard.press('Home');
    for (let line = from; line < to; line++) await this.page.keyboard.press('Shift+ArrowDown');
    await this.page.keyboard.press('Shift+End');
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
